"""Current-voltage loops on the simulated bench."""

import numpy as np
import pytest

import labctl
from labctl.bench import Bench
from labctl.errors import LimitError


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    from labctl import sim
    from tests.conftest import SIMULATED

    path = tmp_path_factory.mktemp("iv") / "bench.toml"
    path.write_bytes(SIMULATED.read_bytes())
    with Bench.open(path) as bench:
        labctl.run("form", bench, data=path.parent / "data", cells="0..1,0..3")
        yield bench, path.parent / "data"
    sim.discard(str(path.resolve()))


def test_a_loop_sets_and_resets_the_cell_and_is_stored_point_by_point(bench):
    bench, data = bench
    run = labctl.run(
        "iv_sweep", bench, data=data, cells="0..1,0..3", points=20, cycles=3,
        set_gate="1.8 V", reset_gate="4.5 V", reset_voltage="1.5 V",
    )  # fmt: skip
    sweep, cells = run.frame("sweep"), run.frame("cells")
    assert len(cells) == 8 * 3
    assert len(sweep) == 8 * 3 * (39 + 39)
    assert run.frame("sweep").attrs["units"]["current"] == "A"
    one = sweep[(sweep.row == 0) & (sweep.col == 0) & (sweep.cycle == 1)]
    half = one[one.polarity > 0]
    assert half.voltage.max() == pytest.approx(1.2)
    assert half.voltage.iloc[19] == pytest.approx(1.2)  # up, and down again
    assert half.voltage.iloc[0] == half.voltage.iloc[-1] == pytest.approx(0.06)
    other = one[one.polarity < 0]
    assert other.voltage.min() == pytest.approx(-1.5)
    assert (half.gate == 1.8).all()
    assert (other.gate == 4.5).all()
    assert (half.current > 0).mean() > 0.9
    assert (other.current < 0).mean() > 0.9
    # After a RESET a cell conducts less than after the SET before it.
    later = cells[cells.cycle > 0]
    assert (later.after_set > later.conductance).mean() > 0.85
    assert np.median(later.after_set / later.conductance) > 1.5


def test_half_a_loop_may_be_left_out(bench):
    bench, data = bench
    run = labctl.run("iv_sweep", bench, data=data, cells="0,0", points=5, reset_voltage=0.0)
    assert (run.frame("sweep").polarity == 1).all()
    assert len(run.frame("sweep")) == 9


def test_levels_beyond_the_limits_are_refused_before_the_first_sweep(bench):
    bench, data = bench
    before = bench.array.counters.reads
    with pytest.raises(LimitError, match="limit is 4 V"):
        labctl.run("iv_sweep", bench, data=data, cells="0,0", set_voltage="4.5 V")
    assert bench.array.counters.reads == before


def test_what_it_counts_beforehand_is_what_it_does(bench):
    bench, data = bench
    from procedures.iv_sweep import IvSweep

    planned = IvSweep(cells="0..1,0..1", points=10, cycles=2)
    planned.bind(bench.array)
    cost = planned.cost()
    counters = bench.array.counters
    reads, pulses = counters.reads, bench.array.pulse_counts.sum()
    closures = counters.relay_closures
    run = labctl.run("iv_sweep", bench, data=data, cells="0..1,0..1", points=10, cycles=2)
    points = len(run.frame("sweep"))
    assert counters.reads - reads + points == cost.reads
    assert bench.array.pulse_counts.sum() - pulses == cost.pulses
    assert abs(counters.relay_closures - closures - cost.closures) <= 20
