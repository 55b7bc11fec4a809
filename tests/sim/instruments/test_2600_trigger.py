"""The trigger model of a 2600, and the trigger objects around it, in bench time."""

from __future__ import annotations

import pytest

from tests.sim.instruments.tsp import Talker

SWEEP = (
    "smua.trigger.source.listv({0.1, 0.2, 0.3, 0.4}) smua.trigger.source.action = smua.ENABLE",
    "smua.trigger.measure.iv(smua.nvbuffer1, smua.nvbuffer2)",
    "smua.trigger.measure.action = smua.ENABLE smua.trigger.count = 4",
    "smua.source.output = 1",
)


@pytest.fixture
def smu() -> Talker:
    return Talker()


def sweeping(smu: Talker) -> int:
    return round(smu.number("status.operation.sweeping.condition"))


def test_initiate_returns_at_once_and_the_sweep_goes_on_in_the_background(smu: Talker) -> None:
    smu.send(*SWEEP, "smua.measure.nplc = 1 smua.trigger.initiate()")
    assert smu.number("smua.nvbuffer1.n") < 4
    assert sweeping(smu) == 2
    smu.send("waitcomplete()")
    assert smu.number("smua.nvbuffer1.n") == 4
    assert sweeping(smu) == 0
    assert smu.column(4, "smua.nvbuffer2") == [0.1, 0.2, 0.3, 0.4]
    assert smu.column(4, "smua.nvbuffer1.sourcevalues") == [0.1, 0.2, 0.3, 0.4]
    assert smu.column(4, "smua.nvbuffer1") == pytest.approx([1e-6, 2e-6, 3e-6, 4e-6])


def test_polling_a_sweep_sees_it_running_and_then_over(smu: Talker) -> None:
    smu.send(*SWEEP, "smua.measure.nplc = 25 smua.trigger.initiate()")
    seen = [sweeping(smu)]
    while seen[-1] and len(seen) < 100:
        seen.append(sweeping(smu))
    assert seen[0] == 2
    assert 5 < len(seen) < 100
    assert seen[-1] == 0
    assert smu.number("smua.nvbuffer1.n") == 4


@pytest.mark.parametrize(("action", "after"), [("SOURCE_IDLE", 0.0), ("SOURCE_HOLD", 0.4)])
def test_end_of_sweep(smu: Talker, action: str, after: float) -> None:
    smu.send(*SWEEP, f"smua.trigger.endsweep.action = smua.{action}")
    smu.send("smua.trigger.initiate() waitcomplete()")
    assert smu.ports["a"].voltage == after  # type: ignore[attr-defined]


def test_pulses_return_to_the_idle_level_between(smu: Talker) -> None:
    smu.send(*SWEEP, "smua.trigger.endpulse.action = smua.SOURCE_IDLE smua.source.levelv = 0.05")
    smu.send("smua.trigger.initiate() waitcomplete()")
    levels = [volts for _, volts in smu.ports["a"].history]  # type: ignore[attr-defined]
    assert levels[-8:] == [0.1, 0.05, 0.2, 0.05, 0.3, 0.05, 0.4, 0.05]


def test_linear_and_logarithmic_sweeps(smu: Talker) -> None:
    smu.send(*SWEEP, "smua.trigger.source.linearv(1, 2, 3) smua.trigger.count = 3")
    smu.send("smua.trigger.initiate() waitcomplete()")
    assert smu.column(3, "smua.nvbuffer2") == [1.0, 1.5, 2.0]
    smu.send("smua.trigger.source.logv(1, 100, 3) smua.trigger.initiate() waitcomplete()")
    assert smu.column(3, "smua.nvbuffer2") == pytest.approx([1.0, 10.0, 100.0])
    smu.send("smua.trigger.source.logv(1, 100, 3, 0.5) smua.trigger.initiate() waitcomplete()")
    assert smu.column(3, "smua.nvbuffer2")[1] == pytest.approx(0.5 + (0.5 * 99.5) ** 0.5, rel=1e-5)
    smu.send("smua.trigger.source.logv(-1, 100, 3)")
    assert smu.codes() == [-224]


