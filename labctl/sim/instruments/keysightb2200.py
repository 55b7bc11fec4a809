"""Simulated Keysight B2200A, B2201A and E5250A low-leakage switch mainframes (SCPI).

Source: *Agilent B2200 User's Guide* (edition 2), chapter 5, and *Agilent E5250A User's Guide*
(edition 9), chapter 7; the wording of card descriptions and the bits of ``*TST?`` from memory of
them. Four cards: 14 inputs by 12 outputs each, in the E5250A 10 by 12 (E5252A). ``SINGle`` is taken
as another name of the rule ``SROUte``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from labctl.clock import VirtualClock
from labctl.sim.box import Box
from labctl.sim.faults import Faults
from labctl.sim.instruments.fittings import Fittings, Maker
from labctl.sim.instruments.keysight_ports import (
    AUTO,
    BREAK_FIRST,
    CARDS,
    FREE,
    MAKE_FIRST,
    NO_SEQUENCE,
    NORMAL,
    OUTPUTS,
    SINGLE,
    WIDTH,
    Ports,
    slots,
)
from labctl.sim.instruments.keysightb2200_modes import mode_commands
from labctl.sim.instruments.keysightb2200_system import SystemSettings
from labctl.sim.instruments.matrix import Matrix, fit
from labctl.sim.instruments.relays import Crosspoint
from labctl.sim.instruments.relays import parse as parse_label
from labctl.sim.instruments.scpi_matrix import ScpiMatrix
from labctl.sim.scpi import Command, Parameter, boolean, channel_list, choice, text, whole
from labctl.sim.status import Refused

INPUTS = {"B2200A": 14, "B2201A": 14, "E5250A": 10}
CARD_MODELS = {"B2200A": "B2210A", "B2201A": "B2211A", "E5250A": "E5252A"}
SETTLING = 5e-3
"""Bench time of one step of relays, s; order of magnitude."""
_OUT_OF_RANGE = (-222, "Data out of range")
_RULE = choice({"FREE": FREE, "SROUte": SINGLE, "SINGle": SINGLE})
_SEQUENCE = choice({"NSEQ": NO_SEQUENCE, "BBM": BREAK_FIRST, "MBBR": MAKE_FIRST})
_CONFIGURATION = choice({"ACONfig": AUTO, "NCONfig": NORMAL})


class KeysightB2200(ScpiMatrix):
    """The mainframe with four cards."""

    vendor = "AGILENT"
    serial = "0"
    firmware = "A.01.00"
    queue_capacity = 30

    def __init__(
        self, clock: VirtualClock, model: str, matrix: Matrix, faults: Faults | None = None
    ) -> None:
        self.ports = Ports(matrix, INPUTS[model])
        self.card = CARD_MODELS[model]
        self._symbols: dict[tuple[int, ...], str] = {}
        self.system = SystemSettings(self)
        super().__init__(clock, model, matrix, faults)

    def reset(self) -> None:
        """Open everything; auto configuration, free rule, all modes off."""
        self.ports.reset()
        self._symbols.clear()

    def self_test(self) -> int:
        """Return the sum of 1, 2, 4, 8 for each card whose relay test fails."""
        return sum(1 << (card - 1) for card in range(1, CARDS + 1) if self.faulty(card))

    # -- cards and channels --------------------------------------------------------------------

    def cards(self, parameter: Parameter) -> list[int]:
        """Return the keys of the settings that a card number (or ALL) means."""
        if parameter.kind == "word" and parameter.value == "ALL":
            return list(self.ports.settings)
        card = whole(0, CARDS)(parameter)
        if card not in self.ports.settings:
            raise Refused(*_OUT_OF_RANGE)
        return [card]

    def points(self, parameter: Parameter) -> list[Crosspoint]:
        """Return what ``(@00345,01109:01112)`` names: card, input, output."""
        found: dict[Crosspoint, None] = {}
        for first, last in channel_list(parameter):
            if len(first) != 1 or len(last) != 1:
                raise Refused(-171, "Invalid expression")
            start, stop = self._channel(first[0]), self._channel(last[0])
            if stop[0] != start[0] or stop < start:
                raise Refused(*_OUT_OF_RANGE)
            highest = OUTPUTS if start[0] == 0 else WIDTH
            for line in range(start[1], stop[1] + 1):
                for output in range(1, highest + 1):
                    if start <= (start[0], line, output) <= stop:
                        found[_point(start[0], line, output)] = None
        return list(found)

    def _channel(self, number: int) -> tuple[int, int, int]:
        """Return card, input and output of a five-digit channel."""
        card, line, output = number // 10_000, number // 100 % 100, number % 100
        highest = OUTPUTS if card == 0 else WIDTH
        if card not in self.ports.settings or not (
            1 <= line <= self.ports.inputs and 1 <= output <= highest
        ):
            raise Refused(*_OUT_OF_RANGE)
        return card, line, output

    def name(self, point: Crosspoint) -> str:
        """Return the mainframe's name of a crosspoint in its present configuration."""
        slot, row, column = point
        if self.ports.configuration == AUTO:
            return f"0{row + 1:02d}{(slot - 1) * WIDTH + column:02d}"
        return f"{slot}{row + 1:02d}{column:02d}"

    # -- commands ------------------------------------------------------------------------------

    def commands(self) -> Iterator[Command]:
        """Yield the table."""
        route, ports = "[:ROUTe]", self.ports
        yield Command("*TST", query=lambda: str(self.self_test()))
        yield Command(f"{route}:FUNCtion", lambda: ports.configuration, self._configure)
        yield Command(f"{route}:CLOSe[:LIST]", lambda p: self.states(self.points(p)), self._close)
        yield Command(f"{route}:CLOSe:CARD", query=self._closed)
        yield Command(
            f"{route}:OPEN[:LIST]", lambda p: self.states(self.points(p), False), self._open
        )
        yield Command(f"{route}:OPEN:CARD", event=self._open_card)
        yield self._setting(f"{route}:CONNection:RULE", "rule", _RULE)
        yield self._setting(f"{route}:CONNection:SEQuence", "sequence", _SEQUENCE)
        yield from mode_commands(self, f"{route}:BIAS", lambda settings: settings.bias)
        if self.model != "E5250A":
            yield from mode_commands(self, f"{route}:AGND", lambda settings: settings.ground)
            yield self._setting(
                f"{route}:AGND:UNUSed", "unused", partial(_numbers, range(1, 9)), _listed
            )
            yield Command(f"{route}:SYMBol:CHANnel", self._channel_symbol, self._name_channel)
            yield Command(f"{route}:SYMBol:PORT", self._port_symbol, self._name_port)
        pairs = range(1, ports.inputs, 2)
        yield self._setting(f"{route}:COUPle:PORT", "couple", partial(_numbers, pairs), _listed)
        yield Command(f"{route}:COUPle:PORT:DETect", event=self._detect)
        yield self._setting(
            f"{route}:COUPle[:STATe]", "couple_on", boolean, lambda on: str(int(on))
        )
        yield from self.system.commands()

    def _setting(
        self,
        header: str,
        attribute: str,
        check: Callable[[Parameter], object],
        shown: Callable[..., str] = str,
    ) -> Command:
        """Return the command ``HEADER card,value`` of a setting of cards."""

        def write(card: Parameter, value: Parameter) -> None:
            checked = check(value)
            for key in self.cards(card):
                setattr(self.ports.settings[key], attribute, checked)

        def query(card: Parameter) -> str:
            return shown(getattr(self.ports.settings[self.cards(card)[0]], attribute))

        return Command(header, query, write)

    def _configure(self, parameter: Parameter) -> None:
        """Treat the cards as one, or each for itself; everything opens."""
        self.ports.reset(_CONFIGURATION(parameter))

    def _close(self, parameter: Parameter) -> None:
        self.ports.close(self.points(parameter))

    def _open(self, parameter: Parameter) -> None:
        self.ports.open(self.points(parameter))

    def _open_card(self, card: Parameter) -> None:
        for key in self.cards(card):
            self.ports.open_card(key)

    def _closed(self, card: Parameter) -> str:
        mine = slots(self.cards(card)[0])
        found = sorted(self.name(p) for p in self.matrix.closed if p[0] in mine)
        return f"(@{','.join(found)})"

    def _detect(self) -> None:
        """Look for Kelvin cables; none is plugged in here."""
        for settings in self.ports.settings.values():
            settings.couple = ()

    # -- names that a user gives ---------------------------------------------------------------

    def _name_channel(self, card: Parameter, output: Parameter, name: Parameter) -> None:
        for key in self.cards(card):
            self._symbols[key, self._number(key, output)] = text(name)

    def _channel_symbol(self, card: Parameter, output: Parameter) -> str:
        key = self.cards(card)[0]
        number = self._number(key, output)
        return self._symbols.get((key, number), f"{number:02d}")

    def _number(self, card: int, output: Parameter) -> int:
        return whole(1, OUTPUTS if card == 0 else WIDTH)(output)

    def _name_port(self, port: Parameter, name: Parameter) -> None:
        self._symbols[(whole(1, self.ports.inputs)(port),)] = text(name)

    def _port_symbol(self, port: Parameter) -> str:
        number = whole(1, self.ports.inputs)(port)
        return self._symbols.get((number,), f"{number:02d}")


