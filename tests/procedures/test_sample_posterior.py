from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from labctl.engine.runner import execute
from labctl.errors import CalibrationError, ProcedureError, StoreError
from labctl.learn.reference import reference
from labctl.store import Run, Status
from procedures.sample_posterior import SamplePosterior
from procedures.transitions import Transitions
from tests.learn.toy import ToyArray

SHORT = {"steps": 200, "burn_in": 50, "thin": 5}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> tuple[ToyArray, Path]:
    """A toy chip and a data folder that holds its transitions."""
    array, root = ToyArray(seed=0), tmp_path_factory.mktemp("data")
    measure = Transitions(passes=30, repeats=6)
    execute(measure, array=array, data_root=root, meta={"seed": 1}).raise_unless_finished()
    return array, root


@pytest.fixture(scope="module")
def run(bench: tuple[ToyArray, Path]) -> Run:
    array, root = bench
    done = execute(SamplePosterior(**SHORT), array=array, data_root=root, meta={"seed": 2})
    return done.raise_unless_finished()


def test_the_trace_has_every_step(run: Run) -> None:
    trace = run.frame("trace")
    assert trace["step"].tolist() == list(range(1, 201))
    assert trace["time"].is_monotonic_increasing
    assert trace["pulses"].iloc[-1] == 200 * 31
    assert trace["saturated"].between(0, 1).all()
    # It has learned: the likelihood at the end is far above that of weights near zero.
    assert trace["nll"].iloc[-20:].mean() < 0.3 * trace["nll"].iloc[0]


def test_draws_are_what_the_cells_hold(run: Run) -> None:
    draws, weights = run.frame("draws"), run.frame("weights")
    assert len(draws) == 40 * 31
    assert draws.attrs["units"]["plus"] == "S"
    assert draws.groupby("kept")["draw"].nunique().to_dict() == {False: 10, True: 30}
    kappa = weights["kappa"].to_numpy()
    last = draws[draws["draw"] == 39].sort_values("weight")
    value = (last["plus"] - last["minus"]).to_numpy() / kappa
    np.testing.assert_allclose(last["value"].to_numpy(), value)


def test_the_scale_stands_still_after_the_burn_in(run: Run) -> None:
    kept = run.frame("draws").query("kept")
    kappa = (kept["plus"] - kept["minus"]) / kept["value"]
    assert kappa.groupby(kept["weight"]).std().max() < 1e-9


def test_every_pulse_is_recorded(run: Run, bench: tuple[ToyArray, Path]) -> None:
    pulses, weights = run.frame("pulses"), run.frame("weights")
    assert len(pulses) == 200 * 31
    assert set(pulses["polarity"].unique()) == {-1, 1}
    used = set(zip(pulses["row"], pulses["col"], strict=True))
    cells = {
        (int(w[f"{side}_row"]), int(w[f"{side}_col"]))
        for w in weights.to_dict("records")
        for side in ("plus", "minus")
    }
    assert used == cells
    assert len(cells) == 62
    # What a cell was before is what was read of it last, but for the reads in between.
    one = pulses[(pulses["row"] == pulses["row"][0]) & (pulses["col"] == pulses["col"][0])]
    same = one["before"].to_numpy()[1:] == one["after"].to_numpy()[:-1]
    assert same.mean() > 0.9


def test_the_summary_says_what_was_learned_and_what_it_cost(run: Run) -> None:
    summary = run.summary
    assert summary["test_samples"] == 114
    assert summary["test_accuracy"] > 0.9
    assert 0 < summary["nll"] < 0.3
    assert len(summary["posterior_mean"]) == len(summary["weights"]) == 31
    expected = reference("breast_cancer")
    error = (np.array(summary["posterior_mean"]) - expected.mean) / expected.sd
    assert summary["mean_error"] == pytest.approx(np.sqrt(np.mean(error**2)))
    assert summary["draws"] == 30
    assert summary["pulses"] == 200 * 31 + summary["initial_pulses"]
    assert summary["reads"] >= summary["pulses"]
    assert summary["relay_closures"] > 0
    assert summary["write_energy"] > 0
    assert summary["bench_time"] > 0
    # A burn-in of 50 steps fits no scale, so that the pulses are too coarse; nothing else is wrong.
    [said] = summary["warnings"]
    assert said.startswith(f"{summary['saturated']:.0%} of the coins could not turn")
    doubts = [sample["total"] for sample in summary["most_uncertain"]]
    assert len(doubts) == 10
    assert doubts == sorted(doubts, reverse=True)
    json.dumps(summary)


