"""Sourcing and measuring with a 2600: ranges, limits, output-off states, interlock, service."""

from __future__ import annotations

from math import isnan
from typing import Any

import pytest

from tests.sim.instruments.tsp import Talker


@pytest.fixture
def smu() -> Talker:
    return Talker()


def port(smu: Talker) -> Any:
    return smu.ports["a"]


def test_source_and_measure(smu: Talker) -> None:
    smu.send("smua.source.levelv = 2 smua.source.output = 1")
    assert smu.numbers("smua.measure.iv()") == pytest.approx([2e-5, 2])
    assert smu.number("smua.measure.r()") == pytest.approx(1e5)
    assert smu.number("smua.measure.p()") == pytest.approx(4e-5)


def test_autorange_of_the_meter_shows_the_range_in_use(smu: Talker) -> None:
    smu.send("smua.source.levelv = 2 smua.source.output = 1 smua.measure.i()")
    assert smu.number("smua.measure.rangei") == 1e-4
    smu.send("smua.measure.autorangei = 0 smua.source.levelv = 20")
    assert smu.number("smua.measure.i()") == 9.91e37
    smu.send("smua.measure.lowrangei = 1e-3 smua.measure.autorangei = 1 smua.measure.i()")
    assert smu.number("smua.measure.rangei") == 1e-3


def test_measure_range_follows_the_limit(smu: Talker) -> None:
    smu.send("smua.source.limiti = 2e-4 smua.measure.autorangei = smua.AUTORANGE_FOLLOW_LIMIT")
    assert smu.numbers("smua.measure.rangei, smua.measure.autorangei") == [1e-3, 2]


def test_what_is_sourced_is_measured_on_the_source_range(smu: Talker) -> None:
    smu.send("smua.source.levelv = 15 smua.source.output = 1 smua.measure.rangev = 2")
    assert smu.number("smua.measure.v()") == 15
    smu.send("smua.source.output = 0 smua.source.func = smua.OUTPUT_DCAMPS")
    smu.send("smua.source.leveli = 1e-4 smua.source.limitv = 20 smua.source.output = 1")
    assert smu.number("smua.measure.v()") == 9.91e37


def test_output_can_be_disconnected_whatever_its_off_mode(smu: Talker) -> None:
    smu.send("smua.source.levelv = 2 smua.source.output = 1")
    before = smu.clock.now()
    smu.send("smua.source.output = smua.OUTPUT_HIGH_Z")
    assert smu.clock.now() - before > 10e-3  # its relay moves
    assert isnan(port(smu).voltage)
    assert smu.numbers("smua.source.output, smua.source.offmode") == [0, 0]
    smu.send("smua.source.output = 0")
    assert port(smu).voltage == 0.0
    smu.send("smua.source.output = 2 smua.source.output = 1")
    assert port(smu).voltage == 2.0
    smu.send("smua.source.output = 2 smua.reset()")
    assert port(smu).voltage == 0.0
    smu.send("smua.source.output = 3")
    assert smu.codes() == [-224]


def test_limits_hold(smu: Talker) -> None:
    smu.send("smua.source.levelv = 2 smua.source.limiti = 1e-6 smua.source.output = 1")
    assert smu.numbers("smua.measure.iv()") == pytest.approx([1e-6, 0.1])
    assert smu.ask("print(smua.source.compliance)") == "true"
    smu.send("smua.source.limiti = 1e-3 smua.source.limitp = 1e-5")
    assert smu.number("smua.measure.i()") == pytest.approx(5e-6)


@pytest.mark.parametrize(
    ("settings", "voltage", "limit"),
    [
        ("smua.source.offmode = smua.OUTPUT_NORMAL", 0.0, 1e-3),
        ("smua.source.offlimiti = 1e-5 smua.source.offmode = smua.OUTPUT_NORMAL", 0.0, 1e-5),
        ("smua.source.offmode = smua.OUTPUT_ZERO smua.source.limiti = 0.02", 0.0, 0.02),
        ("smua.source.offmode = smua.OUTPUT_HIGH_Z", None, 0.0),
        ("smua.source.offfunc = smua.OUTPUT_DCAMPS", None, 0.0),
    ],
)
def test_output_off_states(smu: Talker, settings: str, voltage: float | None, limit: float) -> None:
    smu.send(settings, "smua.source.levelv = 2 smua.source.output = 1")
    assert port(smu).voltage == 2
    smu.send("smua.source.output = 0")
    assert isnan(port(smu).voltage) if voltage is None else port(smu).voltage == voltage
    assert port(smu).limit == limit


def test_output_relay_takes_its_time(smu: Talker) -> None:
    times = []
    for mode in ("NORMAL", "HIGH_Z"):
        smu.send(f"smua.source.offmode = smua.OUTPUT_{mode}")
        before = smu.clock.now()
        smu.send("smua.source.output = 1")
        times.append(smu.clock.now() - before)
        smu.send("smua.source.output = 0")
    assert times[1] > times[0] + 5e-3


