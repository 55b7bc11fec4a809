"""Opens what a bench file names, checks identities, and shuts it all down safely."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from labctl import clock, plugins
from labctl.benchcheck import check_bench_file
from labctl.benchfile import BenchFile, load_bench_file
from labctl.connecting import connect, disconnect
from labctl.errors import InstrumentError
from labctl.guard import Guard, watch
from labctl.guard.latch import check_latch
from labctl.inhibit import scheme_of
from labctl.instruments import Driver, Identity
from labctl.leaving import leave_on_signals
from labctl.matrices import MatrixGroup
from labctl.openedfile import OpenedFile
from labctl.probed import ProbedArray
from labctl.rendezvous import PROGRAM, Claim, claim, latch_file
from labctl.safeplan import safe_plan
from labctl.safety import Safety
from labctl.scanning import find_scanner
from labctl.sourcefile import source_of
from labctl.wear import Wear
from labctl.wiring import Wiring

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Bench", "check_bench_file"]
_log = logging.getLogger(__name__)


class Bench:
    """Instruments, wiring and chip on one table, open and safe.

    Use it as a context manager; leaving it takes every output to zero and opens all relays.

    Attributes
    ----------
    file
        The checked bench file.
    identities
        What each instrument answered to ``*IDN?``.
    array
        The cells of the chip.
    clock
        Bench time.
    wear
        Closures and pulses kept for ever; read when the bench opens, written as it counts.
    """

    def __init__(
        self, file: BenchFile, drivers: dict[str, Driver], right: Claim | None = None
    ) -> None:
        self.file, self._right = file, right
        self.clock = clock.for_visa(file.visa_library)
        self._drivers = drivers
        self.identities: dict[str, Identity] = {n: d.identity for n, d in drivers.items()}
        self._closed = False
        mainframes: dict[str, Any] = {name: drivers[name] for name in file.matrix.mainframes}
        alone = next(iter(mainframes.values()))
        matrix = alone if len(mainframes) == 1 else MatrixGroup(mainframes)
        matrix.settling = file.matrix.settling
        lives = {name: float(each.life) for name, each in mainframes.items()}
        self.wear = Wear.of(file, self.identities, lives)
        meters = {
            name: drivers[table.instrument].channel(table.channel)
            for name, table in file.terminals.items()
        }
        wiring = Wiring(file, matrix)
        # An in-process simulated bench ends with this process: nothing to guard, nothing to latch.
        real = not clock.is_simulated(file.visa_library)
        plan = safe_plan(file)
        latch = latch_file(file.path)
        self.safety = Safety(file, meters, matrix, plan, latch if real else None)
        self._raise(self.safety.off())
        cold = self.safety.matrix
        cold.wired(wiring.columns)
        cold.forbid(wiring.forbidden)
        scanner = find_scanner(file, drivers, self.safety)
        self.array = ProbedArray(self.safety, wiring, cold, self.clock, scheme_of(file), scanner)
        self._opened = OpenedFile(file)
        self.array.after_batch = self._opened.look
        self.safety.on_moved = self.array.forget_relays
        self.wear.follow(self.array)
        self.wear.warn(file.limits.pulses_per_cell)
        # Last: from here on, leaving without close() counts as the death of this program.
        self.guard: Guard | None = watch(plan, latch) if real else None
        self.safety.guard = self.guard

    @classmethod
    def open(cls, path: str | Path, *, claimed: bool = False) -> Self:
        """Open the bench that ``path`` describes, with every output at zero.

        Parameters
        ----------
        path
            The bench file.
        claimed
            The caller has claimed the bench already, as an engine does (labctl.rendezvous).

        Raises
        ------
        EngineError
            Where another program has the bench open; it is named.
        BenchFileError
            For a fault in the file; nothing has been connected.
        LatchedError
            Where the bench was stopped in an emergency, and nobody has acknowledged it.
        StoreError
            Where what is known of the wear of relays and cells cannot be read.
        IdentityError
            Where an instrument does not answer, or is another model.
        InstrumentError
            Where an instrument cannot be brought to a safe state.
        """
        file = load_bench_file(path)
        plugins.add_workspace(file.path.parent)
        modules = check_bench_file(file)
        if not clock.is_simulated(file.visa_library):
            check_latch(latch_file(file.path), str(file.path))
        right = None if claimed else claim(file.path, PROGRAM)
        drivers: dict[str, Driver] = {}
        try:
            for name in file.instruments:
                drivers[name] = connect(file, name, modules[name])
            return cls(file, drivers, right)
        except BaseException as error:
            for fault in disconnect(drivers):
                error.add_note(f"While closing the connections: {fault}")
            if right is not None:
                right.release()
            raise

    def __enter__(self) -> Self:
        self._signals = leave_on_signals()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        finally:
            self._signals()

    def off(self) -> None:
        """Bring every output to zero and open all relays; raise what failed at the end."""
        self.array.forget_relays()
        self._raise(self.safety.off())

    def stop(self, reason: str = "emergency stop") -> None:
        """Stop in an emergency: as :meth:`off`, and latched until :meth:`acknowledge`."""
        self.array.forget_relays()
        self._raise(self.safety.stop(reason))

    def acknowledge(self) -> None:
        """Release the latch after somebody has looked at the bench."""
        self.safety.acknowledge()

    @property
    def latched(self) -> str | None:
        """Why the bench is latched, or None."""
        return self.safety.latched

    def run_began(self, folder: Path | None) -> None:
        """Tell the guard which run a death of this process would cut short; None: none."""
        if self.guard is not None:
            self.guard.run_began(folder)

    def close(self) -> None:
        """Outputs to zero, relays open, connections closed. Does nothing a second time."""
        if self._closed:
            return
        self._closed = True
        safe = False
        try:
            self.off()
            safe = True
            self._allow()
        finally:
            for fault in disconnect(self._drivers):
                _log.warning("A connection could not be closed: %s", fault)
            if self.guard is not None and safe:
                self.guard.close()
            elif self.guard is not None:
                self.guard.act("the program that owns the bench could not bring it to zero")
            try:
                self.wear.close()
            finally:
                if self._right is not None:
                    self._right.release()

    def _allow(self) -> None:
        """Lift what the matrix was told to forbid: the next bench may be wired otherwise."""
        try:
            self.safety.matrix.forbid(())
        except InstrumentError as error:
            _log.warning("The matrix still refuses what this bench file forbids: %s", error)

    @property
    def edited(self) -> bool:
        """Whether the bench file on the disk is another than the one that was opened.

        The bench goes on with what it was opened with. The first time that the file is found to
        be another, after a batch of cells or when a run begins, the log says so.
        """
        return self._opened.edited

    def metadata(self) -> dict[str, Any]:
        """Return what a run must keep to know on what it was measured; JSON-able.

        ``bench_file`` is what the bench was opened with, with the SHA-256 of the file
        (``digest``), and ``bench_text`` that file word by word; ``bench_file_edited`` tells
        whether it has been changed since. ``drivers`` has the source file of each driver and its
        SHA-256, ``wear`` what relays and cells had behind them by now.
        """
        pulses = self.array.pulse_counts
        hit = {f"{row},{col}": int(pulses[row, col]) for row, col in np.argwhere(pulses).tolist()}
        return {
            "bench": self.file.bench.name,
            "bench_file": self.file.model_dump(mode="json"),
            "bench_text": self.file.text,
            "bench_file_edited": self.edited,
            "chip": self.file.chip.name,
            "shape": list(self.file.shape),
            "identities": {name: str(identity) for name, identity in self.identities.items()},
            "drivers": {name: _code(driver) for name, driver in self._drivers.items()},
            "wear": {
                "kept": self.wear.kept,
                "pulses": _worn(hit),
                "closures": _worn(dict(self.array.closures)),
            },
        }

    @staticmethod
    def _raise(faults: list[str]) -> None:
        if faults:
            raise InstrumentError(
                "The bench could not be made safe completely; switch its outputs off by hand: "
                + "; ".join(faults)
            )


def _code(driver: Driver) -> dict[str, str]:
    found = source_of(type(driver)) or {"file": "", "sha256": ""}
    name = f"{type(driver).__module__}.{type(driver).__qualname__}"
    return {"class": name, "file": found["file"], "sha256": found["sha256"]}


def _worn(counts: Mapping[str, int]) -> dict[str, Any]:
    """Return the total of some counts, the highest, and whose that is (None without any)."""
    most = max(counts, key=lambda part: counts[part], default=None)
    high = 0 if most is None else int(counts[most])
    total = int(sum(counts.values()))
    return {"total": total, "most": high, "at": most if high else None}
