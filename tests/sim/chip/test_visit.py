"""The kernels of visits against the same visits through the chip's own pads."""

import dataclasses

import numpy as np
import pytest

from labctl.array import Pulse
from labctl.sim.array import SimulatedArray
from labctl.sim.chip import Chip, preset
from labctl.sim.timeline import Limits, Timeline

HFOX = preset("hfox-1t1r")
WIRED = dataclasses.replace(HFOX, bit_line_resistance=40.0, source_line_resistance=25.0)
TIGHT = Limits(
    bit_compliance=1.5e-4,
    source_compliance=2e-4,
    bit_reaction=1e-5,
    source_reaction=1e-5,
    bit_range=1.2e-4,
)
FORMING = Pulse.set(3.5, 1.5, 1e-3)


def through_pads(array):
    """Let an array tell its chip every level."""
    array._visits.alone = lambda lowest: False
    return array


def same_chips(one, other, tmp_path):
    """Hold two chips against each other: all that is kept of them, to the bit."""
    kept = []
    for k, array in enumerate((one, other)):
        array.chip.save(tmp_path / f"{k}.npz")
        with np.load(tmp_path / f"{k}.npz") as file:
            kept.append({name: file[name] for name in ("state", "counts")})
    for name in kept[0]:
        np.testing.assert_array_equal(kept[0][name], kept[1][name], err_msg=name)
    assert one.now() == other.now()


@pytest.mark.parametrize(
    ("kind", "limits", "source_lines", "noise", "expected"),
    [
        (HFOX, Limits(), "columns", True, 0),
        (HFOX, TIGHT, "columns", True, 3),
        (HFOX, dataclasses.replace(TIGHT, source_compliance=1e-4), "rows", True, 1),
        (WIRED, TIGHT, "columns", True, 3),
        (WIRED, Limits(), "rows", False, 0),
    ],
    ids=["plain", "limited", "limited by the source line", "wires and limits", "wires by row"],
)
def test_visits_are_what_the_chip_does_level_by_level(
    kind, limits, source_lines, noise, expected, tmp_path
):
    def array():
        chip = Chip(4, 5, kind, 3, source_lines=source_lines, noise=noise)
        return SimulatedArray(chip, Timeline(), limits)

    fast, slow = array(), through_pads(array())
    rng = np.random.default_rng(5)
    loop = np.concatenate([np.linspace(0, 1.8, 20), np.linspace(1.8, -1.8, 40), [-1.8, 0.0, 0.3]])
    flags = 0
    for k in range(30):
        cells = rng.integers(0, (4, 5), (6, 2))
        volts = rng.uniform(0.0, 2.0, 6)
        pulses = [
            Pulse.set(v, 2.0, 1e-4) if rng.random() < 0.5 else Pulse.reset(v, 4.0, 1e-4)
            for v in volts.tolist()
        ]
        height = float(rng.choice([0.2, 0.6, -0.4]))
        done = []
        for one in (fast, slow):
            if k < 6:
                done.append(one.pulse(cells, FORMING, read=0.2))
            elif k % 5 == 0:
                done.append(one.sweep(tuple(cells[0].tolist()), loop.tolist(), 2.5, 1e-3))
            elif k % 5 == 1:
                done.append(one.read(cells, height, float(volts[0]) * 2.0))
            else:
                done.append(one.pulse(cells, pulses, read=None if k % 5 == 2 else height))
        if done[0] is not None:
            np.testing.assert_array_equal(done[0].current, done[1].current)
            np.testing.assert_array_equal(done[0].flag, done[1].flag)
            flags |= np.bitwise_or.reduce(done[0].flag)
        same_chips(fast, slow, tmp_path)
    assert fast.chip.formed.sum() > 5
    assert flags == expected


@pytest.mark.parametrize("noise", [True, False])
@pytest.mark.parametrize("limits", [Limits(), TIGHT], ids=["free", "limited"])
def test_a_map_read_together_is_the_map_read_cell_by_cell(noise, limits):
    together, one_by_one = (
        SimulatedArray(Chip(12, 12, HFOX, 3, noise=noise), Timeline(), limits) for _ in range(2)
    )
    cells = np.random.default_rng(1).permutation(together.all_cells)[:100]
    for array in (together, one_by_one):
        for _ in range(3):
            array.pulse(cells[:60], FORMING)
    one_by_one.interrupt = lambda: None  # a cell at a time
    for voltage, gate in ((0.2, 5.0), (0.29, 5.0), (-0.1, 2.0), (0.2, 0.9)):
        a, b = (array.read(cells, voltage, gate) for array in (together, one_by_one))
        np.testing.assert_allclose(a.current, b.current, rtol=1e-9)
        np.testing.assert_array_equal(a.flag, b.flag)
        np.testing.assert_allclose(a.time, b.time, rtol=0, atol=1e-9)
    assert together.now() == pytest.approx(one_by_one.now(), rel=0, abs=1e-9)
    for array in (together, one_by_one):
        array.pulse(cells[:60], Pulse.reset(1.4, 4.0, 1e-4))
    np.testing.assert_allclose(together.chip.conductance, one_by_one.chip.conductance, rtol=1e-9)
    for name in ("read_energy", "relay_closures", "reads"):
        values = [getattr(array.counters, name) for array in (together, one_by_one)]
        assert values[0] == pytest.approx(values[1], rel=1e-9)


def test_wires_take_their_share_of_a_read_the_more_the_longer_they_are():
    near, far = (6, 0), (0, 6)  # bit lines have their pads below, source lines at the left
    kind = dataclasses.replace(WIRED, speed_spread=0.0)
    array = SimulatedArray(Chip(7, 7, kind, 1, source_lines="rows", noise=False))
    for _ in range(4):
        array.pulse([near, far], FORMING)
    array.wait(1e6)
    bare = array.chip.conductance
    read = array.read([near, far]).conductance
    ohms = 1.0 / read - 1.0 / np.array([bare[near], bare[far]])
    assert ohms == pytest.approx([40.0 + 25.0, 7 * (40.0 + 25.0)], rel=0.1)
