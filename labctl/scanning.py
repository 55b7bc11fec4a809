"""Whether the instruments of a bench can read blocks of cells by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl import plugins
from labctl.benchfile import BenchFile
from labctl.errors import LatchedError
from labctl.inhibit import scheme_of
from labctl.instruments import Driver, LinkedBox, Scanner
from labctl.safety import Safety


def find_scanner(file: BenchFile, drivers: Mapping[str, Driver], safety: Safety) -> Scanner | None:
    """Return what scans cells on this bench, or None where they are read one by one.

    It needs a number ``node`` in ``[instruments.NAME]`` of the source meters that take part in a
    read and of every mainframe of the matrix, and a driver that can do it.
    """
    helper = scheme_of(file).helper
    terminals = dict(file.terminals.items())
    bit, other = terminals["bit_line"], terminals[helper]
    names = file.matrix.mainframes
    nodes = {name: table.node for name, table in file.instruments.items()}
    if bit.instrument == other.instrument and nodes[bit.instrument] is None:
        return None
    make = getattr(plugins.driver(file.instruments[bit.instrument].driver), "scanner", None)
    if make is None or any(nodes[n] is None for n in (bit.instrument, other.instrument, *names)):
        return None

    def linked(name: str, channel: str = "") -> LinkedBox:
        return LinkedBox(drivers[name], nodes[name] or 0, channel)

    scanner: Scanner | None = make(
        linked(bit.instrument, bit.channel),
        linked(other.instrument, other.channel),
        {name if len(names) > 1 else "": linked(name) for name in names},
    )
    return None if scanner is None else LimitedScanner(scanner, safety, helper)


class LimitedScanner:
    """A :class:`labctl.instruments.Scanner` that gets nothing beyond the limits of the bench.

    Parameters
    ----------
    scanner
        What scans.
    safety
        The limits, and whether the bench is stopped.
    helper
        Name of the terminal that is driven besides the bit line.
    """

    def __init__(self, scanner: Scanner, safety: Safety, helper: str) -> None:
        self._scanner, self._safety = scanner, safety
        self._bit, self._helper = safety.bit_line, safety.terminals[helper]
        self.block, self.overhead, self.steps = scanner.block, scanner.overhead, scanner.steps

    def scan(
        self,
        present: frozenset[str],
        moves: Sequence[tuple[Sequence[str], Sequence[str]]],
        *,
        measured: float,
        driven: float,
        settle: tuple[float, float, float],
    ) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.float64]]:
        """Check the levels, and that the bench is not stopped; then scan.

        Raises
        ------
        LimitError
            For a level beyond the limits of its terminal.
        LatchedError
            Where the bench was stopped or switched off meanwhile.
        """
        self._bit.check_level(measured, "A scan")
        self._helper.check_level(driven, "A scan")
        if (reason := self._safety.latched) is not None or not self._safety.energised:
            raise LatchedError(
                f"The bench was brought to zero ({reason or 'outputs off'}) while cells were "
                "scanned. Look at the bench, acknowledge, and read them again."
            )
        result: Any = self._scanner.scan(
            present, moves, measured=measured, driven=driven, settle=settle
        )
        return result
