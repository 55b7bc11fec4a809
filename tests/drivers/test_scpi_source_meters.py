"""What every SCPI source meter does on its simulated box, in the same words."""

from __future__ import annotations

import logging
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import pyvisa

from labctl.errors import ConnectionLostError, InstrumentError, LimitError
from labctl.instruments import Driver, Flag, SourceMeter
from tests.drivers.onebox import one_box

MODELS = ("2400", "2450", "B2912A")


@pytest.fixture(params=MODELS)
def rig(tmp_path, request):
    with one_box(tmp_path, request.param) as found:
        yield found


def test_box_and_channel_are_what_labctl_asks_for(rig):
    assert isinstance(rig.meter, SourceMeter)
    assert all(hasattr(rig.box, name) for name in vars(Driver) if not name.startswith("_"))
    assert rig.meter.line_frequency == 50.0
    assert rig.box.identity.model == rig.model
    with pytest.raises(InstrumentError, match="no channel 'z'"):
        rig.box.channel("z")


def test_a_measurement_waits_reads_and_returns_to_zero(rig):
    meter = rig.ready()
    reading = meter.measure(0.2, settle=0.02)
    assert reading.current == pytest.approx(0.2 / 1e4, rel=1e-3)
    assert reading.flag == Flag.OK
    assert 0.02 <= rig.port.time_at(0.2) < 0.04
    assert rig.port.voltage == 0.0
    assert meter.measure(-0.3, settle=0.0).current == pytest.approx(-0.3 / 1e4, rel=1e-3)
    assert rig.box.self_check() == []


def test_a_level_stays_until_the_next(rig):
    meter = rig.ready()
    assert meter.force(0.5) == Flag.OK
    began = rig.world.clock.now()
    assert meter.force(0.7, settle=0.05) == Flag.OK
    assert rig.world.clock.now() - began >= 0.05
    assert rig.port.voltage == 0.7
    meter.force(0.0)
    assert rig.port.voltage == 0.0


def test_a_limited_source_is_flagged_everywhere(rig):
    meter = rig.ready(compliance=1e-5, current_range=1e-5)
    reading = meter.measure(0.5, settle=1e-3)
    assert reading.flag & Flag.COMPLIANCE
    assert reading.current == pytest.approx(1e-5, rel=0.05)
    assert meter.force(0.5) == Flag.COMPLIANCE
    assert meter.force(0.5, settle=1e-3) == Flag.COMPLIANCE
    assert meter.pulse(0.5, 2e-3).flag == Flag.COMPLIANCE
    assert meter.pulse(0.05, 2e-3).flag == Flag.OK


def test_an_overflow_is_no_number(rig):
    meter = rig.ready()
    rig.faults.over_range = True
    reading = meter.measure(0.2, settle=1e-3)
    assert math.isnan(reading.current)
    assert reading.flag & Flag.OVERFLOW
    currents, flags = meter.sweep([0.1, 0.2], 1e-3)
    assert np.isnan(currents).all()
    assert (flags & Flag.OVERFLOW).all()


def test_small_values_arrive_in_full(rig):
    meter = rig.meter
    meter.set_limits(voltage=0.2, current=1e-3)
    meter.prepare(compliance=50e-9, nplc=0.1, current_range=50e-9)
    settings = rig.box.outputs[rig.channel_name] if rig.model == "B2912A" else rig.box
    assert settings.compliance == pytest.approx(50e-9, rel=1e-6)
    meter.output(True)
    meter.force(2e-9)
    assert settings.voltage == pytest.approx(2e-9, rel=1e-6)
    settings.voltage = -3e-9
    assert settings.voltage == pytest.approx(-3e-9, rel=1e-6)


def test_a_long_sweep_is_forced_in_order_and_ends_at_zero(rig):
    meter = rig.ready()
    levels = [round(0.5 * math.sin(k / 100), 4) for k in range(1, 3001)]
    currents, flags = meter.sweep(levels, dwell=1e-3)
    assert currents == pytest.approx(np.array(levels) / 1e4, rel=1e-3, abs=1e-9)
    assert not flags.any()
    wanted = [levels[k] for k in range(3000) if k == 0 or levels[k] != levels[k - 1]]
    seen = [volts for _, volts in rig.port.steps() if volts != 0.0]
    assert seen == pytest.approx(wanted, abs=5e-4)
    assert rig.port.voltage == 0.0
    assert rig.port.time_at(levels[1499]) >= 1e-3
    assert meter.measure(0.1, 0.0).current == pytest.approx(1e-5, rel=1e-3)
    assert rig.box.self_check() == []


