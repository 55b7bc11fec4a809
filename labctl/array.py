"""What a procedure sees of the chip: cells to read, pulse and sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, overload, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

READ_VOLTAGE = 0.2
"""V on the bit line while reading; low enough not to disturb (Lin et al. 2025)."""
MOST_READ_VOLTAGE = 1.0
"""V; what is above it stresses a cell, and is a pulse or a sweep, which are counted."""
READ_GATE = 5.0
"""V on the word line while reading, so that the transistor is out of the way (Lin et al. 2025)."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """One programming pulse on a selected cell.

    A SET has ``bit_line > 0``; a RESET has ``source_line > 0``; the gate sets the current.

    Attributes
    ----------
    bit_line, source_line, gate
        V. One of ``bit_line`` and ``source_line`` is zero.
    width
        s.
    """

    bit_line: float
    source_line: float
    gate: float
    width: float

    @classmethod
    def set(cls, voltage: float, gate: float, width: float) -> Pulse:
        """Return a SET pulse: ``voltage`` (V) on the bit line."""
        return cls(voltage, 0.0, gate, width)

    @classmethod
    def reset(cls, voltage: float, gate: float, width: float) -> Pulse:
        """Return a RESET pulse: ``voltage`` (V) on the source line."""
        return cls(0.0, voltage, gate, width)


class PulseChoice(Sequence[Pulse]):
    """A pulse for each of many cells, out of a few: as good as the list, and quicker to look at.

    Parameters
    ----------
    kinds
        The different pulses.
    which
        int, shape (n,): the one each cell gets.
    """

    def __init__(self, kinds: Sequence[Pulse], which: NDArray[np.intp]) -> None:
        self.kinds = tuple(kinds)
        self.which = which

    def __len__(self) -> int:
        return len(self.which)

    @overload
    def __getitem__(self, at: int) -> Pulse: ...

    @overload
    def __getitem__(self, at: slice) -> PulseChoice: ...

    def __getitem__(self, at: int | slice) -> Pulse | PulseChoice:
        if isinstance(at, slice):
            return PulseChoice(self.kinds, self.which[at])
        return self.kinds[self.which[at]]


@dataclass(frozen=True, slots=True)
class Readings:
    """What a block of reads gave, in the order of the cells asked for.

    Attributes
    ----------
    cells
        int64, shape (n, 2): row, column.
    current
        float64, shape (n,), A.
    conductance
        float64, shape (n,), S; NaN where ``flag`` is not 0.
    flag
        uint8, shape (n,), bits of :class:`labctl.instruments.Flag`.
    time
        float64, shape (n,), bench time in s.
    pulse_flag
        uint8, shape (n,), bits of :class:`labctl.instruments.Flag`: how the pulse ended that came
        right before each reading (one in compliance did not put its whole voltage on the cell);
        None where no pulses were asked for. It says nothing against the reading.
    """

    cells: NDArray[np.int64]
    current: NDArray[np.float64]
    conductance: NDArray[np.float64]
    flag: NDArray[np.uint8]
    time: NDArray[np.float64]
    pulse_flag: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.current)


@dataclass(frozen=True, slots=True)
class Sweep:
    """One current-voltage curve of a cell.

    Attributes
    ----------
    voltage
        float64, shape (n,), V, bit line against source line.
    current
        float64, shape (n,), A, positive in SET direction.
    flag
        uint8, shape (n,).
    """

    voltage: NDArray[np.float64]
    current: NDArray[np.float64]
    flag: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Timing:
    """Estimated bench time of one operation, s.

    Attributes
    ----------
    read, pulse
        One read, and one pulse without its width; both with the relays moved once before.
    move
        One move of the relays, contained in ``pulse``; take it off where the cell stays selected.
    stay
        One read of a cell that stays selected; None where that is ``read - move``. (A block of
        cells that is only read may be scanned faster than cell by cell.)
    """

    read: float
    pulse: float
    move: float = 0.0
    stay: float | None = None

    def pulse_and_read(self, width: float) -> float:
        """Return the time of a pulse of ``width`` (s) and the read after it, relays moved once."""
        after = self.read - self.move if self.stay is None else self.stay
        return self.pulse + width + after


@dataclass(slots=True)
class Counters:
    """What an array has spent since it was opened.

    Attributes
    ----------
    reads, pulses
        Number of cell reads and programming pulses.
    limited_pulses
        How many of the pulses ended in compliance.
    relay_closures
        Number of relay closures.
    write_energy, read_energy
        J in the cells, from V^2 G t (device only; no periphery).
    """

    reads: int = 0
    pulses: int = 0
    relay_closures: int = 0
    write_energy: float = 0.0
    read_energy: float = 0.0
    limited_pulses: int = 0


@runtime_checkable
class CellArray(Protocol):
    """Cells of one chip. Implemented by the probed array and by the simulated one."""

    shape: tuple[int, int]
    timing: Timing
    counters: Counters

    def now(self) -> float:
        """Return the bench time, s."""
        ...

    def read(
        self, cells: ArrayLike, voltage: float = READ_VOLTAGE, gate: float = READ_GATE
    ) -> Readings:
        """Read cells one after the other.

        Parameters
        ----------
        cells
            int, shape (n, 2): row, column.
        voltage, gate
            V on the bit line and the word line.
        """
        ...

    def pulse(
        self,
        cells: ArrayLike,
        pulses: Pulse | Sequence[Pulse],
        read: float | None = None,
    ) -> Readings | None:
        """Apply one pulse to each cell: the same one to all, or one per cell.

        Parameters
        ----------
        cells
            int, shape (n, 2); a cell may occur more than once.
        pulses
            One pulse for all, or as many as cells.
        read
            Voltage (V) of a read right after each pulse, while the relays are still there; None
            reads nothing and returns None.

        Raises
        ------
        LimitError
            Before anything is applied, where one pulse is beyond a limit or shorter than the
            source can make.
        """
        ...

    def check(self, pulses: Sequence[Pulse]) -> None:
        """Raise LimitError where a pulse is impossible or forbidden; nothing is applied."""
        ...

    def sweep(
        self, cell: tuple[int, int], voltages: Sequence[float], gate: float, dwell: float
    ) -> Sweep:
        """Step one cell through voltages (V), each held for ``dwell`` (s).

        A positive voltage goes on the bit line, a negative one, as its magnitude, on the source
        line.
        """
        ...


@runtime_checkable
class RepeatedReads(Protocol):
    """What an array may offer besides: the same cells read several times over at one go."""

    def read_passes(
        self,
        cells: ArrayLike,
        passes: int,
        voltage: float = READ_VOLTAGE,
        gate: float = READ_GATE,
    ) -> NDArray[np.float64]:
        """Read cells ``passes`` times, each time all of them.

        Returns
        -------
        NDArray
            float64, shape (passes, n), S; NaN where a reading failed.
        """
        ...


def read_passes(
    array: CellArray, cells: ArrayLike, passes: int, voltage: float = READ_VOLTAGE
) -> NDArray[np.float64]:
    """Read cells several times over, at one go where the array offers that.

    Returns
    -------
    NDArray
        float64, shape (passes, n), S; NaN where a reading failed.
    """
    if isinstance(array, RepeatedReads):
        return array.read_passes(cells, passes, voltage)
    return np.stack([array.read(cells, voltage).conductance for _ in range(passes)])


@runtime_checkable
class AnalogueArray(Protocol):
    """What an array may offer besides: products of vectors and conductances, in one go."""

    def product(
        self,
        inputs: ArrayLike,
        rows: ArrayLike,
        columns: ArrayLike,
        voltage: float = READ_VOLTAGE,
    ) -> NDArray[np.float64]:
        """Drive bit lines together and take the currents that word lines' cells add up to.

        Parameters
        ----------
        inputs
            float, shape (n, columns), -1 to 1: of ``voltage``.
        rows, columns
            int: which word lines and which bit lines, each once.
        voltage
            V on a bit line whose input is 1.

        Returns
        -------
        NDArray
            float64, shape (n, rows), S: the current over ``voltage``, as it is converted; ideally
            ``inputs @ conductance.T``.

        Raises
        ------
        LimitError
            For inputs beyond -1 to 1, or a chip whose lines do not allow it.
        """
        ...

    def check_product(self, rows: ArrayLike, columns: ArrayLike) -> None:
        """Raise LimitError where there can be no product of these lines; nothing is applied."""
        ...
