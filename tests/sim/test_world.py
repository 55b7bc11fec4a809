"""Physics through the wire: relays, levels and the chip behind them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from labctl.errors import BenchFileError
from tests.sim.rig import TEXT, WORD_LINES, Rig


def truth(rig: Rig, row: int, column: int) -> float:
    return float(rig.world.chip.conductance[row, column])


@pytest.fixture
def formed(rig: Rig) -> Rig:
    """A bench with two formed cells, outputs on, levels zero."""
    rig.form([(0, 0), (1, 2)])
    return rig


def test_a_cell_is_read_through_gate_two_sources_and_relays(formed: Rig) -> None:
    for cell in ((0, 0), (1, 2)):
        formed.select(*cell)
        formed.gate_at(5)
        current, limited = formed.read(0.2)
        formed.gate_at(0)
        assert not limited
        assert current / 0.2 == pytest.approx(truth(formed, *cell), rel=0.1)
    assert truth(formed, 0, 0) != pytest.approx(truth(formed, 1, 2), rel=1e-3)


def test_wrong_relay_reads_another_cell(formed: Rig) -> None:
    formed.select(0, 0)
    formed.gate_at(5)
    right = formed.read()[0]
    formed.gate_at(0)
    formed.select(0, 1)
    formed.gate_at(5)
    assert formed.read()[0] < right / 100


def test_gate_forgotten_no_current(formed: Rig) -> None:
    formed.select(0, 0)
    assert abs(formed.read()[0]) < 1e-9


def test_source_line_not_connected_no_current(formed: Rig) -> None:
    formed.select(0, 0)
    formed.matrix.write('channel.open("3C01")')
    formed.gate_at(5)
    assert abs(formed.read()[0]) < 1e-9


def test_output_off_reads_no_current(formed: Rig) -> None:
    formed.select(0, 0)
    formed.gate_at(5)
    formed.smu.write("smua.source.output = 0")
    assert abs(formed.read()[0]) < 1e-9


def test_compliance_clamps_the_current_and_is_told(formed: Rig) -> None:
    formed.select(0, 0)
    formed.gate_at(5)
    assert formed.read(0.2)[1] is False
    formed.smu.write("smua.source.limiti = 5e-7")
    current, limited = formed.read(0.2)
    assert limited
    assert current == pytest.approx(5e-7, rel=0.02)


def test_voltage_read_in_compliance_is_the_cells_not_the_level(formed: Rig) -> None:
    formed.select(0, 0)
    formed.gate_at(5)
    formed.smu.write("smua.source.limiti = 2e-6 smua.source.levelv = 0.2")
    current, volts = map(float, formed.smu.query("print(smua.measure.iv())").split("\t"))
    formed.smu.write("smua.source.levelv = 0")
    assert current == pytest.approx(2e-6, rel=0.01)
    assert volts == pytest.approx(2e-6 / truth(formed, 0, 0), rel=0.1)


def test_current_source_on_a_cell(formed: Rig) -> None:
    formed.select(0, 0)
    formed.gate_at(5)
    formed.smu.write("smua.source.output = 0 smua.source.func = smua.OUTPUT_DCAMPS")
    formed.smu.write("smua.source.limitv = 0.5 smua.source.leveli = 2e-6 smua.source.output = 1")
    current, volts = map(float, formed.smu.query("print(smua.measure.iv())").split("\t"))
    assert current == pytest.approx(2e-6, rel=0.01)
    assert volts == pytest.approx(2e-6 / truth(formed, 0, 0), rel=0.1)
    formed.gate_at(0)
    assert float(formed.smu.query("print(smua.measure.v())")) == pytest.approx(0.5)
    assert formed.smu.query("print(smua.source.compliance)") == "true"


def test_fixed_range_overflows(formed: Rig) -> None:
    formed.select(0, 0)
    formed.gate_at(5)
    current = formed.read()[0]
    assert 1e-7 < current < 1e-4
    formed.smu.write("smua.measure.rangei = 1e-7")
    assert formed.read()[0] == 9.91e37
    formed.smu.write("smua.measure.rangei = 1e-4")
    assert formed.read()[0] == pytest.approx(current, rel=0.02)


def test_high_impedance_off_state_floats_the_source_line(formed: Rig) -> None:
    formed.select(0, 0)
    formed.gate_at(5)
    formed.smu.write("smub.source.output = 0")
    through_normal = formed.read()[0]
    formed.smu.write("smub.source.offmode = smub.OUTPUT_HIGH_Z")
    assert through_normal > 1e-7
    assert abs(formed.read()[0]) < 1e-9


def test_a_pulse_changes_the_cell_and_time_is_its_length(formed: Rig) -> None:
    before = truth(formed, 0, 0)
    formed.select(0, 0)
    formed.gate_at(5)
    start = formed.world.clock.now()
    formed.smu.write("smub.source.levelv = 2.5 delay(0.001) smub.source.levelv = 0")
    assert truth(formed, 0, 0) < before / 2
    assert formed.world.clock.now() - start == pytest.approx(1e-3, abs=5e-4)


def test_cold_switching_leaves_no_violation(formed: Rig) -> None:
    formed.select(2, 3)
    formed.gate_at(5)
    formed.read()
    formed.gate_at(0)
    formed.select(3, 3)
    assert formed.world.violations == []


def test_hot_switch_is_recorded(rig: Rig) -> None:
    rig.switch_on()
    rig.select(0, 0)
    rig.smu.write("smua.source.levelv = 0.2")
    rig.matrix.write('channel.open("2B01")')
    (violation,) = rig.world.violations
    assert violation.kind == "hot switch"
    assert "row B at 0.2 V" in violation.text
    assert "BL0" in violation.text


def test_relay_at_zero_volts_that_carries_current_is_hot(formed: Rig) -> None:
    formed.select(0, 0)
    formed.gate_at(5)
    formed.smu.write("smua.source.levelv = 0.2")
    formed.matrix.write('channel.open("3C01")')
    assert [v.kind for v in formed.world.violations] == ["hot switch"]
    assert "row C at 0 V" in formed.world.violations[0].text


def test_two_sources_on_one_column_are_recorded(rig: Rig) -> None:
    rig.matrix.write(f'channel.close("{WORD_LINES}")')
    rig.matrix.write('channel.close("2B01,2C01")')
    (violation,) = rig.world.violations
    assert violation.kind == "two sources on one column"
    assert violation.text == "rows B, C on pad BL0"


def test_channels_may_be_named_by_number_or_by_letter(tmp_path: Path) -> None:
    rig = Rig(tmp_path, text=TEXT.replace('"a"', '"1"').replace('"b"', '"2"'))
    try:
        rig.matrix.write('channel.close("2B01,2C01")')
        assert [v.text for v in rig.world.violations] == ["rows B, C on pad BL0"]
    finally:
        rig.close()


def test_source_shorted_to_ground_is_in_compliance(rig: Rig) -> None:
    rig.switch_on(limit=2e-3)
    rig.matrix.write(f'channel.close("{WORD_LINES},2B01,2D01")')
    assert rig.read(1.0) == (pytest.approx(2e-3), True)


def test_floating_word_line_is_recorded(rig: Rig) -> None:
    rig.switch_on()
    rig.matrix.write('channel.close("1A01,1D02,1D03,2B01,3C01")')
    rig.smu.write("smua.source.levelv = 0.2")
    (violation,) = rig.world.violations
    assert violation.kind == "floating word line"
    assert "word lines 3 float" in violation.text


def test_measuring_takes_integration_time(rig: Rig) -> None:
    rig.smu.write("smua.measure.autozero = smua.AUTOZERO_OFF smua.measure.delay = 0")
    for nplc in (0.01, 1.0, 10.0):
        rig.smu.write(f"smua.measure.nplc = {nplc}")
        before = rig.world.clock.now()
        rig.smu.write("smua.measure.i()")
        assert rig.world.clock.now() - before == pytest.approx(nplc / 50, abs=5e-4)


def test_sweeps_into_buffers(formed: Rig) -> None:
    formed.select(0, 0)
    formed.gate_at(5)
    formed.smu.write("SweepVLinMeasureI(smua, 0, 0.2, 0.001, 5)")
    swept = [float(x) for x in formed.smu.query("printbuffer(1, 5, smua.nvbuffer1)").split(",")]
    formed.smu.write("smua.source.output = 1")
    formed.smu.write(
        "smua.trigger.source.listv({0, 0.05, 0.1, 0.15, 0.2}) "
        "smua.trigger.measure.iv(smua.nvbuffer1, smua.nvbuffer2) smua.trigger.count = 5 "
        "smua.trigger.source.action = smua.ENABLE smua.trigger.measure.action = smua.ENABLE "
        "smua.trigger.initiate() waitcomplete()"
    )
    listed = [float(x) for x in formed.smu.query("printbuffer(1, 5, smua.nvbuffer1)").split(",")]
    volts = [float(x) for x in formed.smu.query("printbuffer(1, 5, smua.nvbuffer2)").split(",")]
    assert swept == pytest.approx(listed, rel=0.02)
    assert np.all(np.diff(swept) > 0)
    assert volts == [0, 0.05, 0.1, 0.15, 0.2]


def test_chip_is_kept_between_sessions_where_the_file_says_so(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig('state = "state/chip.npz"\n')
    rig.form([(0, 0)])
    before = rig.world.chip.conductance
    rig.close()
    again = make_rig('state = "state/chip.npz"\n')
    assert again.world.chip.formed[0, 0]
    np.testing.assert_array_equal(again.world.chip.conductance, before)


def test_without_a_state_file_the_chip_is_new_each_time(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    rig.form([(0, 0)])
    rig.close()
    assert not make_rig().world.chip.formed.any()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('model = "707B"', 'model = "9999"', "no model '9999'"),
        ('"WL0..3"', '"XX0..3"', "does not parse"),
        ("rows = 4", "", "rows"),
    ],
)
def test_bench_file_the_simulator_cannot_build_is_refused(
    make_rig: Callable[..., Rig], tmp_path: object, old: str, new: str, words: str
) -> None:
    from labctl import sim
    from labctl.errors import BenchFileError
    from tests.sim.rig import TEXT

    path = f"{tmp_path}/broken.toml"
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(TEXT.replace(old, new))
    with pytest.raises(BenchFileError, match=words):
        sim.world_of(path)
    sim.discard(path)


def test_a_bench_file_joins_boxes_by_tsp_link(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig('[simulation.tsplink]\n1 = "smu"\n2 = "gate"\n')
    rig.smu.write("tsplink.reset()")
    assert rig.smu.query("print(tsplink.state)") == "online"
    rig.smu.write("node[2].smua.source.levelv = 0.25")
    assert float(rig.gate.query("print(smua.source.levelv)")) == 0.25


@pytest.mark.parametrize("entry", ['65 = "gate"', '1 = "nobody"', 'first = "gate"'])
def test_a_link_that_cannot_be_is_refused(tmp_path: Path, entry: str) -> None:
    with pytest.raises(BenchFileError, match="tsplink"):
        Rig(tmp_path, f"[simulation.tsplink]\n{entry}\n")
