"""Runs as people use them: found by what they are, loaded as tables."""

from __future__ import annotations

import importlib
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from labctl.errors import AbortedError, LabctlError, StoreError
from labctl.store.catalogue import Catalogue, Entry
from labctl.store.files import run_folders
from labctl.store.reader import RunReader
from labctl.store.status import Status
from labctl.store.tags import change_tags, read_tags

if TYPE_CHECKING:
    import pandas as pd

DATA_ROOT = "data"


class Run(RunReader):
    """One execution of a procedure.

    Attributes
    ----------
    exception
        What ended the run, where it was run by this very process and did not finish.
    """

    exception: BaseException | None = None

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Return the run of an entry of the catalogue; its files are read when they are needed."""
        self = cls.__new__(cls)
        self._set_up(entry.path)
        return self

    @property
    def number(self) -> int:
        """The number of the run, its own below one data root."""
        return int(self.meta["number"])

    @property
    def procedure(self) -> str:
        """Name of the procedure."""
        return str(self.meta["procedure"])

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameter values the procedure ran with."""
        return dict(self.meta.get("parameters", {}))

    @property
    def chip(self) -> str:
        """Name of the chip it was measured on."""
        return str(self.meta.get("chip") or "")

    @property
    def tags(self) -> list[str]:
        """The words people have given it, in alphabetical order."""
        return read_tags(self.path)

    def tag(self, *words: str) -> list[str]:
        """Add tags (``"good"`` or ``"+good"``), take others off (``"-bad"``); return all.

        Raises
        ------
        StoreError
            For a tag that is no word, or a folder that cannot be written.
        """
        return change_tags(self.path, words)

    @property
    def summary(self) -> dict[str, Any]:
        """Results the procedure gave at its end."""
        return dict(self.meta.get("summary") or {})

    @property
    def error(self) -> str | None:
        """What went wrong, for people; None where nothing did."""
        return self.meta.get("error")

    def raise_unless_finished(self) -> Run:
        """Return the run where it finished; otherwise raise what ended it.

        Raises
        ------
        BaseException
            The very exception, where the run was made by this process.
        AbortedError, LabctlError
            With the error kept in ``run.json`` otherwise.
        """
        if self.exception is not None:
            raise self.exception
        status = self.status
        if status is Status.FINISHED:
            return self
        text = self.error or f"Run {self.path} is {status.value}."
        raise AbortedError(text) if status is Status.ABORTED else LabctlError(text)

    def plot(self, path: str | Path | None = None) -> Any:
        """Return a matplotlib figure of what the run measured, saved to ``path`` where given."""
        # Found by name at the last moment: figures stand on the store, not the store on figures.
        return importlib.import_module("labctl.analysis.plot").plot_run(self, path)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {self.status.value})"


class Runs(list[Run]):
    """A list of runs that shows itself as a table in a notebook."""

    def frame(self) -> pd.DataFrame:
        """Return one row per run: what it is, its parameters, and the numbers of its summary."""
        import pandas as pd

        rows = []
        for run in self:
            own = {
                "run": run.number,
                "procedure": run.procedure,
                "chip": run.chip,
                "created": run.meta.get("created"),
                "status": run.status.value,
                "tags": " ".join(run.tags),
            }
            found = {k: v for k, v in run.summary.items() if isinstance(v, str | int | float)}
            rows.append({**found, **run.parameters, **own})
        names = list(dict.fromkeys(key for row in rows for key in row))
        first = [name for name in own if name in names] if rows else []
        return pd.DataFrame(rows, columns=[*first, *(n for n in names if n not in first)])

    def _repr_html_(self) -> str:
        return str(self.frame().to_html(index=False))


def load(
    run: str | Path | int | RunReader, table: str | None = None, data_root: str | Path = DATA_ROOT
) -> pd.DataFrame:
    """Return a table of a run as DataFrame, also while the run goes on.

    Parameters
    ----------
    run
        A run, its folder, or its number below ``data_root``.
    table
        None takes the first table that the procedure declares.

    Returns
    -------
    DataFrame
        ``attrs["units"]`` maps column name to unit.

    Raises
    ------
    StoreError
        For a run or table that is not there.
    """
    return find(run, data_root).frame(table)


def runs(
    data_root: str | Path = DATA_ROOT,
    *,
    chip: str | None = None,
    procedure: str | None = None,
    status: Status | str | None = None,
    tag: str | None = None,
    since: str | date | None = None,
    until: str | date | None = None,
    where: str | None = None,
    last: int | None = None,
    **parameters: Any,
) -> Runs:
    """Return the runs below ``data_root`` that match everything given, by number.

    They are looked up in the catalogue, which is brought up to date first. Folders that carry a
    number but no readable ``run.json`` (a run whose very beginning failed) are no runs.

    Parameters
    ----------
    data_root
        Folder of all runs; one that is not there has none.
    chip, procedure
        As they are in the run; with ``*`` and ``?`` for any letters.
    status, tag
        As they are in the run.
    since, until
        A day or a time: ``"2026-11-24"``, ``"today"``, ``"7d"``, or a date.
    where
        Conditions on parameters and results, in SI units: ``"target > 20e-6"``.
    last
        Only so many, the newest.
    parameters
        Parameter values as they are in the run: ``cells="all"``.

    Raises
    ------
    StoreError
        For a status, a time or a condition that cannot be understood.
    """
    if not Path(data_root).is_dir():
        return Runs()
    entries = Catalogue(data_root).entries(
        chip=chip, procedure=procedure, status=status, tag=tag, since=since, until=until,
        where=where, parameters=parameters, last=last,
    )  # fmt: skip
    return Runs(Run.of(entry) for entry in entries)


def find(run: str | Path | int | RunReader, data_root: str | Path = DATA_ROOT) -> RunReader:
    """Return the run that a number, a folder or a run means.

    Raises
    ------
    StoreError
        Where there is none.
    """
    if isinstance(run, RunReader):
        return run
    if isinstance(run, int) or (isinstance(run, str) and run.isdecimal()):
        for number, folder in run_folders(Path(data_root)):
            if number == int(run):
                return Run(folder)
        raise StoreError(f"There is no run {run} in {Path(data_root).resolve()}.")
    return Run(run)