def test_the_same_seed_gives_the_same_draws(tmp_path: Path) -> None:
    values = []
    for number in range(2):
        array, root = ToyArray(seed=3), tmp_path / str(number)
        execute(Transitions(passes=20), array=array, data_root=root, meta={"seed": 1})
        done = execute(SamplePosterior(**SHORT), array=array, data_root=root, meta={"seed": 2})
        values.append(done.frame("draws")["value"].to_numpy())
    np.testing.assert_array_equal(*values)


def failed(parameters: dict[str, object], array: ToyArray, root: Path) -> Run:
    done = execute(SamplePosterior(**parameters), array=array, data_root=root, meta={"seed": 1})
    assert done.status is Status.FAILED
    return done


def test_without_transitions_nothing_is_learned(tmp_path: Path) -> None:
    done = failed(SHORT, ToyArray(seed=0), tmp_path)
    assert isinstance(done.exception, CalibrationError)
    assert "Run transitions first" in str(done.error)


def test_a_run_of_another_procedure_is_no_calibration(
    run: Run, bench: tuple[ToyArray, Path]
) -> None:
    array, root = bench
    done = failed({**SHORT, "calibration": str(run.number)}, array, root)
    assert "is a run of sample_posterior; a calibration needs one of transitions" in str(done.error)


def test_an_unknown_run_is_refused(bench: tuple[ToyArray, Path]) -> None:
    array, root = bench
    done = failed({**SHORT, "calibration": "4711"}, array, root)
    assert isinstance(done.exception, StoreError)


def test_a_calibration_of_a_larger_chip_is_refused(bench: tuple[ToyArray, Path]) -> None:
    _, root = bench
    done = failed(SHORT, ToyArray(8, 8, seed=0), root)
    assert "larger chip than this one of 8 x 8" in str(done.error)


def test_a_chip_with_too_few_cells_is_refused(tmp_path: Path) -> None:
    array = ToyArray(7, 8, seed=0)
    execute(Transitions(passes=30), array=array, data_root=tmp_path, meta={"seed": 1})
    done = failed(SHORT, array, tmp_path)
    assert "need 62 cells; of the chip's 56 cells" in str(done.error)


def test_a_burn_in_that_leaves_nothing_is_refused(bench: tuple[ToyArray, Path]) -> None:
    array, root = bench
    done = failed({**SHORT, "burn_in": 195}, array, root)
    assert isinstance(done.exception, ProcedureError)
    assert "fewer than four draws" in str(done.error)


@pytest.mark.parametrize(("steps", "burn_in", "thin"), [(100, 0, 25), (104, 24, 25)])
def test_exactly_four_draws_are_enough(
    bench: tuple[ToyArray, Path], steps: int, burn_in: int, thin: int
) -> None:
    array, root = bench
    least = {"steps": steps, "burn_in": burn_in, "thin": thin}
    done = execute(SamplePosterior(**least), array=array, data_root=root, meta={"seed": 1})
    assert done.raise_unless_finished().summary["draws"] == 4
    assert "fewer than four draws" in str(failed({**least, "burn_in": 25}, array, root).error)


def test_the_estimate_counts_every_pulse_with_its_read() -> None:
    procedure = SamplePosterior(**SHORT)
    array = ToyArray(seed=0)
    procedure.bind(array)
    each = array.timing.pulse_and_read(2e-4)
    assert procedure.estimate() == pytest.approx(200 * 31 * each)
