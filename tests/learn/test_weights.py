from __future__ import annotations

import numpy as np
import pytest

from labctl.errors import WiringError
from labctl.learn.placement import place
from labctl.learn.weights import DifferentialPairs, Weights


def test_pairs_are_placed_around_unusable_cells() -> None:
    usable = np.ones((4, 4), bool)
    usable[0, 1] = usable[1] = False
    cells = place(5, DifferentialPairs(), usable)
    assert cells.shape == (5, 2, 2)
    flat = [tuple(cell) for cell in cells.reshape(-1, 2).tolist()]
    assert len(set(flat)) == 10
    assert all(usable[cell] for cell in flat)
    assert flat[:3] == [(0, 0), (0, 2), (0, 3)]


def test_the_best_cells_are_taken() -> None:
    cost = np.arange(16.0).reshape(4, 4)[::-1]
    cells = place(3, DifferentialPairs(), np.ones((4, 4), bool), cost).reshape(-1, 2).tolist()
    assert cells == [[2, 0], [2, 1], [3, 0], [3, 1], [3, 2], [3, 3]]


def test_too_few_cells_are_told_with_numbers() -> None:
    usable = np.zeros((16, 16), bool)
    usable[:3] = True
    with pytest.raises(WiringError, match=r"31 .* need 62 cells; of the chip's 256 cells 48"):
        place(31, DifferentialPairs(), usable)


def test_weights_and_conductances_are_inverse() -> None:
    kind = DifferentialPairs()
    pairs = Weights(
        kind, place(3, kind, np.ones((2, 3), bool)), np.array([10e-6, 20e-6, 30e-6]), 80e-6
    )
    w = np.array([-1.0, 0.5, 2.0])
    conductance = pairs.conductances(w)
    np.testing.assert_allclose(pairs.weights(conductance), w)
    np.testing.assert_allclose(conductance.mean(axis=1), 80e-6)
    assert len(pairs) == 3
    assert pairs.all_cells.shape == (6, 2)
