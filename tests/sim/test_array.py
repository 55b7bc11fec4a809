"""The simulated array against the same chip behind simulated instruments."""

import dataclasses

import numpy as np
import pytest

from labctl.array import CellArray, Pulse
from labctl.bench import Bench
from labctl.engine.runner import execute
from labctl.errors import AbortedError, LimitError
from labctl.learn.calibration import Calibration
from labctl.learn.initialise import PulsePair
from labctl.learn.sampler import Chain
from labctl.sim.array import SimulatedArray
from labctl.sim.chip import Chip, preset
from procedures.read_map import ReadMap
from procedures.transitions import Transitions
from tests.learn.harness import Gaussian
from tests.truth import Truth

EXACT = ("instrument_noise = true ", "instrument_noise = false")
FORMING = Pulse.set(3.5, 1.5, 1e-3)
SMALL = (
    ("rows = 16 ", "rows = 8 "),
    ("columns = 16 ", "columns = 8 "),
    ('"WL0..15" = "1.1..2.4"', '"WL0..7" = "1.1..1.8"'),
    ('"BL0..15" = "3.1..4.4"', '"BL0..7" = "3.1..3.8"'),
    ('"SL0..15" = "5.1..6.4"', '"SL0..7" = "5.1..5.8"'),
)
BY_ROW = (('source_lines = "columns"', 'source_lines = "rows"'),)
LIN = (*SMALL, ('preset = "hfox-1t1r"', 'preset = "taox-lin2025"'))
SLOW = (
    ("nplc = 0.01                     # integration", "nplc = 0.3 # integration"),
    ("settle = 1e-4                   # s", "settle = 3e-4 # s"),
    ("instrument_noise = false", "instrument_noise = false\nrelay_settling = 0.007"),
    ("compliance = 1e-3\ncurrent_range = 1e-4", "compliance = 2e-4\ncurrent_range = 1e-5"),
)


@pytest.fixture
def both(bench_file):
    """Open a bench, and the simulated array of its file."""
    opened = []

    def both(*replaced):
        path = bench_file(EXACT, *replaced)
        opened.append(Bench.open(path))
        return opened[-1].array, SimulatedArray.of_bench(path), Truth(path)

    yield both
    for bench in opened:
        bench.close()


def same(probed, simulated, truth):
    """Hold both chips, clocks and counters against each other."""
    assert simulated.now() == pytest.approx(probed.now(), rel=0, abs=1e-9)
    for name in ("conductance", "stress", "wear"):
        np.testing.assert_allclose(
            getattr(simulated.chip, name), getattr(truth.chip, name), rtol=1e-9, err_msg=name
        )
    np.testing.assert_array_equal(simulated.chip.pulses, truth.chip.pulses)
    np.testing.assert_array_equal(simulated.pulse_counts, probed.pulse_counts)
    assert dataclasses.asdict(simulated.counters) == pytest.approx(
        dataclasses.asdict(probed.counters), rel=1e-9
    )


def same_readings(a, b):
    """Hold two blocks of readings, or two sweeps, against each other."""
    np.testing.assert_array_equal(a.flag, b.flag)
    np.testing.assert_allclose(a.current, b.current, rtol=1e-9)
    if hasattr(a, "time"):
        np.testing.assert_array_equal(a.cells, b.cells)
        np.testing.assert_allclose(a.conductance, b.conductance, rtol=1e-9)
        np.testing.assert_allclose(a.time, b.time, rtol=0, atol=1e-9)


def a_step(rng, shape):
    """Return one random thing to do with an array."""
    cells = rng.integers(0, shape, (rng.integers(1, 12), 2))
    if rng.random() < 0.3:
        cells = np.repeat(cells, 2, axis=0)
    width = float(10.0 ** rng.uniform(-4, -2.5))
    sets = [Pulse.set(float(v), 1.5, width) for v in rng.uniform(0.1, 2.5, len(cells))]
    resets = [Pulse.reset(float(v), 4.0, width) for v in rng.uniform(0.1, 2.0, len(cells))]
    mixed = [pair[rng.integers(2)] for pair in zip(sets, resets, strict=True)]
    height = float(rng.uniform(0.5, 1.8))
    loop = np.concatenate([np.linspace(0, height, 7), np.linspace(height, -height, 9), [-0.2, 0.0]])
    steps = [
        lambda array: array.read(cells),
        lambda array: array.read(cells, float(rng_read), 3.0),
        lambda array: array.pulse(cells, FORMING),
        lambda array: array.pulse(cells, mixed),
        lambda array: array.pulse(cells, mixed, read=0.2),
        lambda array: array.pulse(cells, resets[0], read=0.15),
        lambda array: array.sweep(tuple(cells[0].tolist()), loop.tolist(), 2.0, 1e-3),
        lambda array: wait(array, width * 1e4),
    ]
    rng_read = rng.choice([0.05, 0.3, 0.7])
    return steps[rng.choice(len(steps), p=[0.1, 0.1, 0.2, 0.15, 0.2, 0.1, 0.1, 0.05])]


