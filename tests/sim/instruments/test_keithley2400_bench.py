"""A Keithley 2400 on a simulated bench, driven by pymeasure and by bytes without sense."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pyvisa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymeasure.instruments.keithley import Keithley2400

from labctl import sim
from tests.sim.instruments.load import ask, meter

BENCH = """
[bench]
visa = "@labsim"
[chip]
name = "small"
rows = 2
columns = 2
[instruments.smu]
driver = "keithley2400"
model = "2400"
address = "GPIB0::24::INSTR"
[instruments.matrix]
driver = "keithley707b"
model = "707B"
address = "GPIB0::16::INSTR"
[terminals.bit_line]
instrument = "smu"
row = "B"
[matrix]
instrument = "matrix"
ground = "D"
[matrix.wiring]
"WL0..1" = "1.1..1.2"
"BL0..1" = "2.1..2.2"
"SL0..1" = "3.1..3.2"
[simulation]
preset = "hfox-1t1r"
seed = 3
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "bench.toml"
    path.write_text(BENCH, encoding="utf-8")
    yield str(path)
    sim.discard(str(path))


@pytest.fixture
def smu(bench: str) -> Iterator[Any]:
    instrument = Keithley2400("GPIB0::24::INSTR", visa_library=f"{bench}@labsim")
    instrument.reset()
    yield instrument
    assert instrument.check_errors() == []
    instrument.adapter.close()


def test_pymeasure_sources_and_measures(smu: Any) -> None:
    smu.source_mode = "voltage"
    smu.compliance_current = 1e-6
    smu.source_voltage = 0.2
    smu.enable_source()
    found = smu.measure_all()
    assert found["voltage"] == pytest.approx(0.2, rel=1e-3)
    assert abs(found["current"]) < 1e-8  # no relay is closed
    assert found["status"] & 1 << 14
    smu.shutdown()


def test_pymeasure_fills_a_buffer_and_asks_for_its_statistics(smu: Any) -> None:
    smu.source_mode = "voltage"
    smu.source_voltage = 0.1
    smu.current_nplc = 0.01
    smu.enable_source()
    for points in (5, 7):
        smu.config_buffer(points)
        assert not smu.is_buffer_full()
        smu.start_buffer()
        smu.wait_for_buffer(timeout=1)
        assert len(smu.buffer_data) == 5 * points
        assert smu.mean_voltage == pytest.approx(0.1)
        assert smu.min_current <= smu.mean_current <= smu.max_current
        smu.reset_buffer()
        smu.stop_buffer()
        smu.disable_buffer()


def test_pymeasure_triggers_over_the_bus(smu: Any) -> None:
    smu.trigger_on_bus()
    smu.source_voltage = 0.1
    smu.enable_source()
    smu.start_buffer()
    smu.trigger()
    assert smu.values(":FETC?")[0] == pytest.approx(0.1)
    smu.trigger_immediately()
    smu.beep(440, 0.1)


def test_the_chip_is_behind_the_relays(bench: str) -> None:
    manager: Any = pyvisa.ResourceManager(f"{bench}@labsim")
    smu, matrix = (
        manager.open_resource(f"GPIB0::{n}::INSTR", read_termination="\n", write_termination="\n")
        for n in (24, 16)
    )
    smu.write("FORM:ELEM CURR;:SENS:CURR:PROT 1e-3;:OUTP ON;:SOUR:VOLT 0.2")
    alone = abs(float(smu.query("READ?")))
    smu.write("SOUR:VOLT 0")
    matrix.write('channel.close("2B01,2D01")')  # the bit line, and the ground bus on it
    smu.write("SOUR:VOLT 0.2")
    assert float(smu.query("READ?")) == pytest.approx(1e-3, rel=0.01)
    assert smu.query("SENS:CURR:PROT:TRIP?") == "1"
    assert alone < 1e-8
    manager.close()


def test_binary_readings_through_pyvisa(bench: str) -> None:
    manager = pyvisa.ResourceManager(f"{bench}@labsim")
    smu: Any = manager.open_resource("GPIB0::24::INSTR", write_termination="\n")
    levels = [round(-1 + k / 50, 3) for k in range(100)]
    smu.write("FORM:ELEM VOLT;BORD SWAP;:FORM REAL,32;:SOUR:VOLT:MODE LIST;:SENS:FUNC 'VOLT'")
    smu.write(f"SOUR:LIST:VOLT {','.join(map(str, levels))};:TRIG:COUN 100;:OUTP ON;:INIT")
    found = smu.query_binary_values("FETC?", datatype="f", data_points=100)
    assert found == pytest.approx(levels, abs=2e-4)
    manager.close()


def test_a_buffer_that_is_full_requests_service(bench: str) -> None:
    manager = pyvisa.ResourceManager(f"{bench}@labsim")
    smu: Any = manager.open_resource(
        "GPIB0::24::INSTR", read_termination="\n", write_termination="\n"
    )
    event = pyvisa.constants.EventType.service_request
    smu.enable_event(event, pyvisa.constants.EventMechanism.queue)
    smu.write("*CLS;*SRE 1;:STAT:MEAS:ENAB 512;:TRAC:POIN 3;FEED:CONT NEXT;:TRIG:COUN 3")
    smu.write("OUTP ON;:INIT")
    smu.wait_on_event(event, 1000)
    assert smu.read_stb() & 65 == 65
    assert smu.read_stb() & 65 == 1
    manager.close()


WORDS = """
:SOUR SENS :VOLT CURR RES :RANG AUTO PROT LEV LIST APP MODE SWE FUNC 'CURR' "VOLT" ON OFF ALL STAT
:TRAC DATA? POIN FEED CONT NEXT NEV CLE TST FORM :FORM ELEM VOLT,CURR REAL,32 ASC BORD SWAP :READ?
:INIT :ABOR :FETC? :MEAS:CURR? :MEAS:RES? :CONF:VOLT *RST *TRG *OPC? *WAI *SAV *RCL 1 0 -1 1e9 2500
INF MIN MAX DEF UP DOWN ; , : ? #13abc #0 #9 (VOLT/CURR) (@1) :CALC MATH NAME CALC2 LIM1 LIM2 UPP
CALC3 :OUTP SMOD HIMP :ARM COUN SOUR BUS TIM TLIN MAN :TRIG DEL :SYST KEY 20 24 PRES ERR? :ROUT
TERM REAR :STAT QUE ENAB (-100:-440) MEAS? :DISP TEXT 'x' :SOUR2 TTL 3 V MA uA 0.5 1e-300 1e400
"""
PARTS = st.sampled_from([*WORDS.split(), " ", "\n", "\0", "\xff"])
MESSAGES = st.one_of(
    st.binary(max_size=40),
    st.lists(PARTS, max_size=10).map(lambda parts: " ".join(parts).encode("latin-1")),
    st.lists(PARTS, max_size=8).map(lambda parts: "".join(parts).encode("latin-1")),
)
FUZZED = meter(ideal=False)


@settings(
    max_examples=400,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(MESSAGES, min_size=1, max_size=4), st.booleans())
def test_no_bytes_make_it_raise_and_it_answers_afterwards(sent: list[bytes], end: bool) -> None:
    box = FUZZED
    for message in sent:
        box.feed(message, end)
        box.take(50)
        box.serial_poll()
        box.starved()
        box.trigger()
    box.device_clear()
    ask(box, "*RST")
    assert (ask(box, "*IDN?") or "").startswith("KEITHLEY")
