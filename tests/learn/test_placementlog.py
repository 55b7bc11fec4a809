from __future__ import annotations

import numpy as np
import pytest

from labctl.learn.models import Network
from labctl.learn.placementlog import PlacementLog
from labctl.learn.sampler import Chain
from labctl.learn.weights import DifferentialPairs, Encoding, ReferenceColumn, SumOfCells
from tests.learn.harness import Gaussian, told
from tests.learn.toy import PULSES, ToyArray


def small(array: ToyArray, **how: object) -> Chain:
    model = Network(np.zeros((4, 2)), [0, 1, 0, 1], (2, 3, 1))
    return Chain(array, model, told(array), PULSES, np.random.default_rng(0), **how)  # type: ignore[arg-type]


def chart(rows: dict[str, np.ndarray], name: str, shape: tuple[int, int]) -> np.ndarray:
    found = np.full(shape, -1)
    found[rows["row"], rows["col"]] = rows[name]
    return found


@pytest.mark.parametrize("chains", [1, 2])
@pytest.mark.parametrize(
    "encoding", [DifferentialPairs(), SumOfCells(3), ReferenceColumn(), ReferenceColumn(cells=True)]
)
def test_the_first_rows_are_the_whole_placement(encoding: Encoding, chains: int) -> None:
    array = ToyArray(10, 10, seed=1, dead=[(0, 3), (5, 5)])
    learner = small(array, encoding=encoding, chains=chains)
    learner.cells.usable[[0, 5], [3, 5]] = False
    learner.placed.cells = np.argwhere(learner.cells.usable)[: learner.placed.cells[..., 0].size]
    learner.placed.cells = learner.placed.cells.reshape(13 * chains, -1, 2)
    rows = PlacementLog(array.shape).changes(learner)
    np.testing.assert_array_equal(chart(rows, "weight", array.shape), learner.placement)
    for k, weight in enumerate(learner.placed.cells):
        for slot, (row, col) in enumerate(weight):
            [at] = np.flatnonzero((rows["row"] == row) & (rows["col"] == col))
            told_of = {name: int(values[at]) for name, values in rows.items()}
            assert (told_of["weight"], told_of["chain"]) == (k % 13, k // 13)
            assert (told_of["slot"], told_of["sign"]) == (slot, encoding.signs[slot])
            # Three by three with its bias row, then four by one.
            layer, place = divmod(k % 13, 9)
            assert told_of["layer"] == layer
            width = 3 if layer == 0 else 1
            assert (told_of["input"], told_of["output"]) == divmod(place, width)
            assert told_of["lost_row"] == told_of["lost_col"] == -1


def test_what_was_told_is_not_told_again_and_a_spare_names_whose_place_it_took() -> None:
    array = ToyArray(4, 4, seed=1)
    model = Gaussian(np.array([0.5, -0.5, 0.0]), np.diag([2.0, 4.0, 6.0]))
    learner = Chain(array, model, told(array), PULSES, np.random.default_rng(0))
    log = PlacementLog(array.shape)
    assert len(log.changes(learner)["row"]) == 6
    learner.prepare()
    assert len(log.changes(learner)["row"]) == 0
    lost = tuple(learner.placed.cells[1, 0].tolist())
    array.dead[lost] = True
    while not learner.replaced:
        learner.step()
    spare = learner.replaced[0].spare
    rows = log.changes(learner)
    found = {
        (int(row), int(col)): [int(rows[name][k]) for name in ("weight", "slot", "sign")]
        for k, (row, col) in enumerate(zip(rows["row"], rows["col"], strict=True))
    }
    assert found == {lost: [-2, -1, 0], spare: [1, 0, 1]}
    at = chart(rows, "lost_row", array.shape)[spare], chart(rows, "lost_col", array.shape)[spare]
    assert at == lost
    # A log that takes up what was told goes on from there.
    again = PlacementLog(array.shape)
    again.take(PlacementLog(array.shape).changes(learner))
    assert len(again.changes(learner)["row"]) == 0
