"""Which events of a Keithley 2450 set and clear the bits of its status registers.

Source: *Model 2450 Reference Manual* (2450-901-01), ``:STATus:OPERation:MAP`` and appendix C (event
numbers).
"""

from __future__ import annotations

from collections.abc import Mapping

from labctl.sim.scpi import Register

ABORTED, FAILED, STARTED, COMPLETED = 2728, 2730, 2731, 2732
"""Events of the trigger model."""
BUFFER_EMPTY, BUFFER_FULL = 4917, 4918
"""Events of the default buffers."""


class EventMap:
    """Sets the bits of registers as events come."""

    def __init__(self, registers: Mapping[str, Register]) -> None:
        self._registers = registers
        self._kept: dict[tuple[str, int], tuple[int, int]] = {}

    def get(self, name: str, bit: int) -> tuple[int, int]:
        """Return the events that set and clear a bit; 0: none."""
        return self._kept.get((name, bit), (0, 0))

    def put(self, name: str, bit: int, rises: int, falls: int) -> None:
        """Choose the events that set and clear a bit."""
        self._kept[(name, bit)] = (rises, falls)

    def clear(self) -> None:
        """Map no event."""
        self._kept.clear()

    def happened(self, event: int) -> None:
        """Take an event."""
        for (name, bit), (rises, falls) in self._kept.items():
            if event == rises:
                self._registers[name].set(bit, True)
            elif event == falls:
                self._registers[name].set(bit, False)
