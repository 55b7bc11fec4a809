"""The record of a campaign: a folder beside its runs that knows what is done, always whole."""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import labctl
from labctl.campaign.fault import TomlSource
from labctl.campaign.plan import Plan
from labctl.errors import CampaignError, StoreError
from labctl.store import RunReader
from labctl.store.files import read_json, write_json
from labctl.store.process import is_alive, this_process

FOLDER = "campaigns"
"""Of all campaigns, in the data folder."""
FORMAT = 1
STATE, PLAN = "campaign.json", "plan.json"
OVER = frozenset({"finished", "stopped"})
"""Statuses of campaigns that cannot be resumed."""
STALE = 30.0
"""s without a save after which a campaign on another computer counts as interrupted."""
_NUMBERED = re.compile(r"^(\d{4,})-")
Path_ = tuple[tuple[str, int], ...]
"""Steps from the outermost to the innermost, with the pass each is in."""


class Record:
    """What of one campaign is done, which run belongs to what, and what was decided.

    Attributes
    ----------
    path
        Its folder.
    state
        The content of ``campaign.json``:

        ``status``
            ``running``, ``finished``, ``stopped``, ``aborted`` or ``failed``.
        ``entries``
            Key of a pass of a step (``"targets[1]/program[0]"``) -> ``step``, ``status``, ``run``
            (folder, from the data folder), ``began`` and ``ended`` (campaign time, s),
            ``variables``, ``error``, ``attempts``.
        ``decisions``, ``passes``
            Key -> what a condition was, and what a loop runs over: decided once, kept for a resume.
        ``notes``
            Text, step and time of each.
        ``time``
            Bench time since the campaign began, s.
    """

    def __init__(self, path: Path, state: dict[str, Any]) -> None:
        self.path, self.state = path, state
        self._saved = 0.0

    @classmethod
    def create(cls, data_root: str | Path, plan: Plan, about: dict[str, Any]) -> Record:
        """Make the folder of a new campaign, with its plan and the files it was made from.

        Raises
        ------
        StoreError
            Where the folder cannot be made.
        """
        root = Path(data_root) / FOLDER
        try:
            root.mkdir(parents=True, exist_ok=True)
            number, folder = _new_folder(root, plan.campaign.name)
            for file, source in plan.sources.items():
                if isinstance(source, TomlSource):
                    (folder / Path(file).name).write_text(source.text, encoding="utf-8")
            content = plan.model_dump(mode="json", by_alias=True, exclude_defaults=True)
            write_json(folder / PLAN, content)
            record = cls(
                folder,
                {
                    "format": FORMAT,
                    "id": uuid.uuid4().hex,
                    "number": number,
                    "name": plan.campaign.name,
                    "status": "running",
                    "created": datetime.now().astimezone().isoformat(),
                    "file": plan.path,
                    "labctl": labctl.__version__,
                    "process": this_process(),
                    "time": 0.0,
                    "entries": {},
                    "decisions": {},
                    "passes": {},
                    "notes": [],
                    "error": None,
                    **about,
                },
            )
            record.save()
        except OSError as error:
            raise StoreError(
                f"Cannot make the folder of a campaign in {root}: {error}. Free some space, or "
                "choose another data folder."
            ) from error
        return record

    @classmethod
    def open(cls, which: str | Path | int, data_root: str | Path) -> Record:
        """Return the record of a campaign by its folder, or its number or name below ``data_root``.

        A name means the last campaign of that name.

        Raises
        ------
        CampaignError
            Where there is none.
        """
        folder = Path(str(which))
        if not (folder / STATE).is_file():
            known = [path for path in folders(data_root) if (path / STATE).is_file()]
            word = str(which)
            folder = next(
                (
                    path
                    for path in reversed(known)
                    if word in (path.name, path.name.partition("-")[2])
                    or (word.isdecimal() and int(path.name.partition("-")[0]) == int(word))
                ),
                folder,
            )
        if not (folder / STATE).is_file():
            raise CampaignError(
                f"There is no campaign {str(which)!r} in {Path(data_root) / FOLDER}. "
                "`labctl campaign status` lists those there are."
            )
        return cls(folder, read_json(folder / STATE))

    @property
    def plan(self) -> Plan:
        """The plan as it was when the campaign began."""
        plan = Plan.model_validate(read_json(self.path / PLAN))
        plan.path = str(self.path / PLAN)
        return plan

    @property
    def data_root(self) -> Path:
        """The folder of all runs."""
        return self.path.parent.parent

    @property
    def status(self) -> str:
        """The status, which is ``interrupted`` where the campaign's process is gone."""
        status = str(self.state["status"])
        if status != "running":
            return status
        alive = is_alive(self.state.get("process", {}))
        if alive is None:
            alive = time.time() - float(self.state.get("saved", 0.0)) < STALE
        return status if alive else "interrupted"

    @property
    def entries(self) -> dict[str, dict[str, Any]]:
        """Passes of steps that were begun, in that order."""
        found: dict[str, dict[str, Any]] = self.state["entries"]
        return found

    def run_of(self, entry: dict[str, Any]) -> Path | None:
        """Return the folder of the run of an entry; None where it has none."""
        return None if entry.get("run") is None else self.data_root / entry["run"]

    def of_step(self, name: str, path: Path_ = ()) -> list[dict[str, Any]]:
        """Return the entries of a step that belong to the same passes as ``path``."""
        here = dict(path)
        return [
            entry
            for key, entry in self.entries.items()
            if entry["step"] == name
            and all(here.get(part, number) == number for part, number in path_of(key))
        ]

    def begin(self, key: str, step: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Note that a pass of a step begins, or begins again; return its entry."""
        entry = self.entries.setdefault(
            key, {"step": step, "variables": variables, "run": None, "attempts": 0,
                  "began": self.state["time"]},
        )  # fmt: skip
        entry |= {"status": "running", "error": None}
        self.save()
        return entry

    def end(self, entry: dict[str, Any], status: str, error: str | None = None) -> None:
        """Note how a pass of a step has ended."""
        entry |= {"status": status, "ended": self.state["time"], "error": error}
        self.save()

    def save(self) -> None:
        """Write ``campaign.json``, as a whole, onto the disk.

        Raises
        ------
        StoreError
            Where it cannot be written; the old one is still there.
        """
        self.state["saved"] = time.time()
        try:
            write_json(self.path / STATE, self.state)
        except OSError as error:
            raise StoreError(
                f"Cannot write {self.path / STATE}: {error}. Free some space, then `labctl "
                f"campaign resume {self.path}`."
            ) from error
        self._saved = time.monotonic()

    def save_now_and_then(self, interval: float = 2.0) -> None:
        """Save where the last time is ``interval`` (s) ago."""
        if time.monotonic() - self._saved >= interval:
            self.save()

    def runs(self) -> Iterator[tuple[str, dict[str, Any], RunReader]]:
        """Yield key, entry and run of every pass that finished a run, in the order done."""
        for key, entry in self.entries.items():
            folder = self.run_of(entry)
            if entry["status"] == "finished" and folder is not None:
                yield key, entry, RunReader(folder)


def key_of(path: Path_) -> str:
    """Return the key of a pass of a step.

    Examples
    --------
    >>> key_of((("targets", 1), ("program", 0)))
    'targets[1]/program[0]'
    """
    return "/".join(f"{name}[{number}]" for name, number in path)


def path_of(key: str) -> Path_:
    """Return what :func:`key_of` made a key of."""
    parts = (part.rstrip("]").partition("[") for part in key.split("/"))
    return tuple((name, int(number)) for name, _, number in parts)


def folders(data_root: str | Path) -> list[Path]:
    """Return the folders of all campaigns below ``data_root``, by number."""
    root = Path(data_root) / FOLDER
    if not root.is_dir():
        return []
    found = [(int(match[1]), path) for path in root.iterdir()
             if (match := _NUMBERED.match(path.name))]  # fmt: skip
    return [path for _, path in sorted(found)]


def _new_folder(root: Path, name: str) -> tuple[int, Path]:
    """Make ``root/NNNN-name``; two programs that do so at once get different numbers."""
    while True:
        taken = [int(match[1]) for path in root.iterdir() if (match := _NUMBERED.match(path.name))]
        number = max(taken, default=0) + 1
        claim = root / f".claim-{number:04d}"
        try:
            os.close(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            if time.time() - claim.stat().st_mtime > STALE:  # left behind by a crash
                claim.unlink(missing_ok=True)
            continue
        try:
            folder = root / f"{number:04d}-{name}"
            if not any(path.name.startswith(f"{number:04d}-") for path in root.iterdir()):
                folder.mkdir()
                return number, folder
        finally:
            claim.unlink(missing_ok=True)
