"""Run folders: Arrow streams while a run goes on, Parquet when it has ended, ``run.json``."""

from labctl.store.column import Column, Columns
from labctl.store.reader import RunReader
from labctl.store.run import DATA_ROOT, Run, Runs, find, load, runs
from labctl.store.seam import Seam
from labctl.store.status import Status
from labctl.store.writer import RunWriter

__all__ = [
    "DATA_ROOT",
    "Column",
    "Columns",
    "Run",
    "RunReader",
    "RunWriter",
    "Runs",
    "Seam",
    "Status",
    "find",
    "load",
    "runs",
]
