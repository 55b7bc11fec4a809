"""TSP-Link: the boxes of one bench on one link, and what a script on one does on another.

The box whose script calls ``tsplink.reset()`` is the master; it reaches the others as ``node[N]``.
Source: *Series 2600B Reference Manual* (2600BS-901-01), "TSP-Link system expansion interface" and
``tsplink.*``, ``node[N].*``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labctl.sim.status import QueuedError, Refused
from labctl.sim.tsp.buffers import ReadingBuffer
from labctl.sim.tsp.host import Attribute, LuaHost
from labctl.sim.tsp.lines import Port
from labctl.sim.tsp.queues import plain
from labctl.sim.tsp.values import arguments, within

if TYPE_CHECKING:
    from labctl.sim.tsp.box import TspBox

LINES = 3
"""Trigger lines of TSP-Link."""
RESET_TIME = 0.1
"""Bench time of ``tsplink.reset()``, s; order of magnitude."""
REMOTE_TIME = 2e-4
"""Bench time of one access to another node, s; order of magnitude."""
NO_NODES = (1205, "TSPlink initialization failed (no remote nodes found)")
MOST_NODE = 64
_REMOTE = "\1node"
_SIMPLE = (float, int, bool, str)
"""Types that mean the same on both sides; other values go as Lua text."""


@dataclass(frozen=True, slots=True)
class NodeError(QueuedError):
    """An error of another node, in the queue of the master."""

    node: int = 1


class Link:
    """One box's end of TSP-Link.

    Attributes
    ----------
    number
        Node number of this box.
    """

    def __init__(self, box: TspBox, peers: Mapping[int, TspBox] | None = None) -> None:
        self.box = box
        self.number, self.group, self.online, self.master = 1, 0, False, 0
        self.port = Port(
            box.agenda, box.events, LINES, lambda n: box.trigger_overran("tsplink", n), self._tell
        )
        self._peers: dict[int, TspBox] = {}
        self.join(peers or {})

    def join(self, peers: Mapping[int, TspBox]) -> None:
        """Connect the cables: all boxes on the link, this one too, by node number."""
        self._peers = dict(peers)
        for number, box in self._peers.items():
            if box is self.box:
                self.number = number

    def build(self, host: LuaHost) -> None:
        """Add ``tsplink`` and ``node``."""
        host.give_access("localnode")
        host.nodes("localnode", self._resolve, self._get, self._put)
        if not self.box.linked:
            return
        host.node(
            "tsplink",
            attributes={
                "state": Attribute(lambda: "online" if self.online else "offline"),
                "node": Attribute(lambda: self.number, self._set_number),
                "group": Attribute(lambda: self.group, self._set_group),
                "master": Attribute(lambda: self.master),
            },
            functions={"reset": self._reset, "initialize": self._reset},
        )
        self.port.build(host, "tsplink")

    def reset(self) -> None:
        """Do what a reset of the instrument does: lines to their defaults."""
        self.port.reset()

    def rows_of(self, name: str) -> tuple[ReadingBuffer, str] | None:
        """Return buffer and column of a name that stands for one of another node, else None."""
        if not name.startswith(_REMOTE):
            return None
        number, _, path = name.removeprefix(_REMOTE).partition(".")
        peer = self._peers.get(int(number))
        if peer is not None and path:
            found = self._evaluate(peer, f"localnode.{path}")
            if found and found[0][0] == "buffer":
                return peer.buffers.find(found[0][1])
        raise Refused(5033, "Reading buffer not found within device")

    # -- the link ------------------------------------------------------------------------------

    def _others(self) -> dict[int, TspBox]:
        return {n: box for n, box in sorted(self._peers.items()) if box is not self.box}

    def _reset(self, *given: Any) -> int:
        arguments(given, 0, 1)
        self.box.clock.sleep(RESET_TIME)
        others = self._others()
        if not others:
            self.online = False
            raise Refused(*NO_NODES)
        if given and int(within(given[0], 1, MOST_NODE)) > len(others) + 1:
            self.online = False
            raise Refused(1219, "TSPlink found fewer nodes than expected")
        for link in (self, *(box.link for box in others.values())):
            link.online, link.master = True, self.number
        return len(others) + 1

    def _set_number(self, value: Any) -> None:
        number = int(within(value, 1, MOST_NODE))
        if number != self.number and number in self._peers:
            raise Refused(1210, "TSPlink initialization failed (node ID conflict)")
        for box in self._peers.values():
            peers = dict(box.link._peers)
            peers[number] = peers.pop(self.number)
            box.link._peers = peers
        self.number = number

    def _set_group(self, value: Any) -> None:
        self.group = int(within(value, 0, MOST_NODE))

    def _tell(self, line: int) -> None:
        """Let the others see that this box pulls a trigger line low, and later lets it go."""
        for box in self._others().values():
            box.link.port.lines[line - 1].edge(rising=False)

    # -- other nodes ---------------------------------------------------------------------------

    def _evaluate(self, box: TspBox, expression: str) -> tuple[Any, ...]:
        values: tuple[Any, ...] = self._there(box, box.evaluate, expression)
        return values

    def _there(self, box: TspBox, act: Callable[..., Any], *given: Any) -> Any:
        """Do something on another box; its errors go to the queue of this one."""
        self.box.clock.sleep(REMOTE_TIME)
        if box.host.running:
            raise Refused(1211, f"Node {box.link.number} is inaccessible")
        errors = box.status.errors
        before = len(errors)
        values = None
        try:
            values = act(*given)
        except Refused as refused:
            box.refuse(refused)
        while len(errors) > before:
            error = errors.pop()
            there = box.link.number
            entry = NodeError(error.code, error.text, error.severity, there)
            self.box.status.queue(entry)
        return values

    def _resolve(self, number: Any = None, *more: Any) -> str | None:
        if number == self.number:
            return "own"
        return "remote" if self.online and number in self._peers else None

    def _get(self, number: Any, path: Any, call: Any = False, *given: Any) -> Any:
        """Read an attribute of another node, or call a function there."""
        box, expression = self._peers[int(number)], f"localnode{path}"
        known = box.host.direct.get(path[1:])
        if isinstance(known, Attribute):
            if not call:
                value = self._there(box, known.get)
                simple = value is None or type(value) in _SIMPLE
                return ("value", value) if simple else ("object",)
        elif known is not None and call and all(map(_simple, given)):
            value = self._there(box, known, *given)
            if type(value) is tuple:
                return "value", *value
            return "value", value if type(value) in _SIMPLE else None
        if call:
            written = ", ".join(self._literal(box, value) for value in given)
            found = self._evaluate(box, f"{expression}({written})")
            return ("value", *(item[1] if item[0] == "value" else None for item in found))
        found = self._evaluate(box, expression)
        if not found:
            return "value", None
        return ("value", found[0][1]) if found[0][0] == "value" else ("object",)

    def _put(self, number: Any, path: Any, value: Any = None) -> None:
        """Set an attribute of another node."""
        box = self._peers[int(number)]
        known = box.host.direct.get(path[1:])
        if isinstance(known, Attribute) and known.set is not None and _simple(value):
            self._there(box, known.set, value)
            return
        written = self._literal(box, value)
        self._there(box, box.run, f"localnode{path} = {written}")

    def _literal(self, box: TspBox, value: Any) -> str:
        """Return a value as Lua text; an object of the other node as its path there."""
        if isinstance(value, str) and value.startswith(_REMOTE):
            return "localnode" + value.removeprefix(f"{_REMOTE}{box.link.number}")
        return literal(plain(value) if value is not None else None)


def _simple(value: Any) -> bool:
    kind = type(value)
    return kind in _SIMPLE and not (kind is str and value.startswith(_REMOTE))


def literal(value: Any) -> str:
    """Return a plain value as Lua text."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(f"\\{byte:03d}" for byte in value.encode("latin-1")) + '"'
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{literal(k)}] = {literal(v)}" for k, v in value.items()) + "}"
    shown = repr(float(value))
    return {"inf": "1/0", "-inf": "-1/0", "nan": "0/0"}.get(shown, shown)