def test_each_point_of_a_sweep_has_its_own_flag(rig):
    meter = rig.ready(compliance=2e-5, current_range=2e-5)
    currents, flags = meter.sweep([0.1, 0.4, 0.1], dwell=1e-3)
    assert [bool(flag & Flag.COMPLIANCE) for flag in flags] == [False, True, False]
    assert currents[[0, 2]] == pytest.approx(1e-5, rel=1e-2)
    empty, none = meter.sweep([], dwell=1e-3)
    assert len(empty) == len(none) == 0


@pytest.mark.parametrize("width", [1e-3, 5e-3, 0.3])
def test_the_terminal_sees_the_width_of_a_pulse(rig, width):
    meter = rig.ready()
    reading = meter.pulse(1.5, width)
    assert math.isnan(reading.current)
    assert rig.port.time_at(1.5) == pytest.approx(width, abs=1.1e-4)
    assert {volts for _, volts in rig.port.steps()} <= {0.0, 1.5}
    assert not rig.is_off
    assert rig.port.voltage == 0.0
    assert meter.measure(0.1, 0.0).current == pytest.approx(1e-5, rel=1e-3)
    assert rig.box.self_check() == []


def test_what_is_beyond_limits_is_not_even_sent(rig):
    meter = rig.ready()
    before = rig.world.box("meter").messages
    for wrong in (
        lambda: meter.force(5.1),
        lambda: meter.measure(-5.1, 0.0),
        lambda: meter.pulse(6.0, 1e-2),
        lambda: meter.pulse(1.0, meter.shortest_pulse / 2),
        lambda: meter.pulse(1.0, math.nan),
        lambda: meter.sweep([0.1, math.nan], 0.0),
        lambda: meter.sweep([0.1, 7.0], 0.0),
    ):
        with pytest.raises(LimitError, match=r"limit is 5 V|the shortest it can make"):
            wrong()
    assert rig.world.box("meter").messages == before
    with pytest.raises(InstrumentError, match="its largest is"):
        meter.set_limits(voltage=1e4, current=1e-3)


def test_an_open_interlock_keeps_the_output_off(rig):
    assert rig.meter.interlock() is True
    rig.faults.interlock = "open"
    assert rig.meter.interlock() is False
    with pytest.raises(InstrumentError, match=r"(?i)interlock|output enable"):
        rig.ready()
    assert rig.is_off


def test_nothing_is_measured_pulsed_or_swept_with_the_output_off(rig):
    meter = rig.ready()
    rig.meter.output(False)
    rig.port.history.clear()
    for action in (
        lambda: meter.force(0.5),
        lambda: meter.force(0.5, 1e-3),
        lambda: meter.measure(0.5, 0.0),
        lambda: meter.pulse(0.5, 2e-3),
        lambda: meter.sweep([0.5], 0.0),
    ):
        with pytest.raises(InstrumentError, match=r"output|OUTPUT"):
            action()
    assert rig.is_off
    rig.meter.off()


@pytest.mark.parametrize("action", ["force", "measure", "pulse"])
def test_garbage_is_an_error_and_the_next_answer_is_right(rig, action):
    meter = rig.ready()
    rig.faults.garbage = 1
    with pytest.raises(InstrumentError, match=r"no text|failed at|no number"):
        meter.pulse(0.5, 2e-3) if action == "pulse" else getattr(meter, action)(0.5, 1e-3)
    assert meter.measure(0.2, 1e-3).current == pytest.approx(2e-5, rel=1e-3)


def test_a_garbled_block_is_an_error(rig):
    meter = rig.ready()
    box = rig.world.box("meter")
    box = box.spoken if rig.model == "2450" else box
    say = box.say
    box.say = lambda data: say(b"x" + data[1:] if data.startswith(b"#") else data)
    with pytest.raises(InstrumentError, match="no block"):
        meter.sweep([0.1] * 10, 0.0)
    meter.off()
    assert rig.is_off


