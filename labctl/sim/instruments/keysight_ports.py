"""Which inputs of a Keysight B2200 or E5250A are on which outputs, by its rules and modes.

Source: *Agilent B2200 User's Guide* (edition 2) and *Agilent E5250A User's Guide* (edition 9),
"Switch control": connection rule and sequence, bias, ground and couple mode. Defaults after
``*RST`` from memory of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from labctl.sim.instruments.matrix import Matrix
from labctl.sim.instruments.relays import Crosspoint
from labctl.sim.status import Refused

CARDS, WIDTH = 4, 12
"""Cards of a mainframe, outputs of a card."""
OUTPUTS = CARDS * WIDTH
FREE, SINGLE = "FREE", "SROU"
NO_SEQUENCE, BREAK_FIRST, MAKE_FIRST = "NSEQ", "BBM", "MBBR"
AUTO, NORMAL = "ACON", "NCON"
NOT_NOW = (-220, "Parameter error")
_BIAS, _GROUND = 10, 12
Output = tuple[int, int]
"""Card and output of it, both from 1."""


@dataclass
class Mode:
    """A mode that connects a port to all outputs that are enabled for it and otherwise unused."""

    port: int
    on: bool = False
    enabled: set[Output] = field(default_factory=set)


@dataclass
class CardSettings:
    """Rules and modes of one card, or of all of them in auto configuration mode.

    Attributes
    ----------
    couple
        Lower input of each pair that moves together.
    unused
        Inputs that are grounded while they are on no output.
    """

    bias: Mode
    ground: Mode
    rule: str = FREE
    sequence: str = BREAK_FIRST
    couple: tuple[int, ...] = ()
    couple_on: bool = False
    unused: tuple[int, ...] = ()


class Ports:
    """The connections of a mainframe.

    Parameters
    ----------
    matrix
        Its relays.
    inputs
        How many inputs a card has.
    """

    def __init__(self, matrix: Matrix, inputs: int) -> None:
        self.matrix, self.inputs = matrix, inputs
        self.configuration = AUTO
        self.settings: dict[int, CardSettings] = {}
        self.made: set[Crosspoint] = set()
        """What was connected by command; modes add to it."""
        self._default(AUTO)

    def _default(self, configuration: str) -> None:
        self.configuration = configuration
        cards = (0,) if configuration == AUTO else range(1, CARDS + 1)
        self.settings = {card: self._fresh(card) for card in cards}

    def _fresh(self, card: int) -> CardSettings:
        """Return what a card has after ``*RST``: every output is enabled for bias mode."""
        every = {(slot, k) for slot in slots(card) for k in range(1, WIDTH + 1)}
        return CardSettings(Mode(_BIAS, enabled=every), Mode(min(_GROUND, self.inputs)))

    def reset(self, configuration: str = AUTO) -> None:
        """Open everything; rules and modes as after ``*RST``."""
        self.made.clear()
        self._default(configuration)
        self.matrix.open_all()

    def reset_card(self, card: int) -> None:
        """Bring one card to its power-on state (``SYSTem:CPON``)."""
        self.settings[card] = self._fresh(card)
        self.open_card(card)

    def open_card(self, card: int) -> None:
        """Disconnect everything on a card; what a mode connects stays."""
        self.made = {point for point in self.made if point[0] not in slots(card)}
        self.apply()

    def close(self, points: Iterable[Crosspoint]) -> None:
        """Connect inputs to outputs; what the rule of a card no longer allows is disconnected.

        Raises
        ------
        Refused
            -220 for the port of a mode that is on.
        """
        points = self._coupled(points)
        self._check(points)
        for point in points:
            settings = self._of(point)
            if settings.rule == SINGLE:
                group = slots(point[0] if self.configuration == NORMAL else 0)
                self.made -= {
                    other
                    for other in self.made
                    if other[0] in group
                    and (other[1] == point[1] or _output(other) == _output(point))
                }
            self.made.add(point)
        self.apply()

    def open(self, points: Iterable[Crosspoint]) -> None:
        """Disconnect inputs from outputs."""
        points = self._coupled(points)
        self._check(points)
        self.made.difference_update(points)
        self.apply()

    def enable(self, mode: Mode, outputs: set[Output], on: bool) -> None:
        """Enable outputs for a mode, or not; none is enabled for bias and ground at once."""
        mode.enabled = mode.enabled | outputs if on else mode.enabled - outputs
        for settings in self.settings.values():
            if on and mode is settings.bias:
                settings.ground.enabled = settings.ground.enabled - outputs
            elif on and mode is settings.ground:
                settings.bias.enabled = settings.bias.enabled - outputs

    def apply(self) -> None:
        """Bring the relays to what commands and modes ask for, card by card."""
        wanted = self.made | self._by_modes()
        for card, settings in self.settings.items():
            closed = {point for point in self.matrix.closed if point[0] in slots(card)}
            mine = {point for point in wanted if point[0] in slots(card)}
            opening, closing = closed - mine, sorted(mine - closed)
            order = settings.sequence if settings.rule == SINGLE else BREAK_FIRST
            if order == NO_SEQUENCE:
                self.matrix.step(opening, closing)
            elif order == MAKE_FIRST:
                self.matrix.step((), closing)
                self.matrix.step(opening, ())
            else:
                self.matrix.step(opening, ())
                self.matrix.step((), closing)

    def _of(self, point: Crosspoint) -> CardSettings:
        return self.settings[0 if self.configuration == AUTO else point[0]]

    def _check(self, points: Iterable[Crosspoint]) -> None:
        for point in points:
            settings = self._of(point)
            for mode in (settings.bias, settings.ground):
                if mode.on and mode.port == point[1] + 1:
                    raise Refused(*NOT_NOW)

    def _coupled(self, points: Iterable[Crosspoint]) -> list[Crosspoint]:
        """Add the other half of every coupled pair: inputs n, n + 1 on outputs m, m + 1."""
        found: dict[Crosspoint, None] = {}
        for slot, row, column in points:
            settings = self._of((slot, row, column))
            first = row - row % 2
            if settings.couple_on and first + 1 in settings.couple:
                lower = column - (column - 1) % 2
                found[slot, first, lower] = found[slot, first + 1, lower + 1] = None
            else:
                found[slot, row, column] = None
        return list(found)

    def _by_modes(self) -> set[Crosspoint]:
        """Return what bias and ground mode connect."""
        used = {_output(point) for point in self.made}
        return {
            (output[0], mode.port - 1, output[1])
            for settings in self.settings.values()
            for mode in (settings.bias, settings.ground)
            if mode.on and mode.port > 0
            for output in mode.enabled - used
        }


def slots(card: int) -> tuple[int, ...]:
    """Return the slots that a card number means; 0 is all."""
    return (card,) if card else tuple(range(1, CARDS + 1))


def _output(point: Crosspoint) -> Output:
    return point[0], point[2]
