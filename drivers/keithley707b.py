"""Keithley 707B switch matrix with 8x12 matrix cards (7174A and alike), TSP.

Source: Keithley, *Models 707B and 708B Switching Matrix Reference Manual*, 707B-901-01.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pymeasure.instruments import Instrument

from drivers._line import connect
from drivers._tsp import TspInstrument
from labctl.errors import InstrumentError
from labctl.instruments import MatrixAbility, SafeMessages, SourceMeter

MODELS = {
    "707B": MatrixAbility(rows="ABCDEFGH", slots=6, columns=12),
    "708B": MatrixAbility(rows="ABCDEFGH", slots=1, columns=12),
}
_SCRIPT = (
    "function labctl_move(o, c) if o then channel.open(o) end "
    "if c then channel.close(c) end waitcomplete() print(errorqueue.count) end"
)


def abilities(model: str) -> MatrixAbility | None:
    """Return what a model can do, or None where this driver does not know it."""
    return MODELS.get(model)


def open_instrument(
    address: str, model: str, visa_library: str, timeout: float = 5.0
) -> Keithley707B:
    """Connect to the matrix at a VISA address; sends nothing but ``*IDN?``."""
    return Keithley707B(connect(address, visa_library, timeout), model)


def safe_messages(model: str) -> SafeMessages:
    """Return what opens every relay of a model."""
    return SafeMessages(break_off=("abort",), open_all=('channel.open("allslots")',))


class Keithley707B(TspInstrument):
    """The mainframe, as a :class:`labctl.instruments.SwitchMatrix`."""

    settling = 0.004
    """Bench time of one move, s (manual's example with reed cards)."""

    def __init__(self, adapter: Any, model: str = "707B", **kwargs: Any) -> None:
        super().__init__(adapter, f"Keithley {model}", **kwargs)
        self.ability = MODELS[model]
        self.life = self.ability.life
        self._loaded = False

    connect_rule = Instrument.control(
        "print(channel.connectrule)",
        "channel.connectrule = %d",
        """Control the order of relays in one move (1 break before make, 2 make before break).""",
        get_process=lambda value: round(float(value)),
    )

    def channel(self, name: str) -> SourceMeter:
        """Refuse: a matrix has no source-meter channel."""
        raise InstrumentError(f"{self.name} is a switch matrix and has no channel {name!r}.")

    def crosspoint(self, row: str, slot: int, column: int) -> str:
        """Name a crosspoint: slot, row letter, two-digit column, as in ``1A01``."""
        return f"{slot}{row}{column:02d}"

    def has(self, row: str, slot: int, column: int) -> bool:
        """Tell whether the mainframe can have such a crosspoint."""
        ability = self.ability
        return row in ability.rows and 1 <= slot <= ability.slots and 1 <= column <= ability.columns

    def move(self, opened: Sequence[str], closed: Sequence[str]) -> None:
        """Open, then close the crosspoints named, and wait until they have settled."""
        if not self._loaded:
            self.load()
        first = f'"{",".join(opened)}"' if opened else "nil"
        second = f'"{",".join(closed)}"' if closed else "nil"
        answer = self.line.query(f"labctl_move({first}, {second})")
        if answer not in ("0", "0.00000e+00") and self.errors_in(answer) > 0:
            errors = "; ".join(self.self_check())
            raise InstrumentError(
                f"{self.name} did not move its relays (open {list(opened)}, close {list(closed)}): "
                f"{errors}."
            )

    def closed(self) -> frozenset[str]:
        """Ask the matrix which crosspoints are closed."""
        answer = self.line.query('print(channel.getclose("allslots"))')
        return frozenset() if answer == "nil" else frozenset(answer.split(";"))

    def open_all(self) -> None:
        """Open every relay and read back that none is closed."""
        answer = self.line.query('channel.open("allslots") print(channel.getclose("allslots"))')
        if answer != "nil":
            raise InstrumentError(f"{self.name} still has closed relays: {answer}.")

    def forbid(self, crosspoints: Sequence[str]) -> None:
        """Have the matrix refuse these crosspoints, and no others."""
        self.line.send('channel.clearforbidden("allslots")')
        for start in range(0, len(crosspoints), 20):
            block = ",".join(crosspoints[start : start + 20])
            self.line.send(f'channel.setforbidden("{block}")')
        self.raise_errors("Forbidding crosspoints")

    def closures(self, crosspoints: Sequence[str]) -> dict[str, int]:
        """Return how often each relay has closed since it was made."""
        return {
            point: round(float(self.line.query(f'print(channel.getcount("{point}"))')))
            for point in crosspoints
        }

    def load(self) -> None:
        """Set break-before-make and load the function that moves relays in one message."""
        self.connect_rule = 1
        self.line.send(_SCRIPT)
        self.raise_errors("Loading the move function")
        self._loaded = True
