"""The loop over the units: status, abort, pause, outputs, progress."""

import threading

import numpy as np
import pytest

from labctl.engine.control import Control, State
from labctl.engine.runner import execute
from labctl.errors import AbortedError, InstrumentError, LimitError, ProcedureError
from labctl.store import RunReader, Status, runs
from tests.engine.bare import BareArray, ReadRows


@pytest.fixture
def array():
    return BareArray()


@pytest.fixture
def outputs(array):
    """What happened to the outputs; calling it brings them to zero."""

    class Outputs:
        zeroed = 0

        def __call__(self):
            self.zeroed += 1
            array.reads.append("zero")

    return Outputs()


def run(array, outputs, tmp_path, procedure=None, **kwargs):
    return execute(
        procedure or ReadRows(), array=array, data_root=tmp_path, on_exit=outputs, **kwargs
    )


def test_finished_run_has_all_rows_and_says_what_was_done(array, outputs, tmp_path):
    done = run(array, outputs, tmp_path, meta={"chip": "T1", "seed": 5})
    assert done.status is Status.FINISHED
    assert done.exception is None
    assert done.raise_unless_finished() is done
    frame = done.frame("cells")
    assert frame[["row", "col"]].to_numpy().tolist() == [[r, c] for r in range(4) for c in range(4)]
    assert done.parameters == {"cells": "all"}
    assert done.summary == {"rows": 4}
    assert done.meta["chip"] == "T1"
    assert done.meta["progress"]["done"] == done.meta["progress"]["total"] == 4
    assert done.meta["environment"]["labctl"]
    assert outputs.zeroed == 1
    assert array.reads[-1] == "zero"
    assert array.interrupt is None


def test_abort_that_comes_into_the_very_last_cell_leaves_its_unit_to_be_done(
    array, outputs, tmp_path
):
    control = Control()
    array.before_read = lambda cell: control.abort("Stop.") if cell == (3, 3) else None
    done = run(array, outputs, tmp_path, control=control)
    assert done.status is Status.ABORTED
    assert done.meta["error"] == "Stop."
    array.before_read = lambda cell: None
    again = run(array, outputs, tmp_path, resume=done.path)
    assert again.status is Status.FINISHED
    assert array.reads[-5:-1] == [(3, column) for column in range(4)]
    assert len(again.frame("cells")) == 16


def test_seed_in_the_metadata_replays_the_run(array, outputs, tmp_path):
    first = run(array, outputs, tmp_path)
    again = run(array, outputs, tmp_path, meta={"seed": first.meta["seed"]})
    other = run(array, outputs, tmp_path)
    draws = [r.frame("draws").value.tolist() for r in (first, again, other)]
    assert draws[0] == draws[1] != draws[2]
    assert draws[0][0] == np.random.default_rng(first.meta["seed"]).random()


def test_abort_ends_within_one_cell_in_the_middle_of_a_unit(array, outputs, tmp_path):
    control = Control()
    array.before_read = lambda cell: control.abort("Enough.") if cell == (1, 2) else None
    procedure = ReadRows()
    done = run(array, outputs, tmp_path, procedure, control=control)
    assert done.status is Status.ABORTED
    assert done.error == "Enough."
    assert array.reads[-2:] == [(1, 2), "zero"]
    assert done.frame("cells").row.unique().tolist() == [0]
    assert procedure.cleaned == 1
    assert control.state is State.ENDED
    with pytest.raises(AbortedError, match="Enough"):
        done.raise_unless_finished()


def test_run_aborted_in_the_queue_reads_nothing(array, outputs, tmp_path):
    control = Control()
    control.abort()
    assert run(array, outputs, tmp_path, control=control).status is Status.ABORTED
    assert array.reads == ["zero"]


