"""The posterior gate: rules on realistic chips against NUTS, with measured calibration.

Other data, splits and chips: ``python -m tests.benchmarks.learn posterior --data wine --split 3
--seed 5`` holds the state-aware coin and the kappa rule to the gate on both presets
(:mod:`tests.benchmarks.learn_data`; ``--rule`` and ``--chip`` choose one of them). The seed is that
of the chip and of the coins; ``--reads 10`` takes the mean of ten reads for a draw.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.learn import lin2025
from labctl.learn.kappa import KappaCoin
from labctl.learn.models.model import Model
from labctl.learn.naive import RoundingRule, SignRule
from labctl.learn.posterior import Moments, compare, effective_sample_size, r_hat
from labctl.learn.reference import reference
from labctl.learn.rule import Rule
from labctl.learn.sampler import Chain
from labctl.learn.weights import Encoding
from tests.benchmarks.figure import Figure
from tests.benchmarks.learn_chips import Prepared, prepared
from tests.benchmarks.learn_data import load

CHAINS = 4
BURN_IN = 1500
HFOX = ("hfox-1t1r", (30e-6, 150e-6), 30.0)
TAOX = ("taox-lin2025", (3e-6, 19e-6), 12.0)
"""Kind, window (S) and steps in it."""
PRESETS = {"hfox": HFOX, "taox": TAOX}
STEPS = {("coin", "hfox"): 30_000, ("coin", "taox"): 40_000, ("kappa", "hfox"): 40_000,
         ("kappa", "taox"): 40_000}  # fmt: skip
SCHEDULES: tuple[lin2025.Schedule, ...] = ("published", "restarted")


@dataclass(frozen=True)
class Gate:
    """How draws stand against a reference."""

    mean_error: float
    sd_ratio: float
    sd_least: float
    sd_most: float
    sliced_w2: float
    r_hat: float
    ess: float

    @classmethod
    def of(cls, draws: NDArray[np.float64], known: Moments) -> Gate:
        """Take draws of shape (chains, n, d)."""
        c = compare(draws.reshape(-1, draws.shape[-1]), known)
        return cls(
            c.mean_error, c.sd_ratio, c.sd_ratio_min, c.sd_ratio_max, c.sliced_w2,
            float(r_hat(draws).max()), float(effective_sample_size(draws).min()),
        )  # fmt: skip

    @property
    def worst(self) -> float:
        """The criterion that is farthest out, in units of what it may be; 1 just passes."""
        return max(
            self.mean_error / 0.10,
            abs(self.sd_ratio - 1) / 0.05,
            max(1 - self.sd_least, self.sd_most - 1) / 0.15,
            self.sliced_w2 / 0.10,
            (self.r_hat - 1) / 0.02,
            1000 / self.ess,
        )

    def held(self, name: str) -> Iterator[Figure]:
        """Return every criterion with its bound."""
        yield Figure(f"{name}: mean error", self.mean_error, "sd", 0.10)
        yield Figure(f"{name}: sd ratio, median", self.sd_ratio, "ratio", 1.05, 0.95)
        yield Figure(f"{name}: sd ratio, least weight", self.sd_least, "ratio", low=0.85)
        yield Figure(f"{name}: sd ratio, largest weight", self.sd_most, "ratio", 1.15)
        yield Figure(f"{name}: sliced W2", self.sliced_w2, "sd", 0.10)
        yield Figure(f"{name}: R-hat", self.r_hat, "ratio", 1.02)
        yield Figure(f"{name}: effective samples, worst weight", self.ess, "draws", low=1000)

    def failing(self, name: str) -> Iterator[Figure]:
        """Return how a rule fails that has to: what it misses most is beyond its bound."""
        yield Figure(f"{name}: mean error", self.mean_error, "sd")
        yield Figure(f"{name}: sd ratio, median", self.sd_ratio, "ratio")
        yield Figure(f"{name}: fails the gate", self.worst, "of bound", low=1.0)


def run(
    chip: Prepared,
    rule: Rule | None,
    steps: int,
    *,
    model: Model | None = None,
    encoding: Encoding | None = None,
    passes: int = 0,
    seed: int = 5,
    thin: int = 20,
    reads: int = 0,
) -> tuple[NDArray[np.float64], Chain]:
    """Return draws of shape (chains, n, weights), and the chain; by default of breast cancer.

    Where ``reads`` is not 0, a draw is the mean of so many reads (see :meth:`Chain.draw`).
    """
    chain = Chain(
        chip.array,
        load().model if model is None else model,
        chip.calibration,
        chip.pulses,
        np.random.default_rng(seed),
        rule=rule,
        encoding=encoding,
        chains=CHAINS,
        passes=passes,
    )
    chain.prepare()
    drawn = []
    for k in range(steps):
        step = chain.step()
        if k % 50 == 49 and k < 0.8 * BURN_IN:
            chain.rescale()
        if k >= BURN_IN and k % thin == 0:
            drawn.append(chain.draw(reads) if reads else step.weights)
    return np.array(drawn).swapaxes(0, 1), chain


def measure() -> Iterator[Figure]:
    """Run the calibrated rules on both presets, then those that are not."""
    yield from coins()
    yield from kappas()
    yield from naive()
    yield from published()


def elsewhere(
    data: str = "cancer",
    split: int = 0,
    seed: int = 1,
    rule: str = "",
    chip: str = "",
    reads: int = 0,
) -> Iterator[Figure]:
    """Hold the calibrated rules to the gate on other data, another split, or another chip."""
    case = load(data, split)
    for (which, kind), steps in STEPS.items():
        if (rule or which, chip or kind) != (which, kind):
            continue
        ready = prepared(*PRESETS[kind], seed)
        decides = KappaCoin(ready.calibration) if which == "kappa" else None
        draws, _ = run(ready, decides, steps, model=case.model, seed=seed + 4, reads=reads)
        yield from Gate.of(draws, case.known).held(f"{which}, {kind}, {case.name}, chip {seed}")


def coins() -> Iterator[Figure]:
    """Hold the state-aware coin to the gate."""
    known = reference("breast_cancer")
    for name, preset in PRESETS.items():
        draws, _ = run(prepared(*preset), None, STEPS["coin", name])
        yield from Gate.of(draws, known).held(f"coin, {name}")


def kappas() -> Iterator[Figure]:
    """Hold the kappa rule to the gate; show what it is without a look at the cell."""
    known = reference("breast_cancer")
    for name, preset in PRESETS.items():
        chip = prepared(*preset)
        draws, _ = run(chip, KappaCoin(chip.calibration), STEPS["kappa", name])
        yield from Gate.of(draws, known).held(f"kappa, {name}")
        chip = prepared(*preset)
        draws, _ = run(chip, KappaCoin(chip.calibration, blind=True), 10_000)
        yield Figure(f"kappa, blind, {name}: worst of the gate", Gate.of(draws, known).worst, "")


def naive() -> Iterator[Figure]:
    """Show that sign and rounding rules fail the gate."""
    known = reference("breast_cancer")
    for name, preset in PRESETS.items():
        for label, rule in (
            ("sign rule", SignRule()),
            ("rounding, stochastic", RoundingRule()),
            ("rounding, nearest", RoundingRule(stochastic=False)),
        ):
            draws, _ = run(prepared(*preset), rule, 6_000)
            yield from Gate.of(draws, known).failing(f"{label}, {name}")


def published() -> Iterator[Figure]:
    """Show that the published rule fails it; its pulses come from generators without edges."""
    known = reference("breast_cancer")
    for schedule in SCHEDULES:
        chip = prepared(*TAOX, side=48, edges=False)
        draws, _ = run(
            chip, lin2025.Lin2025((31,), schedule), 3_600,
            encoding=lin2025.ENCODING, passes=lin2025.READS,
        )  # fmt: skip
        yield from Gate.of(draws, known).failing(f"lin2025, {schedule}, taox")
