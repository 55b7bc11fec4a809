"""Encodings and placement: what conductances mean, and which cells carry them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.errors import CalibrationError, WiringError
from labctl.learn.placement import DEAD, FREE, place, placement_map
from labctl.learn.weights import (
    DifferentialPairs,
    Encoding,
    ReferenceColumn,
    SumOfCells,
    Weights,
)

CENTRE, SPAN = 80e-6, 100e-6
ENCODINGS: list[Encoding] = [
    DifferentialPairs(), ReferenceColumn(), ReferenceColumn(value=60e-6),
    ReferenceColumn(cells=True), SumOfCells(1), SumOfCells(3), SumOfCells(5, zero=390e-6),
]  # fmt: skip
encodings = st.sampled_from(ENCODINGS)
numbers = st.floats(-3, 3)


def placed(encoding: Encoding, kappa: np.ndarray, side: int = 12) -> Weights:
    cells = place(len(kappa), encoding, np.ones((side, side), bool))
    return Weights(encoding, cells, kappa, CENTRE)


@settings(deadline=None)
@given(encodings, st.lists(st.tuples(numbers, st.floats(5e-6, 50e-6)), min_size=1, max_size=8))
def test_weights_and_conductances_are_inverse(
    encoding: Encoding, drawn: list[tuple[float, float]]
) -> None:
    w, kappa = np.array(drawn).T
    found = placed(encoding, kappa)
    conductance = found.conductances(w)
    assert conductance.shape == (len(w), len(encoding.signs))
    np.testing.assert_allclose(found.weights(conductance), w, atol=1e-9)
    # Several passes at once give what each gives.
    np.testing.assert_allclose(found.weights(np.stack([conductance] * 3))[2], w, atol=1e-9)
    # Cells that are not pulsed stay where they rest.
    for slot in set(range(len(encoding.signs))) - set(encoding.pulsed):
        assert (conductance[:, slot] == CENTRE).all()


@settings(deadline=None)
@given(encodings, st.integers(0, 2**32 - 1))
def test_a_set_moves_the_weight_its_way_and_the_common_part_is_what_it_does_not_see(
    encoding: Encoding, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    found = placed(encoding, rng.uniform(5e-6, 50e-6, 4))
    conductance = CENTRE + rng.uniform(-0.5, 0.5, (4, len(encoding.signs))) * SPAN
    w = found.weights(conductance)
    for slot in encoding.pulsed:
        pulsed = conductance.copy()
        pulsed[:, slot] += 1e-6
        moved = found.weights(pulsed) - w
        np.testing.assert_allclose(moved, encoding.signs[slot] * 1e-6 / found.kappa, rtol=1e-6)
    # Taking the common part off every pulsed cell leaves the weight, and an even share.
    common = {k: found.common(conductance, np.full(4, k)) for k in encoding.pulsed}
    even = conductance.copy()
    for slot, part in common.items():
        even[:, slot] -= part
    np.testing.assert_allclose(found.weights(even), w, atol=1e-9)
    shares = [encoding.signs[k] * (even[:, k] - CENTRE) for k in encoding.pulsed]
    np.testing.assert_allclose(shares, np.tile(shares[0], (len(shares), 1)), atol=1e-15)


def test_the_published_sum_of_three_cells() -> None:
    # (I1 + I2 + I3 - 6.66) / 1.1 with currents in µA at 0.2 V, begun at 1.2, 2.2, 3.2 µA.
    encoding = SumOfCells(3, zero=6.66e-6 / 0.2, begin=(6e-6, 11e-6, 16e-6))
    cells = place(1, encoding, np.ones((2, 2), bool))
    found = Weights(encoding, cells, np.array([1.1e-6 / 0.2]), 11e-6)
    assert found.weights(np.array([[1.2, 2.2, 3.2]]) * 5e-6)[0] == pytest.approx(-0.06 / 1.1)
    assert found.weights(np.array([[2.0, 2.5, 3.26]]) * 5e-6)[0] == pytest.approx(1.0)
    np.testing.assert_allclose(encoding.start(11e-6, 18e-6), [6e-6, 11e-6, 16e-6])


def test_sums_begin_evenly_spread_and_add_up_to_zero() -> None:
    for n in (1, 2, 3, 4):
        encoding = SumOfCells(n)
        start = encoding.start(CENTRE, SPAN)
        assert start.sum() == pytest.approx(encoding.offset(CENTRE))
        assert np.ptp(start) == pytest.approx(0.5 * SPAN if n > 1 else 0.0)


def test_sums_that_make_no_sense_are_refused() -> None:
    with pytest.raises(CalibrationError, match="sum of 0 cells"):
        SumOfCells(0)
    with pytest.raises(CalibrationError, match="2 conductances to begin with for 3 cells"):
        SumOfCells(3, begin=(1e-6, 2e-6))


@settings(deadline=None)
@given(
    encodings,
    st.integers(1, 12),
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 8)), max_size=30),
    st.integers(0, 2**32 - 1),
)
def test_every_weight_gets_usable_cells_of_its_own_or_the_chip_is_too_small(
    encoding: Encoding, number: int, dead: list[tuple[int, int]], seed: int
) -> None:
    usable = np.ones((8, 9), bool)
    for cell in dead:
        usable[cell] = False
    cost = np.random.default_rng(seed).uniform(size=usable.shape)
    own, shared = len(encoding.pulsed), len(encoding.signs) - len(encoding.pulsed)
    per_row = usable.sum(axis=1) - shared
    room = int(np.maximum(per_row, 0).sum()) if shared else int(usable.sum())
    if number * own > room:
        with pytest.raises(WiringError, match=f"of the chip's 72 cells {usable.sum()} are usable"):
            place(number, encoding, usable, cost)
        return
    cells = place(number, encoding, usable, cost)
    assert cells.shape == (number, len(encoding.signs), 2)
    assert usable[cells[..., 0], cells[..., 1]].all()
    single = cells[:, list(encoding.pulsed)].reshape(-1, 2)
    assert len(np.unique(single, axis=0)) == len(single)
    chart = placement_map(cells, usable)
    np.testing.assert_array_equal(chart == DEAD, ~usable)
    for slot in encoding.pulsed:
        np.testing.assert_array_equal(
            chart[cells[:, slot, 0], cells[:, slot, 1]], np.arange(number)
        )
    used = np.unique(cells.reshape(-1, 2), axis=0)
    assert (chart == FREE).sum() == usable.sum() - len(used)


def test_references_stand_on_the_word_line_of_their_weights() -> None:
    usable = np.ones((4, 5), bool)
    usable[2] = [True, False, False, False, False]  # a row too short for a weight
    cells = place(12, ReferenceColumn(cells=True), usable)
    np.testing.assert_array_equal(cells[:, 0, 0], cells[:, 1, 0])
    assert set(cells[:, 0, 0].tolist()) == {0, 1, 3}
    references = {tuple(cell) for cell in cells[:, 1].tolist()}
    assert len(references) == 3
    assert references.isdisjoint({tuple(cell) for cell in cells[:, 0].tolist()})
    with pytest.raises(WiringError, match="13 weights as one cell each beside a reference need 17"):
        place(13, ReferenceColumn(cells=True), usable)


def test_pairs_are_placed_around_unusable_cells() -> None:
    usable = np.ones((4, 4), bool)
    usable[0, 1] = usable[1] = False
    cells = place(5, DifferentialPairs(), usable)
    flat = [tuple(cell) for cell in cells.reshape(-1, 2).tolist()]
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
    with pytest.raises(WiringError, match=r"20 weights as 3 cells each need 60 cells"):
        place(20, SumOfCells(3), usable)


def test_chains_side_by_side_number_their_weights_anew() -> None:
    usable = np.ones((4, 4), bool)
    cells = place(8, DifferentialPairs(), usable)
    chart = placement_map(cells, usable, weights=4)
    assert sorted(np.unique(chart, return_counts=True)[1].tolist()) == [4, 4, 4, 4]