def wait(array, seconds):
    clock = array.clock if isinstance(array, SimulatedArray) else array._clock
    clock.sleep(seconds)


@pytest.mark.parametrize(
    ("bench", "seed"),
    [((), 1), (SMALL, 2), (SMALL, 3), (BY_ROW, 4), (SLOW, 5), (LIN, 6)],
    ids=["16x16", "8x8", "8x8 again", "source lines along rows", "slow and limited", "taox"],
)
def test_a_random_history_gives_the_same_on_the_chip_as_through_the_instruments(both, bench, seed):
    probed, simulated, truth = both(*bench)
    rng = np.random.default_rng(seed)
    flags = 0
    for _ in range(40):
        step = a_step(rng, probed.shape)
        one, other = step(probed), step(simulated)
        if one is None:
            assert other is None
        else:
            same_readings(other, one)
            flags |= np.bitwise_or.reduce(one.flag)
        same(probed, simulated, truth)
    assert truth.chip.formed.sum() > 10
    assert truth.chip.stress.sum() > 0.05
    assert flags == 3 or bench is not SLOW


def test_a_whole_map_gives_the_same_although_its_cells_are_read_together(both):
    probed, simulated, truth = both()
    some = np.argwhere(np.ones((6, 16)))
    shuffled = np.random.default_rng(0).permutation(simulated.all_cells)
    for array in (probed, simulated):
        for _ in range(3):
            array.pulse(some, FORMING)
    for cells, voltage, gate in (
        (simulated.all_cells, 0.2, 5.0),
        (shuffled, 0.25, 1.6),
        (np.concatenate([shuffled, shuffled]), 0.1, 5.0),
        (shuffled[:100], 0.2, 0.5),
    ):
        same_readings(simulated.read(cells, voltage, gate), probed.read(cells, voltage, gate))
        same(probed, simulated, truth)


def test_levels_that_open_other_transistors_of_the_line_give_the_same(both):
    probed, simulated, truth = both(*SMALL)
    column = [[row, 3] for row in range(8)]
    for array in (probed, simulated):
        for _ in range(3):
            array.pulse(column, FORMING)
    before = truth.chip.conductance
    pulse = Pulse(-1.8, 0.0, 4.0, 1e-3)
    same_readings(simulated.pulse([[2, 3]], pulse, 0.2), probed.pulse([[2, 3]], pulse, 0.2))
    same(probed, simulated, truth)
    assert (truth.chip.conductance != before)[:, 3].sum() > 4
    same_readings(simulated.read(column), probed.read(column))
    same(probed, simulated, truth)


@pytest.mark.parametrize(
    ("points", "dwell"), [(0, 1e-3), (250, 1e-4), (70, 9e-3), (130, 9e-3), (3, 0.7)]
)
def test_long_sweeps_are_cut_alike_into_messages_and_parts(both, points, dwell):
    probed, simulated, truth = both(*SMALL)
    levels = np.concatenate([np.linspace(0, 1.5, points), -np.linspace(0, 1.2, points)]).tolist()
    for array in (probed, simulated):
        array.pulse([[1, 2]] * 4, FORMING)
    same_readings(
        simulated.sweep((1, 2), levels, 3.0, dwell), probed.sweep((1, 2), levels, 3.0, dwell)
    )
    same(probed, simulated, truth)


@pytest.mark.parametrize("at", [1, 3])
def test_a_block_broken_off_leaves_both_where_they_were(both, at):
    probed, simulated, truth = both(*SMALL)
    cells = [[0, 0], [0, 1], [3, 1], [2, 2], [2, 2]]
    for array in (probed, simulated):
        array.read([[5, 5]])
        calls = iter(range(at))

        def interrupt(calls=calls):
            if next(calls, None) is None:
                raise AbortedError("enough")

        for _ in range(2):  # the second time before anything is connected
            array.interrupt = interrupt
            with pytest.raises(AbortedError):
                array.pulse(cells, FORMING)
        array.interrupt = None
    same(probed, simulated, truth)
    same_readings(simulated.read(cells), probed.read(cells))
    same(probed, simulated, truth)
    assert simulated.counters.pulses == at


def test_a_procedure_runs_on_it_and_stores_the_same(both, tmp_path):
    probed, simulated, truth = both(*SMALL)
    for array in (probed, simulated):
        array.pulse(simulated.all_cells[:20], FORMING)
    frames = []
    for k, array in enumerate((probed, simulated)):
        done = execute(
            ReadMap(repeats=2), array=array, data_root=tmp_path / str(k), meta={"seed": 1}
        )
        frames.append(done.raise_unless_finished().frame("cells"))
    for name in frames[0]:
        np.testing.assert_allclose(frames[1][name], frames[0][name], rtol=1e-9, err_msg=name)
    same(probed, simulated, truth)