def test_list_starts_again_where_the_count_is_larger(smu: Talker) -> None:
    smu.send(*SWEEP, "smua.trigger.count = 6 smua.trigger.initiate() waitcomplete()")
    assert smu.column(6, "smua.nvbuffer2") == [0.1, 0.2, 0.3, 0.4, 0.1, 0.2]


def test_arm_layer_repeats_the_trigger_layer(smu: Talker) -> None:
    smu.send(*SWEEP, "smua.trigger.arm.count = 3 smua.trigger.initiate() waitcomplete()")
    assert smu.number("smua.nvbuffer1.n") == 12


def test_a_timer_paces_the_source(smu: Talker) -> None:
    smu.send(
        *SWEEP,
        "trigger.timer[1].delay = 0.05 trigger.timer[1].count = 3",
        "trigger.timer[1].passthrough = true",
        "trigger.timer[1].stimulus = smua.trigger.ARMED_EVENT_ID",
        "smua.trigger.source.stimulus = trigger.timer[1].EVENT_ID",
        "smua.trigger.initiate() waitcomplete()",
    )
    assert smu.column(4, "smua.nvbuffer1.timestamps") == pytest.approx([0, 0.05, 0.1, 0.15])


def test_list_of_timer_delays(smu: Talker) -> None:
    smu.send(
        *SWEEP,
        "trigger.timer[1].delaylist = {0.01, 0.03, 0.02} trigger.timer[1].count = 4",
        "trigger.timer[1].stimulus = smua.trigger.ARMED_EVENT_ID",
        "smua.trigger.source.stimulus = trigger.timer[1].EVENT_ID",
        "smua.trigger.initiate() waitcomplete()",
    )
    assert smu.column(4, "smua.nvbuffer1.timestamps") == pytest.approx([0, 0.03, 0.05, 0.06])
    assert smu.numbers("unpack(trigger.timer[1].delaylist)") == [0.01, 0.03, 0.02]


def test_pulse_width_by_a_second_timer(smu: Talker) -> None:
    smu.send(
        *SWEEP,
        "smua.trigger.measure.action = smua.DISABLE",
        "trigger.timer[2].delay = 2e-3",
        "trigger.timer[2].stimulus = smua.trigger.SOURCE_COMPLETE_EVENT_ID",
        "smua.trigger.endpulse.stimulus = trigger.timer[2].EVENT_ID",
        "smua.trigger.endpulse.action = smua.SOURCE_IDLE",
        "smua.trigger.initiate() waitcomplete()",
    )
    history = smu.ports["a"].history[-8:]  # type: ignore[attr-defined]
    widths = [history[k + 1][0] - history[k][0] for k in range(0, 8, 2)]
    assert widths == pytest.approx([2e-3] * 4)


@pytest.mark.parametrize("trigger", ["*TRG", "GET"])
def test_sweep_waits_for_a_bus_trigger(smu: Talker, trigger: str) -> None:
    smu.send(*SWEEP, "smua.trigger.arm.stimulus = trigger.EVENT_ID smua.trigger.initiate()")
    smu.send("delay(10)")
    assert smu.number("smua.nvbuffer1.n") == 0
    if trigger == "GET":
        smu.box.trigger()
    else:
        smu.send(trigger)
    smu.send("waitcomplete()")
    assert smu.number("smua.nvbuffer1.n") == 4


def test_detector_can_be_set_by_hand(smu: Talker) -> None:
    smu.send(*SWEEP, "smua.trigger.arm.stimulus = trigger.EVENT_ID smua.trigger.initiate()")
    smu.send("smua.trigger.arm.set() waitcomplete()")
    assert smu.number("smua.nvbuffer1.n") == 4