def test_a_silent_box_is_lost_and_in_step_when_it_is_back(rig):
    meter = rig.ready()
    rig.faults.silent = True
    with pytest.raises(ConnectionLostError, match=r"does not answer to .*power, cable"):
        meter.measure(0.3, 0.0)
    rig.faults.silent = False
    assert meter.measure(0.2, 0.0).current == pytest.approx(2e-5, rel=1e-3)


def test_a_late_answer_is_never_taken_for_the_next(rig):
    meter = rig.ready()
    rig.faults.delay = 60.0
    with pytest.raises(ConnectionLostError):
        meter.measure(0.3, 0.0)
    rig.faults.delay = 0.0
    assert meter.measure(0.1, 0.0).current == pytest.approx(1e-5, rel=1e-3)


def test_a_broken_connection_is_told_in_the_middle_of_a_sweep(rig):
    meter = rig.ready()
    rig.faults.lost_after = rig.world.box("meter").messages + 2
    with pytest.raises(ConnectionLostError, match=rig.model):
        meter.sweep([0.1] * 300, 1e-3)
    with pytest.raises(ConnectionLostError):
        meter.off()


def test_a_wrong_box_at_the_address_says_who_it_is(tmp_path):
    more = '[simulation.faults.meter]\nidentity = "9999"'
    with one_box(tmp_path, "2400", more) as rig:
        assert rig.box.identity.model == "9999"


def test_off_works_after_a_sweep_that_broke_off(rig):
    meter = rig.ready()
    rig.faults.garbage = True
    with pytest.raises(InstrumentError):
        meter.sweep([0.5] * 5, 1e-3)
    rig.faults.garbage = 0
    meter.force(0.4)
    meter.off()
    assert rig.is_off
    assert rig.ready().measure(0.2, 1e-3).current == pytest.approx(2e-5, rel=1e-3)


def test_safe_messages_of_a_second_session_bring_zero_and_off(rig):
    rig.ready().force(0.9)
    safe = rig.module.safe_messages(rig.model)
    manager = pyvisa.ResourceManager(rig.library)
    second = manager.open_resource(rig.address, write_termination="\n")
    for message in (*safe.break_off, *safe.zero[rig.channel_name]):
        second.write(message)
    assert rig.port.voltage == 0.0
    assert not rig.is_off
    for message in safe.off[rig.channel_name]:
        second.write(message)
    assert rig.is_off
    assert rig.box.self_check() == []
    second.close()


def test_the_self_test_goes_with_outputs_off(rig):
    rig.ready().force(0.9)
    assert rig.box.self_test() == []
    assert rig.is_off


def test_old_errors_are_logged_and_not_laid_to_the_driver(tmp_path, caplog):
    with one_box(tmp_path, "2400") as rig:
        rig.box.line.send(":NONSENSE")
        with caplog.at_level(logging.WARNING):
            rig.module.Keithley2400Channel(rig.box, "a", rig.box.ability)
        assert "-113" in caplog.text
        rig.ready()


def test_a_property_that_is_refused_names_the_command(rig):
    settings = rig.box.outputs[rig.channel_name] if rig.model == "B2912A" else rig.box
    rig.box.line.send(":SOUR:CURR 5e6")
    with pytest.raises(InstrumentError, match=r"refused .*NPLC 0\.5.*error -22"):
        settings.nplc = 0.5
    with pytest.raises(ValueError, match="not in range"):
        settings.nplc = 1e6
    assert rig.box.self_check() == []


def test_abort_lets_the_next_action_work(rig):
    meter = rig.ready()
    rig.box.abort()
    assert meter.measure(0.2, 1e-3).current == pytest.approx(2e-5, rel=1e-3)


def test_threads_share_a_connection_and_get_their_own_answers(rig):
    meter = rig.ready()
    volts = [0.01 * k for k in range(1, 41)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda v: meter.measure(v, 0.0).current, volts))
    assert found == pytest.approx([v / 1e4 for v in volts], rel=1e-3)
