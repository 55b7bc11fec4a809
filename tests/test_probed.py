import numpy as np
import pytest

import labctl
from labctl.array import CellArray, Pulse
from labctl.bench import Bench
from labctl.errors import ConnectionLostError, InstrumentError, LimitError
from labctl.instruments import Flag
from tests.truth import Truth

QUIET = (("noise = true  ", "noise = false "),)  # of the cells and of the instruments
FORMING = Pulse.set(3.5, 1.5, 1e-3)


@pytest.fixture
def quiet(bench_file):
    """A bench without noise, and the world behind it; two rows of its chip are formed."""
    path = bench_file(*QUIET)
    with Bench.open(path) as bench:
        for _ in range(4):
            bench.array.pulse(np.argwhere(np.ones((2, 16))), FORMING)
        yield bench, Truth(path)


def test_the_probed_array_is_a_cell_array(quiet):
    assert isinstance(quiet[0].array, CellArray)


def test_reads_in_any_order_give_each_cell_its_own_conductance(quiet):
    bench, truth = quiet
    cells = np.random.default_rng(0).permutation(np.argwhere(np.ones((2, 16))))
    readings = bench.array.read(cells)
    truth = truth.chip.conductance[cells[:, 0], cells[:, 1]]
    assert readings.cells.tolist() == cells.tolist()
    assert readings.conductance == pytest.approx(truth, rel=0.1)
    assert np.corrcoef(np.log(readings.conductance), np.log(truth))[0, 1] > 0.999
    assert not readings.flag.any()
    assert (np.diff(np.sort(readings.time)) > 0).all()


def test_a_virgin_cell_reads_next_to_nothing(quiet):
    assert quiet[0].array.read([[9, 9]]).conductance[0] < 1e-6


def test_no_relay_ever_moves_under_voltage_and_no_word_line_floats(quiet):
    bench, truth = quiet
    cells = np.random.default_rng(1).integers(0, 16, (60, 2))
    bench.array.read(cells)
    bench.array.pulse(cells, Pulse.reset(1.0, 4.0, 2e-4), read=0.2)
    bench.array.sweep((0, 3), [0.1, 0.3, -0.1, -0.2], gate=4.0, dwell=1e-3)
    assert truth.violations == []


def test_only_the_cell_asked_for_is_pulsed(quiet):
    bench, truth = quiet
    before = truth.chip.conductance.copy()
    bench.array.pulse([[1, 7]], Pulse.reset(2.0, 5.0, 1e-3))
    changed = np.argwhere(~np.isclose(truth.chip.conductance, before, rtol=1e-3))
    assert changed.tolist() == [[1, 7]]
    assert truth.chip.conductance[1, 7] < before[1, 7]


def test_each_cell_gets_its_own_pulse(quiet):
    bench, truth = quiet
    before = truth.chip.conductance.copy()
    strong, none = Pulse.reset(2.0, 5.0, 1e-3), Pulse.reset(0.05, 5.0, 1e-3)
    bench.array.pulse([[0, 5], [1, 2], [0, 1]], [strong, none, strong])
    ratio = truth.chip.conductance / before
    assert ratio[0, 5] < 0.9
    assert ratio[0, 1] < 0.9
    assert ratio[1, 2] == pytest.approx(1.0, rel=1e-2)


def test_pulse_with_read_returns_what_a_read_gives(quiet):
    bench, _ = quiet
    after = bench.array.pulse([[0, 5], [1, 2]], Pulse.reset(1.8, 5.0, 1e-3), read=0.2)
    again = bench.array.read([[0, 5], [1, 2]])
    assert after.conductance == pytest.approx(again.conductance, rel=0.05)


