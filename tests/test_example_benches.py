"""Every bench file that comes with labctl, and what it does on the simulated bench."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from labctl import sim
from labctl.array import Pulse
from labctl.bench import Bench, check_bench_file
from labctl.benchfile import load_bench_file
from labctl.sim.hookup import read_hookup
from labctl.wiring import parse_wiring

FOLDER = Path(__file__).parent.parent / "data" / "benches"
FILES = sorted(path.name for path in FOLDER.glob("*.toml"))
QUIET = "\n[simulation]\nseed = 7\nnoise = false\ninstrument_noise = false\n"


@pytest.fixture
def simulated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """The example as it stands, but on the simulated bench, which is quiet."""
    text = (FOLDER / request.param).read_text(encoding="utf-8")
    text = re.sub(r'^visa = "[^"]*"', 'visa = "@labsim"', text, flags=re.MULTILINE)
    text = text.split("\n[simulation]")[0] + QUIET
    path = tmp_path / request.param
    path.write_text(text, encoding="utf-8")
    yield path
    sim.discard(str(path.resolve()))


def test_the_examples_are_those_that_the_documentation_names():
    page = (FOLDER.parent.parent / "docs" / "bench-file.md").read_text(encoding="utf-8")
    assert sorted(set(re.findall(r"data/benches/([\w-]+\.toml)", page))) == FILES


@pytest.mark.parametrize("name", FILES)
def test_an_example_is_sound_and_within_what_its_instruments_can_do(name):
    file = load_bench_file(FOLDER / name)
    assert set(check_bench_file(file)) == set(file.instruments)


@pytest.mark.parametrize("name", FILES)
def test_the_simulated_bench_reads_the_wiring_of_an_example_as_labctl_does(name):
    file = load_bench_file(FOLDER / name)
    assert pads_of_the_simulator(FOLDER / name) == pads_of_labctl(file)


@pytest.mark.parametrize("simulated", FILES, indirect=True)
def test_an_example_reads_a_known_cell_right(simulated):
    """SET one cell, compare it and its neighbours with the truth of the chip."""
    with Bench.open(simulated) as bench:
        rows, columns = bench.array.shape
        chosen = (rows - 1, columns - 2)
        width = max(1e-3, bench.safety.bit_line.meter.shortest_pulse)
        cells = [chosen, (rows - 1, columns - 1), (rows - 2, columns - 2)]
        for _ in range(12):
            bench.array.pulse([chosen], Pulse.set(3.3, 1.6, width))
        readings = bench.array.read(cells)
        world = sim.world_of(str(simulated.resolve()))
        truth = [world.chip.conductance[cell] for cell in cells]
        assert not readings.flag.any()
        assert readings.conductance[0] > 10e-6
        assert readings.conductance[0] == pytest.approx(truth[0], rel=0.05)
        assert (np.abs(readings.conductance[1:]) < 1e-6).all()
        assert world.violations == []
    circuit = world.circuit
    assert not any(np.nan_to_num([circuit.level(net) for net in range(5)]))
    assert not any(world.relays(name).closed for name in world.hookup.matrices)


def pads_of_labctl(file) -> dict[str, tuple[str, int, int]]:
    names = file.matrix.mainframes
    return {
        pad: (names[slot // 100], slot % 100, column)
        for pad, (slot, column) in parse_wiring(file).items()
    }


def pads_of_the_simulator(path: Path) -> dict[str, tuple[str, int, int]]:
    return {f"{kind}{k}": column for column, (kind, k) in read_hookup(path).pads.items()}
