"""Reading buffers, formats and clock of a simulated Keithley 2450 (SCPI)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.sim.instruments.keithley2450_buffers import Buffer, formatted
from labctl.sim.instruments.keithley2450_reading import Reading
from tests.sim.instruments.load import ask, errors, values
from tests.sim.instruments.test_keithley2450 import meter


def reading(value: float, time: float = 0.0) -> Reading:
    return Reading(value, 0.0, time, 0, 0, "AMP", "VOLT", 5)


def test_count_fills_the_buffer_and_the_last_reading_is_answered() -> None:
    box = meter()
    ask(box, ":SOUR:VOLT 1;:OUTP ON;:SENS:COUN 5")
    assert values(box, ":READ?") == pytest.approx([1e-4])
    assert ask(box, ":TRAC:ACT?;:TRAC:ACT:STAR?;:TRAC:ACT:END?") == "5;1;5"
    assert values(box, ":TRAC:DATA? 2, 3") == pytest.approx([1e-4, 1e-4])
    ask(box, ":TRAC:DATA? 4, 6")
    assert errors(box) == [-224]


def test_elements_come_in_the_order_asked_for() -> None:
    box = meter()
    ask(box, ":SOUR:VOLT 0.5;:OUTP ON;:SENS:CURR:NPLC 0.01")
    answer = str(
        ask(box, ":READ? 'defbuffer1', UNIT, READ, SOURUNIT, SOUR, REL, STAT, SOURSTAT, FORM, DATE")
    ).split(",")
    assert answer == [
        "Amp DC", "5.000000E-05", "Volt DC", "5.000000E-01", "0.000000E+00", "264", "136",
        "+50.0000 uA", "01/01/2026",
    ]  # fmt: skip


def test_statuses_tell_terminal_limit_output_and_four_wires() -> None:
    box = meter()
    ask(box, ":SENS:CURR:RSEN ON;:ROUT:TERM REAR;:SOUR:VOLT 5;:SOUR:VOLT:READ:BACK 0;:OUTP ON")
    status, source = values(box, ":READ? 'defbuffer1', STAT, SOURSTAT")
    assert (int(status), int(source)) == (256, 128 | 64 | 32)


def test_source_value_is_measured_only_with_readback() -> None:
    box = meter()
    ask(box, ":SOUR:VOLT 5;:OUTP ON")
    assert values(box, ":READ? 'defbuffer1', SOUR") == pytest.approx([1.05])  # limited
    ask(box, ":SOUR:VOLT:READ:BACK OFF")
    assert values(box, ":READ? 'defbuffer1', SOUR") == [5.0]


def test_made_buffers_are_separate_sized_and_deleted() -> None:
    box = meter()
    ask(box, ":TRAC:MAKE 'mine', 100, ")  # a style left out after its comma is no style
    ask(box, ":READ? 'mine'")
    assert ask(box, ":TRAC:ACT? 'mine';:TRAC:ACT?;:TRAC:POIN? 'mine'") == "1;0;100"
    ask(box, ":TRAC:POIN 20, 'mine'")
    assert ask(box, ":TRAC:POIN? 'mine';:TRAC:ACT? 'mine'") == "20;0"
    ask(box, ":TRAC:DEL 'mine';:TRAC:ACT? 'mine'")
    assert errors(box) == [-224]
    ask(box, ":TRAC:DEL 'defbuffer1'")
    assert errors(box) == [-224]
    ask(box, ":TRAC:MAKE 'few', 5")
    assert errors(box) == [-222]


def test_buffer_that_fills_once_stops_and_a_continuous_one_forgets_the_oldest() -> None:
    box = meter()
    ask(box, ":SENS:CURR:NPLC 0.01;:TRAC:MAKE 'once', 10;:SENS:COUN 12;:READ? 'once'")
    assert errors(box) == [4915]
    assert ask(box, ":TRAC:ACT? 'once';:TRAC:FILL:MODE? 'once'") == "10;ONCE"
    ask(box, ":TRAC:CLE 'once';:TRAC:FILL:MODE CONT, 'once';:READ? 'once'")
    assert ask(box, ":TRAC:ACT? 'once';:TRAC:ACT:STAR? 'once';:TRAC:ACT:END? 'once'") == "10;3;12"


def test_fetch_gives_the_last_reading_and_refuses_an_empty_buffer() -> None:
    box = meter()
    assert ask(box, ":FETC?") is None
    assert errors(box) == [-230]
    ask(box, ":SOUR:VOLT 1;:OUTP ON;:TRAC:TRIG")
    assert values(box, ":FETC?") == pytest.approx([1e-4])


@pytest.mark.parametrize(("word", "kind", "size"), [("REAL", "f8", 8), ("SRE", "f4", 4)])
@pytest.mark.parametrize(("order", "sign"), [("SWAP", "<"), ("NORM", ">")])
def test_binary_blocks_in_both_byte_orders(
    word: str, kind: str, size: int, order: str, sign: str
) -> None:
    box = meter()
    ask(box, f":SOUR:VOLT 1;:OUTP ON;:SENS:COUN 3;:READ?;:FORM {word};:FORM:BORD {order}")
    box.feed(b":TRAC:DATA? 1, 3, 'defbuffer1', READ, SOUR\n")
    taken = box.take(1000)
    assert taken is not None
    data = taken[0]
    assert (data[:2], data[-1:], len(data)) == (b"#0", b"\n", 3 + 6 * size)
    np.testing.assert_allclose(np.frombuffer(data[2:-1], sign + kind), [1e-4, 1.0] * 3, rtol=1e-6)


def test_binary_answers_hold_numbers_only() -> None:
    box = meter()
    ask(box, ":READ?;:FORM REAL")
    ask(box, ":TRAC:DATA? 1, 1, 'defbuffer1', UNIT")
    assert errors(box) == [1133]


def test_precision_sets_the_digits() -> None:
    box = meter()
    ask(box, ":SOUR:VOLT 1;:OUTP ON;:FORM:ASC:PREC 10")
    assert ask(box, ":READ?") == "1.000000000E-04"
    ask(box, ":FORM:ASC:PREC 3")
    assert ask(box, ":READ?") == "1.00E-04"
    assert ask(box, ":FORM:ASC:PREC?;:FORM:ASC:PREC? MAX") == "3;16"


def test_more_readings_than_a_quarter_of_a_million() -> None:
    buffer = Buffer(300_000)
    item = reading(2.0)
    for _ in range(260_000):
        assert buffer.put(item)
    assert [found.value for found in buffer.rows(260_000, 260_000)] == [2.0]


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=50))
def test_statistics_are_those_of_all_readings(numbers: list[float]) -> None:
    buffer = Buffer(1000)
    for value in numbers:
        buffer.put(reading(value))
    assert buffer.mean == pytest.approx(float(np.mean(numbers)), abs=1e-9)
    assert buffer.deviation == pytest.approx(float(np.std(numbers, ddof=1)), rel=1e-6, abs=1e-6)
    assert (buffer.least, buffer.most) == (min(numbers), max(numbers))


@given(st.floats(1e-11, 1e7), st.sampled_from([-1.0, 1.0]))
def test_formatted_readings_say_the_value_with_a_prefix(size: float, sign: float) -> None:
    number, unit = formatted(sign * size, "VOLT", 6).split(" ")
    factor = {"pV": 1e-12, "nV": 1e-9, "uV": 1e-6, "mV": 1e-3, "V": 1.0, "kV": 1e3, "MV": 1e6}
    assert float(number) * factor[unit] == pytest.approx(sign * size, rel=1e-3, abs=1e-16)


def test_clock_is_set_and_runs_in_bench_time() -> None:
    box = meter()
    ask(box, ":SYST:TIME 2030, 5, 6, 12, 0, 0")
    first = int(values(box, ":SYST:TIME?")[0])
    box.clock.sleep(60.0)
    assert int(values(box, ":SYST:TIME?")[0]) - first == 60
    ask(box, ":SYST:TIME 2030, 13, 6, 12, 0, 0")
    assert errors(box) == [-222]
