"""Benches with a tiny chip behind a switch matrix of any model, and each one's own language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labctl.clock import VirtualClock
from labctl.sim.faults import Faults
from labctl.sim.instruments import MAKERS, Fittings, OpenPort
from labctl.sim.instruments.relays import Crosspoint
from tests.sim.rig import Rig

ROWS = "ABCDEFGH"
BENCH = """
[bench]
visa = "@labsim"
[chip]
name = "tiny"
rows = 2
columns = 2
[instruments.smu]
driver = "keithley2600"
model = "2636B"
address = "GPIB0::26::INSTR"
[instruments.gate]
driver = "keithley2600"
model = "2635B"
address = "GPIB0::27::INSTR"
[instruments.matrix]
driver = "matrix"
model = "{model}"
address = "GPIB0::16::INSTR"
[terminals.word_line]
instrument = "gate"
row = "A"
[terminals.bit_line]
instrument = "smu"
channel = "a"
row = "B"
[terminals.source_line]
instrument = "smu"
channel = "b"
row = "C"
[matrix]
instrument = "matrix"
ground = "D"
columns_per_slot = {width}
[matrix.wiring]
"WL0..1" = "1.1..1.2"
"BL0..1" = "1.3..1.4"
"SL0..1" = "2.1..2.2"
[simulation]
preset = "hfox-1t1r"
seed = 3
noise = false
instrument_noise = false
"""


@dataclass(frozen=True)
class Language:
    """How one model is told what to do with its relays.

    ``name`` is a format of row (from 1), its letter, slot, column of the slot and column of the
    whole mainframe; the commands are formats of a list of such names.
    """

    width: int
    settling: float
    name: str
    close: str
    open: str
    open_all: str
    state: str
    error: str
    no_error: str
    bad: str

    def names(self, points: Iterable[Crosspoint]) -> str:
        """Return a list of crosspoints, (slot, row from 0, column) each."""
        return ",".join(
            self.name.format(
                row=row + 1,
                letter=ROWS[row],
                slot=slot,
                column=column,
                every=(slot - 1) * self.width + column,
            )
            for slot, row, column in points
        )


def _tsp(width: int, name: str, bad: str) -> Language:
    return Language(
        width=width, settling=4e-3, name=name, close='channel.close("{}")',
        open='channel.open("{}")', open_all='channel.open("allslots")',
        state='print(channel.getstate("{}"))', error="print(errorqueue.next())",
        no_error="0.00000e+00\tQueue Is Empty", bad=bad,
    )  # fmt: skip


def _scpi(width: int, settling: float, name: str, bad: str, open_all: str) -> Language:
    return Language(
        width=width, settling=settling, name=name, close=":ROUT:CLOS (@{})",
        open=":ROUT:OPEN (@{})", open_all=open_all, state=":ROUT:CLOS? (@{})", error=":SYST:ERR?",
        no_error='0,"No error', bad=bad,
    )  # fmt: skip


_B2200 = _scpi(12, 5e-3, "0{row:02d}{every:02d}", "01501", ":ROUT:OPEN:CARD ALL")
LANGUAGES = {
    "707A": Language(
        width=12, settling=15e-3, name="{letter}{every}", close="C{}X", open="N{}X", open_all="P0X",
        state="", error="U1X", no_error="00000000", bad="A73",
    ),
    "707B": _tsp(12, "{slot}{letter}{column:02d}", "1I01"),
    "3706A": _tsp(16, "{slot}{row}{column:02d}", "1717"),
    "7001": _scpi(10, 3e-3, "{slot}!{row}!{column}", "1!5!1", ":ROUT:OPEN ALL"),
    "7002": _scpi(10, 3e-3, "{slot}!{row}!{column}", "11!1!1", ":ROUT:OPEN ALL"),
    "B2200A": _B2200,
    "B2201A": _B2200,
    "E5250A": _scpi(12, 5e-3, "0{row:02d}{every:02d}", "01101", ":ROUT:OPEN:CARD ALL"),
    "34980A": _scpi(32, 4e-3, "{slot}{row}{column:02d}", "1117", ":ROUT:OPEN:ALL"),
    "34970A": _scpi(8, 4e-3, "{slot}{row}{column}", "151", ":ROUT:OPEN:ALL"),
}  # fmt: skip
GATE, BIT, SOURCE, GROUND = range(4)
"""Rows of the matrix."""


class MatrixRig(Rig):
    """The tiny bench, with what a careful operator sends to the matrix of this model."""

    def __init__(self, folder: Path, model: str, more: str = "") -> None:
        self.model, self.language = model, LANGUAGES[model]
        text = BENCH.format(model=model, width=self.language.width)
        super().__init__(folder, more, f"bench_{model}", text)
        self.matrix.read_termination = "\r\n" if model == "707A" else "\n"

    def close_relays(self, *points: Crosspoint) -> None:
        self.matrix.write(self.language.close.format(self.language.names(points)))

    def open_relays(self, *points: Crosspoint) -> None:
        self.matrix.write(self.language.open.format(self.language.names(points)))

    def reported(self, *points: Crosspoint) -> list[bool]:
        """What the box says of crosspoints."""
        names = self.language.names(points)
        if self.model == "707A":
            closed = self.matrix.query("G1U2,0X").split(",")
            return [name in closed for name in names.split(",")]
        return [
            part == "1" for part in self.matrix.query(self.language.state.format(names)).split(",")
        ]

    def complaint(self) -> str | None:
        """Take an error off the box; None for no error."""
        answer = str(self.matrix.query(self.language.error)).lstrip("+")
        return None if answer.startswith(self.language.no_error) else answer

    def name(self, point: Crosspoint) -> str:
        return self.language.names([point])

    def select(self, row: int, column: int) -> None:
        """Connect one cell; the other word line goes to ground."""
        self.matrix.write(self.language.open_all)
        self.close_relays(*cell(row, column))


def cell(row: int, column: int) -> tuple[Crosspoint, ...]:
    """The crosspoints of a cell of the tiny bench."""
    return (
        (1, GROUND, 2 - row),
        (1, GATE, row + 1),
        (1, BIT, column + 3),
        (2, SOURCE, column + 1),
    )


class Recorder:
    """A box by itself, with a note of every move of its contacts and when it was."""

    def __init__(self, model: str, simulation: dict[str, Any] | None = None) -> None:
        self.clock = VirtualClock()
        self.faults = Faults()
        self.moves: list[tuple[float, list[Crosspoint], list[Crosspoint]]] = []
        self.box = MAKERS[model](
            Fittings(
                model=model,
                clock=self.clock,
                faults=self.faults,
                port=lambda name, reaction: OpenPort(),
                moved=self._note,
                rng=np.random.default_rng(1),
                number=0,
                simulation=simulation or {},
            )
        )

    def _note(self, opened: Iterable[Crosspoint], closed: Iterable[Crosspoint]) -> None:
        self.moves.append((self.clock.now(), sorted(opened), sorted(closed)))

    @property
    def steps(self) -> list[tuple[list[Crosspoint], list[Crosspoint]]]:
        """Opened and closed of every move, without the time."""
        return [(opened, closed) for _, opened, closed in self.moves]

    def tell(self, *messages: str) -> None:
        for message in messages:
            self.box.feed(message.encode("latin-1"))

    def ask(self, message: str) -> str:
        self.tell(message)
        taken = self.box.take(100_000)
        assert taken is not None, f"no answer to {message!r}"
        return taken[0].decode("latin-1").strip("\r\n")

    def took(self, message: str) -> float:
        """Bench time of a message, s."""
        before = self.clock.now()
        self.tell(message)
        return self.clock.now() - before
