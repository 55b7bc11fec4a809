"""Keysight B2200A, B2201A and E5250A low-leakage switch mainframes, SCPI.

Four cards of 12 outputs each, taken as one matrix (auto configuration). Inputs 1 to 14 (E5250A: 1
to 10) are rows A to N (A to J) here, outputs are columns. Bias, ground and couple mode connect
inputs on their own; they are switched off. Source: *Agilent B2200 User's Guide*, edition 2, chapter
5, and *Agilent E5250A User's Guide*, edition 9, chapter 7.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pymeasure.instruments import Instrument
from pymeasure.instruments.validators import strict_discrete_set

from drivers._line import connect
from drivers._scpimatrix import ScpiMatrix
from labctl.errors import InstrumentError
from labctl.instruments import MatrixAbility, SafeMessages

_WIDTH = 12
MODELS = {
    "B2200A": MatrixAbility(rows="ABCDEFGHIJKLMN", slots=4, columns=_WIDTH),
    "B2201A": MatrixAbility(rows="ABCDEFGHIJKLMN", slots=4, columns=_WIDTH),
    "E5250A": MatrixAbility(rows="ABCDEFGHIJ", slots=4, columns=_WIDTH),
}
_GROUNDED = ("B2200A", "B2201A")
"""Models with a ground mode."""
_CHANNEL = re.compile(r"0\d{4}")


def abilities(model: str) -> MatrixAbility | None:
    """Return what a model can do, or None where this driver does not know it."""
    return MODELS.get(model)


def open_instrument(
    address: str, model: str, visa_library: str, timeout: float = 5.0
) -> KeysightB2200:
    """Connect to the mainframe at a VISA address; sends nothing but ``*IDN?``."""
    return KeysightB2200(connect(address, visa_library, timeout), model)


def safe_messages(model: str) -> SafeMessages:
    """Return what opens every relay of a model, those that its modes close included."""
    modes = [":ROUT:BIAS ALL,OFF"] + [":ROUT:AGND ALL,OFF"] * (model in _GROUNDED)
    return SafeMessages(open_all=(*modes, ":ROUT:OPEN:CARD ALL"))


class KeysightB2200(ScpiMatrix):
    """The mainframe, as a :class:`labctl.instruments.SwitchMatrix`."""

    settling = 0.005
    """Bench time of one move, s."""

    def __init__(self, adapter: Any, model: str = "B2200A", **kwargs: Any) -> None:
        self.ability = MODELS[model]
        self._grounds = model in _GROUNDED
        super().__init__(adapter, f"Keysight {model}", **kwargs)
        self._loaded = False

    configuration = Instrument.control(
        ":ROUT:FUNC?",
        ":ROUT:FUNC %s",
        """Control whether all cards are one matrix ("ACON") or each its own ("NCON"). Setting it
        opens every relay.""",
        validator=strict_discrete_set,
        values=("ACON", "NCON"),
        cast=str,
    )

    def card(self, slot: int) -> str:
        """Return what the card in a slot says it is."""
        return self.line.query(f":SYST:CTYP? {int(slot)}")

    def crosspoint(self, row: str, slot: int, column: int) -> str:
        """Name a crosspoint as a channel of one matrix: 0, input, output, as in ``00345``."""
        return f"0{self.row_number(row):02d}{(slot - 1) * _WIDTH + column:02d}"

    def move(self, opened: Sequence[str], closed: Sequence[str]) -> None:
        """Open, then close the crosspoints named, and wait until they have settled."""
        if not self._loaded:
            self.load()
        super().move(opened, closed)

    def closed(self) -> frozenset[str]:
        """Ask the mainframe which crosspoints are closed."""
        if not self._loaded:
            self.load()
        answer = self.line.query(":ROUT:CLOS:CARD? 0")
        names = answer.strip().removeprefix("(@").removesuffix(")").split(",")
        found = frozenset(name.strip() for name in names if name.strip())
        if not all(_CHANNEL.fullmatch(name) for name in found):
            raise InstrumentError(
                f"{self.name} answered :ROUT:CLOS:CARD? 0 with {answer!r:.80}, which is no list of "
                "channels. Switch it off and on."
            )
        return found

    def open_all(self) -> None:
        """Open every relay and read back that none is closed."""
        if not self._loaded:
            self.load()
        self.act(":ROUT:OPEN:CARD ALL")
        if left := self.closed():
            raise self.still_closed(left)

    def load(self) -> None:
        """Take all cards as one matrix in which relays move only where they are told to.

        Relays open where the mainframe was not configured so.
        """
        if self.configuration != "ACON":
            self.configuration = "ACON"
        modes = [":ROUT:BIAS 0,OFF"] + [":ROUT:AGND 0,OFF"] * self._grounds
        self.act(
            ";".join([*modes, ":ROUT:COUP 0,OFF", ":ROUT:CONN:RULE 0,FREE", ":ROUT:CONN:SEQ 0,BBM"])
        )
        self._loaded = True
