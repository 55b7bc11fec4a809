"""What labctl asks of an instrument: the protocols that every driver implements.

A driver is a class in a module of the namespace package ``drivers``. A driver module has

``MODELS``
    Table of :class:`SourceMeterAbility` or :class:`MatrixAbility` by model.
``abilities(model)``
    One entry of it, or None.
``open_instrument(address, model, visa_library, timeout)``
    Connects and returns a :class:`Driver`; sends nothing but ``*IDN?``.
``safe_messages(model)``
    The :class:`SafeMessages` of a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntFlag
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


class Flag(IntFlag):
    """Why a reading may not be taken as data; 0 is a good one."""

    OK = 0
    COMPLIANCE = 1
    OVERFLOW = 2
    RANGE = 4
    """The measurement range limited (range compliance) before the compliance that was set."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured current.

    Attributes
    ----------
    current
        A, positive into the terminal of the source meter.
    flag
        Compliance or overflow; such a reading is never a conductance.
    """

    current: float
    flag: Flag = Flag.OK


@dataclass(frozen=True, slots=True)
class Identity:
    """What an instrument says of itself (``*IDN?``)."""

    vendor: str
    model: str
    serial: str
    firmware: str

    @classmethod
    def parse(cls, answer: str) -> Identity:
        """Take an ``*IDN?`` answer apart; missing fields become empty.

        Examples
        --------
        >>> Identity.parse("Keithley Instruments Inc., Model 2636B, 4012345, 3.2.2").model
        '2636B'
        """
        fields = [part.strip() for part in answer.split(",", 3)]
        fields += [""] * (4 - len(fields))
        model = fields[1].upper().removeprefix("MODEL").strip()
        return cls(fields[0], model, fields[2], fields[3])

    def __str__(self) -> str:
        return f"{self.vendor} {self.model} (serial {self.serial}, firmware {self.firmware})"


@dataclass(frozen=True, slots=True)
class SourceMeterAbility:
    """What a model of source meter can do, known without asking it.

    Attributes
    ----------
    channels
        Names of its channels in a bench file.
    max_voltage, max_current
        Largest level (V) and compliance (A) of a channel.
    min_compliance
        Smallest compliance, A.
    shortest_pulse
        Shortest useful pulse, s.
    overhead
        Bench time of one command, s, as of :class:`SourceMeter`; for estimates without it.
    """

    channels: tuple[str, ...]
    max_voltage: float
    max_current: float
    min_compliance: float
    shortest_pulse: float
    overhead: float = 1e-3

    def with_channels(self, *channels: str) -> SourceMeterAbility:
        """Return the same ability with other channels."""
        return replace(self, channels=channels)


@dataclass(frozen=True, slots=True)
class MatrixAbility:
    """What a model of switch matrix has.

    Attributes
    ----------
    rows
        Its row letters.
    slots
        Cards it takes.
    columns
        Columns of a card.
    life
        Closures a relay is rated for, without a load.
    """

    rows: str
    slots: int
    columns: int
    life: float = 1e8


@dataclass(frozen=True, slots=True)
class SafeMessages:
    """What makes one instrument safe, as bare messages.

    A second process, or a second session, sends these where the driver cannot be asked any more.
    None of them but ``confirm`` has an answer, and each works in every state of the instrument.

    Attributes
    ----------
    break_off
        Ends what runs, where the connection has no device clear (a raw socket).
    zero, off
        Level to 0 V, and output off, by channel name as in a bench file; empty for a matrix.
    open_all
        Opens every relay; empty for a source meter.
    confirm
        Query that is answered once all messages before it are done; empty where there is none.
    """

    break_off: tuple[str, ...] = ()
    zero: dict[str, tuple[str, ...]] = field(default_factory=dict)
    off: dict[str, tuple[str, ...]] = field(default_factory=dict)
    open_all: tuple[str, ...] = ()
    confirm: str = "*OPC?"


@runtime_checkable
class SourceMeter(Protocol):
    """One channel that forces a voltage and measures a current.

    ``force``, ``measure``, ``pulse`` and ``sweep`` return only when the instrument has done what
    was asked, so that the next command to another instrument finds the level there.
    """

    max_voltage: float
    """Largest level the model can force, V."""
    max_current: float
    """Largest compliance the model has, A."""
    min_compliance: float
    """Smallest compliance the model has, A."""
    shortest_pulse: float
    """Shortest useful pulse of the model, s."""
    line_frequency: float
    """Power-line frequency that NPLC counts in, Hz."""
    overhead: float
    """Bench time one command takes besides its pulse, settling and integration, s."""

    def prepare(self, *, compliance: float, nplc: float, current_range: float) -> None:
        """Set compliance (A), integration time (power-line cycles) and current range (A).

        Leaves the level at 0 V. Raises InstrumentError where the values read back differ.
        """
        ...

    def set_limits(self, *, voltage: float, current: float) -> None:
        """Write the bench file's limits (V, A) to the instrument's own, where it has such."""
        ...

    def output(self, on: bool) -> None:
        """Switch the output; always at 0 V."""
        ...

    def force(self, voltage: float, settle: float = 0.0) -> Flag:
        """Bring the terminal to ``voltage`` (V), wait ``settle`` (s); tell whether limited."""
        ...

    def measure(self, voltage: float, settle: float) -> Reading:
        """Force ``voltage`` (V), wait ``settle`` (s), measure, and return to 0 V."""
        ...

    def pulse(self, voltage: float, width: float) -> Reading:
        """Force ``voltage`` (V) for ``width`` (s), return to 0 V; no current is measured.

        The flag of the reading returned tells whether the pulse ended in compliance; its
        current is not a number.
        """
        ...

    def sweep(self, voltages: Sequence[float], dwell: float) -> tuple[NDArray[np.float64], Any]:
        """Force each voltage (V) for ``dwell`` (s) and measure; end at 0 V.

        Returns currents, shape (n,), A, and flags, shape (n,), uint8.
        """
        ...

    def interlock(self) -> bool | None:
        """Tell whether the interlock is closed; None where the instrument cannot say."""
        ...

    def off(self) -> None:
        """Level to 0 V, then output off. Works from any state."""
        ...


@runtime_checkable
class SwitchMatrix(Protocol):
    """Relays between rows (source-meter terminals) and columns (chip pads).

    A crosspoint is a string in the matrix's own notation, for example ``"1A01"`` on a 707B.
    """

    settling: float
    """Bench time one ``move`` takes, s."""
    life: float
    """Closures a relay is rated for, without a load."""

    def crosspoint(self, row: str, slot: int, column: int) -> str:
        """Name the crosspoint of a row letter, a slot (from 1) and a column (from 1)."""
        ...

    def has(self, row: str, slot: int, column: int) -> bool:
        """Tell whether the model can have such a crosspoint."""
        ...

    def move(self, opened: Sequence[str], closed: Sequence[str]) -> None:
        """Open, then close the crosspoints named, and wait until they have settled."""
        ...

    def closed(self) -> frozenset[str]:
        """Ask the matrix which crosspoints are closed."""
        ...

    def open_all(self) -> None:
        """Open every relay."""
        ...

    def forbid(self, crosspoints: Sequence[str]) -> None:
        """Have the matrix itself refuse these crosspoints, where it can."""
        ...

    def closures(self, crosspoints: Sequence[str]) -> dict[str, int] | None:
        """Return the closures the matrix itself has counted; None where it does not count."""
        ...


class Driver(Protocol):
    """One connected instrument, whatever its channels."""

    identity: Identity

    def channel(self, name: str) -> SourceMeter:
        """Return a source-meter channel by its name in the bench file (``"a"``, ``"b"``)."""
        ...

    def self_check(self) -> list[str]:
        """Drain the error queue; one line per error."""
        ...

    def self_test(self) -> list[str]:
        """Run the self-test (``*TST?``), outputs off; one line per fault."""
        ...

    def abort(self) -> None:
        """Break off whatever runs, by device clear; keeps the connection."""
        ...

    def close(self) -> None:
        """Close the connection; no command is sent."""
        ...


@dataclass(frozen=True, slots=True)
class LinkedBox:
    """An instrument that others reach over a link of their own (TSP-Link).

    Attributes
    ----------
    driver
        The connected instrument.
    node
        Its number on the link.
    channel
        Its source-meter channel as in the bench file; empty for a matrix.
    """

    driver: Driver
    node: int
    channel: str = ""


class Scanner(Protocol):
    """Reads blocks of cells by a script inside the instruments: relays, levels, measurement.

    A driver module may have a function ``scanner(meter, driver, mainframes)`` that makes one, or
    returns None where these instruments cannot: ``meter`` and ``driver`` are the
    :class:`LinkedBox` of the source meter that measures and of the other one that is driven,
    ``mainframes`` those of the matrix by name (by ``""`` where there is one, whose crosspoints
    have no name before them).
    """

    block: int
    """Most cells of one call."""
    overhead: float
    """Bench time of one cell besides its relays, settling and integration, s."""
    steps: int
    """Settling times of the relays that a move takes where it changes one line only."""

    def scan(
        self,
        present: frozenset[str],
        moves: Sequence[tuple[Sequence[str], Sequence[str]]],
        *,
        measured: float,
        driven: float,
        settle: tuple[float, float, float],
    ) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.float64]]:
        """Select and read one cell after the other; all levels are at 0 V before and after each.

        Parameters
        ----------
        present
            Crosspoints that are closed now.
        moves
            Of each cell: crosspoints to open, crosspoints to close.
        measured, driven
            Level of the source meter that measures and of the other one, V. The other goes first
            and comes back last.
        settle
            s waited after the driven level, after the measured one, and after both are back at
            0 V, before the next relay moves.

        Returns
        -------
        currents, flags, times
            float64 (A, NaN where there is none), uint8 (bits of :class:`Flag`), float64 (s before
            the end of the call), each of shape (n,).

        Raises
        ------
        InstrumentError
            Where an instrument reports an error; nothing of the block is to be used.
        """
        ...