@pytest.mark.parametrize("where", ["prepare", "units", "measure", "estimate"])
def test_failure_anywhere_is_told_with_outputs_at_zero(array, outputs, tmp_path, where):
    error = LimitError("3 V is too much.") if where == "measure" else ZeroDivisionError("oh")

    def fail(*_):
        array.reads.append("failed")
        raise error

    procedure = ReadRows()
    setattr(procedure, where, fail)
    done = run(array, outputs, tmp_path, procedure)
    assert done.status is Status.FAILED
    expected = "3 V is too much." if where == "measure" else "ZeroDivisionError: oh"
    assert done.error == expected
    assert "in fail" in done.meta["traceback"]
    assert array.reads[-2:] == ["failed", "zero"]
    with pytest.raises(type(error)):
        done.raise_unless_finished()


@pytest.mark.parametrize("where", ["cleanup", "summary"])
def test_failure_at_the_end_is_told_after_the_outputs_are_at_zero(array, outputs, tmp_path, where):
    procedure = ReadRows()
    setattr(procedure, where, lambda: 1 / 0)
    done = run(array, outputs, tmp_path, procedure)
    assert done.status is Status.FAILED
    assert "ZeroDivisionError" in done.error
    assert len(done.frame("cells")) == 16
    assert outputs.zeroed == 1


def test_outputs_that_do_not_go_to_zero_are_the_first_thing_told(array, tmp_path):
    def stuck():
        raise OSError("gate does not answer")

    done = run(array, stuck, tmp_path)
    assert done.status is Status.FAILED
    assert done.error.startswith("The outputs could not be brought to zero")
    assert "gate does not answer" in done.error
    with pytest.raises(InstrumentError, match="front"):
        done.raise_unless_finished()


def test_rows_that_do_not_fit_make_the_run_failed(array, outputs, tmp_path):
    procedure = ReadRows()
    procedure.measure = lambda unit: procedure.record("cells", row=unit, colour=1)
    done = run(array, outputs, tmp_path, procedure)
    assert done.status is Status.FAILED
    assert "not declared colour" in done.error


def test_bad_parameter_is_refused_before_anything_is_made(array, outputs, tmp_path):
    with pytest.raises(ProcedureError, match=r"'cells'.*row 9"):
        run(array, outputs, tmp_path, ReadRows(cells="row 9"))
    assert runs(tmp_path) == []
    assert array.reads == []


def test_pause_stops_between_units_and_resume_goes_on(array, outputs, tmp_path):
    control, paused = Control(), threading.Event()
    folder, seen = [], {}

    def on_progress(progress):
        if control.state is State.PAUSED:
            seen.setdefault("reads", len(array.reads))
            seen.setdefault("status", RunReader(folder[0]).status)
            paused.set()

    array.before_read = lambda cell: control.pause() if cell == (1, 0) else None

    def resume():
        assert paused.wait(20.0)
        seen["still"] = len(array.reads)
        control.resume()

    helper = threading.Thread(target=resume)
    helper.start()
    done = run(
        array,
        outputs,
        tmp_path,
        control=control,
        on_progress=on_progress,
        on_start=folder.append,
    )
    helper.join()
    assert seen == {"reads": 8, "still": 8, "status": Status.PAUSED}
    assert done.status is Status.FINISHED
    assert len(done.frame("cells")) == 16


def test_abort_while_paused_ends_the_run(array, outputs, tmp_path):
    control = Control()
    array.before_read = lambda cell: control.pause() if cell == (1, 0) else None

    def on_progress(progress):
        if control.state is State.PAUSED:
            control.abort()

    done = run(array, outputs, tmp_path, control=control, on_progress=on_progress)
    assert done.status is Status.ABORTED
    assert len(done.frame("cells")) == 8


def test_progress_is_told_at_begin_and_end_with_bench_time(array, outputs, tmp_path):
    looks = []
    run(array, outputs, tmp_path, on_progress=looks.append)
    assert (looks[0].done, looks[0].total, looks[0].bench_eta_s) == (0, 4, pytest.approx(0.16))
    assert (looks[-1].done, looks[-1].total, looks[-1].bench_eta_s) == (4, 4, 0.0)
    assert looks[-1].bench_elapsed_s == pytest.approx(0.16)


def test_error_in_the_callers_own_callback_still_ends_the_run_properly(array, outputs, tmp_path):
    done = run(array, outputs, tmp_path, on_start=lambda folder: 1 / 0)
    assert done.status is Status.FAILED
    assert outputs.zeroed == 1
