"""Following a run file while it grows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from labctl.errors import StoreError
from labctl.gui.cell_states import CellStates
from labctl.store import RunReader

INTERVAL = 0.05
"""s between two looks into the run file: 20 a second at most."""
_SHARE = 4.0  # a look may take at most one part in this many + 1 of the window's time


class LiveRun(QObject):
    """The cells of the chip as the run file tells them; the only way data comes to the window.

    Only rows that are new are read, and they are folded into :attr:`states`, so that following
    costs the same after an hour as after a second.

    Signals
    -------
    changed()
        :attr:`states` is another than before; at most 20 times a second.
    began()
        Another run is followed.
    arrived(str, object)
        Name of a table, and its new rows: column name -> array.
    failed(str)
        The run file cannot be read; said once per run.
    """

    changed = pyqtSignal()
    began = pyqtSignal()
    arrived = pyqtSignal(str, object)
    failed = pyqtSignal(str)

    def __init__(self, shape: tuple[int, int]) -> None:
        super().__init__()
        self.states = CellStates(shape)
        self._path: Path | None = None
        self._reader: RunReader | None = None
        self._rows = 0
        self._growing = False
        self._broken = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.poll)

    @property
    def path(self) -> Path | None:
        """The run folder that is followed."""
        return self._path

    @property
    def rows(self) -> int:
        """Rows of this run that were taken in."""
        return self._rows

    def set_shape(self, shape: tuple[int, int]) -> None:
        """Start over with another chip."""
        if shape != self.states.shape:
            self.states = CellStates(shape)
            self.changed.emit()

    def begin_with(self, runs: Sequence[RunReader]) -> None:
        """Take in runs that are over, the newest first, as what is known of the cells so far."""
        for reader in reversed(runs):
            self.states.begin_run()
            try:
                for name in reader.tables:
                    self.states.add(reader.tail(name))
            except (StoreError, OSError, ValueError) as error:
                self.failed.emit(f"The run file {reader.path} cannot be read: {error}")
        self.states.begin_run()
        self.changed.emit()

    def follow(self, path: Path, growing: bool = True) -> None:
        """Follow the run in ``path``; the one before is read to its end first.

        Parameters
        ----------
        path
            The run folder. Following the same one again only takes note of ``growing``.
        growing
            Whether rows may still come. A run that has ended is read once more and left.
        """
        if path != self._path:
            self.poll()
            self._path, self._reader, self._rows = path, None, 0
            self._broken = False
            self.states.begin_run()
            self.began.emit()
            self.changed.emit()
        elif growing == self._growing:
            return
        self._growing = growing
        self.poll()

    def poll(self) -> int:
        """Take in the rows that are new and return how many; called by the timer."""
        if self._path is None or self._broken:
            return 0
        started = time.monotonic()
        try:
            if self._reader is None:
                self._reader = RunReader(self._path)
            new = sum(self._take(name, self._reader.tail(name)) for name in self._reader.tables)
        except (StoreError, OSError) as error:
            self._timer.stop()
            self._broken = True
            self.failed.emit(
                f"The run file {self._path} cannot be read: {error} "
                "The measurement itself goes on; see `labctl engine status`."
            )
            return 0
        self._rows += new
        if self._growing:
            spent = time.monotonic() - started
            self._timer.start(round(1000.0 * max(INTERVAL, _SHARE * spent)))
        else:
            self._timer.stop()
        if new:
            self.changed.emit()
        return new

    def _take(self, table: str, rows: dict[str, NDArray[Any]]) -> int:
        """Fold new rows of a table in and pass them on; return how many cells they told of."""
        if any(len(column) for column in rows.values()):
            self.arrived.emit(table, rows)
        return self.states.add(rows)

    def summary(self) -> str:
        """Return the numbers a procedure summed its run up in, as one line; empty if none."""
        found = self._reader.meta.get("summary") if self._reader is not None else None
        numbers = {
            name: value
            for name, value in (found or {}).items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        return ", ".join(f"{name.replace('_', ' ')} {value:.6g}" for name, value in numbers.items())

    def leave(self) -> None:
        """Stop following."""
        self._timer.stop()
        self._path = None
