"""Levels that terminals hold while a cell is pulsed or read."""

from __future__ import annotations

from collections.abc import Mapping

from labctl.inhibit import Levels
from labctl.instruments import Flag
from labctl.safety import Terminal

_LAST = "word_line"
"""The gate goes back to 0 V last."""


class Levelled:
    """The terminals that are not at 0 V, and how they get there and back.

    Parameters
    ----------
    terminals
        By name.
    """

    def __init__(self, terminals: Mapping[str, Terminal]) -> None:
        self._terminals = terminals
        self._held: dict[str, tuple[float, Flag]] = {}
        self._wait = 0.0  # s that lines need which are at 0 V already

    def hold(self, levels: Levels) -> Flag:
        """Bring terminals to their levels (V), all others to 0 V; tell whether one is limited.

        What has another level goes to 0 V first; what has its level already is left alone.
        """
        held = self._held
        if held:
            names = [name for name, _ in levels]
            for name in sorted(held, key=_LAST.__eq__):
                if name not in names:
                    self._zero(name, self._terminals[name].table.settle)
        flag = Flag.OK
        for name, level in levels:
            present = held.get(name)
            if present is None or present[0] != level:
                terminal = self._terminals[name]
                held[name] = (level, Flag.COMPLIANCE)  # unknown until it has answered
                limited = terminal.meter.force(level, terminal.table.settle)
                present = held[name] = (level, limited)
            if present[1] is not Flag.OK:
                flag |= present[1]
        return flag

    def wait(self, seconds: float) -> None:
        """Note that a line just came back to 0 V, which needs ``seconds`` to discharge."""
        if seconds > self._wait:
            self._wait = seconds

    def release(self) -> None:
        """Bring everything to 0 V, the gate last, and wait until all lines have discharged."""
        names = sorted(self._held, key=_LAST.__eq__)
        for name in names:
            self.wait(self._terminals[name].table.settle)
        for name in names[:-1]:
            self._zero(name, 0.0)
        if names:
            self._zero(names[-1], self._wait)
        elif self._wait:
            self._terminals[_LAST].meter.force(0.0, self._wait)
        self._wait = 0.0

    def forget(self) -> None:
        """Take it that everything is at 0 V: somebody brought it there."""
        self._held.clear()
        self._wait = 0.0

    def _zero(self, name: str, settle: float) -> None:
        self._terminals[name].meter.force(0.0, settle)
        self._held.pop(name, None)  # a stop from another thread may have forgotten it already
