"""Status register sets in a tree: condition, transitions, event, enable, and who they sum up to.

Source: *Series 2600B Reference Manual* (2600BS-901-01), "Status model" and ``status.*``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from labctl.sim.tsp.host import Attribute, LuaHost
from labctl.sim.tsp.values import within

ALL_BITS = 32767


@dataclass
class RegisterSet:
    """One register set.

    Attributes
    ----------
    names
        Bit number by the name of its constant.
    parent, bit
        Where the summary of the enabled events goes.
    condition, event, enable, ptr, ntr
        The registers; the last two tell which transitions of a condition make an event.
    """

    names: Mapping[str, int]
    parent: RegisterSet | None = None
    bit: int = 0
    condition: int = 0
    event: int = 0
    enable: int = 0
    ptr: int = ALL_BITS
    ntr: int = 0
    told: Callable[[], None] | None = field(default=None, repr=False)

    def put(self, bit: int, on: bool) -> None:
        """Set one bit of the condition."""
        mask = 1 << bit
        if bool(self.condition & mask) == on:
            return
        self.condition ^= mask
        if mask & (self.ptr if on else self.ntr) and not self.event & mask:
            self.event |= mask
            self._sum_up()

    def flash(self, bit: int) -> None:
        """Set one bit of the condition and clear it at once."""
        self.put(bit, True)
        self.put(bit, False)

    def take_event(self) -> int:
        """Return the event register and clear it."""
        event, self.event = self.event, 0
        self._sum_up()
        return event

    def set_enable(self, value: int) -> None:
        """Choose the events that count in the summary."""
        self.enable = value
        self._sum_up()

    def clear(self) -> None:
        """Forget the events."""
        self.event = 0
        self._sum_up()

    def reset(self) -> None:
        """Enable nothing, forget the events, every rise an event and no fall."""
        self.enable, self.ptr, self.ntr = 0, ALL_BITS, 0
        self.clear()

    @property
    def summary(self) -> bool:
        """Whether an enabled event is there."""
        return bool(self.event & self.enable)

    def _sum_up(self) -> None:
        if self.parent is not None:
            self.parent.put(self.bit, self.summary)
        if self.told is not None:
            self.told()


class RegisterTree:
    """All register sets of an instrument by path under ``status``.

    Parameters
    ----------
    table
        Per path: bit names, path of the parent, and bit in it. Parents first; without a parent
        ("") the bit is one of the status byte.
    refresh
        Called before anything is read, to bring the conditions up to date.
    """

    def __init__(
        self,
        table: Mapping[str, tuple[Mapping[str, int], str, int]],
        refresh: Callable[[], None],
    ) -> None:
        self.sets: dict[str, RegisterSet] = {}
        self._refresh = refresh
        for path, (names, parent, bit) in table.items():
            self.sets[path] = RegisterSet(names, self.sets.get(parent), bit)

    def __getitem__(self, path: str) -> RegisterSet:
        return self.sets[path]

    def build(self, host: LuaHost) -> None:
        """Add the nodes; ``status`` must be there, and those of the table come parents first."""
        for path, register in self.sets.items():
            constants = {name: 1 << bit for name, bit in register.names.items()}
            host.node(f"status.{path}", constants, self._attributes(register))

    def reset(self) -> None:
        """Do what ``status.reset()`` does."""
        for register in reversed(self.sets.values()):
            register.reset()

    def clear(self) -> None:
        """Forget all events (``*CLS``)."""
        for register in reversed(self.sets.values()):
            register.clear()

    def byte(self) -> int:
        """Return the bits that the sets without parent put into the status byte."""
        value = 0
        for register in self.sets.values():
            if register.parent is None and register.summary:
                value |= 1 << register.bit
        return value

    def enabled(self) -> bool:
        """Tell whether any event can reach the status byte."""
        return any(r.enable for r in self.sets.values() if r.parent is None)

    def _attributes(self, register: RegisterSet) -> dict[str, Attribute]:
        def condition() -> int:
            self._refresh()
            return register.condition

        def event() -> int:
            self._refresh()
            return register.take_event()

        def putter(name: str) -> Callable[[Any], None]:
            return lambda value: setattr(register, name, int(within(value, 0, ALL_BITS)))

        return {
            "condition": Attribute(condition),
            "event": Attribute(event),
            "enable": Attribute(
                lambda: register.enable,
                lambda value: register.set_enable(int(within(value, 0, ALL_BITS))),
            ),
            "ptr": Attribute(lambda: register.ptr, putter("ptr")),
            "ntr": Attribute(lambda: register.ntr, putter("ntr")),
        }
