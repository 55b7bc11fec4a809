"""What the relays and the source meters make of the chip: nets, levels, currents.

A net is a row of the switch matrix (number 0 for row A, and so on). Every source meter and the
ground sit on one net each; closing a crosspoint puts a pad of the chip on a net. The chip's state
evolves lazily: right before anything changes, and before any current is asked for. While no bit
or source line has a level, nothing can flow and no cell can change; the chip is then told of
relays and levels only when that ends. (In a passive array, word lines count as such lines.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import copysign, inf, isnan, nan
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from labctl.clock import VirtualClock
from labctl.sim.hookup import Pad

NETS = 14
"""One for each row of the widest matrix, A to N."""
MOST_VIOLATIONS = 10_000
"""Records kept; :attr:`Circuit.violation_count` goes on counting."""
HOT_LEVEL = 1e-3
"""Level of a source, V, above which a moving relay counts as switched hot."""
HOT_CURRENT = 1e-9
"""Current of a net, A, above which a moving relay counts as switched hot."""


class ChipLike(Protocol):
    """What the circuit asks of a chip (:class:`labctl.sim.chip.Chip`)."""

    def connect(
        self, word: NDArray[np.int8], bit: NDArray[np.int8], source: NDArray[np.int8]
    ) -> None:
        """Put every line on a net, -1 = floating."""
        ...

    def drive(
        self,
        voltage: NDArray[np.float64],
        limit: NDArray[np.float64],
        reaction: NDArray[np.float64],
    ) -> None:
        """Set level (V, NaN = not driven), current limit (A) and its delay (s) of every net."""
        ...

    def elapse(self, seconds: float) -> None:
        """Let the state evolve."""
        ...

    def currents(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the current into each net (A) and whether it is at its limit."""
        ...

    def potentials(self) -> NDArray[np.float64]:
        """Return the voltage of each net (V)."""
        ...


@dataclass(frozen=True, slots=True)
class Violation:
    """Something a careful operator does not do (``kind``), when (bench s), and the details.

    ``kind`` is "hot switch", "two sources on one column" or "floating word line".
    """

    kind: str
    time: float
    text: str


