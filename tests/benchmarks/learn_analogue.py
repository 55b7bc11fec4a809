"""Training with products by the array, wires and converters in them, beside those of reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from labctl.array import Pulse
from labctl.learn import MemristorClassifier
from labctl.learn.initialise import PulsePair
from labctl.learn.measuring import measure_transitions
from labctl.sim.array import SimulatedArray
from labctl.sim.chip import Chip, preset
from labctl.sim.chip.product import Converter
from tests.benchmarks.figure import Figure

CHIPS = 10
WIRE = 1.0
"""ohm a cell, of bit lines and source lines."""
_FORMING = Pulse.set(3.5, 1.5, 1e-3)
_PULSES = PulsePair(Pulse.set(1.11, 3.2, 2e-4), Pulse.reset(1.33, 4.75, 2e-4))
_REGRESSION = {"steps": 400, "burn_in": 100, "thin": 5}
_NETWORK = {
    "hidden": (5,), "activation": "tanh", "temperature": 0.1, "steps": 800, "burn_in": 200,
    "thin": 5,
}  # fmt: skip


def measure() -> Iterator[Figure]:
    """Learn iris, every other flower, on chips of 24 x 8 cells; the rest is the test."""
    for name, model, bits in (
        ("softmax regression", _REGRESSION, (None, 8, 6, 4)),
        ("network 4-5-3", _NETWORK, (8,)),
    ):
        read = np.array([_learn(seed, model, None, analogue=False) for seed in range(CHIPS)])
        yield from _told(f"{name}, reads", read)
        for wanted in bits:
            found = np.array([_learn(seed, model, wanted, analogue=True) for seed in range(CHIPS)])
            how = "exact" if wanted is None else f"{wanted} bits"
            yield from _told(f"{name}, array, {how}", found)
            apart = (found - read)[:, 0]
            held = wanted is None or wanted > 4
            yield Figure(
                "  less accurate than with reads",
                0.0 - apart.mean(),
                "fraction",
                0.02 if held else None,
            )
            yield Figure("  standard error of that", apart.std(ddof=1) / CHIPS**0.5, "fraction")


def _told(name: str, found: np.ndarray) -> Iterator[Figure]:
    accuracy, nll, now = found.mean(axis=0)
    yield Figure(f"{name}: accuracy", accuracy, "fraction")
    yield Figure(f"{name}: NLL", nll, "nat")
    yield Figure(f"{name}: accuracy, last weights", now, "fraction")


def _learn(
    seed: int, model: dict[str, object], bits: int | None, *, analogue: bool
) -> tuple[float, float, float]:
    """Return accuracy and NLL of the draws, and accuracy of the last weights, worked out anew.

    Which the array does where ``analogue``.
    """
    x, y = load_iris(return_X_y=True)
    x = StandardScaler().fit_transform(x)
    kind = replace(preset("hfox-1t1r"), bit_line_resistance=WIRE, source_line_resistance=WIRE)
    chip = Chip(24, 8, kind, seed=seed, source_lines="rows")
    array = SimulatedArray(chip, converter=Converter(bits), exact=False)
    for _ in range(4):
        array.pulse(array.all_cells, _FORMING)
    known = measure_transitions(array, _PULSES, np.random.default_rng(0))
    learner = MemristorClassifier(
        array, calibration=known, analogue=analogue, random_state=seed, **model
    )
    learner.fit(x[::2], y[::2])
    proba, label = learner.predict_proba(x[1::2]), y[1::2]
    now = learner.proba_now(x[1::2], 20).mean(axis=0)
    return (
        float((proba.argmax(axis=1) == label).mean()),
        float(-np.log(proba[np.arange(len(label)), label]).mean()),
        float((now.argmax(axis=1) == label).mean()),
    )
