"""The loop over the units of a procedure: pause, abort, progress, and a status that is true."""

from __future__ import annotations

import logging
import secrets
import time
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from labctl.array import CellArray
from labctl.engine.control import Control
from labctl.engine.history import History
from labctl.engine.progress import Meter, Progress
from labctl.engine.provenance import environment, measured_by
from labctl.engine.signals import guarded
from labctl.errors import AbortedError, InstrumentError, LatchedError
from labctl.procedure import Procedure
from labctl.store import Run, RunWriter, Status
from labctl.store.runlog import RunLog

PROGRESS_INTERVAL = 0.1
"""s between two reports of progress."""

_log = logging.getLogger(__name__)
OnProgress = Callable[[Progress], None]
_environment = cache(environment)  # it does not change while the process lives


def execute(
    procedure: Procedure,
    *,
    array: CellArray,
    data_root: str | Path,
    meta: Mapping[str, Any] | None = None,
    control: Control | None = None,
    on_progress: OnProgress | None = None,
    on_start: Callable[[Path], None] | None = None,
    on_exit: Callable[[], None] | None = None,
    signals: bool = True,
    resume: str | Path | None = None,
) -> Run:
    """Run a procedure and store what it records, in a new run or as the rest of an old one.

    However it ends, the outputs go to zero (``on_exit``) before anything else is done, and the
    run folder says how it ended. SIGINT and SIGTERM abort it within one cell.

    Parameters
    ----------
    procedure
        With its parameters set.
    array
        The cells. Its ``interrupt`` is used during the run where it has one.
    data_root
        Folder of all runs.
    meta
        JSON-able; what else ``run.json`` keeps (bench, chip, identities). ``seed`` (int) seeds
        the procedure's randomness; one is drawn where it is missing.
    control
        To pause, resume and abort from elsewhere.
    on_progress
        Called at the begin, at the end, and at most ten times a second in between.
    on_start
        Called once with the run folder as soon as it is there.
    on_exit
        Brings the outputs to zero, at the end and while the run waits for space on the disk. An
        error it raises makes the run failed.
    signals
        False leaves SIGINT and SIGTERM to the caller.
    resume
        Folder of a run of this procedure, with these parameters, that was broken off: the units
        that are left are done, and their rows go behind those that are there.

    Returns
    -------
    Run
        ``status`` is ``finished``, ``aborted`` or ``failed``; ``exception`` holds what ended a
        run that did not finish, and ``raise_unless_finished()`` raises it.

    Raises
    ------
    ProcedureError
        For a parameter out of bounds; nothing has been done then.
    StoreError
        Where the run folder cannot be made, resumed or completed.
    """
    procedure.check(array.shape)
    control = control if control is not None else Control()
    notes = {"seed": secrets.randbits(63), **(meta or {})}
    notes |= {**measured_by(procedure), "environment": _environment()}
    with guarded(control.abort_from_signal, signals) as guard:
        if resume is None:
            writer = RunWriter.create(data_root, procedure.name, notes, procedure.tables)
        else:
            writer = RunWriter.reopen(resume)
            if hasattr(array, "catch_up"):  # the clock of a bench may have begun anew since
                array.catch_up(writer.done.time)
        writer.be_patient()
        log = RunLog(writer.path, writer.stamp)
        log.attach()
        execution = _Execution(procedure, array, writer, control, on_progress, on_exit)
        before = getattr(array, "interrupt", None)
        failure: BaseException | None = None
        unsafe: BaseException | None = None
        try:
            try:
                if on_start is not None:
                    on_start(writer.path)
                procedure.bind(array, writer, np.random.default_rng(writer.meta["seed"]))
                if hasattr(array, "interrupt"):
                    array.interrupt = control.interrupt
                execution.run()
            finally:
                # From here on signals are only counted: nothing may come before the zero.
                guard.closing = True
        except BaseException as error:  # noqa: BLE001 - Ctrl-C too: the outputs come first
            guard.closing = True
            failure = error
        if hasattr(array, "interrupt"):
            array.interrupt = before
        if on_exit is not None:
            unsafe = _attempt(on_exit)
        try:
            return execution.conclude(failure, unsafe, log)
        finally:
            log.detach()


