"""Keithley 707A switching matrix with 7174A cards (8 by 12), device-dependent commands.

Commands are letters that do nothing before an ``X``. The 707A knows no ``*IDN?``: its machine
status word (``U0``) says what it is. Columns count over all six cards, from 1 to 72. Source:
Keithley, *Model 707A Switching Matrix Instruction Manual*, 707A-901-01, section 4, from memory, and
the table of 707A commands in the 707B's manual, appendix B.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pymeasure.instruments import Instrument
from pyvisa.errors import Error as VisaError

from drivers._line import Line, connect
from drivers._matrix import MatrixFrame, chunks
from labctl.errors import InstrumentError
from labctl.instruments import Identity, MatrixAbility, SafeMessages

_WIDTH = 12
MODELS = {"707A": MatrixAbility(rows="ABCDEFGH", slots=6, columns=_WIDTH)}
_MOST_POINTS = 25
"""Crosspoints in one message."""
_STATUS = re.compile(r"(707A?)([A-Z]?\d{2})")
_POINT = re.compile(r"\b([A-H])(\d{1,2})\b")
_ERRORS = (
    "illegal command (IDDC)",
    "illegal option (IDDCO)",
    "not in remote",
    "self-test failed",
    "trigger overrun",
    "slave not found",
    "card identification failed",
    "battery is low",
)
"""Digits of the error status word (``U1``)."""
_MATRIX_READY = 8
"""Bit of the serial poll byte: all relays have settled."""
_MOST_POLLS = 2000


def abilities(model: str) -> MatrixAbility | None:
    """Return what a model can do, or None where this driver does not know it."""
    return MODELS.get(model)


def open_instrument(
    address: str, model: str, visa_library: str, timeout: float = 5.0
) -> Keithley707A:
    """Connect to the matrix at a VISA address; sends nothing but ``U0X``, which only asks."""
    return Keithley707A(connect(address, visa_library, timeout), model)


def safe_messages(model: str) -> SafeMessages:
    """Return what opens every relay of a model."""
    return SafeMessages(open_all=("E0P0X",))


class Keithley707A(MatrixFrame, Instrument):
    """The mainframe, as a :class:`labctl.instruments.SwitchMatrix`."""

    settling = 0.015
    """Bench time of one move, s (assumed for 7174A cards)."""

    def __init__(self, adapter: Any, model: str = "707A", **kwargs: Any) -> None:
        self.ability = MODELS[model]
        super().__init__(adapter, f"Keithley {model}", includeSCPI=False, **kwargs)
        self.line = Line(self.adapter, self.name)
        self._polls = True
        try:
            self.identity = self._identify()
        except BaseException:
            self.adapter.close()
            raise
        self._loaded = False

    def _identify(self) -> Identity:
        """Return what the machine status word says."""
        answer = self.line.query("U0X")
        found = _STATUS.match(answer)
        if found is None:
            return Identity.parse(answer if "," in answer else f"unknown,{answer[:20]},,")
        return Identity("Keithley", found[1], "", found[2])

    machine_status = Instrument.measurement(
        "U0X", """Get the machine status word (str): model, revision, all settings.""", cast=str
    )

    added_settling = Instrument.setting(
        "S%dX",
        """Set the settling time that is added to that of the relays (s, 0 to 65).""",
        set_process=lambda seconds: round(1e3 * min(max(float(seconds), 0.0), 65.0)),
    )

    def card(self, slot: int) -> str:
        """Return the type of the card in a slot, as ``7174``."""
        cards = self.line.query("U5,0X").split(",")
        if not 1 <= slot <= len(cards):
            raise InstrumentError(f"{self.name} has slots 1 to {len(cards)}, and no slot {slot}.")
        return cards[slot - 1].strip()

    def crosspoint(self, row: str, slot: int, column: int) -> str:
        """Name a crosspoint: row letter and column of the whole mainframe, as in ``A13``."""
        return f"{row}{(slot - 1) * _WIDTH + column}"

    def move(self, opened: Sequence[str], closed: Sequence[str]) -> None:
        """Open, then close the crosspoints named, and wait until they have settled."""
        with self.line.lock:
            if not self._loaded:
                self.load()
            if len(opened) + len(closed) <= _MOST_POINTS:
                parts = [f"N{','.join(opened)}X"] if opened else []
                parts += [f"C{','.join(closed)}X"] if closed else []
                self._act("".join(parts), opened, closed)
                return
            for part in chunks(list(opened), _MOST_POINTS):
                self._act(f"N{','.join(part)}X", opened, closed)
            for part in chunks(list(closed), _MOST_POINTS):
                self._act(f"C{','.join(part)}X", opened, closed)

    def closed(self) -> frozenset[str]:
        """Ask the matrix which crosspoints are closed."""
        answer = self.line.query("G1U2,0X")
        found = frozenset(f"{row}{int(column)}" for row, column in _POINT.findall(answer))
        if not found and answer:
            raise InstrumentError(
                f"{self.name} answered U2,0X with {answer!r:.60}, where its closed crosspoints "
                "were expected. Switch it off and on."
            )
        return found

    def open_all(self) -> None:
        """Open every relay and read back that none is closed."""
        with self.line.lock:
            self._act("E0P0X", (), ())
            if left := self.closed():
                raise self.still_closed(left)

    def forbid(self, crosspoints: Sequence[str]) -> None:
        """Do nothing: a 707A cannot refuse single crosspoints, labctl does."""

    def closures(self, crosspoints: Sequence[str]) -> dict[str, int] | None:
        """Return None: a 707A does not count."""
        return None

    def load(self) -> None:
        """Have commands move the relays themselves, none before others, and triggers do nothing."""
        self._act("E0F0V00000000W00000000X", (), ())
        self._loaded = True

    # -- Driver --------------------------------------------------------------------------------

    def self_check(self) -> list[str]:
        """Return what the error status word says; asking for it clears it."""
        return self._faults(self.line.query("U1X"))

    def self_test(self) -> list[str]:
        """Run the self-test, relays open; one line per fault."""
        return self._faults(self.line.query("E0P0XJ0XU1X"))

    def abort(self) -> None:
        """Break off whatever runs, by device clear; keeps the connection."""
        self.line.clear()

    def close(self) -> None:
        """Close the connection; no command is sent."""
        self.adapter.close()

    def _act(self, message: str, opened: Sequence[str], closed: Sequence[str]) -> None:
        """Send a message, wait until the relays have settled, raise what was refused."""
        faults = self._faults(self.line.query(f"{message}U1X"))
        if faults:
            raise self.not_moved(opened, closed, "; ".join(faults))
        if self._polls:
            self._wait()

    def _wait(self) -> None:
        """Wait until the serial poll byte says that the relays have settled."""
        try:
            for _ in range(_MOST_POLLS):
                if self.adapter.connection.read_stb() & _MATRIX_READY:
                    return
        except (AttributeError, NotImplementedError, VisaError):
            # No serial poll on this transport, or none in a test: the answer to U1 has come, and
            # the settling time of the bench file is what is left to rely on.
            self._polls = False
            return
        raise InstrumentError(
            f"{self.name} does not say that its relays have settled. Switch it off and on."
        )

    def _faults(self, word: str) -> list[str]:
        digits = word.strip()[-len(_ERRORS) :]
        if len(digits) < len(_ERRORS) or not {"0", "1"}.issuperset(digits):
            raise InstrumentError(
                f"{self.name} answered {word!r:.60} where its error status was expected. Switch "
                "it off and on."
            )
        return [
            f"{self.name}: {text}"
            for text, digit in zip(_ERRORS, digits, strict=True)
            if digit == "1"
        ]
