"""A simulated bench: boxes on addresses, relays, and one chip that they all act on."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from labctl import clock as bench_clock
from labctl.clock import VirtualClock
from labctl.errors import BenchFileError
from labctl.sim.box import Box
from labctl.sim.circuit import Circuit, Violation
from labctl.sim.faults import Faults
from labctl.sim.hookup import BoxPlan, Hookup, Pad, read_hookup
from labctl.sim.instruments import MAKERS, ROWS, Crosspoint, Fittings, OpenPort, Port
from labctl.sim.instruments.relays import Relays, label

DEFAULT_PRESET = "hfox-1t1r"
Contact = tuple[Pad, int]
"""A pad, and the net that a relay puts it on."""
_SAME_CHANNEL = {"a": "1", "b": "2", "1": "a", "2": "b"}
"""Two ways to name the channel of a source meter; a bench file may use either."""


class NetPort:
    """A source-meter terminal on a net of the circuit.

    Attributes
    ----------
    drive, measure, level
        Those of the circuit, for its net.
    """

    def __init__(self, circuit: Circuit, net: int, reaction: float) -> None:
        circuit.attach(net, reaction)
        self.drive = partial(circuit.drive, net)
        self.measure = partial(circuit.measure, net)
        self.level = partial(circuit.level, net)


class World:
    """Everything behind one VISA library of the simulated bench.

    Attributes
    ----------
    boxes
        Instruments by VISA address.
    ports
        Every terminal of a source meter that is on a net, with that net.
    clock
        The bench time they share with the program.
    lock
        Held while a box handles bytes: the chip has one state.
    """

    def __init__(self, hookup: Hookup, clock: VirtualClock) -> None:
        self.hookup, self.clock = hookup, clock
        self.lock = threading.RLock()
        self._chip: Any = make_chip(hookup)
        sources = {"columns": hookup.columns, "rows": hookup.rows}.get(hookup.source_lines, 0)
        ground = ROWS.index(hookup.ground) if hookup.ground else None
        self.circuit = Circuit(self._chip, (hookup.rows, hookup.columns, sources), clock, ground)
        self._weld_when_hot = bool(hookup.simulation.get("weld_when_hot", False))
        self._contacts = {
            name: _Known(partial(self._contact, name)) for name in (b.name for b in hookup.boxes)
        }
        seed = int(hookup.simulation.get("seed", 0))
        self._seeds = np.random.SeedSequence([seed, 0xB0C5]).spawn(len(hookup.boxes))
        self.boxes: dict[str, Box] = {}
        self.ports: list[tuple[int, NetPort]] = []
        self._names: dict[str, str] = {}
        for k, plan in enumerate(hookup.boxes):
            self.boxes[plan.address] = self._make_box(plan, k)
            self._names[plan.name] = plan.address
        self._link()

    def box(self, name: str) -> Box:
        """Return an instrument by its name in the bench file."""
        return self.boxes[self._names[name]]

    @property
    def chip(self) -> Any:
        """The chip as it is at the present bench time; its truth is for tests only."""
        with self.lock:
            self.circuit.elapse()
        return self._chip

    @property
    def violations(self) -> list[Violation]:
        """What a careful operator would not have done, oldest first."""
        return self.circuit.violations

    @property
    def closures(self) -> dict[str, int]:
        """Closures of each relay since the bench was made, by crosspoint ("1A01").

        Those of a second and further mainframe have its name before them ("NAME:1A01").
        """
        found = {}
        for name in self.hookup.matrices:
            relays = self.relays(name)
            before = "" if name == self.hookup.matrix else f"{name}:"
            if relays is not None:
                found.update({before + label(p): count for p, count in relays.closures.items()})
        return found

    def relays(self, name: str) -> Relays | None:
        """Return the relays of an instrument, or None where it has none."""
        return getattr(self.box(name), "relays", None)

    def faults(self, name: str) -> Faults:
        """Return what is wrong with an instrument; changes count from the next byte on."""
        return self.box(name).faults

    def save(self) -> None:
        """Keep the chip in the file that ``[simulation] state`` names, if it names one."""
        path = self.hookup.state
        if path is not None:
            with self.lock:
                path.parent.mkdir(parents=True, exist_ok=True)
                self.chip.save(path)

    def _make_box(self, plan: BoxPlan, number: int) -> Box:
        maker = MAKERS.get(plan.model)
        if maker is None:
            raise BenchFileError(
                f"The simulated bench has no model {plan.model!r} (instruments.{plan.name}); it "
                f"has {', '.join(MAKERS)}. Choose one of them, or set [bench] visa to a real "
                "library."
            )
        wired = plan.name in self.hookup.matrices
        try:
            return maker(
                Fittings(
                    model=plan.model,
                    clock=self.clock,
                    faults=plan.faults,
                    port=partial(self._port, plan.name),
                    moved=partial(self._moved, plan.name) if wired else _nothing_wired,
                    rng=np.random.default_rng(self._seeds[number]),
                    number=number,
                    simulation=self.hookup.simulation,
                )
            )
        except (TypeError, ValueError) as error:
            raise BenchFileError(
                f"The simulated {plan.model} (instruments.{plan.name}) cannot be built as the "
                f"bench file asks: {error}. See [simulation] and [simulation.faults.{plan.name}]."
            ) from error

    def _link(self) -> None:
        """Join the boxes that ``[simulation.tsplink]`` lists by their node numbers."""
        wanted = self.hookup.simulation.get("tsplink", {})
        peers: dict[int, Any] = {}
        for number, name in wanted.items():
            box = self.box(name) if name in self._names else None
            if not (number.isdigit() and 1 <= int(number) <= 64 and getattr(box, "linked", False)):
                raise BenchFileError(
                    f"[simulation.tsplink] {number} = {name!r}: give node numbers from 1 to 64 and "
                    "names of instruments that have TSP-Link."
                )
            peers[int(number)] = box
        for box in peers.values():
            box.link.join(peers)

    def _port(self, instrument: str, channel: str, reaction: float) -> Port:
        terminals = self.hookup.terminals
        row = terminals.get((instrument, channel))
        if row is None:
            row = terminals.get((instrument, _SAME_CHANNEL.get(channel, channel)))
        if row is None or row not in ROWS:
            return OpenPort()
        port = NetPort(self.circuit, ROWS.index(row), reaction)
        self.ports.append((ROWS.index(row), port))
        return port

    def _moved(self, name: str, opened: Iterable[Crosspoint], closed: Iterable[Crosspoint]) -> None:
        """Move contacts of a mainframe; those that arc weld, if the bench file says so."""
        opened, closed, known = list(opened), list(closed), self._contacts[name]
        hot = self.circuit.move(
            [known[point] for point in opened],
            [known[point] for point in closed],
            stick=self._weld_when_hot,
        )
        if hot and self._weld_when_hot:
            relays = self.relays(name)
            for point in dict.fromkeys([*opened, *closed]):
                if relays is not None and known[point] in hot:
                    relays.weld(point)

    def _contact(self, name: str, point: Crosspoint) -> Contact:
        """Return pad and net that a crosspoint joins; a column without pad is one of its own."""
        slot, row, column = point
        pad = self.hookup.pads.get((name, slot, column), (f"{name} column ", 100 * slot + column))
        return pad, row


class _Known(dict[Crosspoint, Contact]):
    """The contacts that have moved, each looked up once."""

    def __init__(self, find: Callable[[Crosspoint], Contact]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, point: Crosspoint) -> Contact:
        found = self[point] = self._find(point)
        return found


_worlds: dict[str, World] = {}
_lock = threading.Lock()


def world_of(path: str | Path) -> World:
    """Return the world of the bench file at ``path``, made at the first call.

    ``path`` is the name of the VISA library without ``@labsim``; the same string gives the same
    world and the same virtual clock.

    Raises
    ------
    BenchFileError
        Where the file cannot be read or names what the simulator does not have.
    """
    key = str(path)
    with _lock:
        if key not in _worlds:
            _worlds[key] = World(read_hookup(key), bench_clock.virtual(key))
        return _worlds[key]


def discard(path: str | Path) -> None:
    """Forget the world of ``path`` and its clock, saving nothing; the next one starts afresh."""
    key = str(path)
    with _lock:
        _worlds.pop(key, None)
        bench_clock.forget(key)


@atexit.register
def _save_all() -> None:
    for world in _worlds.values():
        world.save()


def make_chip(hookup: Hookup) -> Any:
    """Return the chip of a bench file: loaded where a state is kept, else new."""
    from labctl.sim.chip import Chip, preset

    state = hookup.state
    if state is not None and state.exists():
        chip = Chip.load(state)
        if chip.conductance.shape == (hookup.rows, hookup.columns):
            return chip
        raise BenchFileError(
            f"{state} keeps a chip of shape {chip.conductance.shape}; [chip] asks for "
            f"{(hookup.rows, hookup.columns)}. Delete the file, or name another [simulation] state."
        )
    simulation = hookup.simulation
    return Chip(
        hookup.rows,
        hookup.columns,
        preset(simulation.get("preset", DEFAULT_PRESET), hookup.folder),
        int(simulation.get("seed", 0)),
        source_lines=hookup.source_lines,
        noise=bool(simulation.get("noise", True)),
    )


def _nothing_wired(opened: Iterable[Crosspoint], closed: Iterable[Crosspoint]) -> None:
    """Move relays that lead to no chip."""