class _Execution:
    """One run on its way: the loop over the units, and the end."""

    def __init__(
        self,
        procedure: Procedure,
        array: CellArray,
        writer: RunWriter,
        control: Control,
        on_progress: OnProgress | None,
        to_zero: Callable[[], None] | None,
    ) -> None:
        self._procedure, self._array = procedure, array
        self._writer, self._control = writer, control
        self._on_progress, self._to_zero = on_progress, to_zero
        self._meter: Meter | None = None
        self._due = 0.0

    def run(self) -> None:
        """Prepare the procedure and do all its units."""
        procedure, control, writer = self._procedure, self._control, self._writer
        control.begin()
        history = History(procedure, writer)
        history.prepare()
        meter = Meter(time.monotonic, self._array.now, procedure.estimate())
        units = history.units()
        meter.total = len(units)
        meter.begin_at(writer.done.units)
        self._meter = meter
        self._report()
        done, total = writer.done.units, len(units)
        _log.info("%s begins: %d units%s.", procedure.name, total,
                  f", of which {done} are done already" if done else "")  # fmt: skip
        for index in range(writer.done.units, len(units)):
            if not control.checkpoint():
                self._wait(meter)
            procedure.measure(units[index])
            control.interrupt()  # an emergency stop may have come into its last cell: not done
            history.done(index, self._array.now())
            meter.done += 1
            if time.monotonic() >= self._due:
                writer.tick()
                self._report()
            if writer.full is not None:
                self._wait_for_space(meter)
        while not writer.settle():
            self._wait_for_space(meter)

    def conclude(
        self, failure: BaseException | None, unsafe: BaseException | None, log: RunLog
    ) -> Run:
        """Clean up, write the final status, and return the run.

        Parameters
        ----------
        failure
            What ended the loop; None where it came to its end.
        unsafe
            What kept the outputs from going to zero.
        log
            Of the run.
        """
        control = self._control
        if isinstance(failure, KeyboardInterrupt):
            control.abort_from_signal("Interrupted from the keyboard.")
            failure = AbortedError(control.reason)
        reason = control.reason
        aborted = isinstance(failure, AbortedError)
        if reason and isinstance(failure, LatchedError | InstrumentError):
            # An emergency stop takes the bench away in the middle of a cell.
            aborted, reason = True, f"{reason} It came in the middle of a cell: {failure}"
        problems = [] if failure is None or aborted else [failure]
        if unsafe is not None:
            problems.insert(0, _unsafe_error(unsafe))
        summary: dict[str, Any] = {}
        steps: list[Callable[[], None]] = [self._procedure.cleanup, self._report]
        if failure is None:
            steps.append(lambda: summary.update(self._procedure.summary()))
        problems += [problem for step in steps if (problem := _attempt(step)) is not None]
        status = Status.FAILED if problems else Status.ABORTED if aborted else Status.FINISHED
        error = "; ".join(_describe(problem) for problem in problems)
        trace = "".join(traceback.format_exception(problems[0])) if problems else None
        control.end()
        why = error or reason or None
        _log.info("The run is %s%s", status.value, f": {why}" if why else ".")
        lost = {"log_lost": log.lost} if log.lost else {}
        self._writer.finish(status, why, summary, traceback=trace, **lost)
        run = Run(self._writer.path)
        run.exception = problems[0] if problems else failure
        if isinstance(failure, SystemExit | GeneratorExit):
            raise failure
        return run

    def _report(self) -> None:
        """Note and tell how far the run is."""
        if self._meter is None:
            return
        self._due = time.monotonic() + PROGRESS_INTERVAL
        progress = self._meter.look()
        self._writer.progress(progress.to_json())
        if self._on_progress is not None:
            self._on_progress(progress)

    def _wait_for_space(self, meter: Meter) -> None:
        """Wait with the outputs at zero until the disk takes rows again."""
        meter.pause()
        if self._to_zero is not None:
            self._to_zero()
        reason = f"The run waits with its outputs at zero. {self._writer.full}"
        _log.warning("%s", reason)
        self._writer.keep(status=Status.PAUSED.value, waiting=reason)
        self._report()
        self._control.wait_for(lambda: self._writer.full is None, reason)
        _log.warning("There is space again; the run goes on.")
        meter.resume()
        self._writer.keep(status=Status.RUNNING.value, waiting=None)
        self._report()

    def _wait(self, meter: Meter) -> None:
        """Wait until the pause is over."""
        meter.pause()
        self._writer.flush()
        self._writer.status(Status.PAUSED)
        _log.info("Paused after %d units.", meter.done)
        self._report()
        while not self._control.checkpoint():
            continue
        meter.resume()
        self._writer.status(Status.RUNNING)
        _log.info("The run goes on.")
        self._report()


def _attempt(action: Callable[[], None]) -> BaseException | None:
    """Return what ``action`` raised, for the caller to go on and tell later."""
    try:
        action()
    except BaseException as error:  # noqa: BLE001 - every other step of the end must be tried
        return error
    return None


def _unsafe_error(error: BaseException) -> BaseException:
    if isinstance(error, InstrumentError):
        return error
    problem = InstrumentError(
        f"The outputs could not be brought to zero ({_describe(error)}). Switch them off at the "
        "front panels."
    )
    problem.__cause__ = error
    return problem


def _describe(error: BaseException) -> str:
    """Return the message of an error; its type too, where it is not one of labctl's."""
    text = str(error) or type(error).__name__
    return text if type(error).__module__ == "labctl.errors" else f"{type(error).__name__}: {text}"