def test_a_reading_in_compliance_is_flagged_and_is_no_conductance(bench_file):
    keep = 'state = "chip.npz"\n'
    with Bench.open(bench_file(*QUIET, more=keep)) as bench:
        bench.array.pulse([[0, 0]] * 4, FORMING)
        assert bench.array.read([[0, 0]]).conductance[0] > 10e-6
    low = ("compliance = 1e-3\ncurrent_range = 1e-4", "compliance = 1e-6\ncurrent_range = 1e-6")
    with Bench.open(bench_file(*QUIET, low, more=keep)) as bench:
        readings = bench.array.read([[0, 0], [8, 8]])
        assert readings.flag[0] & 1
        assert np.isnan(readings.conductance[0])
        assert readings.flag[1] == 0
        assert bench.array.read([[0, 0]], voltage=0.01).flag[0] == 0


def test_counters_add_up(quiet):
    bench, truth = quiet
    start, closures = bench.array.counters.reads, bench.array.counters.relay_closures
    before = truth.closures()
    bench.array.read([[0, 0], [0, 1], [5, 1]])
    bench.array.pulse([[0, 0]], FORMING, read=0.2)
    assert bench.array.counters.reads == start + 4
    moved = truth.closures() - before
    assert bench.array.counters.relay_closures - closures == moved
    assert bench.array.pulse_counts[0, 0] == 5
    assert bench.array.counters.write_energy > 0
    assert bench.array.counters.read_energy > 0


def test_pulses_per_cell_are_limited(bench_file):
    path = bench_file(("pulses_per_cell = 1000000", "pulses_per_cell = 3"))
    with Bench.open(path) as bench:
        pulse = Pulse.set(0.5, 1.0, 2e-4)
        bench.array.pulse([[0, 0]] * 3, pulse)
        with pytest.raises(LimitError, match=r"Cell \(0, 0\) has had 3 pulses"):
            bench.array.pulse([[0, 1], [0, 0]], pulse)
        assert bench.array.pulse_counts[0, 1] == 0


def test_an_interrupt_breaks_off_between_cells_with_outputs_at_zero(quiet):
    bench, truth = quiet
    seen = []

    def interrupt():
        seen.append(1)
        if len(seen) > 3:
            raise KeyboardInterrupt

    bench.array.interrupt = interrupt
    with pytest.raises(KeyboardInterrupt):
        bench.array.read(bench.array.all_cells)
    assert len(seen) == 4
    assert not any(truth.levels())
    assert not truth.closed()
    bench.array.interrupt = None
    assert len(bench.array.read([[0, 0]])) == 1


def test_the_estimate_of_a_read_is_near_the_bench_time_it_takes(quiet):
    bench, _ = quiet
    start = bench.array.now()
    bench.array.read(bench.array.all_cells)
    spent = (bench.array.now() - start) / 256
    assert bench.array.timing.read == pytest.approx(spent, rel=0.1)
    cells = [[3, k] for k in range(16)]
    start = bench.array.now()
    bench.array.pulse(cells, Pulse.set(0.5, 1.0, 1e-3), read=0.2)
    spent = (bench.array.now() - start) / 16
    assert bench.array.timing.pulse_and_read(1e-3) == pytest.approx(spent, rel=0.15)


SECOND = """
[instruments.second]
driver = "keithley707b"
model = "707B"
address = "GPIB0::17::INSTR"

"""
APART = (
    ('"SL0..15" = "5.1..6.4"', '"SL0..15" = "second:1.1..2.4"'),
    ('instrument = "matrix"', 'instrument = ["matrix", "second"]'),
    ("[terminals.word_line]", f"{SECOND}[terminals.word_line]"),
)
TOGETHER = (('"BL0..15" = "3.1..4.4"', '"BL0..15" = "second:3.1..4.4"'), *APART)


@pytest.mark.parametrize("where", [APART, TOGETHER], ids=["apart", "together"])
def test_the_estimate_knows_how_many_mainframes_a_step_concerns(bench_file, where):
    with Bench.open(bench_file(*QUIET, *where)) as bench:
        array = bench.array
        array.read([[0, 0]])
        start = array.now()
        array.read(array.all_cells)
        assert array.now() - start == pytest.approx(256 * array.timing.read, rel=0.05)
        start = array.now()
        array.pulse(array.all_cells, Pulse.set(0.5, 1.0, 1e-3))
        assert array.now() - start == pytest.approx(256 * (array.timing.pulse + 1e-3), rel=0.05)


