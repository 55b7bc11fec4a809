"""The plug-in matrices of the Keysight 34980A and 34970A, and how their channels are numbered.

Source: *34980A Multifunction Switch/Measure Unit User's Guide* (34980-90005) and *34970A User's
Guide* (34970-90003), descriptions of the modules. The two 4x16 matrices of a 34932A have their
rows joined on its terminal block, so that it is one of 4x32: channels 101 to 416 are its columns 1
to 16, channels 501 to 816 its columns 17 to 32. Analog bus relays lead nowhere here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from labctl.sim.instruments.relays import Crosspoint

BUS = 900
"""Channels from here on are analog bus relays."""
_BUS_RELAYS = range(921, 925)


class Module(ABC):
    """One kind of plug-in.

    Attributes
    ----------
    model, layout, description
        What the mainframe tells of it.
    rows, columns
        As seen from the bench.
    """

    model: str
    layout: str
    description: str
    rows: int
    columns: int

    @abstractmethod
    def point(self, slot: int, channel: int) -> Crosspoint | None:
        """Return the crosspoint of a channel number without its slot; None: no such channel."""

    @abstractmethod
    def channel(self, point: Crosspoint) -> int:
        """Return the channel number of a crosspoint, without its slot."""

    def channels(self) -> list[int]:
        """Return all channel numbers but those of bus relays, ascending."""
        every = [
            self.channel((1, row, column))
            for row in range(self.rows)
            for column in range(1, self.columns + 1)
        ]
        return sorted(every)


class DualMatrix(Module):
    """34932A: two matrices of 4 rows by 16 columns, armature relays."""

    model, layout, rows, columns = "34932A", "8x16", 4, 32
    description = "Dual 4x16 Armature Matrix"
    _half = 16

    def point(self, slot: int, channel: int) -> Crosspoint | None:
        """Return the crosspoint of ``rcc``."""
        if channel in _BUS_RELAYS:
            return slot, channel - _BUS_RELAYS.start, channel
        row, column = divmod(channel, 100)
        if not (1 <= row <= 2 * self.rows and 1 <= column <= self._half):
            return None
        second, line = divmod(row - 1, self.rows)
        return slot, line, column + second * self._half

    def channel(self, point: Crosspoint) -> int:
        """Return ``rcc``."""
        _, row, column = point
        if column > BUS:
            return column
        second, rest = divmod(column - 1, self._half)
        return (row + 1 + second * self.rows) * 100 + rest + 1


class DenseMatrix(Module):
    """34934A with a terminal block that makes it 4 rows by 128 columns, reed relays."""

    model, layout, rows, columns = "34934A", "4x128", 4, 128
    description = "Quad 4x32 Reed Matrix"

    def point(self, slot: int, channel: int) -> Crosspoint | None:
        """Return the crosspoint of ``100 + 200 * (row - 1) + column``."""
        row, column = divmod(channel - 101, 200)
        return (slot, row, column + 1) if 0 <= row < self.rows and column < self.columns else None

    def channel(self, point: Crosspoint) -> int:
        """Return ``100 + 200 * (row - 1) + column``."""
        return 100 + 200 * point[1] + point[2]


class SmallMatrix(Module):
    """34904A of a 34970A: 4 rows by 8 columns."""

    model, layout, rows, columns = "34904A", "4x8", 4, 8
    description = "4x8 Two-Wire Matrix Switch"

    def point(self, slot: int, channel: int) -> Crosspoint | None:
        """Return the crosspoint of ``rc``."""
        row, column = divmod(channel, 10)
        return (slot, row - 1, column) if 1 <= row <= 4 and 1 <= column <= 8 else None

    def channel(self, point: Crosspoint) -> int:
        """Return ``rc``."""
        return (point[1] + 1) * 10 + point[2]


class Frame:
    """A mainframe and what is in its slots.

    Parameters
    ----------
    modules
        By slot, from 1.
    digits
        Of a channel number behind that of its slot.
    """

    def __init__(self, modules: dict[int, Module], digits: int) -> None:
        self.modules, self.digits = modules, digits
        self._size = 10**digits

    def point(self, number: int) -> Crosspoint | None:
        """Return the crosspoint of a channel number with its slot (``1101``); None: none."""
        slot, channel = divmod(number, self._size)
        module = self.modules.get(slot)
        return module.point(slot, channel) if module is not None else None

    def number(self, point: Crosspoint) -> int:
        """Return the channel number of a crosspoint, with its slot."""
        return point[0] * self._size + self.modules[point[0]].channel(point)

    def slot_of(self, number: int) -> int:
        """Return the slot in a channel number, whether or not there is one."""
        return number // self._size

    def is_bus(self, number: int) -> bool:
        """Tell whether a channel is an analog bus relay."""
        return self.digits == 3 and number % self._size > BUS

    def span(self, first: int, last: int) -> list[int]:
        """Return the channels that exist from one to another, bus relays left out."""
        slots = range(self.slot_of(first), self.slot_of(last) + 1)
        return [
            number
            for slot in slots
            if slot in self.modules
            for channel in self.modules[slot].channels()
            if first <= (number := slot * self._size + channel) <= last
        ]
