"""What a simulated array refuses."""

import numpy as np
import pytest

from labctl.array import Pulse
from labctl.errors import BenchFileError, LimitError, WiringError
from labctl.sim.array import SimulatedArray
from labctl.sim.chip import Chip, preset

FORMING = Pulse.set(3.5, 1.5, 1e-3)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda array: array.pulse([[0, 0]], Pulse(1.0, 1.0, 2.0, 1e-3)),
        lambda array: array.pulse([[0, 0]], Pulse.set(np.nan, 2.0, 1e-3)),
        lambda array: array.pulse([[0, 0]], Pulse.set(1.0, np.inf, 1e-3)),
        lambda array: array.pulse([[0, 0]], Pulse.set(1.0, 2.0, 0.0)),
        lambda array: array.pulse([[0, 0]], Pulse.set(1.0, 2.0, -1.0)),
        lambda array: array.pulse([[0, 0]], Pulse.set(1.0, 2.0, np.nan)),
        lambda array: array.pulse([[0, 0]] * 2, [FORMING]),
        lambda array: array.pulse([[0, 0], [0, 1]], [FORMING, Pulse.set(1.0, 2.0, np.inf)]),
        lambda array: array.pulse([[0, 0]], FORMING, read=0.0),
        lambda array: array.read([[0, 0]], voltage=0.0),
        lambda array: array.read([[0, 0]], voltage=np.nan),
        lambda array: array.read([[0, 0]], gate=np.inf),
        lambda array: array.sweep((0, 0), [0.1, np.nan], 2.0, 1e-3),
        lambda array: array.sweep((0, 0), [-np.inf, 0.1], 2.0, 1e-3),
        lambda array: array.sweep((0, 0), [0.1], np.nan, 1e-3),
        lambda array: array.sweep((0, 0), [0.1], 2.0, -1e-3),
        lambda array: array.sweep((0, 0), [0.1], 2.0, np.nan),
        lambda array: array.check([Pulse(1.0, -1.0, 2.0, 1e-3)]),
    ],
)
def test_what_is_impossible_is_refused_and_the_chip_unchanged(wrong):
    array = SimulatedArray(Chip(4, 4, preset("hfox-1t1r"), seed=1))
    array.pulse([[0, 0]] * 4, FORMING)
    before, time = array.chip.conductance, array.now()
    with pytest.raises(LimitError):
        wrong(array)
    assert array.now() == time
    np.testing.assert_array_equal(array.chip.conductance, before)
    assert array.counters.pulses == 4


@pytest.mark.parametrize("cell", [(4, 0), (0, 4), (-1, 0)])
def test_cells_outside_are_refused(cell):
    array = SimulatedArray(Chip(4, 4, preset("hfox-1t1r"), seed=1))
    for act in (array.read, lambda cells: array.pulse(cells, FORMING)):
        with pytest.raises(WiringError, match="not on the chip"):
            act([cell])
    with pytest.raises(WiringError, match="not on the chip"):
        array.sweep(cell, [0.1], 2.0, 1e-3)


def test_no_cells_are_no_work():
    array = SimulatedArray(Chip(4, 4, preset("hfox-1t1r"), seed=1))
    assert len(array.read([])) == 0
    assert len(array.pulse(np.empty((0, 2), dtype=int), [], read=0.2)) == 0
    assert len(array.sweep((0, 0), [], 2.0, 1e-3).current) == 0
    assert array.counters.reads == 0


def test_a_file_that_is_no_bench_is_refused(tmp_path):
    with pytest.raises(BenchFileError):
        SimulatedArray.of_bench(tmp_path / "none.toml")
