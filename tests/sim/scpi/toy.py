"""A small SCPI instrument: a level, a list of channels, and an operation that takes its time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from labctl.clock import VirtualClock
from labctl.sim.scpi import (
    Command,
    Later,
    Parameter,
    Refused,
    ScpiBox,
    boolean,
    channel_list,
    choice,
    numeric,
    text,
    whole,
)

LEVEL = numeric(-21.0, 21.0, 0.0, unit="V")


class Toy(ScpiBox):
    vendor, serial, firmware = "TOYS", "7", "1.0"
    queue_capacity = 5
    memories = 3
    transition_filters = True

    def __init__(self, more: Iterable[Command] = ()) -> None:
        self.level = 0.0
        self.kept: dict[int, float] = {}
        self.seen: list[Any] = []
        self.busy = False
        self._more = list(more)
        super().__init__(VirtualClock(), "TOY1")

    def commands(self) -> Iterable[Command]:
        yield from self._more
        yield Command(
            "[:SOURce[1]]:VOLTage[:LEVel][:IMMediate][:AMPLitude]", self._level, self._set_level
        )
        yield Command("[:SOURce[1]]:VOLTage:RANGe", lambda: "R")
        yield Command("[:SOURce[1]]:CURRent", lambda: "C")
        yield Command(":CALCulate2:LIMit<n>:UPPer", lambda suffixes: repr(suffixes))
        yield Command(":DATA", lambda: b"#0\x00\n;", lambda block: self.seen.append(block.value))
        yield Command(":DATA:DEFinite", lambda: b"#13\n;\n")
        yield Command(":LIST", event=lambda first, *more: self.seen.append((first, *more)))
        yield Command(":ROUTe:CLOSe", event=lambda c: self.seen.append(channel_list(c)))
        yield Command(":MODE", event=lambda m: self.seen.append(choice({"FAST": 1, "SLOW": 2})(m)))
        yield Command(":NAME", event=lambda t: self.seen.append(text(t)))
        yield Command(":STATe", event=lambda b: self.seen.append(boolean(b)))
        yield Command(":COUNt", event=lambda n: self.seen.append(whole(0, 255)(n)))
        yield Command(":STARt", event=self._start)
        yield Command(":READ", query=self._read)
        yield Command(":REFUse", self._refuse, lambda: self._refuse())

    def reset(self) -> None:
        self.level = 0.0

    def pending(self) -> bool:
        return self.busy

    def stop(self) -> None:
        self.busy = False

    def bus_trigger(self) -> None:
        if not self.busy:
            raise Refused(-211, "Trigger ignored")
        self.busy = False

    def save_state(self, number: int) -> None:
        self.kept[number] = self.level

    def recall_state(self, number: int) -> None:
        self.level = self.kept.get(number, 0.0)

    def _level(self, relative: Parameter | None = None) -> str:
        return f"{self.level if relative is None else LEVEL(relative):g}"

    def _set_level(self, level: Parameter) -> None:
        self.level = LEVEL(level)

    def _start(self) -> None:
        self.busy = True

    def _read(self) -> Later:
        self.busy = True
        return Later(lambda: "READING")

    def _refuse(self) -> str:
        raise Refused(-221, "Settings conflict")


def answer(box: ScpiBox, message: str | bytes) -> str | None:
    """Send one message and take its answer, without the line feed; None if there is none."""
    box.feed(message if isinstance(message, bytes) else message.encode("latin-1") + b"\n")
    taken = box.take(1 << 20)
    return None if taken is None else taken[0].decode("latin-1").removesuffix("\n")


def error(box: ScpiBox) -> int:
    """Take the number of the oldest error off the queue."""
    code = answer(box, "SYST:ERR?")
    assert code is not None
    return int(code.split(",")[0])
