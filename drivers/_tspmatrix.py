"""Keithley switch mainframes that speak TSP: the ``channel`` commands of 707B, 708B and 3706A.

Source: Keithley, *Models 707B and 708B Switching Matrix Reference Manual*, 707B-901-01, and *Series
3700A System Switch/Multimeter Reference Manual*, 3700AS-901-01.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pymeasure.instruments import Instrument
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from drivers._matrix import MatrixFrame, chunks
from drivers._tsp import TspInstrument
from labctl.instruments import MatrixAbility, SafeMessages

_SCRIPT = (
    "function labctl_move(o, c) if o then channel.open(o) end "
    "if c then channel.close(c) end waitcomplete() print(errorqueue.count) end"
)
_GOOD = ("0", "0.00000e+00")
_MOST_NAMED = 20
"""Crosspoints in one message about forbidden channels and counters."""
SAFE = SafeMessages(break_off=("abort",), open_all=('channel.open("allslots")',))
"""What opens every relay of such a mainframe."""


class TspMatrix(MatrixFrame, TspInstrument):
    """A mainframe, as a :class:`labctl.instruments.SwitchMatrix`."""

    def __init__(self, adapter: Any, name: str, ability: MatrixAbility, **kwargs: Any) -> None:
        self.ability = ability
        super().__init__(adapter, name, **kwargs)
        self._loaded = False
        self._forbidden: frozenset[str] = frozenset()  # by this object, not by hand

    connect_rule = Instrument.control(
        "print(channel.connectrule)",
        "channel.connectrule = %d",
        """Control the order of relays in one command (0 any, 1 break before make, 2 make before
        break).""",
        validator=strict_discrete_set,
        values=(0, 1, 2),
        get_process=lambda value: round(float(value)),
        check_set_errors=True,
    )

    connect_sequential = Instrument.control(
        "print(channel.connectsequential)",
        "channel.connectsequential = %d",
        """Control whether relays of one command close one after the other (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
        cast=lambda answer: round(float(answer)),
        check_set_errors=True,
    )

    def added_delay(self, crosspoint: str) -> float:
        """Return the settling time added to that of a relay, s."""
        return float(self.line.query(f'print(channel.getdelay("{crosspoint}"))'))

    def set_added_delay(self, crosspoint: str, seconds: float) -> None:
        """Add a settling time (s, 0 to 60) to that of a relay."""
        seconds = strict_range(float(seconds), (0.0, 60.0))
        self.line.send(f'channel.setdelay("{crosspoint}", {seconds!r})')
        self.raise_errors(f"Setting the delay of {crosspoint}")

    def card(self, slot: int) -> str:
        """Return what the card in a slot says it is; ``Empty Slot`` where there is none."""
        return self.line.query(f"print(slot[{int(slot)}].idn)")

    def move(self, opened: Sequence[str], closed: Sequence[str]) -> None:
        """Open, then close the crosspoints named, and wait until they have settled."""
        if not self._loaded:
            self.load()
        first = f'"{",".join(opened)}"' if opened else "nil"
        second = f'"{",".join(closed)}"' if closed else "nil"
        answer = self.line.query(f"labctl_move({first}, {second})")
        if answer not in _GOOD and self.errors_in(answer) > 0:
            raise self.not_moved(opened, closed, "; ".join(self.self_check()))

    def closed(self) -> frozenset[str]:
        """Ask the matrix which crosspoints are closed."""
        return _names(self.line.query('print(channel.getclose("allslots"))'))

    def open_all(self) -> None:
        """Open every relay and read back that none is closed."""
        left = _names(
            self.line.query('channel.open("allslots") print(channel.getclose("allslots"))')
        )
        if left:
            raise self.still_closed(left)

    def forbid(self, crosspoints: Sequence[str]) -> None:
        """Have the matrix refuse these crosspoints.

        What this object has forbidden before and is not asked for any more is allowed again. What
        was forbidden otherwise, by hand or by another program, stays so.
        """
        wanted = frozenset(crosspoints)
        by_others = self.forbidden() - self._forbidden
        for part in chunks(sorted(self._forbidden - wanted), _MOST_NAMED):
            self.line.send(f'channel.clearforbidden("{",".join(part)}")')
        mine = wanted - by_others
        for part in chunks(sorted(mine - self._forbidden), _MOST_NAMED):
            self.line.send(f'channel.setforbidden("{",".join(part)}")')
        self.raise_errors("Forbidding crosspoints")
        self._forbidden = mine

    def forbidden(self) -> frozenset[str]:
        """Ask the matrix which crosspoints it refuses to close."""
        return _names(self.line.query('print(channel.getforbidden("allslots"))'))

    def closures(self, crosspoints: Sequence[str]) -> dict[str, int]:
        """Return how often each relay has closed since it was made."""
        counts: list[str] = []
        for part in chunks(list(crosspoints), _MOST_NAMED):
            answer = self.line.query(f'print(channel.getcount("{",".join(part)}"))')
            counts += answer.replace(";", ",").split(",")
        numbers = [round(self.errors_in(count)) for count in counts]
        return dict(zip(crosspoints, numbers, strict=True))

    def load(self) -> None:
        """Set break-before-make and load the function that moves relays in one message."""
        self.line.send("channel.connectrule = 1")
        self.line.send(_SCRIPT)
        self.raise_errors("Loading the move function")
        self._loaded = True


def _names(answer: str) -> frozenset[str]:
    """Return the crosspoints in an answer, which are separated by commas or semicolons."""
    if answer in ("nil", ""):
        return frozenset()
    return frozenset(name.strip() for name in answer.replace(";", ",").split(","))
