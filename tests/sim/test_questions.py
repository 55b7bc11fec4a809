"""A plain question is answered on a short way; a box without that way behaves the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.clock import VirtualClock
from labctl.sim.box import Box
from labctl.sim.faults import Faults
from labctl.sim.instruments.keithley2400 import Keithley2400
from labctl.sim.instruments.keithley2600 import Keithley2600
from tests.sim.instruments.tsp import Resistor


class Slow2600(Keithley2600):
    def question(self, line: str) -> None:
        return None


class Slow2400(Keithley2400):
    def question(self, line: str) -> None:
        return None


def smu(kind: type[Keithley2600]) -> Box:
    clock = VirtualClock()
    ports = {name: Resistor(clock) for name in "ab"}
    return kind(clock, "2636B", ports, np.random.default_rng(1), Faults())


def meter(kind: type[Keithley2400]) -> Box:
    clock = VirtualClock()
    return kind(clock, "2400", Resistor(clock), np.random.default_rng(1), Faults())


COMMON = (
    "*IDN?", "*ESR?", "*STB?", "*OPC?", "*ESE?", "*SRE?", "*TST?", "*idn?", "*NON?", "*IDN? ",
    "*CLS", "*RST", "*ESE 255", "*SRE 0", "*SRE 16", "*SRE 36", "*OPC", "*WAI", "*TRG", "",
)  # fmt: skip
TSP = (
    *COMMON, "loadscript", "endscript", "localnode.prompts = 1", "localnode.prompts = 0",
    "localnode.showerrors = 1", "localnode.showerrors = 0", "nonsense()", "print(1)", "abort",
    "smua.source.output = 1", "print(smua.source.output)", "print(smua.measure.i())",
    "smua.measure.nplc = 1 smua.measure.overlappedi(smua.nvbuffer1)",
)  # fmt: skip
SCPI = (
    *COMMON, ":SYST:ERR?", ":OUTP ON", ":OUTP?", ":READ?", ":FETC?", ":INIT", ":ABOR", "*OPC?;*RST",
    ":TRIG:COUN 3", ":ARM:SOUR BUS", ":ARM:SOUR IMM", ":ARM:COUN INF", ":SOUR:VOLT?", ":MEAS:CURR?",
    ":SOUR:VOLT 1", ":STAT:MEAS?", ":STAT:MEAS:COND?", ":NONS?", ":TRAC:DATA?", "*OPC;*WAI",
)  # fmt: skip
FAULTS = (
    {}, {"garbage": 1}, {"delay": 0.5}, {"interlock": "open"}, {"interlock": ""},
    {"over_range": True}, {"over_range": False}, {"identity": "1234"}, {"silent": True},
    {"silent": False}, {"lost": True}, {"lost": False}, {"lost_after": 9}, {"silent_after": 12},
    {"power_cycle_after": 4}, {"delay": 0.0},
)  # fmt: skip
OTHER = ("take", "take part", "poll", "clear", "trigger", "starved", "requests", "cut", "late")


def act(box: Box, what: str | dict[str, Any]) -> Any:
    """Do one thing to a box and return all that can be seen of what came of it."""
    found: Any = None
    if isinstance(what, dict):
        for name, value in what.items():
            setattr(box.faults, name, value)
    elif what == "take":
        found = box.take(1 << 20)
    elif what == "take part":
        found = box.take(3, 10)
    elif what == "poll":
        found = box.serial_poll()
    elif what == "clear":
        box.device_clear()
    elif what == "trigger":
        box.trigger()
    elif what == "starved":
        box.starved()
    elif what == "requests":
        found = box.requests_service()
    elif what == "late":
        found = box.late(0.1)
    elif what == "cut":
        box.feed(b"*ID", end=False)
        box.feed(b"N?\n")
    else:
        box.feed(what.encode("latin-1") + b"\n")
    errors = [(error.code, error.text) for error in box.status.errors]
    return found, box.clock.now(), box.status_byte(), box.messages, box.status.event, errors


@pytest.mark.parametrize(
    ("make", "quick", "slow", "messages"),
    [(smu, Keithley2600, Slow2600, TSP), (meter, Keithley2400, Slow2400, SCPI)],
    ids=["2636B", "2400"],
)
@settings(max_examples=60)
@given(data=st.data())
def test_the_short_way_changes_nothing(
    make: Callable[[Any], Box], quick: Any, slow: Any, messages: tuple[str, ...], data: Any
) -> None:
    things = st.one_of(
        st.sampled_from(messages),
        st.sampled_from(COMMON[:7]),
        st.sampled_from(OTHER[:2]),
        st.sampled_from(OTHER),
        st.sampled_from(FAULTS),
    )
    one, other = make(quick), make(slow)
    for message in COMMON[:7]:  # so that each is known when it comes again
        assert act(one, message) == act(other, message)
        assert act(one, "take") == act(other, "take")
    for what in data.draw(st.lists(things, max_size=60)):
        assert act(one, what) == act(other, what), what


@pytest.mark.parametrize("make", [lambda: smu(Keithley2600), lambda: meter(Keithley2400)])
def test_the_short_way_is_taken_unless_something_is_up(
    make: Callable[[], Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    box, executed = make(), []
    execute = type(box).execute

    def watched(self: Box, line: str) -> None:
        executed.append(line)
        execute(self, line)

    box.feed(b"*IDN?\n")
    first = box.take(1 << 20)
    monkeypatch.setattr(type(box), "execute", watched)
    box.feed(b"*IDN?\n")
    assert box.take(1 << 20) == first
    assert executed == []
    box.faults.delay = 0.5
    box.feed(b"*IDN?\n")
    assert box.take(1 << 20) == first
    assert executed == ["*IDN?"]
