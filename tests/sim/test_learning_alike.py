"""The same code and seed learns the same weights on the chip and through the instruments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labctl.array import Pulse
from labctl.learn.calibration import Calibration
from labctl.learn.initialise import PulsePair
from labctl.learn.models import LinearRegression, Network
from labctl.learn.sampler import Chain
from labctl.learn.weights import DifferentialPairs, ReferenceColumn, SumOfCells
from labctl.sim.array import SimulatedArray
from labctl.sim.chip import Chip, preset
from tests.benchmarks.learn_speed import measured
from tests.sim.test_array import (  # noqa: F401 - both is a fixture
    FORMING,
    SMALL,
    both,
    same,
)

PULSES = PulsePair(Pulse.set(1.11, 3.2, 2e-4), Pulse.reset(1.33, 4.75, 2e-4))
RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 2))
NETWORK = Network(X, (X[:, 0] > 0).astype(int), (2, 3, 1), "tanh", "binary")
LINEAR = LinearRegression(X, X @ [0.5, -1.0], noise_sd=2.0)


def calibration() -> Calibration:
    twin = SimulatedArray(Chip(8, 8, preset("hfox-1t1r"), seed=7))
    for _ in range(4):
        twin.pulse(twin.all_cells, FORMING)
    return measured(twin, PULSES, 60)


CASES: dict[str, tuple[Any, int, dict[str, Any]]] = {
    "a network on sums of three cells, read in passes": (
        NETWORK, 8, {"encoding": SumOfCells(3), "passes": 2, "batch": 10},
    ),
    "a network on pairs": (NETWORK, 25, {"encoding": DifferentialPairs()}),
    "two chains beside reference cells": (
        LINEAR, 60, {"encoding": ReferenceColumn(cells=True), "chains": 2},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_weights_are_the_same(both: Any, case: str) -> None:  # noqa: F811
    probed, simulated, truth = both(*SMALL)
    for array in (probed, simulated):
        for _ in range(4):
            array.pulse(array.all_cells, FORMING)
    model, steps, settings = CASES[case]
    known = calibration()
    chains = [
        Chain(array, model, known, PULSES, np.random.default_rng(3), **settings)
        for array in (probed, simulated)
    ]
    assert len({chain.prepare() for chain in chains}) == 1
    first = chains[0].weights
    for k in range(steps):
        one, other = (chain.step() for chain in chains)
        np.testing.assert_allclose(other.weights, one.weights, rtol=1e-6, atol=1e-9)
        np.testing.assert_array_equal(other.polarity, one.polarity)
        if k == 5:
            for chain in chains:
                chain.rescale()
    assert not np.array_equal(chains[0].weights, first)
    draws = [chain.read_draws(2) for chain in chains]
    np.testing.assert_allclose(draws[1], draws[0], rtol=1e-6, atol=1e-9)
    same(probed, simulated, truth)
