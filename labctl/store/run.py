"""Runs as people use them: found by number or folder, loaded as tables."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labctl.errors import AbortedError, LabctlError, StoreError
from labctl.store.files import run_folders
from labctl.store.reader import RunReader
from labctl.store.status import Status

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

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self.exception: BaseException | None = None

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


def runs(data_root: str | Path = DATA_ROOT) -> list[Run]:
    """Return all runs below ``data_root``, by number.

    Folders that carry a number but no readable ``run.json`` (a run whose very beginning failed)
    are no runs.
    """
    found = []
    for _, folder in run_folders(Path(data_root)):
        if (folder / "run.json").exists():
            found.append(Run(folder))
    return found


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
