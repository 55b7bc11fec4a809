"""The three languages of a simulated Keithley 2450, and other people's drivers."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from random import Random

import numpy as np
import pytest
import pyvisa
from pymeasure.instruments.keithley import Keithley2450 as Driver

from labctl import sim
from tests.sim.fuzzing import salads
from tests.sim.instruments.load import ask, errors, values
from tests.sim.instruments.test_keithley2450 import load, meter

BENCH = """
[chip]
name = "none"
rows = 1
columns = 1
[instruments.smu]
driver = "other"
model = "2450"
address = "GPIB0::18::INSTR"
"""


# -- languages ---------------------------------------------------------------------------------


def test_language_changes_at_the_next_reboot_and_stays() -> None:
    box = meter()
    ask(box, ":SOUR:VOLT 1;:OUTP ON;*LANG TSP")
    assert ask(box, "*LANG?") == "SCPI"
    box.faults.power_cycle()
    assert load(box).driven[-1] == 0.0
    assert ask(box, "*LANG?") == "TSP"
    assert ask(box, "print(smu.source.level)") == "0"
    ask(box, "*LANG SCPI")
    box.faults.power_cycle_after = 1
    assert ask(box, "*LANG?") is None  # lost: the mains failed
    assert ask(box, "*LANG?;*IDN?") == "SCPI;KEITHLEY INSTRUMENTS,MODEL 2450,4412345,1.7.12b"


def test_unknown_language_is_refused_in_every_language() -> None:
    for language in ("SCPI", "SCPI2400", "TSP"):
        box = meter(language=language)
        ask(box, "*LANG ESPERANTO")
        assert errors(box) == [-224]
        assert ask(box, "*LANG?") == language


def test_scpi2400_answers_as_a_2400_with_the_identity_of_the_2450() -> None:
    box = meter(language="SCPI2400")
    assert str(ask(box, "*IDN?")).split(",")[1] == "MODEL 2450"
    ask(box, ":SOUR:VOLT 1;:SENS:CURR:PROT 1e-3;:FORM:ELEM VOLT,CURR;:OUTP ON")
    assert values(box, ":READ?") == pytest.approx([1.0, 1e-4])
    ask(box, ":TRAC:FEED SENS;:SOUR:VOLT:ILIM 1")
    assert errors(box) == [-113]


@pytest.mark.parametrize("language", ["SCPI", "SCPI2400", "TSP"])
def test_random_messages_never_raise_in_any_language(language: str) -> None:
    box = meter(language=language)
    rng = Random(5)
    for message in islice(salads(box.spoken, rng), 400):
        box.feed(message + b"\n", rng.random() < 0.9)
        while box.take(1 << 22) is not None:
            pass
    box.device_clear()
    assert str(ask(box, "*IDN?")).split(",")[1] == "MODEL 2450"


# -- TSP ---------------------------------------------------------------------------------------


def test_tsp_sources_measures_and_prints_constants_by_name() -> None:
    box = meter(language="TSP")
    ask(box, "smu.source.func = smu.FUNC_DC_VOLTAGE smu.source.ilimit.level = 0.01")
    ask(box, "smu.measure.func = smu.FUNC_DC_CURRENT smu.source.level = 2")
    ask(box, "smu.source.output = smu.ON")
    assert values(box, "print(smu.measure.read())") == pytest.approx([2e-4])
    assert ask(box, "print(smu.source.func, smu.source.output, smu.terminals)") == (
        "smu.FUNC_DC_VOLTAGE\tsmu.ON\tsmu.TERMINALS_FRONT"
    )
    ask(box, "smu.source.ilimit.level = 1e-4")
    assert ask(box, "print(smu.source.ilimit.tripped)") == "smu.ON"


def test_tsp_simple_loop_fills_the_default_buffer() -> None:
    box = meter(language="TSP")
    ask(box, "smu.source.level = 1 smu.source.output = smu.ON smu.measure.nplc = 0.01")
    ask(box, 'trigger.model.load("SimpleLoop", 4, 0.5) trigger.model.initiate() waitcomplete()')
    answer = ask(box, "printbuffer(1, defbuffer1.n, defbuffer1, defbuffer1.relativetimestamps)")
    numbers = np.array([float(part) for part in str(answer).split(",")]).reshape(4, 2)
    np.testing.assert_allclose(numbers[:, 0], 1e-4)
    assert np.all(np.diff(numbers[:, 1]) > 0.5)
    assert ask(box, "print(defbuffer1[2], defbuffer1.units[1], defbuffer1[9])") == (
        "0.0001\tAmp DC\tnil"
    )


def test_tsp_sweep_into_a_buffer_of_its_own() -> None:
    box = meter(language="TSP")
    ask(
        box,
        'smu.source.ilimit.level = 1e-3 b = buffer.make(100) smu.source.sweeplinear("s", 0, 1, 3, '
        "0, 1, smu.RANGE_BEST, smu.OFF, smu.OFF, b) trigger.model.initiate() waitcomplete()",
    )
    assert values(box, "printbuffer(1, b.n, b.sourcevalues)") == pytest.approx([0.0, 0.5, 1.0])
    assert values(box, "print(buffer.getstats(b).mean)") == pytest.approx([5e-5])
    assert ask(box, "print(defbuffer1.n, b.capacity, smu.source.output)") == "0\t100\tsmu.OFF"
    assert ask(box, "print(trigger.model.state())") == (
        "trigger.STATE_IDLE\ttrigger.STATE_IDLE\t12"
    )


def test_tsp_binary_buffers() -> None:
    box = meter(language="TSP")
    ask(box, "smu.source.level = 1 smu.source.output = smu.ON smu.measure.count = 3")
    ask(box, "smu.measure.read() format.data = format.REAL32 format.byteorder = format.BIGENDIAN")
    box.feed(b"printbuffer(1, 3, defbuffer1)\n")
    taken = box.take(100)
    assert taken is not None
    assert taken[0][:2] == b"#0"
    np.testing.assert_allclose(np.frombuffer(taken[0][2:-1], ">f4"), 1e-4, rtol=1e-6)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("smu.source.level = 300", -222),
        ("smu.source.level = 'high'", -104),
        ("smu.source.func = smu.ON", -224),
        ("smu.source.sweeplinear('s')", -109),
        ("smu.measure.nplc = 0/0", -104),
        ("smu.nothing = 1", -286),
        ("smu.source.vlimit.level = 3", -221),
        ("trigger.model.load('NoSuch')", -224),
        ("buffer.make(5)", -222),
    ],
)
def test_tsp_refusals_go_to_the_event_log(script: str, code: int) -> None:
    box = meter(language="TSP")
    ask(box, script)
    assert ask(box, "print(eventlog.getcount(eventlog.SEV_ERROR))") == "1"
    parts = str(ask(box, "print(eventlog.next())")).split("\t")
    assert (int(parts[0]), parts[2], parts[3]) == (code, "1", "0")
    assert ask(box, "print(eventlog.next())") == "0\tNo error\t0\t0\t0\t0"


def test_tsp_waits_for_a_command_event() -> None:
    box = meter(language="TSP")
    ask(box, "trigger.model.setblock(1, trigger.BLOCK_WAIT, trigger.EVENT_COMMAND)")
    ask(box, "trigger.model.setblock(2, trigger.BLOCK_MEASURE_DIGITIZE, defbuffer1)")
    ask(box, "trigger.model.initiate()")
    assert str(ask(box, "print(trigger.model.state())")).startswith("trigger.STATE_WAITING")
    ask(box, "*TRG")
    assert ask(box, "print(defbuffer1.n)") == "1"


def test_tsp_maps_events_to_status_bits() -> None:
    box = meter(language="TSP")
    ask(box, "status.operation.setmap(0, 2732, 2731) print(status.operation.getmap(0))")
    ask(box, 'trigger.model.load("SimpleLoop", 2) trigger.model.initiate() waitcomplete()')
    ask(box, "status.operation.enable = 1 status.request_enable = 128")
    assert box.serial_poll() & 192 == 192
    assert ask(box, "print(status.operation.condition, status.operation.event)") == "1\t1"
    assert box.serial_poll() & 128 == 0


def test_tsp_objects_can_be_walked_and_hide_the_host() -> None:
    box = meter(language="TSP")
    assert ask(box, "print(getmetatable(smu.source).Getters.level, k2450)") == "true\tnil"
    names = ask(box, "local t = {} for k in pairs(getmetatable(smu).Objects) do t[#t + 1] = k end "
                "table.sort(t) print(t[1], #t > 60)")  # fmt: skip
    assert names == "ATTR_MEAS_AUTO_ZERO\ttrue"


# -- other people's drivers --------------------------------------------------------------------


@pytest.fixture
def bench(tmp_path: Path) -> str:
    path = tmp_path / "bench.toml"
    path.write_text(BENCH, encoding="utf-8")
    return f"{path}@labsim"


def test_pymeasure_drives_source_and_meter(bench: str) -> None:
    meter_ = Driver("GPIB0::18::INSTR", visa_library=bench)
    meter_.reset()
    meter_.apply_voltage(voltage_range=2, compliance_current=1e-3)
    meter_.measure_current(nplc=0.1)
    meter_.source_voltage = 0.5
    meter_.enable_source()
    assert meter_.source_enabled
    assert meter_.source_voltage == 0.5
    assert meter_.source_voltage_range == 2.0
    assert abs(meter_.current) < 1e-6  # wired to nothing
    assert meter_.compliance_current == 1e-3
    meter_.current_filter_type = "MOV"
    assert meter_.current_filter_type == "MOV"
    meter_.wires = 4
    assert meter_.wires == 4
    meter_.voltage_output_off_state = "HIMP"
    assert meter_.voltage_output_off_state == "HIMP"
    meter_.source_voltage_delay = 0.01
    assert not meter_.source_voltage_delay_auto
    meter_.use_rear_terminals()
    meter_.beep(1000, 0.1)
    meter_.buffer_points = 1000
    assert meter_.buffer_points == 1000
    assert [error[0] for error in meter_.check_errors()] == []
    meter_.adapter.connection.close()
    sim.discard(bench.removesuffix("@labsim"))


def test_two_benches_give_boxes_with_numbers_of_their_own(bench: str) -> None:
    manager = pyvisa.ResourceManager(bench)
    box = manager.open_resource("GPIB0::18::INSTR", read_termination="\n")
    assert box.query("*IDN?") == "KEITHLEY INSTRUMENTS,MODEL 2450,4412345,1.7.12b"
    box.close()
    manager.close()
    sim.discard(bench.removesuffix("@labsim"))
