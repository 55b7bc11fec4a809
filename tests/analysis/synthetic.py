"""Runs as a 16 x 16 chip would give them, made from a seed: for figures and the report."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

SHAPE = (16, 16)


def forming(rng: np.random.Generator) -> pd.DataFrame:
    n = SHAPE[0] * SHAPE[1]
    row, col = np.divmod(np.arange(n), SHAPE[1])
    voltage = np.round(np.clip(rng.normal(2.55, 0.16, n), 2.1, 3.3), 1)
    formed = rng.random(n) > 0.012
    conductance = np.where(formed, 60e-6 * np.exp(rng.normal(0, 0.35, n)), 2e-8)
    voltage[~formed] = np.nan
    return pd.DataFrame(
        {
            "time": np.arange(n) * 0.3,
            "row": row,
            "col": col,
            "formed": formed,
            "attempts": rng.integers(1, 12, n),
            "voltage": voltage,
            "conductance": conductance,
        }
    )


def read_map(rng: np.random.Generator, formed: pd.DataFrame, spread: float = 0.05) -> pd.DataFrame:
    n = len(formed)
    conductance = formed["conductance"].to_numpy() * np.exp(rng.normal(0, spread, n))
    flag = np.zeros(n, np.uint8)
    flag[[37, 90]] = 1
    conductance[flag != 0] = np.nan
    return pd.DataFrame(
        {
            "time": np.arange(n) * 0.01,
            "row": formed["row"],
            "col": formed["col"],
            "current": 0.2 * conductance,
            "conductance": conductance,
            "flag": flag,
            "repeat": 0,
        }
    )


def set_step(g):
    return 7e-6 * (1 - g / 200e-6)


def reset_step(g):
    return -9e-6 * (g / 200e-6) - 0.5e-6


def transitions(rng: np.random.Generator, n: int = 3000) -> pd.DataFrame:
    before = rng.uniform(5e-6, 170e-6, n)
    polarity = np.where(rng.random(n) < 0.5, 1, -1)
    mean = np.where(polarity > 0, set_step(before), reset_step(before))
    after = before + mean + rng.normal(0, 1, n) * (1.2e-6 + 0.02 * before)
    flag = (rng.random(n) < 0.003).astype(np.uint8)
    return pd.DataFrame(
        {
            "time": np.arange(n) * 0.02,
            "row": rng.integers(0, 16, n),
            "col": rng.integers(0, 16, n),
            "polarity": polarity.astype(np.int8),
            "before": before,
            "after": np.where(flag > 0, np.nan, np.maximum(after, 1e-6)),
            "flag": flag,
        }
    )


@dataclass
class Chain:
    step: np.ndarray
    log_posterior: np.ndarray
    weights: np.ndarray
    reference_mean: np.ndarray
    reference_sd: np.ndarray


def chain(rng: np.random.Generator, steps: int = 4000, weights: int = 31) -> Chain:
    mean = rng.normal(0, 0.6, weights)
    sd = rng.uniform(0.3, 0.75, weights)
    w = np.empty((steps, weights))
    w[0] = 0
    rho = 0.985
    for i in range(1, steps):
        noise = rng.normal(0, sd * np.sqrt(1 - rho**2))
        w[i] = mean + rho * (w[i - 1] - mean) + noise
    score = -45 - 0.5 * (((w - mean) / sd) ** 2).sum(1) - 260 * np.exp(-np.arange(steps) / 90)
    return Chain(np.arange(steps), score, w, mean, sd)


@dataclass
class Predictions:
    probability: np.ndarray
    label: np.ndarray
    aleatoric: np.ndarray
    epistemic: np.ndarray
    sample: np.ndarray


def predictions(rng: np.random.Generator, n: int = 114) -> Predictions:
    label = (rng.random(n) < 0.63).astype(int)
    logit = rng.normal(0, 1, (n, 1)) * 1.4 + np.where(label, 3.4, -3.4)[:, None]
    draws = 1 / (1 + np.exp(-(logit + rng.normal(0, 0.6, (n, 200)))))

    def entropy(p):
        return -(p * np.log(p) + (1 - p) * np.log(1 - p))

    p = draws.mean(1)
    aleatoric = entropy(draws).mean(1)
    return Predictions(p, label, aleatoric, entropy(p) - aleatoric, rng.permutation(569)[:n])
