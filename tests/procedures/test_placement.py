"""Runs that learn tell from their start which cell carries which weight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labctl.engine import runner
from labctl.engine.control import Control
from labctl.engine.progress import Progress
from labctl.engine.runner import execute
from labctl.learn.rundraws import draws_of
from labctl.procedure import Procedure
from labctl.store import Run, Status
from procedures.active_learn import ActiveLearn
from procedures.learn import Learn
from procedures.sample_posterior import SamplePosterior
from procedures.transitions import Transitions
from tests.learn.toy import ToyArray

LEARN = {"task": "pour", "hidden": "4", "share": 1.0, "steps": 200, "burn_in": 50, "thin": 5}
ASK = {
    "task": "wine", "hidden": "none", "initial": 8, "batch": 4, "rounds": 2, "first": 150,
    "steps": 20, "draws": 5,
}  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ToyArray, Path]:
    monkeypatch.setattr(runner, "PROGRESS_INTERVAL", 0.0)  # told of every unit
    array = ToyArray(seed=0)
    measure = Transitions(passes=30, repeats=6)
    execute(measure, array=array, data_root=tmp_path, meta={"seed": 1}).raise_unless_finished()
    return array, tmp_path


def run(procedure: Procedure, bench: tuple[ToyArray, Path], **how: Any) -> Run:
    return execute(procedure, array=bench[0], data_root=bench[1], meta={"seed": 2}, **how)


def last(frame: pd.DataFrame) -> pd.DataFrame:
    """What stands of each cell, by row and column."""
    return frame.drop_duplicates(["row", "col"], keep="last").set_index(["row", "col"])


def cells_of(frame: pd.DataFrame, sign: int) -> list[tuple[int, int]]:
    """The cells of this sign in the order of their weights."""
    used = last(frame).query("weight >= 0 and sign == @sign").sort_values("weight")
    return [(int(row), int(col)) for row, col in used.index]


@pytest.mark.parametrize(
    "procedure", [SamplePosterior(steps=100, burn_in=20), Learn(**LEARN), ActiveLearn(**ASK)]
)
def test_the_placement_is_there_before_the_first_pulse_of_the_learning(
    bench: tuple[ToyArray, Path], procedure: Procedure
) -> None:
    control = Control()

    def stop_at_once(progress: Progress) -> None:
        control.abort("Enough.")

    broken = run(procedure, bench, control=control, on_progress=stop_at_once)
    assert broken.status is Status.ABORTED
    assert len(broken.frame("weights")) == 0
    frame = broken.frame("placement")
    plus, minus = cells_of(frame, 1), cells_of(frame, -1)
    size = {"sample_posterior": 31, "learn": 9 * 4 + 5 * 2, "active_learn": 42}[procedure.name]
    assert len(plus) == len(minus) == size
    assert not set(plus) & set(minus)
    assert (frame["step"] == 0).all()


def test_the_placement_is_seen_while_the_cells_are_brought_to_their_begin(
    bench: tuple[ToyArray, Path],
) -> None:
    broken = run(SamplePosterior(steps=100, burn_in=20, most_pulses=5), bench)
    assert broken.status is Status.FAILED
    assert "pulses" in str(broken.error)
    assert len(cells_of(broken.frame("placement"), 1)) == 31


def test_cells_that_do_not_get_there_are_told_before_the_first_step(
    bench: tuple[ToyArray, Path],
) -> None:
    array, _ = bench
    chosen = SamplePosterior(steps=100, burn_in=20)
    begin = SamplePosterior._begin

    def begun(self: SamplePosterior) -> int:
        cell = tuple(self._chain.placed.cells[0, 0].tolist())
        array.conductance[cell], array.dead[cell] = 5e-6, True
        return begin(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SamplePosterior, "_begin", begun)
        done = run(chosen, bench).raise_unless_finished()
    frame = done.frame("placement")
    unusable = frame[frame["weight"] == -2]
    [lost] = np.argwhere(array.dead).tolist()
    assert lost in unusable[["row", "col"]].to_numpy().tolist()
    assert (frame["step"] == 0).all()
    weights = done.frame("weights").sort_values("weight")
    expected = list(zip(weights["plus_row"], weights["plus_col"], strict=True))
    assert cells_of(frame, 1) == expected


def test_at_the_end_the_placement_is_that_of_the_weights(bench: tuple[ToyArray, Path]) -> None:
    done = run(Learn(**LEARN), bench).raise_unless_finished()
    frame, weights = done.frame("placement"), done.frame("weights").sort_values("weight")
    for side, sign in (("plus", 1), ("minus", -1)):
        expected = list(zip(weights[f"{side}_row"], weights[f"{side}_col"], strict=True))
        assert cells_of(frame, sign) == expected
    layers = last(frame).query("weight >= 0").groupby("layer")["weight"].nunique()
    assert layers.to_dict() == {0: 36, 1: 10}


@pytest.mark.parametrize(("procedure", "wait"), [(Learn(**LEARN), 2), (ActiveLearn(**ASK), 0)])
def test_a_cell_given_up_and_its_spare_are_told_when_it_happens(
    bench: tuple[ToyArray, Path], procedure: Learn | ActiveLearn, wait: int
) -> None:
    array, _ = bench
    lost: list[tuple[int, int]] = []

    def kill(progress: Progress) -> None:
        if progress.done == wait and not lost:
            lost.append(tuple(procedure._chain.placed.cells[3, 0].tolist()))
            array.dead[lost[0]] = True

    done = run(procedure, bench, on_progress=kill)
    done.raise_unless_finished()
    frame = done.frame("placement")
    [given_up] = frame[(frame["weight"] == -2) & (frame["step"] > 0)].to_dict("records")
    [spare] = frame[frame["lost_row"] >= 0].to_dict("records")
    assert (given_up["row"], given_up["col"]) == lost[0]
    assert (spare["lost_row"], spare["lost_col"]) == lost[0]
    assert (spare["weight"], spare["slot"], spare["step"]) == (3, 0, given_up["step"])
    assert done.summary["replaced_cells"] == 1


def test_a_resumed_run_tells_nothing_twice(bench: tuple[ToyArray, Path]) -> None:
    control = Control()

    def look(progress: Progress) -> None:
        if progress.done >= 2:
            control.abort("Enough.")

    broken = run(Learn(**LEARN), bench, control=control, on_progress=look)
    assert broken.status is Status.ABORTED
    before = broken.frame("placement")
    # Where it ended before it told of the weights, the placement says which cells the draws are of.
    cells = draws_of(broken).cells[0]
    assert [tuple(cell) for cell in cells[:, 0].tolist()] == cells_of(before, 1)
    assert [tuple(cell) for cell in cells[:, 1].tolist()] == cells_of(before, -1)
    done = run(Learn(**LEARN), bench, resume=broken.path).raise_unless_finished()
    pd.testing.assert_frame_equal(done.frame("placement"), before)


def test_a_run_begun_before_there_was_a_placement_goes_on_without(
    bench: tuple[ToyArray, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = {name: columns for name, columns in Learn.tables.items() if name != "placement"}
    control = Control()

    def look(progress: Progress) -> None:
        if progress.done >= 2:
            control.abort("Enough.")

    with monkeypatch.context() as before:
        before.setattr(Learn, "tables", tables)
        before.setattr(Learn, "_record_placement", lambda self: setattr(self, "_replaced", 0))
        broken = run(Learn(**LEARN), bench, control=control, on_progress=look)
    assert "placement" not in broken.tables
    done = run(Learn(**LEARN), bench, resume=broken.path).raise_unless_finished()
    assert "placement" not in done.tables
    assert np.isfinite(draws_of(done).weights).all()
    assert (draws_of(done).cells >= 0).all()
