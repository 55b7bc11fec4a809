"""The commands of bias and of ground mode of the Keysight B2200A, B2201A and E5250A.

Source: *Agilent B2200 User's Guide* (edition 2) and *Agilent E5250A User's Guide* (edition 9).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from labctl.sim.instruments.keysight_ports import NOT_NOW, WIDTH, CardSettings, Mode, slots
from labctl.sim.scpi import Command, Parameter, boolean, whole
from labctl.sim.status import Refused

if TYPE_CHECKING:
    from labctl.sim.instruments.keysightb2200 import KeysightB2200


def mode_commands(
    box: KeysightB2200, header: str, mode: Callable[[CardSettings], Mode]
) -> Iterator[Command]:
    """Yield the commands of one mode.

    Parameters
    ----------
    header
        ``[:ROUTe]:BIAS`` or ``[:ROUTe]:AGND``.
    mode
        Picks it from the settings of a card.
    """
    ports = box.ports
    port = whole(-1, ports.inputs)

    def of(card: Parameter) -> list[CardSettings]:
        return [ports.settings[key] for key in box.cards(card)]

    def set_port(card: Parameter, value: Parameter) -> None:
        number = port(value)
        if number == 0:
            raise Refused(-222, "Data out of range")
        for settings in of(card):
            mode(settings).port = number
        ports.apply()

    def switch(card: Parameter, value: Parameter) -> None:
        on = boolean(value)
        for settings in of(card):
            both = settings.bias, settings.ground
            if on and both[0].port == both[1].port and (both[0].on or both[1].on):
                raise Refused(*NOT_NOW)
        for key in box.cards(card):
            item = mode(ports.settings[key])
            item.on = on
            if on:  # from now on the mode alone decides about its port
                ports.made = {
                    point
                    for point in ports.made
                    if point[0] not in slots(key) or point[1] != item.port - 1
                }
        ports.apply()

    def enable(outputs: Iterable[tuple[int, int]], on: bool) -> None:
        for key, settings in ports.settings.items():
            mine = {output for output in outputs if output[0] in slots(key)}
            ports.enable(mode(settings), mine, on)
        ports.apply()

    def enable_list(on: bool, parameter: Parameter) -> None:
        enable([(slot, column) for slot, _, column in box.points(parameter)], on)

    def enable_card(on: bool, card: Parameter) -> None:
        mine = [slot for key in box.cards(card) for slot in slots(key)]
        enable([(slot, column) for slot in mine for column in range(1, WIDTH + 1)], on)

    def enabled(on: bool, parameter: Parameter) -> str:
        known = set().union(*(mode(settings).enabled for settings in ports.settings.values()))
        return ",".join(
            str(int(((slot, column) in known) is on)) for slot, _, column in box.points(parameter)
        )

    yield Command(f"{header}:PORT", lambda card: str(mode(of(card)[0]).port), set_port)
    yield Command(f"{header}[:STATe]", lambda card: str(int(mode(of(card)[0]).on)), switch)
    for word, on in (("ENABle", True), ("DISable", False)):
        channels = f"{header}:CHANnel:{word}"
        yield Command(f"{channels}[:LIST]", partial(enabled, on), partial(enable_list, on))
        yield Command(f"{channels}:CARD", event=partial(enable_card, on))
