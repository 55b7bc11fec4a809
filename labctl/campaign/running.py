"""Running a campaign: step after step on one open bench, resumable at every instant."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labctl import clock
from labctl.bench import Bench
from labctl.campaign import filling
from labctl.campaign.advance import Advance, CampaignProgress
from labctl.campaign.check import check_plan
from labctl.campaign.expression import ExpressionError
from labctl.campaign.loops import Scalar
from labctl.campaign.paper import PaperArray
from labctl.campaign.plan import Plan, Step, policy_of
from labctl.campaign.record import OVER, Path_, Record, key_of
from labctl.campaign.results import Results
from labctl.campaign.runstep import RunStep
from labctl.errors import AbortedError, CampaignError, LabctlError, LatchedError
from labctl.store.process import this_process

OnProgress = Callable[[CampaignProgress], None]
_SLICE = 0.1  # s; a wait on a real clock can be broken off this often


def run_campaign(
    plan: Plan,
    bench: Bench,
    *,
    data: str | Path = "data",
    on_progress: OnProgress | None = None,
) -> Record:
    """Check a plan and run it on an open bench, in this process.

    Parameters
    ----------
    plan
        From :func:`labctl.campaign.load_plan`, or of a :class:`labctl.campaign.Campaign`.
    bench
        Its outputs are at zero between two runs and at the end.
    data
        Folder of all runs; the record of the campaign is in ``campaigns`` there.
    on_progress
        Called with a :class:`labctl.campaign.advance.CampaignProgress` now and then.

    Returns
    -------
    Record
        Status ``finished``, or ``stopped`` where a stop of the plan ended it.

    Raises
    ------
    CampaignError
        With every fault of the plan; nothing was run then.
    LabctlError
        What ended the campaign. The record keeps how far it was; :func:`resume_campaign` goes on.
    """
    array = PaperArray(bench.file)
    check_plan(plan, array).raise_faults()
    meta = bench.metadata()
    about = {key: meta[key] for key in ("bench", "chip", "shape")}
    about["bench_file"] = str(bench.file.path)
    record = Record.create(data, plan, about)
    return Conductor(plan, bench, array, record, on_progress).conduct()


def resume_campaign(
    which: str | Path | Record,
    bench: Bench,
    *,
    data: str | Path = "data",
    on_progress: OnProgress | None = None,
) -> Record:
    """Go on with a campaign that was broken off, on an open bench with the same chip.

    What is done is not done again; a run that was broken off goes on in its own folder. The plan
    is the one that the campaign began with, whatever has become of its file.

    Raises
    ------
    CampaignError
        Where it is over, or going on somewhere, or another chip is on the bench.
    LabctlError
        What ended the campaign again.
    """
    record = which if isinstance(which, Record) else Record.open(which, data)
    status = record.status
    if status in OVER:
        raise CampaignError(f"Campaign {record.path} is {status}; nothing of it is left to do.")
    if status == "running":
        pid = record.state["process"]["pid"]
        raise CampaignError(f"Campaign {record.path} is going on just now, in process {pid}.")
    chip, shape = record.state["chip"], record.state["shape"]
    if chip != bench.file.chip.name or shape != list(bench.file.shape):
        raise CampaignError(
            f"Campaign {record.path} was begun on chip {chip!r} ({shape}), and on this bench is "
            f"{bench.file.chip.name!r} ({list(bench.file.shape)}). Name the bench of that chip "
            "with --bench."
        )
    if not clock.is_simulated(bench.file.visa_library):
        # The chip has rested meanwhile, and waits count that.
        record.state["time"] += max(0.0, time.time() - float(record.state["saved"]))
    record.state |= {"status": "running", "process": this_process(), "error": None}
    plan, array = record.plan, PaperArray(bench.file)
    check_plan(plan, array).raise_faults()
    record.save()
    return Conductor(plan, bench, array, record, on_progress).conduct()


class Conductor:
    """Does the steps of a plan that the record does not call done."""

    def __init__(
        self,
        plan: Plan,
        bench: Bench,
        array: PaperArray,
        record: Record,
        on_progress: OnProgress | None,
    ) -> None:
        self._plan, self._bench, self._record = plan, bench, record
        self._advance = Advance(plan, array, record, on_progress)
        self._began = bench.clock.now() - record.state["time"]
        self._runs = RunStep(plan, bench, record, self._tick)

    def conduct(self) -> Record:
        """Do all that is left; the record says how it ended, whatever happens."""
        record = self._record
        try:
            for step in self._plan.step:
                self._do(step, (), (), {})
            record.state["status"] = "finished"
        except _StopError as stop:
            record.state |= {"status": "stopped", "error": str(stop)}
        except BaseException as error:
            problem = error
            if isinstance(error, KeyboardInterrupt):  # between two runs, or in a wait
                problem = AbortedError("Interrupted from the keyboard.")
            aborted = isinstance(problem, AbortedError | SystemExit)
            text = str(problem) or type(problem).__name__
            status = "aborted" if aborted else "failed"
            record.state |= {"status": status, "error": text}
            for entry in record.entries.values():
                if entry["status"] == "running":
                    entry |= {"status": status, "ended": record.state["time"], "error": text}
            if isinstance(problem, LabctlError):
                problem.add_note(
                    f"The campaign is in {record.path}; `labctl campaign resume {record.path}` "
                    "goes on."
                )
            if problem is not error:
                raise problem from error
            raise
        finally:
            record.state["time"] = self._bench.clock.now() - self._began
            self._advance.keep()
            record.save()
        self._advance.tell(None)
        return record

    def _tick(self, look: Any) -> None:
        """Keep the campaign's time, and tell how far it is."""
        self._record.state["time"] = self._bench.clock.now() - self._began
        self._advance.tell(look)
        self._record.save_now_and_then()

    def _do(
        self, step: Step, around: tuple[Step, ...], path: Path_, variables: dict[str, Scalar]
    ) -> None:
        """Do all passes of a step that are not done yet."""
        outer = key_of((*path, (step.name, 0)))
        if step.condition is not None and not self._decide(
            f"{outer} if", step.condition, step, self._names(step, around, path, variables)
        ):
            self._advance.left_out(step)
            return
        scope = self._names(step, around, path, variables)
        if step.loop:
            # Kept: what is chosen by results must be the same after a resume.
            turns = self._kept("passes", outer, lambda: filling.turns(step, scope), step, "for")
        else:
            turns = filling.turns(step, scope)
        for number, turn in enumerate(turns):
            here = (*path, (step.name, number))
            inner = {**variables, **turn}
            self._pass(step, around, here, inner)
            if step.until is not None:
                names = self._names(step, (*around, step), here, inner)
                if self._decide(f"{key_of(here)} until", step.until, step, names):
                    break

    def _pass(
        self, step: Step, around: tuple[Step, ...], path: Path_, variables: dict[str, Scalar]
    ) -> None:
        names = self._names(step, around, path, variables)
        if step.step:
            try:
                for each in step.step:
                    self._do(each, (*around, step), path, variables)
            except _SkipError:
                if not step.loops:
                    raise
            return
        key = key_of(path)
        entry = self._record.entries.get(key)
        if entry is None or entry["status"] not in ("finished", "failed and left"):
            self._advance.enter(step, key, variables)
            try:
                self._act(step, key, names, variables)
            except (_StopError, _SkipError):
                raise
            except LabctlError as error:
                if isinstance(error, AbortedError | LatchedError):
                    raise
                if policy_of(step, self._plan.campaign)[0] != "continue":
                    raise
                self._record.end(self._record.entries[key], "failed and left", str(error))
            self._advance.leave(step)
        else:
            self._advance.leave(step)
            if step.skip is not None:
                raise _SkipError
            if step.stop is not None:
                raise _StopError(entry["error"])

    def _act(self, step: Step, key: str, names: Results, variables: dict[str, Scalar]) -> None:
        """Do one pass of a step that is no group."""
        record = self._record
        entry = record.begin(key, step.name, variables)
        try:
            if step.note is not None:
                self._note(step, key, filling.note(step.note, names))
            if step.procedure is not None:
                self._runs.do(step, key, entry, names)
            elif step.wait is not None:
                self._wait(entry, filling.duration(step.wait, names))
            elif step.report is not None:
                self._report(entry, filling.note(step.report, names))
            ending = step.stop if step.stop is not None else step.skip
            text = None if ending is None else filling.note(ending, names)
        except ExpressionError as error:
            raise CampaignError(f"Step {key}: {error}.") from error
        record.end(entry, "finished", text)
        if text is not None:
            self._note(step, key, text)
            raise _StopError(text) if step.stop is not None else _SkipError

    def _wait(self, entry: dict[str, Any], seconds: float) -> None:
        """Wait in bench time, outputs at zero as every run leaves them; a resume goes on."""
        end, now = entry["began"] + seconds, self._record.state["time"]
        at_once = clock.is_simulated(self._bench.file.visa_library)
        while now < end:
            self._bench.clock.sleep(end - now if at_once else min(end - now, _SLICE))
            self._tick((now - entry["began"]) / seconds)
            now = self._record.state["time"]

    def _report(self, entry: dict[str, Any], title: str) -> None:
        from labctl.campaign.datasheet import write_data_sheet

        self._record.save()
        entry["report"] = str(write_data_sheet(self._record, title).name)

    def _note(self, step: Step, key: str, text: str) -> None:
        state = self._record.state
        if not any(note["key"] == key and note["text"] == text for note in state["notes"]):
            state["notes"].append(
                {"key": key, "step": step.name, "text": text, "time": state["time"]}
            )
            self._record.save()

    def _names(
        self, step: Step, inside: tuple[Step, ...], path: Path_, variables: dict[str, Scalar]
    ) -> Results:
        return Results(
            self._plan, step, inside, self._bench.file.shape, variables, record=self._record,
            path=path,
        )  # fmt: skip

    def _decide(self, key: str, text: str, step: Step, names: Results) -> bool:
        entry = key.rpartition(" ")[2]
        found = self._kept("decisions", key, lambda: filling.condition(text, names), step, entry)
        return bool(found)

    def _kept(self, what: str, key: str, make: Callable[[], Any], step: Step, entry: str) -> Any:
        """Return what was decided before, or decide it now and keep it."""
        known = self._record.state[what]
        if key not in known:
            try:
                known[key] = make()
            except ExpressionError as error:
                raise CampaignError(f"Step {key.split(' ')[0]}, {entry}: {error}.") from error
            self._record.save()
        return known[key]


class _StopError(Exception):
    """A stop of the plan."""


class _SkipError(Exception):
    """A skip of the plan: on with the next pass of the loop around."""
