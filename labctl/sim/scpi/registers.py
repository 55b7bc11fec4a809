"""A SCPI status register: condition, event, enable and what makes an event.

Source: SCPI-99 volume 1, chapter 9 (status reporting), from memory.
"""

from __future__ import annotations

ALL = 0x7FFF
"""Bit 15 is never used, so that no register reads negative."""


class Register:
    """One of ``STATus:OPERation``, ``:QUEStionable``, ``:MEASurement``.

    Attributes
    ----------
    condition
        What is so now.
    event
        What has become so since it was last read.
    enable
        Which events show in the status byte.
    rising, falling
        Which changes of the condition make an event.
    """

    def __init__(self) -> None:
        self.condition = 0
        self.event = 0
        self.preset()

    def preset(self) -> None:
        """Do what ``STATus:PRESet`` does: nothing enabled, every rise is an event."""
        self.enable = 0
        self.rising, self.falling = ALL, 0

    def set(self, bit: int, on: bool) -> None:
        """Set a bit (its number, from 0) of the condition."""
        mask = 1 << bit
        self.assign(mask, mask if on else 0)

    def assign(self, mask: int, bits: int) -> None:
        """Set those bits of the condition that are in ``mask`` to what they are in ``bits``."""
        before = self.condition
        after = self.condition = before & ~mask | bits & mask
        self.event |= after & ~before & self.rising | before & ~after & self.falling

    def pulse(self, bit: int) -> None:
        """Let a condition come and go."""
        self.set(bit, True)
        self.set(bit, False)

    def read_event(self) -> int:
        """Return the events and forget them."""
        event, self.event = self.event, 0
        return event

    @property
    def summary(self) -> bool:
        """Whether an enabled event is there."""
        return bool(self.event & self.enable)