def test_two_channels_step_together_through_blenders(smu: Talker) -> None:
    other = [line.replace("smua", "smub") for line in SWEEP]
    smu.send(*SWEEP, *other, "smua.measure.nplc = 1")
    smu.send(
        "trigger.blender[1].orenable = true",
        "trigger.blender[1].stimulus[1] = smua.trigger.ARMED_EVENT_ID",
        "trigger.blender[1].stimulus[2] = smua.trigger.PULSE_COMPLETE_EVENT_ID",
        "smua.trigger.source.stimulus = trigger.blender[1].EVENT_ID",
        "trigger.blender[2].orenable = false",
        "trigger.blender[2].stimulus[1] = smua.trigger.MEASURE_COMPLETE_EVENT_ID",
        "trigger.blender[2].stimulus[2] = smub.trigger.MEASURE_COMPLETE_EVENT_ID",
        "smua.trigger.endpulse.stimulus = trigger.blender[2].EVENT_ID",
        "smub.trigger.source.stimulus = trigger.blender[1].EVENT_ID",
        "smub.trigger.endpulse.stimulus = trigger.blender[2].EVENT_ID",
        "smub.trigger.initiate() smua.trigger.initiate() waitcomplete()",
    )
    a = smu.column(4, "smua.nvbuffer1.timestamps")
    b = smu.column(4, "smub.nvbuffer1.timestamps")
    assert a[3] > 0.06
    assert a == pytest.approx(b, abs=1e-3)
    assert smu.column(4, "smub.nvbuffer2") == [0.1, 0.2, 0.3, 0.4]


def test_blender_waits_for_one_or_for_all_of_its_inputs(smu: Talker) -> None:
    smu.send("b = trigger.blender[1] g = trigger.generator")
    smu.send("b.stimulus[1] = g[1].EVENT_ID b.stimulus[3] = g[2].EVENT_ID")
    assert smu.ask("g[1].assert() print(b.wait(0))") == "false"
    assert smu.ask("g[2].assert() print(b.wait(0), b.wait(0))") == "true\tfalse"
    assert smu.ask("b.orenable = true g[2].assert() print(b.wait(0))") == "true"
    smu.send("b.reset()")
    assert smu.numbers("b.stimulus[1], b.stimulus[3]") == [0, 0]


def test_asynchronous_measurements_follow_their_own_stimulus(smu: Talker) -> None:
    smu.send(
        *SWEEP,
        "smua.trigger.measure.action = smua.ASYNC",
        "trigger.timer[3].delay = 1e-3 trigger.timer[3].count = 3",
        "trigger.timer[3].stimulus = smua.trigger.SOURCE_COMPLETE_EVENT_ID",
        "smua.trigger.measure.stimulus = trigger.timer[3].EVENT_ID",
        "smua.source.delay = 10e-3 smua.trigger.initiate() waitcomplete()",
    )
    assert smu.number("smua.nvbuffer1.n") == pytest.approx(10, abs=2)


def test_sweep_needs_its_configuration(smu: Talker) -> None:
    smu.send("smua.trigger.source.action = 1 smua.trigger.initiate()")
    smu.send("smua.trigger.source.action = 0 smua.trigger.measure.action = 1")
    smu.send("smua.trigger.initiate()")
    assert smu.codes() == [5059, 5060]


def test_second_initiate_is_ignored_while_the_first_runs(smu: Talker) -> None:
    smu.send(*SWEEP, "smua.trigger.initiate() smua.trigger.initiate()")
    assert smu.codes() == [-211]


@pytest.mark.parametrize("how", ["smua.abort()", "abort", "clear", "*RST", "smua.reset()"])
def test_sweep_is_broken_off(smu: Talker, how: str) -> None:
    smu.send(*SWEEP, "smua.trigger.arm.count = 0 smua.trigger.initiate() delay(0.01)")
    assert sweeping(smu) == 2
    if how == "clear":
        smu.box.device_clear()
    else:
        smu.send(how)
    assert sweeping(smu) == 0
    before = smu.number("smua.nvbuffer1.n")
    smu.send("delay(1)")
    assert smu.number("smua.nvbuffer1.n") == before


def test_endless_sweep_never_hangs_the_program(smu: Talker) -> None:
    smu.send(*SWEEP, "smua.trigger.measure.action = 0 smua.trigger.arm.count = 0")
    smu.send("smua.trigger.initiate() delay(1)")
    assert sweeping(smu) == 2


def test_waiting_for_what_cannot_come_aborts_the_script(smu: Talker) -> None:
    smu.send(*SWEEP, "smua.trigger.arm.stimulus = trigger.EVENT_ID smua.trigger.initiate()")
    assert smu.ask("waitcomplete() print('never')") == ""
    assert smu.codes() == [-286]


