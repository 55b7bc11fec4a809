"""Keysight 34980A and 34970A switch units with matrix modules, SCPI.

Rows 1 to 4 of a module are rows A to D here. Of a 34931A or 34932A, the rows of its two matrices
are joined outside, so that the columns of the second count on from those of the first; a 34934A is
used as one of 4 rows by 128 columns. The 34970A takes 34904A modules of 4 by 8. Source: *34980A
Multifunction Switch/Measure Unit User's Guide*, 34980-90005, and *34970A User's Guide*,
34970-90003; lives of relays from the data sheets, from memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from drivers._line import connect
from drivers._matrix import chunks
from drivers._scpimatrix import ScpiMatrix
from labctl.errors import InstrumentError
from labctl.instruments import MatrixAbility, SafeMessages

MODELS = {
    "34980A": MatrixAbility(rows="ABCD", slots=8, columns=128, life=1e8),
    "34970A": MatrixAbility(rows="ABCD", slots=3, columns=8, life=1e8),
}
_MOST_COUNTED = 40
_ROWS = 4


@dataclass(frozen=True)
class Module:
    """How a matrix module numbers its crosspoints.

    Attributes
    ----------
    columns
        Of each of its rows.
    first
        Channel number of row 1, column 1.
    row_step
        From row to row.
    half
        Columns of its first matrix, where it has two; the second begins ``4 * row_step`` later.
    """

    columns: int
    first: int
    row_step: int
    half: int

    def channel(self, row: int, column: int) -> int:
        """Return the channel number of a row and a column, both from 1."""
        second, rest = divmod(column - 1, self.half)
        return self.first + (row - 1 + _ROWS * second) * self.row_step + rest

    def channels(self) -> list[int]:
        """Return all channel numbers, ascending, as the unit lists a range."""
        columns = range(1, self.columns + 1)
        return sorted(self.channel(row, column) for row in range(1, 5) for column in columns)


MODULES = {
    "34931A": Module(16, 101, 100, 8),
    "34932A": Module(32, 101, 100, 16),
    "34934A": Module(128, 101, 200, 128),
    "34904A": Module(8, 11, 10, 8),
}


def abilities(model: str) -> MatrixAbility | None:
    """Return what a model can do at most, or None where this driver does not know it."""
    return MODELS.get(model)


def open_instrument(
    address: str, model: str, visa_library: str, timeout: float = 5.0
) -> Keysight34980A:
    """Connect to the unit at a VISA address; sends nothing but ``*IDN?``."""
    return Keysight34980A(connect(address, visa_library, timeout), model)


def safe_messages(model: str) -> SafeMessages:
    """Return what opens every relay of a model."""
    message = ":SYST:CPON ALL" if model == "34970A" else ":ROUT:OPEN:ALL ALL"
    return SafeMessages(break_off=(":ABOR",), open_all=(message,))


class Keysight34980A(ScpiMatrix):
    """The unit, as a :class:`labctl.instruments.SwitchMatrix`."""

    settling = 0.004
    """Bench time of one move, s (armature relays of a 34932A)."""

    def __init__(self, adapter: Any, model: str = "34980A", **kwargs: Any) -> None:
        self.ability = MODELS[model]
        self._open_all = safe_messages(model).open_all[0]
        self._size = 100 if model == "34970A" else 1000  # channel numbers of a slot
        super().__init__(adapter, f"Keysight {model}", **kwargs)
        self._modules: dict[int, Module] | None = None

    def card(self, slot: int) -> str:
        """Return what the module in a slot says it is: maker, model, serial number, firmware."""
        number = int(slot) * 100 if self._size == 100 else int(slot)
        return self.line.query(f":SYST:CTYP? {number}")

    @property
    def modules(self) -> dict[int, Module]:
        """The matrix modules by slot; asked for once."""
        if self._modules is None:
            found: dict[int, Module] = {}
            for slot in range(1, self.ability.slots + 1):
                fields = [field.strip() for field in self.card(slot).split(",")]
                if len(fields) > 1 and fields[1] in MODULES:
                    found[slot] = MODULES[fields[1]]
            self._modules = found
        return self._modules

    def has(self, row: str, slot: int, column: int) -> bool:
        """Tell whether there is such a crosspoint, which depends on the module in the slot."""
        module = self.modules.get(slot)
        return super().has(row, slot, column) and module is not None and column <= module.columns

    def crosspoint(self, row: str, slot: int, column: int) -> str:
        """Name a crosspoint: slot and channel number, as in ``1203``.

        Raises
        ------
        InstrumentError
            Where the slot has no matrix module.
        """
        module = self.modules.get(slot)
        if module is None:
            raise InstrumentError(
                f"{self.name} has no matrix module that this driver knows in slot {slot}: "
                f"{self.card(slot)}. It knows {', '.join(MODULES)}."
            )
        return str(slot * self._size + module.channel(self.row_number(row), column))

    def closed(self) -> frozenset[str]:
        """Ask the unit which crosspoints are closed."""
        found: list[str] = []
        for slot, module in self.modules.items():
            numbers = [slot * self._size + channel for channel in module.channels()]
            answer = self.line.query(f":ROUT:CLOS? (@{numbers[0]}:{numbers[-1]})")
            states = [state.strip() for state in answer.split(",")]
            if len(states) != len(numbers) or not {"0", "1"}.issuperset(states):
                raise InstrumentError(
                    f"{self.name} answered {len(states)} states, {answer!r:.40}, for the "
                    f"{len(numbers)} crosspoints of slot {slot}. Check the module and its "
                    "terminal block."
                )
            found += [str(n) for n, state in zip(numbers, states, strict=True) if state == "1"]
        return frozenset(found)

    def open_all(self) -> None:
        """Open every relay and read back that none is closed."""
        self.act(self._open_all)
        if left := self.closed():
            raise self.still_closed(left)

    def closures(self, crosspoints: Sequence[str]) -> dict[str, int]:
        """Return how often each relay has closed, as the modules themselves count."""
        counts: list[int] = []
        for part in chunks(list(crosspoints), _MOST_COUNTED):
            answer = self.line.query(f":DIAG:REL:CYCL? (@{','.join(part)})")
            try:
                counts += [int(float(item)) for item in answer.split(",")]
            except ValueError:
                raise self.failed(":DIAG:REL:CYCL?", answer) from None
        return dict(zip(crosspoints, counts, strict=True))
