"""The status model of a 2600: register sets, summaries, status byte."""

from __future__ import annotations

import pytest

from tests.sim.instruments.tsp import Talker


@pytest.fixture
def smu() -> Talker:
    return Talker()


def test_current_limit_shows_in_every_set_it_belongs_to(smu: Talker) -> None:
    smu.send("smua.source.limiti = 1e-6 smua.source.levelv = 1 smua.source.output = 1")
    assert smu.number("status.measurement.instrument.smua.condition") == 2
    assert smu.number("status.measurement.current_limit.condition") == 2  # bit 1: channel a
    assert smu.number("status.measurement.instrument.smub.condition") == 0
    smu.send("smua.source.levelv = 0.01")
    assert smu.number("status.measurement.instrument.smua.condition") == 0


def test_voltage_limit_of_a_current_source(smu: Talker) -> None:
    smu.send("smub.source.func = smub.OUTPUT_DCAMPS smub.source.limitv = 0.1")
    smu.send("smub.source.leveli = 1e-5 smub.source.output = 1")
    assert smu.number("status.measurement.instrument.smub.condition") == 1
    assert smu.number("status.measurement.voltage_limit.condition") == 4


def test_events_are_latched_until_they_are_read(smu: Talker) -> None:
    smu.send("smua.source.limiti = 1e-6 smua.source.levelv = 1 smua.source.output = 1")
    smu.number("status.measurement.current_limit.condition")
    smu.send("smua.source.levelv = 0")
    assert smu.number("status.measurement.current_limit.condition") == 0
    assert smu.number("status.measurement.current_limit.event") == 2
    assert smu.number("status.measurement.current_limit.event") == 0


def test_transition_registers_choose_the_edge(smu: Talker) -> None:
    path = "status.operation.user"
    smu.send(f"{path}.ptr = 0 {path}.ntr = {path}.BIT3", f"{path}.condition = 8")
    assert smu.number(f"{path}.event") == 0
    smu.send(f"{path}.condition = 0")
    assert smu.number(f"{path}.event") == 8


def test_enabled_event_climbs_to_a_service_request(smu: Talker) -> None:
    smu.send(
        "*CLS",
        "status.operation.user.enable = status.operation.user.BIT0",
        "status.operation.enable = status.operation.USER",
        "status.request_enable = status.OSB",
        "status.operation.user.condition = 1",
    )
    assert smu.box.serial_poll() == 128 + 64
    assert smu.number("status.condition") >= 128
    smu.send("local e = status.operation.user.event e = status.operation.event")
    assert smu.box.serial_poll() & 128 == 0


def test_end_of_a_sweep_requests_service(smu: Talker) -> None:
    smu.send(
        "*CLS",
        "status.operation.sweeping.ptr = 0",
        "status.operation.sweeping.ntr = status.operation.sweeping.SMUA",
        "status.operation.sweeping.enable = status.operation.sweeping.SMUA",
        "status.operation.enable = status.operation.SWEEPING",
        "status.request_enable = status.OSB",
        "smua.trigger.source.listv({1}) smua.trigger.source.action = 1",
        "smua.source.delay = 0.5 smua.source.output = 1 smua.trigger.initiate()",
    )
    polls = [smu.box.serial_poll() for _ in range(10)]
    assert not polls[0] & 64
    assert any(poll & 64 for poll in polls)


def test_overflow_and_buffer_bits(smu: Talker) -> None:
    smu.send("smua.measure.rangei = 1e-7 smua.source.levelv = 1 smua.source.output = 1")
    assert smu.number("smua.measure.i()") == 9.91e37
    path = "status.measurement.instrument.smua"
    assert smu.number(f"{path}.condition") == 128
    smu.send("smua.measure.rangei = 1e-4 smua.measure.i(smua.nvbuffer1)")
    assert smu.number(f"{path}.condition") == 256
    smu.send("smua.nvbuffer1.clear()")
    assert smu.number(f"{path}.condition") == 0


def test_standard_register_is_the_event_register(smu: Talker) -> None:
    smu.send("*CLS", "x = =", "status.standard.enable = status.standard.EXE")
    assert smu.ask("*ESE?") == "16"
    assert smu.number("status.standard.event") == 16
    assert smu.ask("*ESR?") == "0"


def test_reset_of_the_status_model(smu: Talker) -> None:
    smu.send("status.operation.user.enable = 5 status.operation.user.ptr = 1 *SRE 1")
    smu.send("status.request_enable = 4", "status.reset()")
    assert smu.numbers("status.operation.user.enable, status.operation.user.ptr") == [0, 32767]
    assert smu.number("status.request_enable") == 0


def test_conditions_cannot_be_set_and_registers_have_15_bits(smu: Talker) -> None:
    smu.send("status.operation.condition = 1")
    assert smu.codes() == [-286]
    smu.send("status.operation.enable = 32768")
    assert smu.codes() == [1101]
    smu.send("status.operation.enable = -1")
    assert smu.codes() == [1102]


@pytest.mark.parametrize(
    ("constant", "value"),
    [
        ("status.MSB", 1), ("status.EAV", 4), ("status.QSB", 8), ("status.MAV", 16),
        ("status.ESB", 32), ("status.OSB", 128), ("status.measurement.BAV", 256),
        ("status.measurement.INT", 2048), ("status.measurement.instrument.SMUB", 4),
        ("status.operation.SWEEPING", 8), ("status.operation.instrument.smub.MEAS", 16),
        ("status.operation.instrument.digio.trigger_overrun.LINE14", 16384),
        ("status.questionable.OTEMP", 4096), ("status.standard.PON", 128),
        ("status.system.NODE14", 16384), ("status.system2.NODE15", 2),
        ("status.system5.NODE64", 256),
    ],
)  # fmt: skip
def test_constants(smu: Talker, constant: str, value: float) -> None:
    assert smu.number(constant) == value
