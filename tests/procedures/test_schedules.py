"""Temperatures that change over a run that learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labctl.engine import runner
from labctl.engine.control import Control
from labctl.engine.progress import Progress
from labctl.errors import ProcedureError
from labctl.learn.rundraws import draws_of
from labctl.learn.schedule import Cyclical, Tempered
from labctl.store import Run, Status
from procedures.learn import Learn
from procedures.sample_posterior import SamplePosterior
from tests.learn.toy import ToyArray
from tests.procedures.toyruns import run

SHORT: dict[str, Any] = {"steps": 200, "burn_in": 50, "thin": 5}
LONG = {**SHORT, "burn_in": 100}  # so that scales are fitted once, at step 50
COOLING: dict[str, Any] = {**SHORT, "schedule": "tempered", "hot": 50.0, "cooling": 120}
CYCLES: dict[str, Any] = {
    **SHORT, "schedule": "cyclical", "hot": 5.0, "period": 50, "explore": 0.4, "settle": 0.2,
}  # fmt: skip


def kept(done: Run) -> list[int]:
    """The steps of the draws that count."""
    steps: list[int] = sorted(done.frame("draws").query("kept")["step"].unique().tolist())
    return steps


def test_draws_of_the_cooling_do_not_count(bench: tuple[ToyArray, Path]) -> None:
    procedure = SamplePosterior(**COOLING)
    done = run(procedure, bench).raise_unless_finished()
    assert procedure._chain.schedule == Tempered(50.0, 1.0, 120)
    assert kept(done) == list(range(125, 201, 5))
    assert sorted(done.frame("draws")["step"].unique()) == list(range(5, 201, 5))
    values = done.frame("draws").query("kept").groupby("weight")["value"].mean()
    np.testing.assert_allclose(done.summary["posterior_mean"], values)
    assert done.summary["draws"] == 16
    assert draws_of(done).weights.shape == (1, 16, 31)


def test_the_cooling_begins_hot(bench: tuple[ToyArray, Path]) -> None:
    traces = [
        run(SamplePosterior(**settings), bench).raise_unless_finished().frame("trace")
        for settings in (SHORT, COOLING)
    ]
    cold, hot = (trace["nll"].iloc[20:60].mean() for trace in traces)
    assert hot > 1.5 * cold


def test_scales_are_those_of_the_temperature_that_is_drawn_at(bench: tuple[ToyArray, Path]) -> None:
    scale = [
        run(SamplePosterior(**settings), bench).raise_unless_finished().frame("weights")["kappa"]
        for settings in (LONG, {**COOLING, **LONG, "hot": 1000.0})
    ]
    # Fitted in the heat they would be some 30 times smaller.
    assert 0.5 < float(np.median(scale[1] / scale[0])) < 2.0


def test_only_the_cold_part_of_a_cycle_counts(bench: tuple[ToyArray, Path]) -> None:
    procedure = SamplePosterior(**CYCLES, chains=2)
    done = run(procedure, bench).raise_unless_finished()
    assert procedure._chain.schedule == Cyclical(50, 5.0, 1.0, 0.4, 0.2)
    assert kept(done) == [85, 90, 95, 100, 135, 140, 145, 150, 185, 190, 195, 200]
    assert draws_of(done).weights.shape == (2, 12, 31)


def test_temperatures_of_a_cold_model_are_told_as_they_are(bench: tuple[ToyArray, Path]) -> None:
    settings = {**COOLING, "task": "wine", "hidden": "none", "temperature": 0.2, "hot": 1.0}
    procedure = Learn(**settings)
    done = run(procedure, bench).raise_unless_finished()
    assert procedure._chain.schedule == Tempered(5.0, 1.0, 120)  # of a model at 0.2
    assert done.summary["draws"] == 16


@pytest.mark.parametrize("settings", [COOLING, {**CYCLES, "rule": "kappa", "chains": 2}])
def test_a_schedule_goes_on_where_it_was_broken_off(
    bench: tuple[ToyArray, Path], monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    monkeypatch.setattr(runner, "PROGRESS_INTERVAL", 0.0)  # told of every unit
    control, whole = Control(), run(SamplePosterior(**settings), bench)

    def look(progress: Progress) -> None:
        if progress.done >= 14 and control.state.value == "running":
            control.abort("Enough.")

    broken = run(SamplePosterior(**settings), bench, control=control, on_progress=look)
    assert broken.status is Status.ABORTED
    assert 0 < len(kept(broken)) < len(kept(whole))
    procedure = SamplePosterior(**settings)
    done = run(procedure, bench, resume=broken.path).raise_unless_finished()
    assert kept(done) == kept(whole)
    assert done.summary["draws"] == len(kept(whole))
    assert procedure._chain.steps == 200


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hot": 1.0}, "from a temperature of 1 to 1 does not cool"),
        ({"cooling": 185}, "leaves fewer than four draws of 200 steps"),
        ({"schedule": "cyclical", "explore": 0.8, "settle": 0.3}, "leave something to sample"),
        ({"schedule": "cyclical", "period": 1000}, "let it explore for less"),
    ],
)
def test_a_schedule_without_sense_is_refused_before_a_cell_is_touched(
    bench: tuple[ToyArray, Path], changes: dict[str, Any], said: str
) -> None:
    array, _ = bench
    spent = array.counters.pulses + array.counters.reads
    done = run(SamplePosterior(**{**COOLING, **changes}), bench)
    assert done.status is Status.FAILED
    assert said in str(done.error)
    assert array.counters.pulses + array.counters.reads == spent


def test_parameters_of_another_schedule_are_refused() -> None:
    with pytest.raises(ProcedureError, match="counts only where schedule is cyclical"):
        SamplePosterior(schedule="tempered", period=50).refuse_idle(["schedule", "period"])
    with pytest.raises(ProcedureError, match="counts only where schedule is tempered or cyclical"):
        Learn(hot=5.0).refuse_idle(["hot"])
