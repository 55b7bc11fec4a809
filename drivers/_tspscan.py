"""Blocks of cells read by a script inside a 2600, which has the other boxes on its TSP-Link.

One message selects and reads a whole block: the script moves the relays of the 707B mainframes,
brings the second source meter and then its own to their levels, measures into its reading buffer
and takes both levels back to 0 V before the next relay moves. A second message fetches the
buffer, in binary.

Opening and closing overlap where no column is in both lists. All sources are at 0 V then, so that
a line which is still connected and one which is connected already carry nothing; and no column
has two sources, which are on different rows of one column. Where a column is in both lists (a
word line that leaves the ground row for its source), opening comes first and has settled before
anything closes.

Source: Keithley, *Series 2600B System SourceMeter Reference Manual*, 2600BS-901-01, "TSP-Link
system expansion interface", "Reading buffers"; *Models 707B and 708B Switching Matrix Reference
Manual*, 707B-901-01, ``channel.exclusiveslotclose``, ``channel.connectrule``. That a function of
another node may be kept in a variable is from memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from drivers._smu2600 import flagged
from labctl.errors import InstrumentError
from labctl.instruments import Flag, LinkedBox

if TYPE_CHECKING:
    from typing import Self

# Globals of the master: labctl_g the second source; o1, c1, x1 of each mainframe: open, close,
# and close while the rest of the slots opens. A move is a list of function and argument by turns.
# The waits are the instruments' own: measure.delay before a reading, source.delay after a level.
_SCRIPT = """\
function labctl_cells(s, b, v, g, moves) local m, limited = s.measure.i, "" \
local own, other = s.source, labctl_g \
for k, move in ipairs(moves) do local j = 1 \
while move[j] do move[j](move[j + 1]) j = j + 2 end \
waitcomplete() if errorqueue.count > 0 then break end \
other.levelv = g own.levelv = v m(b) own.levelv = 0 \
if other.compliance then limited = limited .. k .. "," end \
other.levelv = 0 end \
if own.output ~= 1 or other.output ~= 1 then error("an output was switched off", 0) end \
return limited end
function labctl_scan(s, b, v, tv, g, tg, moves) b.clear() \
{rules}s.measure.delay = tv labctl_g.delay = tg \
local fine, limited = pcall(labctl_cells, s, b, v, g, moves) \
if not fine then s.source.levelv = 0 labctl_g.levelv = 0 end \
s.measure.delay = 0 labctl_g.delay = 0 \
print(fine, errorqueue.count, b.n, limited) end
function labctl_scanned(b) format.data = format.REAL64 \
printbuffer(1, b.n, b.readings, b.statuses, b.timestamps) format.data = format.ASCII end
"""
_MATRICES = ("707B", "708B")
_METERS = ("26",)
_READING = np.dtype([("current", "<f8"), ("status", "<f8"), ("time", "<f8")])
_FEW = 4
"""Crosspoints that may be named only to stay closed; with more of them, two steps are quicker."""


class TspScanner:
    """A 2600 with another one and 707B mainframes on its TSP-Link, as a Scanner.

    Parameters
    ----------
    meter
        The source meter that measures: the master of the link.
    driven
        The one that is driven besides; it may be another channel of the same box.
    mainframes
        The matrix, by name.
    """

    block = 64
    overhead = 1.75e-3
    steps = 1

    def __init__(
        self, meter: LinkedBox, driven: LinkedBox, mainframes: Mapping[str, LinkedBox]
    ) -> None:
        self._meter, self._driven, self._mainframes = meter, driven, dict(mainframes)
        self._box = cast(Any, meter.driver)  # a Keithley2600, whose module imports this one
        self._line = self._box.line
        self._smu = f"smu{meter.channel}"
        self._names = {name: k for k, name in enumerate(self._mainframes, 1)}
        self._online = False

    @classmethod
    def on(
        cls, meter: LinkedBox, driven: LinkedBox, mainframes: Mapping[str, LinkedBox]
    ) -> Self | None:
        """Return a scanner of these boxes, or None where they are not of the kinds it knows."""
        if not driven.driver.identity.model.startswith(_METERS):
            return None
        if any(box.driver.identity.model not in _MATRICES for box in mainframes.values()):
            return None
        return cls(meter, driven, mainframes)

    def scan(
        self,
        present: frozenset[str],
        moves: Sequence[tuple[Sequence[str], Sequence[str]]],
        *,
        measured: float,
        driven: float,
        settle: tuple[float, float, float],
    ) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.float64]]:
        """Select and read one cell after the other (see :class:`labctl.instruments.Scanner`)."""
        if not self._online:
            self._join()
        before, own, after = settle
        script, busy = self._write(present, moves)
        smu, buffer = self._smu, f"{self._smu}.nvbuffer1"
        answer = self._line.query(
            f"labctl_scan({smu}, {buffer}, {float(measured)!r}, {float(own)!r}, "
            f"{float(driven)!r}, {float(max(before, after))!r}, {{{script}}})",
            busy + len(moves) * sum(settle),
        )
        fine, count, stored, limited = (*answer.split("\t"), "", "", "")[:4]
        if fine != "true" or self._box.errors_in(count) > 0 or limited == "nil":
            self._online = False  # whatever it was, the link is set up anew
            errors = "; ".join(self._box.self_check()) or "its error queue is empty"
            raise InstrumentError(
                f"{self._box.name} broke off a scan of {len(moves)} cells after {stored}: "
                f"{limited if fine != 'true' else errors}. Check the TSP-Link cables; without "
                "`node` in the bench file cells are read one by one."
            )
        size = len(moves) * _READING.itemsize
        found = np.frombuffer(
            self._line.query_block(f"labctl_scanned({buffer})", size), dtype=_READING
        )
        currents, flags = flagged(found["current"], found["status"])
        for k in limited.split(",")[:-1]:
            flags[int(k) - 1] |= np.uint8(Flag.COMPLIANCE)
        return currents, flags, found["time"][-1] - found["time"]

    # -- the link ------------------------------------------------------------------------------

    def _join(self) -> None:
        """Bring the link up, see that each node is the box it should be, load the script."""
        own = self._meter.node
        answer = self._line.query(
            'if tsplink.state ~= "online" then tsplink.reset() end '
            "print(tsplink.state, tsplink.node, errorqueue.count)"
        )
        state, node, _ = (*answer.split("\t"), "", "", "")[:3]
        if state != "online" or self._box.errors_in(node) != own:
            errors = "; ".join(self._box.self_check())
            raise InstrumentError(
                f"The TSP-Link of {self._box.name} is {state}, its node is {node}, and the bench "
                f"file says {own}. {errors} Check cables and node numbers, or leave out `node`."
            )
        for box in {b.node: b for b in (self._driven, *self._mainframes.values())}.values():
            if box.node != own:
                self._recognise(box)
        rules = ""
        second = "" if self._driven.node == own else f"node[{self._driven.node}]."
        self._line.send(f"labctl_g = {second}smu{self._driven.channel}.source")
        for name, k in self._names.items():
            channel = f"node[{self._mainframes[name].node}].channel"
            self._line.send(
                f"o{k} = {channel}.open c{k} = {channel}.close x{k} = {channel}.exclusiveslotclose"
            )
            rules += f"{channel}.connectrule = 0 "
        for line in _SCRIPT.format(rules=rules).splitlines():
            self._line.send(line)
        self._box.raise_errors("Loading the script that scans cells")
        self._online = True

    def _recognise(self, box: LinkedBox) -> None:
        """See that the node of a box is that very box."""
        there = self._line.query(f"print(node[{box.node}].serialno)")
        if there != box.driver.identity.serial:
            raise InstrumentError(
                f"Node {box.node} on the TSP-Link is the instrument with serial number {there}, "
                f"and should be {box.driver.identity}. Correct `node` in the bench file."
            )

    # -- relays --------------------------------------------------------------------------------

    def _write(
        self, present: frozenset[str], moves: Sequence[tuple[Sequence[str], Sequence[str]]]
    ) -> tuple[str, float]:
        """Return the moves as the script takes them, and a guess of the time they take, s."""
        slots: dict[str, set[str]] = {}
        for point in present:
            slots.setdefault(_slot(point), set()).add(point)
        written, steps = [], 0
        for opened, closed in moves:
            parts = self._overlapping(slots, opened, closed)
            if parts is None:
                parts = [*self._split("o", opened), *self._split("c", closed)]
            written.append("{" + ",".join(parts) + "}")
            steps += len(parts)
            for point in opened:
                slots[_slot(point)].discard(point)
            for point in closed:
                slots.setdefault(_slot(point), set()).add(point)
        return ",".join(written), 0.02 * steps

    def _overlapping(
        self, slots: Mapping[str, set[str]], opened: Sequence[str], closed: Sequence[str]
    ) -> list[str] | None:
        """Return a move as one step per mainframe, or None where it has to be two."""
        reached = {_slot(point) for point in closed}
        leaving = set(opened)
        if not closed or not reached.issuperset(map(_slot, opened)):
            return None
        if not {_column(p) for p in closed}.isdisjoint(map(_column, opened)):
            return None
        staying = [p for slot in reached for p in slots.get(slot, ()) if p not in leaving]
        if len(staying) > _FEW:
            return None
        return self._split("x", [*closed, *staying])

    def _split(self, action: str, points: Iterable[str]) -> list[str]:
        """Return calls of an action, one for each mainframe that has some of the points."""
        parts: dict[str, list[str]] = {}
        for point in points:
            name, _, own = point.rpartition(":")
            parts.setdefault(name, []).append(own)
        return [f'{action}{self._names[n]},"{",".join(p)}"' for n, p in parts.items()]


def _slot(point: str) -> str:
    """Return the slot of a crosspoint ``1A01`` or ``name:1A01``, its mainframe included."""
    return point[:-3]


def _column(point: str) -> str:
    """Return the column of a crosspoint, mainframe and slot included."""
    return point[:-3] + point[-2:]