class Circuit:
    """The electrical state of one bench.

    Parameters
    ----------
    chip
        The chip.
    shape
        Number of word, bit and source lines; without source lines the word lines carry current.
    clock
        Bench time.
    ground
        Net that is wired to ground, or None.
    """

    def __init__(
        self, chip: ChipLike, shape: tuple[int, int, int], clock: VirtualClock, ground: int | None
    ) -> None:
        self.chip = chip
        self.violations: list[Violation] = []
        self.violation_count = 0
        self._clock = clock
        self._at = clock.now()
        self._lines: dict[str, NDArray[np.int8]] = {
            kind: np.full(count, -1, dtype=np.int8)
            for kind, count in zip(("WL", "BL", "SL"), shape, strict=True)
        }
        self._closed: dict[Pad, int] = {}  # nets of each pad, as bits
        self._carrying = ("BL", "SL") if shape[2] else ("WL", "BL")
        self._floating_words = shape[0] if shape[2] else 0
        self._voltage = np.full(NETS, nan)
        self._limit = np.full(NETS, inf)
        self._reaction = np.zeros(NETS)
        self._levels = [nan] * NETS  # as _voltage, quicker to look at
        self._limits = [inf] * NETS  # as _limit
        self._places = {kind: line.tolist() for kind, line in self._lines.items()}  # as _lines
        self._live: set[int] = set()  # nets with a level other than zero
        self._ground = ground
        self._master = list(range(NETS))  # nets tied together through a pad have one master
        self._sources: set[int] = set()  # nets with a source meter or ground on them
        self._tied = False
        self._loads = [0] * NETS  # lines that can carry current, on each net
        self._quiet = True  # no such line has a level: nothing flows, nothing changes
        self._moved = True  # whether the chip has yet to be told of relays
        self._flow: tuple[list[float], list[bool]] | None = None
        self._flow_at = -1.0
        if ground is not None:
            self._sources.add(ground)
            self._voltage[ground] = self._levels[ground] = 0.0
        self._tell()

    # -- source meters -------------------------------------------------------------------------

    def attach(self, net: int, reaction: float) -> None:
        """Say that a source meter sits on ``net`` and needs ``reaction`` (s) to limit."""
        self._sources.add(net)
        self._reaction[net] = reaction

    def drive(self, net: int, voltage: float, limit: float) -> None:
        """Set level (V, NaN = disconnected) and current limit (A) of a source meter."""
        old = self._levels[net]
        same = old == voltage or (old != old and voltage != voltage)
        if same and self._limits[net] == limit:
            return
        if not self._quiet:
            self.elapse()
        self._levels[net] = voltage
        self._voltage[net] = voltage
        self._limit[net] = self._limits[net] = limit
        if voltage and voltage == voltage:
            self._live.add(net)
        else:
            self._live.discard(net)
        self._flow = None
        if self._floating_words and abs(voltage) > HOT_LEVEL:
            self._check_floating(net)
        if self._tied:
            self._tie()
        if self._quiet and not self._loads[net] and not self._tied:
            return
        self._changed()

    def measure(self, net: int) -> tuple[float, bool]:
        """Return the current from its source into ``net`` (A), and if it is at its limit."""
        currents, limited = self._currents()
        master = self._master[net]
        if master == net:
            return currents[net], limited[net]
        difference = self._levels[net] - self._levels[master]
        if isnan(difference) or difference == 0.0:
            return 0.0, False
        return copysign(self._limits[net], difference), True

    def level(self, net: int) -> float:
        """Return the voltage of a net (V): its level, or where its load holds it at its limit."""
        master = self._master[net]
        if master != net:
            return self._levels[master]
        if self.measure(net)[1] or isnan(self._levels[net]):
            self._tell()
            return float(self.chip.potentials()[net])
        return self._levels[net]

    # -- relays --------------------------------------------------------------------------------

    def move(
        self,
        opened: Iterable[tuple[Pad, int]],
        closed: Iterable[tuple[Pad, int]],
        stick: bool = False,
    ) -> set[tuple[Pad, int]]:
        """Open, then close contacts between pads and nets, at one instant.

        Returns those that moved under a level or a current; with ``stick`` they do not open.
        """
        opened, closed = list(opened), list(closed)
        hot: set[tuple[Pad, int]] = set()
        if not self._quiet:
            self.elapse()
        if self._live:
            hot = self._check_hot([*opened, *closed])
            if stick:
                opened = [contact for contact in opened if contact not in hot]
        contacts, touched, several = self._closed, {}, 0
        for pad, net in opened:
            touched[pad] = contacts[pad] = contacts.get(pad, 0) & ~(1 << net)
        for pad, net in closed:
            touched[pad] = contacts[pad] = contacts.get(pad, 0) | 1 << net
        for bits in touched.values():
            several |= bits & (bits - 1)
        if self._tied or several:
            self._check_tied(closed)
            self._tie()
        for pad in touched:
            self._place(pad)
        self._flow = None
        self._moved = True
        self._changed()
        return hot

    def elapse(self) -> None:
        """Bring the chip's state up to the present bench time."""
        now = self._clock.now()
        passed = now - self._at
        if passed > 0.0:
            self._at = now
            self.chip.elapse(passed)

    # -- inside --------------------------------------------------------------------------------

    def _changed(self) -> None:
        """Tell the chip of a change, unless nothing flows before and after it."""
        loads = self._loads
        quiet = True
        for net in self._live:
            if loads[net]:
                quiet = False
                break
        if not (quiet and self._quiet):
            self._quiet = quiet
            self._tell()

    def _tell(self) -> None:
        self.elapse()
        if self._moved:
            lines = self._lines
            self.chip.connect(lines["WL"], lines["BL"], lines["SL"])
            self._moved = False
        self.chip.drive(self._voltage, self._limit, self._reaction)

    def _currents(self) -> tuple[list[float], list[bool]]:
        if self._quiet:
            return _NOTHING
        now = self._clock.now()
        if self._flow is None or self._flow_at != now:
            self.elapse()
            currents, limited = self.chip.currents()
            self._flow = currents.tolist(), limited.tolist()
            self._flow_at = now
        return self._flow

    def _place(self, pad: Pad) -> None:
        """Put a line on the master of the nets its pad is connected to."""
        kind, number = pad
        places = self._places.get(kind)
        if places is None or not 0 <= number < len(places):
            return  # a matrix column that leads to no pad of this chip
        bits = self._closed[pad]
        net = self._master[(bits & -bits).bit_length() - 1] if bits else -1
        before = places[number]
        if kind not in self._carrying:
            self._floating_words += (net < 0) - (before < 0)
        else:
            if before >= 0:
                self._loads[before] -= 1
            if net >= 0:
                self._loads[net] += 1
        places[number] = self._lines[kind][number] = net

    def _tie(self) -> None:
        """Find the nets that pads tie together, and which of them wins: the strongest source."""
        tied = [bits for bits in self._closed.values() if bits & (bits - 1)]
        self._tied = bool(tied)
        if not tied:
            if self._master != _ALONE:
                self._master = list(_ALONE)
                self._place_all()
            return
        groups: list[int] = []
        for bits in tied:
            for other in [group for group in groups if group & bits]:
                groups.remove(other)
                bits |= other
            groups.append(bits)
        master = list(_ALONE)
        for group in groups:
            members = [net for net in range(NETS) if group >> net & 1]
            best = max(members, key=self._strength)
            for net in members:
                master[net] = best
        if master != self._master:
            self._master = master
            self._place_all()

    def _strength(self, net: int) -> float:
        if net == self._ground:
            return inf
        return -1.0 if isnan(self._levels[net]) else self._limits[net]

    def _place_all(self) -> None:
        for pad in self._closed:
            self._place(pad)
        self._moved = True

    def _check_hot(self, contacts: list[tuple[Pad, int]]) -> set[tuple[Pad, int]]:
        """Record and return contacts that are about to move under a level or a current."""
        hot = set()
        levels, currents = self._levels, self._currents()[0]
        for pad, net in contacts:
            if abs(levels[net]) > HOT_LEVEL or abs(currents[net]) > HOT_CURRENT:
                level, current = levels[net], currents[net]
                where = f"row {_letter(net)} at {level:g} V, {current:g} A, pad {_name(pad)}"
                self._record("hot switch", where)
                hot.add((pad, net))
        return hot

    def _check_tied(self, closed: list[tuple[Pad, int]]) -> None:
        """Record columns on which the contacts just closed join two sources."""
        for pad in dict.fromkeys(pad for pad, _ in closed):
            bits = self._closed[pad]
            joined = [net for net in self._sources if bits >> net & 1] if bits & (bits - 1) else []
            if len(joined) > 1:
                rows = ", ".join(_letter(net) for net in sorted(joined))
                self._record("two sources on one column", f"rows {rows} on pad {_name(pad)}")

    def _check_floating(self, net: int) -> None:
        """Record word lines that float while a bit or source line gets a level."""
        lines = self._lines
        if not ((lines["BL"] == net).any() or (lines["SL"] == net).any()):
            return
        floating = np.flatnonzero(lines["WL"] < 0)
        shown = ", ".join(str(k) for k in floating[:8].tolist())
        self._record(
            "floating word line",
            f"word lines {shown} float while row {_letter(net)} is at {self._levels[net]:g} V",
        )

    def _record(self, kind: str, text: str) -> None:
        self.violation_count += 1
        if len(self.violations) < MOST_VIOLATIONS:
            self.violations.append(Violation(kind, self._clock.now(), text))


_ALONE = list(range(NETS))
_NOTHING: tuple[list[float], list[bool]] = ([0.0] * NETS, [False] * NETS)


def _letter(net: int) -> str:
    return "ABCDEFGHIJKLMN"[net]


def _name(pad: Pad) -> str:
    return f"{pad[0]}{pad[1]}"