def test_limit_of_a_sweep_holds_while_it_runs(smu: Talker) -> None:
    smu.send(*SWEEP, "smua.trigger.source.limiti = 1e-6 smua.trigger.initiate() waitcomplete()")
    assert smu.column(4, "smua.nvbuffer1") == pytest.approx([1e-6] * 4)
    assert smu.number("smua.source.limiti") == 0.1
    smu.send("smua.trigger.source.limiti = smua.LIMIT_AUTO")
    assert smu.ask("print(smua.trigger.source.limiti)") == "auto"


def test_overlapped_measurement_and_operation_complete(smu: Talker) -> None:
    smu.send("*CLS", "smua.measure.count = 10 smua.measure.nplc = 1 smua.source.output = 1")
    smu.send("smua.measure.overlappediv(smua.nvbuffer1, smua.nvbuffer2)", "*OPC")
    assert smu.ask("*ESR?") == "0"
    smu.send("smua.measure.i()")
    assert smu.codes() == [5042]
    assert smu.ask("*OPC?") == "1"
    assert int(smu.ask("*ESR?")) & 1
    assert smu.number("smua.nvbuffer2.n") == 10
    smu.send("smua.measure.overlappediv(smua.nvbuffer1, smua.nvbuffer1)")
    assert smu.codes() == [5040]


def test_wait_returns_whether_the_event_came(smu: Talker) -> None:
    assert smu.ask("print(trigger.wait(0.5))") == "false"
    smu.send("*TRG")
    assert smu.ask("print(trigger.wait(0.5), trigger.wait(0))") == "true\tfalse"
    smu.send("trigger.timer[1].delay = 0.2 trigger.timer[1].stimulus = trigger.EVENT_ID", "*TRG")
    before = smu.clock.now()
    assert smu.ask("print(trigger.timer[1].wait(1))") == "true"
    assert smu.clock.now() - before == pytest.approx(0.2, abs=2e-3)


def test_overruns_are_noted_and_cleared(smu: Talker) -> None:
    smu.send("trigger.timer[1].delay = 10 trigger.timer[1].stimulus = trigger.EVENT_ID")
    smu.send("*TRG", "*TRG")
    assert smu.ask("print(trigger.timer[1].overrun)") == "true"
    assert smu.number("status.operation.instrument.trigger_timer.trigger_overrun.event") == 2
    smu.send("trigger.timer[1].clear()")
    assert smu.ask("print(trigger.timer[1].overrun)") == "false"


def test_objects_that_trigger_each_other_in_a_ring_come_to_an_end(smu: Talker) -> None:
    smu.send(
        "trigger.blender[1].orenable = true trigger.blender[2].orenable = true",
        "trigger.blender[1].stimulus[1] = trigger.blender[2].EVENT_ID",
        "trigger.blender[2].stimulus[1] = trigger.blender[1].EVENT_ID",
        "trigger.blender[2].stimulus[2] = trigger.generator[1].EVENT_ID",
        "trigger.generator[1].assert()",
    )
    assert smu.ask("print(trigger.blender[1].wait(0))") == "true"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("smua.trigger.count = -1", 1102),
        ("smua.trigger.count = 2e6", 1101),
        ("smua.trigger.source.stimulus = 9999", -224),
        ("smua.trigger.source.listv({})", -104),
        ("smua.trigger.source.listv(1)", -104),
        ("smua.trigger.source.listv(print)", -104),
        ("smua.trigger.source.listv({1, 'x'})", -104),
        ("smua.trigger.source.listv({1, nil, 3})", -104),
        ("smua.trigger.source.listv({300})", 1101),
        ("smua.trigger.source.linearv(0, 1)", -109),
        ("smua.trigger.source.linearv(0, 1, 2, 3)", -108),
        ("smua.trigger.measure.i()", -109),
        ("smua.trigger.measure.i(1)", -104),
        ("smua.trigger.measure.action = 3", -224),
        ("smua.trigger.initiate(1)", -108),
        ("trigger.timer[1].delay = 1e-6", 1102),
        ("trigger.wait()", -109),
        ("trigger.timer[9].delay = 1", -286),
    ],
)
def test_wrong_parameters(smu: Talker, command: str, code: int) -> None:
    smu.send(command)
    assert smu.codes() == [code]