def find(model: str, name: str) -> Crosspoint | None:
    """Return the crosspoint of a model called so (also as in ``1A01``), or None."""
    inputs = INPUTS[model]
    if len(name) == 5 and name.isascii() and name.isdigit():
        card, line, output = int(name[0]), int(name[1:3]), int(name[3:])
        highest = OUTPUTS if card == 0 else WIDTH
        fits = card <= CARDS and 1 <= line <= inputs and 1 <= output <= highest
        return _point(card, line, output) if fits else None
    return parse_label(name, CARDS, WIDTH, inputs)


def _point(card: int, line: int, output: int) -> Crosspoint:
    """Return the crosspoint of card (0: all of them as one), input and output."""
    slot, column = (card, output) if card else ((output - 1) // WIDTH + 1, (output - 1) % WIDTH + 1)
    return slot, line - 1, column


def _numbers(allowed: range, parameter: Parameter) -> tuple[int, ...]:
    """Return what a string like ``'1,5'`` lists."""
    parts = [part.strip() for part in text(parameter).split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() and len(part) < 4 for part in parts):
        raise Refused(-224, "Illegal parameter value")
    numbers = tuple(int(part) for part in parts)
    if any(number not in allowed for number in numbers):
        raise Refused(*_OUT_OF_RANGE)
    return numbers


def _listed(numbers: tuple[int, ...]) -> str:
    return "'" + ",".join(map(str, numbers)) + "'"


def _make(fittings: Fittings) -> Box:
    # The matrix asks its box for names, and the box is made with the matrix.
    boxes: list[KeysightB2200] = []
    matrix = fit(
        fittings, SETTLING, lambda p: boxes[0].name(p), lambda name: find(fittings.model, name)
    )
    boxes.append(KeysightB2200(fittings.clock, fittings.model, matrix, fittings.faults))
    return boxes[0]


MAKERS: dict[str, Maker] = dict.fromkeys(INPUTS, _make)
