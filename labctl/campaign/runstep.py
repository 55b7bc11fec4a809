"""One run of a campaign: begun, or taken up where it was broken off, or tried again."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from labctl import plugins
from labctl.bench import Bench
from labctl.campaign import filling
from labctl.campaign.plan import Plan, Step, policy_of
from labctl.campaign.record import Record
from labctl.campaign.results import Results
from labctl.engine.local import resumable
from labctl.engine.runner import execute
from labctl.errors import AbortedError, LabctlError, LatchedError, StoreError
from labctl.procedure import Procedure
from labctl.store import Run, Status, runs
from labctl.store.tags import write_tags


class RunStep:
    """Does the runs of one campaign on one bench."""

    def __init__(
        self, plan: Plan, bench: Bench, record: Record, tick: Callable[[Any], None]
    ) -> None:
        self._plan, self._bench, self._record, self._tick = plan, bench, record, tick

    def do(self, step: Step, key: str, entry: dict[str, Any], names: Results) -> None:
        """Do one pass of a step with a procedure, and try again as often as the plan says.

        Raises
        ------
        LabctlError
            What ended the last attempt.
        """
        retries = policy_of(step, self._plan.campaign)[1]
        failed = 0
        while True:
            entry["attempts"] += 1
            try:
                self._attempt(step, key, entry, names)
                return
            except (AbortedError, LatchedError):
                raise
            except LabctlError as error:
                failed += 1
                if failed > retries:
                    raise
                entry["error"] = str(error)
                self._record.save()

    def _attempt(self, step: Step, key: str, entry: dict[str, Any], names: Results) -> None:
        begun = self._begun(key, entry)
        if begun is not None and begun.status is Status.FINISHED:
            return  # it ended, and the campaign was killed before it could say so
        if begun is not None:
            try:
                procedure: Procedure = resumable(begun, self._bench)
            except StoreError as error:
                # What it measured stays; nothing can be added to it.
                entry.setdefault("given_up", []).append({"run": entry["run"], "why": str(error)})
                entry["run"] = None
            else:
                self._execute(procedure, entry, resume=begun.path, meta={})
                return
        parameters = {
            name: filling.parameter(given, names) for name, given in step.parameters.items()
        }
        procedure = plugins.procedure(str(step.procedure))(**parameters)
        self._execute(procedure, entry, meta=self._meta(step, key, entry), tags=self._tags(step))

    def _execute(
        self, procedure: Procedure, entry: dict[str, Any], tags: list[str] | None = None, **how: Any
    ) -> None:
        def began(folder: Path) -> None:
            entry["run"] = folder.relative_to(self._record.data_root).as_posix()
            self._record.save()
            if tags:
                write_tags(folder, tags)
            self._bench.run_began(folder)

        try:
            done = execute(
                procedure,
                array=self._bench.array,
                data_root=self._record.data_root,
                on_start=began,
                on_exit=self._bench.off,
                on_progress=lambda progress: self._tick(progress.fraction),
                **how,
            )
        finally:
            self._bench.run_began(None)
        done.raise_unless_finished()

    def _meta(self, step: Step, key: str, entry: dict[str, Any]) -> dict[str, Any]:
        state = self._record.state
        campaign = {
            "id": state["id"],
            "name": state["name"],
            "folder": self._record.path.relative_to(self._record.data_root).as_posix(),
            "step": step.name,
            "key": key,
            "variables": entry["variables"],
            "time": state["time"],
        }
        meta = {**self._bench.metadata(), "campaign": campaign}
        if step.note is not None:
            notes = [note["text"] for note in state["notes"] if note["key"] == key]
            meta["note"] = notes[-1]
        if (seed := self._seed(step, key)) is not None:
            meta["seed"] = seed
        return meta

    def _seed(self, step: Step, key: str) -> int | None:
        """Return the seed of one run: another one for each pass, the same at every repetition."""
        base = self._plan.campaign.seed if step.seed is None else step.seed
        if base is None:
            return None
        words = np.random.SeedSequence([base, zlib.crc32(key.encode())]).generate_state(2)
        return int(words[0]) << 31 ^ int(words[1])

    def _tags(self, step: Step) -> list[str]:
        return sorted({*self._plan.campaign.tags, *step.tags})

    def _begun(self, key: str, entry: dict[str, Any]) -> Run | None:
        """Return the run of a pass that was begun before; None where there is none."""
        folder = self._record.run_of(entry)
        if folder is None:
            folder = self._unnoted(key) if entry["attempts"] > 1 else None
        if folder is None or not (folder / "run.json").exists():
            return None
        entry["run"] = folder.relative_to(self._record.data_root).as_posix()
        return Run(folder)

    def _unnoted(self, key: str) -> Path | None:
        """Return a run of this pass that the campaign was killed before it could note."""
        known = [path for entry in self._record.entries.values()
                 if (path := self._record.run_of(entry)) is not None]  # fmt: skip
        numbers = [int(path.name.partition("-")[0]) for path in known]
        for run in reversed(runs(self._record.data_root)):
            if run.number <= max(numbers, default=0):
                return None
            campaign = run.meta.get("campaign") or {}
            if campaign.get("id") == self._record.state["id"] and campaign.get("key") == key:
                return run.path
        return None
