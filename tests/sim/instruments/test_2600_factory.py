"""The factory scripts of a 2600."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.sim.instruments.tsp import Talker


@pytest.fixture
def smu() -> Talker:
    return Talker()


def levels(smu: Talker) -> list[float]:
    return [volts for _, volts in smu.ports["a"].history]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("call", "source", "expected"),
    [
        ("SweepVLinMeasureI(smua, -1, 1, 1e-3, 5)", [-1, -0.5, 0, 0.5, 1], 1e-5),
        ("SweepVLogMeasureI(smua, 0.1, 10, 1e-3, 3)", [0.1, 1, 10], 1e-5),
        ("SweepVListMeasureI(smua, {3, 1, 2}, 1e-3, 3)", [3, 1, 2], 1e-5),
        ("SweepILinMeasureV(smua, 1e-6, 3e-6, 1e-3, 3)", [1e-6, 2e-6, 3e-6], 1e5),
        ("SweepILogMeasureV(smua, 1e-6, 1e-4, 1e-3, 3)", [1e-6, 1e-5, 1e-4], 1e5),
        ("SweepIListMeasureV(smua, {1e-6, 5e-6}, 1e-3, 2)", [1e-6, 5e-6], 1e5),
    ],
)
def test_sweeps(smu: Talker, call: str, source: list[float], expected: float) -> None:
    smu.send(call)
    assert smu.codes() == []
    count = len(source)
    assert smu.column(count, "smua.nvbuffer1.sourcevalues") == pytest.approx(source)
    readings = smu.column(count, "smua.nvbuffer1")
    assert readings == pytest.approx([value * expected for value in source], abs=1e-12)
    assert smu.number("smua.nvbuffer1.n") == count
    assert smu.number("smua.source.output") == 0


def test_pulses_by_script(smu: Talker) -> None:
    smu.send("PulseVMeasureI(smua, 0.1, 1, 2e-3, 5e-3, 3)")
    assert smu.codes() == []
    assert smu.column(3, "smua.nvbuffer1") == pytest.approx([1e-5] * 3)
    assert levels(smu)[-7:] == [1, 0.1, 1, 0.1, 1, 0.1, 0]
    stamps = smu.column(3, "smua.nvbuffer1.timestamps")
    assert stamps[1] == pytest.approx(7e-3, rel=0.1)


def test_configured_pulse_train_keeps_its_times(smu: Talker) -> None:
    smu.send("smua.source.output = 1")
    assert smu.ask(
        "print(ConfigPulseVMeasureI(smua, 0, 1, 1e-3, 1e-3, 4e-3, 5, smua.nvbuffer1, 1))"
    ) == ("true\tOK")
    assert smu.ask("print(InitiatePulseTest(1))") == "true\tOK"
    assert smu.column(5, "smua.nvbuffer1.timestamps") == pytest.approx(
        [0, 5e-3, 10e-3, 15e-3, 20e-3], abs=1e-6
    )
    history = smu.ports["a"].history  # type: ignore[attr-defined]
    pairs = pairwise(history)
    widths = [end - start for (start, high), (end, low) in pairs if high == 1 and low == 0]
    assert widths == pytest.approx([1e-3] * 5, abs=5e-5)
    assert smu.codes() == []


@pytest.mark.parametrize(
    ("ending", "expected"),
    [("Lin", [1e-6, 50.5e-6, 100e-6]), ("Log", [1e-6, 1e-5, 1e-4])],
)
def test_configured_sweep_of_pulses(smu: Talker, ending: str, expected: list[float]) -> None:
    smu.send("smua.source.output = 1")
    given = "smua, 0, 1e-6, 1e-4, 20, 1e-3, 2e-3, 3, smua.nvbuffer1, 4"
    assert smu.ask(f"print(ConfigPulseIMeasureVSweep{ending}({given}))") == "true\tOK"
    assert smu.ask("print(InitiatePulseTest(4))") == "true\tOK"
    assert smu.column(3, "smua.nvbuffer1.sourcevalues") == pytest.approx(expected)
    assert smu.column(3, "smua.nvbuffer1") == pytest.approx([x * 1e5 for x in expected])


def test_two_channels_pulse_together(smu: Talker) -> None:
    smu.send("smua.source.output = 1 smub.source.output = 1")
    smu.send("ConfigPulseVMeasureI(smua, 0, 1, 1e-3, 1e-3, 4e-3, 4, smua.nvbuffer1, 1)")
    smu.send("ConfigPulseVMeasureI(smub, 0, 2, 1e-3, 2e-3, 4e-3, 4, smub.nvbuffer1, 2)")
    assert smu.ask("print(InitiatePulseTestDual(1, 2))") == "true\tOK"
    assert smu.number("smua.nvbuffer1.n") == smu.number("smub.nvbuffer1.n") == 4
    assert smu.column(4, "smub.nvbuffer1") == pytest.approx([2e-5] * 4)


@pytest.mark.parametrize(
    "arguments",
    [
        "nil, 0, 1, 1e-3, 1e-3, 1e-3, 5, smua.nvbuffer1, 1",
        "smua, 0, 1, 1e-3, 1e-6, 1e-3, 5, smua.nvbuffer1, 1",
        "smua, 0, 1, 1e-3, 1e-3, 1e-3, 0, smua.nvbuffer1, 1",
        "smua, 0, 1, 1e-3, 1e-3, 1e-3, 5, nil, 1",
        "smua, 0, 1, 1e-3, 1e-3, 1e-3, 5, smua.nvbuffer1, 0",
        "smua, 0, 'x', 1e-3, 1e-3, 1e-3, 5, smua.nvbuffer1, 1",
        "smua, 0, 1, 1e-3, 1e-3, 1e-3, 5, smua.makebuffer(2), 1",
    ],
)
def test_wrong_configuration_is_told(smu: Talker, arguments: str) -> None:
    answer = smu.ask(f"print(ConfigPulseVMeasureI({arguments}))")
    assert answer.startswith("false\t")
    assert len(answer) > 10


def test_pulses_need_a_configuration_and_an_output(smu: Talker) -> None:
    assert smu.ask("print(InitiatePulseTest(9))").startswith("false")
    smu.send("ConfigPulseVMeasureI(smua, 0, 1, 1e-3, 1e-3, 4e-3, 4, smua.nvbuffer1, 1)")
    assert smu.ask("print(InitiatePulseTest(1))").startswith("false")
    assert "points 4" in smu.ask("print(QueryPulseConfig(1))")
    assert smu.ask("print(QueryPulseConfig(2))") == "nil"


def test_leakage_and_transconductance(smu: Talker) -> None:
    call = "smua, 1, 1e-3, 0.1, 1e-4, 0.1"
    assert smu.number(f"i_leakage_measure({call})") == pytest.approx(1e-5)
    assert smu.ask(f"print(i_leakage_threshold({call}, 1e-4, 1))") == "true"
    assert smu.ask(f"print(i_leakage_threshold({call}, 1e-6, 1))") == "false"
    smu.send("smua.reset() gm = gm_vsweep(smua, 0, 1, 5)")
    assert smu.numbers("#gm, gm[1], gm[4]") == pytest.approx([4, 1e-5, 1e-5])
    smu.send("gm = gm_isweep(smua, 1e-6, 1e-5, 5)")
    assert smu.number("gm[2]") == pytest.approx(1e-5)
    assert smu.codes() == []


def test_buffer_cannot_go_to_a_drive_that_is_not_there(smu: Talker) -> None:
    smu.send("savebuffer(smua.nvbuffer1, 'csv', '/usb1/data.csv')")
    assert smu.codes() == [2203]