def test_a_sweep_shows_the_cell_conducting_both_ways(quiet):
    bench, _ = quiet
    sweep = bench.array.sweep((0, 3), [0.0, 0.1, 0.2, 0.0, -0.1, -0.2], gate=5.0, dwell=1e-4)
    assert sweep.current[2] > 1.5 * sweep.current[1] > 0
    assert sweep.current[5] < 1.5 * sweep.current[4] < 0


def test_a_gate_in_compliance_spoils_the_reading(quiet, monkeypatch):
    bench, _ = quiet
    word = bench.safety.word_line.meter
    force = word.force
    monkeypatch.setattr(word, "force", lambda *level: force(*level) | Flag.COMPLIANCE)
    readings = bench.array.read([[0, 3]])
    assert readings.flag[0] & Flag.COMPLIANCE
    assert np.isnan(readings.conductance[0])


def test_a_sweep_keeps_the_limits_and_counts_as_pulses(quiet):
    bench, _ = quiet
    for voltages, dwell in (([9.0], 1e-3), ([0.1], 2.0), ([0.1], float("nan")), ([0.1], -1.0)):
        with pytest.raises(LimitError):
            bench.array.sweep((0, 3), voltages, gate=5.0, dwell=dwell)
    before = bench.array.pulse_counts[0, 3]
    bench.array.sweep((0, 3), [0.1, 0.5, 0.1, -0.5], gate=5.0, dwell=1e-4)
    assert bench.array.pulse_counts[0, 3] == before + 2


def test_a_late_answer_is_not_taken_for_the_next_one(quiet):
    bench, _ = quiet
    line = bench._drivers["smu"].line  # the connection itself: meters take levels only
    truth = bench.array.read([[0, 3]]).conductance[0]
    with pytest.raises(ConnectionLostError, match="does not answer"):
        line.query("delay(60) print(42)")
    assert bench.array.read([[0, 3]]).conductance[0] == pytest.approx(truth, rel=0.05)
    assert bench.array.read([[0, 3]]).conductance[0] == pytest.approx(truth, rel=0.05)


def test_forming_gives_no_pulse_to_a_cell_that_cannot_be_read(bench_file, tmp_path):
    keep = 'state = "chip.npz"\n'
    with Bench.open(bench_file(*QUIET, more=keep)) as bench:
        bench.array.pulse([[0, 0]] * 4, FORMING)
    low = ("current_range = 1e-4", "current_range = 1e-7")
    with Bench.open(bench_file(*QUIET, low, more=keep)) as bench:
        run = labctl.run("form", bench, data=tmp_path / "data", cells="0,0", width=1e-3)
        assert bench.array.counters.pulses == 0
    [cell] = run.frame("cells").to_dict("records")
    assert cell["flag"] != 0
    assert not cell["formed"]
    assert run.summary == {"cells": 1, "formed": 0, "unreadable": 1, "yield": 0.0}


def test_pulses_beyond_a_limit_end_a_run_before_its_first_pulse(quiet, tmp_path):
    bench, _ = quiet
    before = bench.array.counters.pulses
    with pytest.raises(LimitError, match="max_voltage"):
        labctl.run("form", bench, data=tmp_path, cells="9,9", stop=9.0)
    assert bench.array.counters.pulses == before


def test_a_relay_that_is_not_where_it_was_sent_is_found_and_the_bench_goes_to_zero(quiet):
    bench, truth = quiet
    relays = truth.world.box("matrix").relays
    cells = [[0, 3], [0, 4]]

    def drop():
        if bench.array.counters.reads > reads:
            relays.closed.discard((1, 3, 6))  # the ground of word line 5 falls open

    reads = bench.array.counters.reads
    bench.array.interrupt = drop
    with pytest.raises(InstrumentError, match=r"should be closed \['1D06'\]"):
        bench.array.read(cells)
    assert not any(truth.levels())
    assert not truth.closed()
