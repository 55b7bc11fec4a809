"""Metropolis-Hastings in rows of cells of the realistic chip: what leans it, what it samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.array import Pulse
from labctl.learn.gatecurve import GateCurve, measure_gate_curve
from labctl.learn.metropolis import Metropolis
from labctl.learn.models import LogisticRegression
from labctl.learn.posterior import Moments, compare, effective_sample_size, r_hat
from labctl.learn.reference import reference
from labctl.learn.samplerows import Samples, sample_rows
from labctl.learn.tasks import breast_cancer
from labctl.sim import SimulatedArray
from tests.benchmarks import learn_metropolis_network
from tests.benchmarks.figure import Figure
from tests.benchmarks.learn_chips import SIDE, formed

FEATURES, DATA = 3, 60
CHAINS, BURN_IN = 4, 300
SAMPLES, EVERY = 1_000, 4
BOUNDED_SAMPLES = 2_500
AGAIN, AGAIN_EVERY = 60, 10
KAPPA = 16e-6
ALL_SAMPLES, ALL_KAPPA = 3_500, 7e-6
RESET, SET = Pulse.reset(1.6, 4.75, 2e-4), Pulse.set(1.6, 1.5, 2e-4)
GATES = np.arange(1.4, 1.86, 0.05)
_TRAPS = {"trap_amplitude": 0.0}
_SPEED = {"cycle_spread": 0.0}
_RELAXATION = {"relaxation_mean": 0.0, "relaxation_spread": 0.0}
SWITCHED_OFF: dict[str, dict[str, float]] = {
    "nothing": {},
    "white read noise": {"read_white": 0.0},
    "relaxation": _RELAXATION,
    "traps": _TRAPS,
    "wandering speed": _SPEED,
    "traps and wandering speed": {**_TRAPS, **_SPEED},
}


def small() -> LogisticRegression:
    """Return breast cancer on its three strongest features and a bias, sixty samples."""
    task = breast_cancer()
    strength = np.abs(np.corrcoef(task.x_train[:, 1:].T, task.y_train)[-1, :-1])
    kept = [0, *(np.sort(np.argsort(-strength)[:FEATURES]) + 1).tolist()]
    return LogisticRegression(task.x_train[:DATA][:, kept], task.y_train[:DATA])


def exact(model: LogisticRegression, seed: int = 0) -> Moments:
    """Return the posterior by 400 float Metropolis chains; means are good to 0.02 sd."""
    rng = np.random.default_rng(seed)
    w = np.zeros((400, model.size))
    now, root, kept = model.log_posteriors(w), 0.3 * np.eye(model.size), []
    for k in range(1200):
        if k == 300:
            root = 2.38 / model.size**0.5 * np.linalg.cholesky(np.cov(w.T))
        new = w + rng.normal(size=w.shape) @ root.T
        there = model.log_posteriors(new)
        better = np.log(rng.random(len(w))) < there - now
        w, now = np.where(better[:, None], new, w), np.where(better, there, now)
        if k >= 400 and k % 20 == 0:
            kept.append(w)
    draws = np.concatenate(kept)
    return Moments(draws.mean(axis=0), draws.std(axis=0), draws)


def chip(**changed: float) -> tuple[SimulatedArray, GateCurve]:
    """Return a formed chip and its measured gate curve."""
    array = formed("hfox-1t1r", SIDE, SIDE, 1, **changed)
    return array, measure_gate_curve(array, array.all_cells, RESET, SET, GATES)


def anyhow(curve: GateCurve, size: int) -> NDArray[np.int64]:
    """Return one sample a word line on whatever cells come first, noisy or not."""
    usable = np.isfinite(curve.offset)
    usable[:, 2 * size + 2 :] = False
    return sample_rows(usable, size)


def run(
    model: LogisticRegression, settings: dict[str, Any], samples: int, every: int, burn_in: int
) -> tuple[Metropolis, Samples]:
    """Run chains from zero on a fresh chip; ``settings`` are those of the chain."""
    array, curve = chip()
    if settings.pop("any_cells", False):
        settings["rows"] = anyhow(curve, model.size)
    rng = np.random.default_rng(3)
    chain = Metropolis(array, model, curve, rng, chains=CHAINS, **settings)
    return chain, chain.run(samples, burn_in=burn_in, every=every)


def figures(
    label: str, chain: Metropolis, samples: Samples, known: Moments, bounded: bool
) -> Iterator[Figure]:
    """Yield how samples stand against the posterior, and what they cost."""
    found = compare(samples.draws(), known)
    error, high, low = (0.10, 1.05, 0.95) if bounded else (None, None, None)
    yield Figure(f"{label}: mean error", found.mean_error, "sd", error)
    yield Figure(f"{label}: sd ratio", found.sd_ratio, "ratio", high, low)
    least = float(effective_sample_size(samples.weights).min())
    yield Figure(f"{label}: effective samples, worst", least, "draws")
    if bounded:
        yield Figure(f"{label}: sd ratio, least weight", found.sd_ratio_min, "ratio", None, 0.85)
        yield Figure(f"{label}: sd ratio, largest weight", found.sd_ratio_max, "ratio", 1.15)
        yield Figure(f"{label}: sliced W2", found.sliced_w2, "sd", 0.10)
        yield Figure(f"{label}: R-hat", float(r_hat(samples.weights).max()), "ratio", 1.02)
        cost = samples.pulses / (chain.model.size * least)
        yield Figure(f"{label}: pulses per weight and ESS", cost, "pulses")
        again = np.concatenate([reread(chain) for _ in range(AGAIN)])
        later = compare(again, known)
        yield Figure(f"{label}: sd ratio of rows read again", later.sd_ratio, "ratio")
    yield Figure(f"{label}: accepted", samples.accepted, "fraction")


def reread(chain: Metropolis) -> NDArray[np.float64]:
    """Go on for some proposals, then return what the rows hold when they are read again."""
    chain.run(1, every=AGAIN_EVERY)
    return chain.read()


def leaning(model: LogisticRegression) -> Iterator[Figure]:
    """Write rows again, as published, on chips that lack one effect or the other."""
    for name, changed in SWITCHED_OFF.items():
        array, curve = chip(**changed)
        rng = np.random.default_rng(3)
        chain = Metropolis(
            array, model, curve, rng, kappa=KAPPA, chains=CHAINS, same_row=True,
            rows=anyhow(curve, model.size),
        )  # fmt: skip
        chain.run(1, burn_in=BURN_IN)
        if not changed:
            low, high = curve.range
            yield Figure("gate curve: highest over lowest conductance", high / low, "ratio")
        label = f"misses over 8 writes, off: {name}"
        yield Figure(label, float(chain.offsets.adds_up[0]), "x white")


def measure() -> Iterator[Figure]:
    """Find what leans the proposals, then sample 4 weights, all 31, and a small network."""
    model = small()
    yield from leaning(model)
    known = exact(model)
    written_again: dict[str, Any] = {"same_row": True, "any_cells": True, "gain": 0.0}
    for name, settings, bounded in (
        ("as published", {**written_again, "hastings": False}, False),
        ("+ with Hastings", written_again, False),
        ("+ quiet cells", {"same_row": True, "gain": 0.0}, False),
        ("+ cells followed", {"same_row": True}, False),
        ("+ going round", {}, True),
    ):
        wanted = BOUNDED_SAMPLES if bounded else SAMPLES
        chain, samples = run(model, {"kappa": KAPPA, **settings}, wanted, EVERY, BURN_IN)
        yield from figures(f"Metropolis of 4, {name}", chain, samples, known, bounded)
    task = breast_cancer()
    whole = LogisticRegression(task.x_train, task.y_train)
    _, samples = run(whole, {"kappa": ALL_KAPPA}, SAMPLES // EVERY, 1, BURN_IN)
    yield Figure("Metropolis of 31, whole rows: accepted", samples.accepted, "fraction")
    single = {"kappa": ALL_KAPPA, "block": 1}
    chain, samples = run(whole, single, ALL_SAMPLES, 1, BURN_IN)
    known = reference("breast_cancer")
    yield from figures("Metropolis of 31", chain, samples, known, True)
    yield from learn_metropolis_network.measure()