@pytest.mark.parametrize(("model", "code"), [("2636B", 802), ("2611B", 802), ("2614B", 802)])
def test_open_interlock_blocks_the_highest_range(model: str, code: int) -> None:
    smu = Talker(model)
    smu.faults.interlock = "open"
    smu.send("smua.source.limiti = 0.01 smua.source.rangev = 200 smua.source.output = 1")
    assert smu.codes() == [code]
    assert smu.number("smua.source.output") == 0
    smu.send("smua.source.rangev = 20 smua.source.output = 1")
    assert smu.codes() == []
    assert smu.number("smua.source.output") == 1
    smu.send("smua.source.autorangev = 1 smua.source.levelv = 100")
    assert smu.codes() == [code]
    assert smu.number("smua.source.output") == 0


def test_interlock_opens_while_the_output_is_on(smu: Talker) -> None:
    smu.send("smua.source.limiti = 0.01 smua.source.levelv = 100 smua.source.output = 1")
    assert smu.codes() == []
    assert smu.number("status.measurement.condition") == 2048
    smu.faults.interlock = "open"
    assert smu.number("smua.source.output") == 0
    assert smu.codes() == [802]
    assert smu.number("status.questionable.condition") == 1024
    assert port(smu).voltage == 0


def test_output_enable_of_the_models_without_interlock() -> None:
    smu = Talker("2602B")
    smu.faults.interlock = "open"
    smu.send("smua.source.output = 1 smua.source.output = 0")
    smu.send("smua.source.outputenableaction = smua.OE_OUTPUT_OFF smua.source.output = 1")
    assert smu.codes() == [5041]
    assert smu.number("smua.source.output") == 0


def test_over_range_fault_makes_every_reading_overflow(smu: Talker) -> None:
    smu.send("smua.source.levelv = -2 smua.source.output = 1")
    smu.faults.over_range = True
    assert smu.numbers("smua.measure.iv()") == [-9.91e37, -9.91e37]
    smu.faults.over_range = False
    assert smu.number("smua.measure.v()") == -2


def test_filters(smu: Talker) -> None:
    smu.send("smua.source.output = 1 smua.measure.filter.count = 4 smua.measure.filter.enable = 1")
    for kind, expected in (("REPEAT_AVG", 1.0), ("MEDIAN", 1.0)):
        smu.send(f"smua.measure.filter.type = smua.FILTER_{kind} smua.source.levelv = 1")
        before = smu.clock.now()
        assert smu.number("smua.measure.v()") == expected
        assert smu.clock.now() - before > 4 * 2e-4
    smu.send("smua.measure.filter.type = smua.FILTER_MOVING_AVG smua.source.levelv = 0")
    smu.send("for k = 1, 4 do smua.measure.v() end smua.source.levelv = 1")
    assert smu.number("smua.measure.v()") == pytest.approx(0.25)
    smu.send("smua.measure.count = 2 smua.measure.filter.count = 5")
    assert smu.codes() == [5025]


def test_relative_readings(smu: Talker) -> None:
    smu.send("smua.source.levelv = 1 smua.source.output = 1 smua.measure.rel.levelv = 0.25")
    assert smu.number("smua.measure.v()") == 1
    smu.send("smua.measure.rel.enablev = smua.REL_ON")
    assert smu.number("smua.measure.v()") == 0.75
    smu.send("smua.reset() smua.source.levelv = 1 smua.source.output = 1")
    assert smu.number("smua.measure.v()") == 1


def test_measure_and_step(smu: Talker) -> None:
    smu.send("smua.source.levelv = 1 smua.source.output = 1")
    assert smu.numbers("smua.measureivandstep(2)") == pytest.approx([1e-5, 1])
    assert smu.numbers("smua.measurevandstep(3), smua.source.levelv") == [2, 3]
    smu.send("smua.measureiandstep(1e3)", "smua.measureiandstep()")
    assert smu.codes() == [1101, -109]


def test_high_capacitance_mode_does_without_small_ranges(smu: Talker) -> None:
    smu.send("smua.source.limiti = 1e-7 smua.measure.rangei = 1e-9 smua.source.highc = smua.ENABLE")
    assert smu.numbers("smua.source.limiti, smua.measure.rangei, smua.measure.autorangei") == [
        1e-6, 1e-6, 0,
    ]  # fmt: skip
    smu.send("smua.measure.autorangei = 1")
    assert smu.codes() == [5069]


def test_contact_check_and_its_conditions(smu: Talker) -> None:
    assert smu.ask("print(smua.contact.check())") == "true"
    smu.send("smua.contact.threshold = 0.1")
    assert smu.ask("print(smua.contact.check())") == "false"
    smu.send("smua.source.offmode = smua.OUTPUT_HIGH_Z smua.contact.r()")
    smu.send("smua.source.output = 1 smua.source.limiti = 1e-4 smua.contact.r()")
    smu.send("smua.source.limiti = 1e-2 smua.source.func = 0 smua.contact.r()")
    assert smu.codes() == [5048, 5050, 5049]


