"""The wear book of a bench: closures per relay and pulses per cell, kept for ever.

The folder of the bench file has a folder ``wear`` with one file for each matrix mainframe, by its
serial number, and one for each chip, by its name. All benches of the folder add to them.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from labctl.benchfile import BenchFile
from labctl.errors import StoreError
from labctl.instruments import Identity
from labctl.wearfile import Kind, WearFile, file_name

FOLDER = "wear"
INTERVAL = 3.0
"""s between two times that what is new goes to the files."""
WORN = 0.8
"""Share of the rated life, or of the pulses allowed, from which on people are warned."""
_log = logging.getLogger(__name__)


class Counted(Protocol):
    """What counts, and is told what was counted before (:class:`labctl.probed.ProbedArray`)."""

    pulse_counts: NDArray[np.int64]
    """Shape (rows, columns): pulses of each cell."""
    closures: Counter[str]
    """Closures of each relay, by crosspoint."""


@dataclass
class _Part:
    """One file, and how much of what was counted is in it."""

    file: WearFile
    kept: Counter[str] = field(default_factory=Counter)

    def add(self, counted: Mapping[str, int]) -> None:
        fresh = {part: n - self.kept[part] for part, n in counted.items() if n > self.kept[part]}
        self.file.add(fresh)
        self.kept.update(fresh)  # after the file has taken them: a failure is made up for later


class Wear:
    """What one open bench adds to the wear book.

    Parameters
    ----------
    folder
        The folder ``wear``; None: nothing is kept.
    chip
        Name of the chip.
    mainframes
        Name of each file by mainframe (see :func:`serial`). With one mainframe crosspoints are
        bare (``"1A01"``), with several they begin with its name (``"m2:1A01"``).
    lives
        Closures a relay is rated for, by mainframe.

    Raises
    ------
    StoreError
        Where a file is damaged or cannot be made.
    """

    def __init__(
        self,
        folder: Path | None,
        chip: str,
        mainframes: Mapping[str, str],
        lives: Mapping[str, float],
    ) -> None:
        self._array: Counted | None = None
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self._cells: _Part | None = None
        self._pulses: NDArray[np.int64] = np.zeros((0, 0), dtype=np.int64)  # in the file already
        self._relays: dict[str, _Part] = {}
        if folder is None:
            return
        self._cells = _part(folder, "chip", chip)
        for name, number in mainframes.items():
            part = _part(folder, "matrix", number)
            part.file.note(life=f"{lives[name]:g}")
            self._relays["" if len(mainframes) == 1 else f"{name}:"] = part

    @classmethod
    def of(
        cls, file: BenchFile, identities: Mapping[str, Identity], lives: Mapping[str, float]
    ) -> Wear:
        """Return the wear book of a bench whose instruments have told who they are."""
        mainframes = {name: serial(identities[name], name) for name in file.matrix.mainframes}
        return cls(wear_folder(file), file.chip.name, mainframes, lives)

    @property
    def kept(self) -> bool:
        """Whether anything is kept."""
        return self._cells is not None

    def follow(self, array: Counted) -> None:
        """Put what was counted before into ``array``, and keep what it counts from now on.

        A thread of its own (``labctl-wear``) writes every few seconds, so that a kill loses no
        more, and a measurement never waits for the disk.
        """
        if self._cells is None:
            return
        for part, count in self._cells.kept.items():
            row, column = map(int, part.split(","))
            if row < array.pulse_counts.shape[0] and column < array.pulse_counts.shape[1]:
                array.pulse_counts[row, column] += count
        for prefix, relays in self._relays.items():
            array.closures.update({prefix + part: n for part, n in relays.kept.items()})
        self._array, self._pulses = array, array.pulse_counts.copy()
        self._thread = threading.Thread(target=self._keep, name="labctl-wear", daemon=True)
        self._thread.start()

    def save(self) -> None:
        """Add what is new to the files.

        Raises
        ------
        StoreError
            Where a file cannot be written. Nothing is lost: the next time tries again.
        """
        if self._array is None or self._cells is None:
            return
        with self._lock:
            pulses = self._array.pulse_counts.copy()
            closures = dict(self._array.closures)  # one step of the interpreter: others may count
            hit = np.argwhere(pulses != self._pulses).tolist()
            self._cells.add({f"{row},{column}": int(pulses[row, column]) for row, column in hit})
            self._pulses = pulses
            for prefix, part in self._relays.items():
                own = {p: n for p, n in closures.items() if p.startswith(prefix)}
                part.add({point.removeprefix(prefix): count for point, count in own.items()})

    def put_own(self, counts: Mapping[str, int]) -> None:
        """Keep what the matrix itself has counted, by crosspoint."""
        for prefix, part in self._relays.items():
            part.file.put_own(
                {p.removeprefix(prefix): n for p, n in counts.items() if p.startswith(prefix)}
            )

    def close(self) -> None:
        """Save for the last time. Does nothing a second time.

        Raises
        ------
        StoreError
            Where a file cannot be written: what was counted since the last time is lost.
        """
        if self._thread is not None:
            self._end.set()
            self._thread.join()
            self._thread = None
            self.save()
            self._array = None

    def _keep(self) -> None:
        failed = False
        while not self._end.wait(INTERVAL):
            try:
                self.save()
                failed = False
            except StoreError as error:  # the measurement goes on; close() raises it
                if not failed:
                    _log.warning("%s Tried again every few seconds.", error)
                failed = True

    def worn(self, pulses_per_cell: int) -> list[str]:
        """Say which relays and cells are worn to 80 %; one line for each matrix and the chip."""
        said = []
        for part in self._relays.values():
            life = float(part.file.about().get("life", "inf"))
            counts = part.kept | Counter(part.file.own())  # the larger of the two counts
            said += _worn(counts, life, f"relays of {part.file.name}", "rated life")
        if self._cells is not None:
            what = f"cells of chip {self._cells.file.name!r}"
            said += _worn(self._cells.kept, pulses_per_cell, what, "[limits] pulses_per_cell")
        return said

    def warn(self, pulses_per_cell: int) -> None:
        """Warn in the log of what is worn to 80 %, once for all."""
        if said := self.worn(pulses_per_cell):
            _log.warning("%s. `labctl bench wear` lists them.", "; ".join(said))


def _worn(counts: Mapping[str, int], life: float, what: str, limit: str) -> list[str]:
    worn = {part: count / life for part, count in counts.items() if count >= WORN * life}
    if not worn:
        return []
    most = max(worn, key=lambda part: worn[part])
    return [
        f"{what} with {WORN:.0%} of {limit} behind them: {len(worn)} (most: {most}, "
        f"{worn[most]:.0%})"
    ]


def _part(folder: Path, kind: Kind, name: str) -> _Part:
    file = WearFile(folder / file_name(kind, name), kind, name)
    return _Part(file, Counter(file.counts()))


def serial(identity: Identity, name: str) -> str:
    """Return what a mainframe is called in the wear book: model and serial number.

    One that tells no serial number goes by its ``name`` in the bench file.
    """
    number = identity.serial if identity.serial.strip("0 ") else name
    return f"{identity.model}-{number}".lower()


def wear_folder(file: BenchFile) -> Path | None:
    """Return where the wear of a bench is kept, or None where it is not.

    A simulated bench without ``[simulation] state`` has another chip and other relays each time.
    """
    if file.bench.visa.endswith("@labsim") and not file.simulation.state:
        return None
    return file.path.parent / FOLDER


def wear_files(folder: Path, kind: Kind) -> list[WearFile]:
    """Return the files of one kind in a wear folder, by name."""
    return [WearFile(path) for path in sorted(folder.glob(f"{kind}-*.sqlite"))]