def test_learning_draws_the_same_weights_on_both(both, tmp_path):
    probed, simulated, truth = both(*SMALL)
    measured = SimulatedArray(Chip(8, 8, preset("hfox-1t1r"), seed=7))
    for array in (measured, probed, simulated):
        for _ in range(4):
            array.pulse(array.all_cells, FORMING)
    run = execute(Transitions(passes=60), array=measured, data_root=tmp_path, meta={"seed": 1})
    run.raise_unless_finished()
    calibration = Calibration.from_frames(run.frame("transitions"), run.frame("repeats"), (8, 8))
    pulses = PulsePair(Pulse.set(1.11, 3.2, 2e-4), Pulse.reset(1.33, 4.75, 2e-4))
    model = Gaussian(np.array([0.5, -0.5, 0.0]), np.diag([2.0, 4.0, 6.0]))
    chains = [
        Chain(array, model, calibration, pulses, np.random.default_rng(3))
        for array in (probed, simulated)
    ]
    assert len({chain.prepare() for chain in chains}) == 1
    for _ in range(60):
        one, other = (chain.step() for chain in chains)
        np.testing.assert_allclose(other.weights, one.weights, rtol=1e-6, atol=1e-9)
        np.testing.assert_array_equal(other.polarity, one.polarity)
    same(probed, simulated, truth)


def test_it_is_a_cell_array_whose_estimates_are_the_times_it_takes():
    array = SimulatedArray(Chip(8, 8, preset("hfox-1t1r"), seed=1))
    assert isinstance(array, CellArray)
    array.read([[0, 0]])
    start = array.now()
    array.read(array.all_cells[1:])
    assert array.now() - start == pytest.approx(63 * array.timing.read + 4e-4, rel=1e-9)
    start = array.now()
    array.pulse([[0, 0]], Pulse.set(0.5, 1.0, 1e-3), read=0.2)
    spent = array.timing.pulse_and_read(1e-3)
    assert array.now() - start == pytest.approx(spent, rel=0.05)


def test_waiting_lets_the_chip_relax_and_nothing_else():
    array = SimulatedArray(Chip(4, 4, preset("hfox-1t1r"), seed=1))
    array.pulse([[1, 1]] * 6, FORMING)
    before, pulses = array.chip.conductance, array.chip.pulses
    array.wait(3600.0)
    assert array.chip.time == pytest.approx(array.now())
    assert array.chip.conductance[1, 1] != before[1, 1]
    np.testing.assert_array_equal(array.chip.pulses, pulses)
    for seconds in (-1.0, np.inf, np.nan):
        with pytest.raises(LimitError, match="wait"):
            array.wait(seconds)


def test_no_read_stresses_a_cell_uncounted(both):
    probed, simulated, truth = both(*SMALL)
    for array in (probed, simulated):
        for volts in (1.01, 3.5, -2.0):
            with pytest.raises(LimitError, match="use a pulse"):
                array.read([[0, 0]], volts)
            with pytest.raises(LimitError, match="use a pulse"):
                array.pulse([[0, 0]], FORMING, read=volts)
        assert len(array.read([[0, 0]], 1.0)) == 1
    assert not truth.chip.formed.any()
    assert not probed.pulse_counts.any()


def test_limits_of_a_bench_file_are_kept(both):
    probed, simulated, _ = both(("pulses_per_cell = 1000000", "pulses_per_cell = 3"))
    for array in (probed, simulated):
        for pulse in (
            Pulse.set(4.1, 2.0, 1e-3),
            Pulse.reset(4.1, 2.0, 1e-3),
            Pulse.set(1.0, 5.1, 1e-3),
            Pulse.set(1.0, 2.0, 5e-5),
            Pulse.set(1.0, 2.0, 1.1),
        ):
            with pytest.raises(LimitError):
                array.check([pulse])
            with pytest.raises(LimitError):
                array.pulse([[0, 0]], pulse)
        for voltages, gate, dwell in (([0.1, 4.1], 2.0, 0.1), ([-4.1], 2.0, 0.1), ([1], 2, 1.1)):
            with pytest.raises(LimitError):
                array.sweep((0, 0), voltages, gate, dwell)
        array.pulse([[0, 0]] * 3, FORMING)
        with pytest.raises(LimitError, match=r"Cell \(0, 0\) has had 3 pulses"):
            array.pulse([[0, 1], [0, 0]], FORMING)
        with pytest.raises(LimitError, match=r"Cell \(0, 0\) has had 3 pulses"):
            array.sweep((0, 0), [0.5], 2.0, 1e-3)