def test_calibration_is_locked(smu: Talker) -> None:
    smu.send("smua.cal.save()", "smua.cal.unlock('wrong')", "smua.cal.date = 5")
    assert smu.codes() == [5011, 5019, 5011]
    smu.send("smua.cal.unlock('KI0026XX') smua.cal.date = 5 smua.cal.save() smua.cal.lock()")
    assert smu.codes() == []
    assert smu.number("smua.cal.state") == smu.number("smua.CALSTATE_LOCKED")


@pytest.mark.parametrize(
    ("nplc", "zero", "seconds"), [(0.001, 0, 6e-5), (1, 0, 0.02), (1, 2, 0.06), (10, 0, 0.2)]
)
def test_time_of_a_reading(smu: Talker, nplc: float, zero: int, seconds: float) -> None:
    smu.send(f"smua.measure.nplc = {nplc} smua.measure.autozero = {zero} smua.measure.count = 10")
    smu.send("timer.reset() smua.measure.i() t = timer.measure.t()")
    assert smu.number("t") / 10 == pytest.approx(seconds, abs=5e-5)


def test_integration_counts_in_line_cycles(smu: Talker) -> None:
    smu.send("smua.measure.nplc = 6 localnode.linefreq = 60")
    smu.send("timer.reset() smua.measure.i() t = timer.measure.t()")
    assert smu.number("t") == pytest.approx(0.1, abs=1e-3)


def test_delays(smu: Talker) -> None:
    smu.send("smua.measure.delay = 0.5 timer.reset() smua.measure.i() t = timer.measure.t()")
    assert smu.number("t") == pytest.approx(0.5, abs=2e-3)
    smu.send("smua.measure.delay = 0 smua.source.delay = 0.3")
    smu.send("timer.reset() smua.source.levelv = 1 t = timer.measure.t()")
    assert smu.number("t") == pytest.approx(0.3, abs=2e-3)


def test_automatic_delay_is_longer_on_small_ranges_and_has_a_factor(smu: Talker) -> None:
    times = []
    for setting in ("rangei = 1e-3", "rangei = 1e-9", "delayfactor = 2"):
        smu.send(f"smua.measure.{setting} smua.measure.delay = smua.DELAY_AUTO smua.measure.i()")
        smu.send("timer.reset() smua.measure.i() t = timer.measure.t()")
        times.append(smu.number("t"))
    assert times[1] > 20 * times[0]
    assert times[2] == pytest.approx(2 * times[1], rel=0.05)


@pytest.mark.parametrize(
    ("model", "command", "code"),
    [
        ("2601B", "smua.source.levelv = 41", 1101),
        ("2601B", "smua.source.levelv = 40", None),
        ("2601B", "smua.source.limiti = 3 smua.source.levelv = 7", 5007),
        ("2611B", "smua.source.limiti = 1e-9", 1102),
        ("2635B", "smua.source.limiti = 1e-10", None),
        ("2636B", "smua.source.rangei = 0.5e-9 smua.source.leveli = 2e-9", 5005),
        ("2636B", "smua.source.levelv = 10 smua.source.rangev = 2", 5005),
        ("2636B", "smua.measure.interval = 2", 1101),
        ("2636B", "smua.measure.count = 0", 1102),
        ("2636B", "smua.source.settling = 7", -224),
        ("2636B", "smua.source.delay = -2", 1102),
        ("2636B", "smua.measure.i(1, 2, 3)", -108),
        ("2636B", "smua.sense = 2", -224),
        ("2636B", "smua.source.levelx = 2", -286),
        ("2636B", "smuc.source.levelv = 2", -286),
        ("2636B", "smua.contact.speed = 9", -224),
    ],
)
def test_parameters(model: str, command: str, code: int | None) -> None:
    smu = Talker(model)
    smu.send(command)
    assert smu.codes() == ([code] if code else [])


def test_reset_brings_the_defaults_back(smu: Talker) -> None:
    smu.send("smua.source.levelv = 1 smua.source.output = 1 smua.measure.nplc = 2 smua.sense = 1")
    smu.send("smua.measure.count = 5 smua.trigger.count = 7 digio.writeport(0) beeper.enable = 0")
    smu.send("reset()")
    assert smu.numbers("smua.source.levelv, smua.source.output, smua.measure.nplc, smua.sense") == [
        0, 0, 1, 0,
    ]  # fmt: skip
    assert smu.numbers("smua.measure.count, smua.trigger.count, digio.readport()") == [1, 1, 16383]
    assert smu.number("smua.measure.delay") == -1  # DELAY_AUTO on the low-current models
