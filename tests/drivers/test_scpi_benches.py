"""Whole benches of SCPI source meters read and write the same chip as the default bench does."""

from __future__ import annotations

import numpy as np
import pytest

from labctl import sim
from labctl.array import Pulse
from labctl.bench import Bench
from labctl.errors import IdentityError
from labctl.instruments import Flag

SMU = 'driver = "keithley2600"         # module drivers/keithley2600.py\nmodel = "2636B"'
GATE = 'driver = "keithley2600"\nmodel = "2635B"'
SECOND = 'instrument = "smu"\nchannel = "b"'
QUIET = [
    ("noise = true                    # of the cells", "noise = false"),
    ("instrument_noise = true", "instrument_noise = false"),
]
CELLS = [(0, 0), (1, 2)]


def three(driver: str, model: str) -> list[tuple[str, str]]:
    """Replace the source meters of the default bench by three of one channel each."""
    chosen = f'driver = "{driver}"\nmodel = "{model}"'
    other = f'[instruments.other]\n{chosen}\naddress = "GPIB0::28::INSTR"\n\n[instruments.matrix]'
    return [
        (SMU, chosen),
        (GATE, chosen),
        ("[instruments.matrix]", other),
        (SECOND, 'instrument = "other"\nchannel = "a"'),
    ]


BENCHES = {
    "2636B": [],
    "2400": three("keithley2400", "2400"),
    "2450": three("keithley2450", "2450"),
    "B2912A": [
        (SMU, 'driver = "keysightb2900"\nmodel = "B2912A"'),
        (GATE, 'driver = "keysightb2900"\nmodel = "B2901A"'),
        ('instrument = "smu"\nchannel = "a"', 'instrument = "smu"\nchannel = "1"'),
        (SECOND, 'instrument = "smu"\nchannel = "2"'),
        ('instrument = "gate"\nchannel = "a"', 'instrument = "gate"\nchannel = "1"'),
    ],
}


def worked(path):
    """Form, read, reset and sweep cells; return what was read and swept."""
    with Bench.open(path) as bench:
        array = bench.array
        for _ in range(8):
            formed = array.pulse(CELLS, Pulse(3.3, 0.0, 1.6, 5e-3), read=0.2)
        reset = array.pulse(CELLS, Pulse(0.0, 1.8, 4.0, 5e-3), read=0.2)
        swept = array.sweep(CELLS[0], [0.1, 0.2, -0.1, -0.2], gate=1.5, dwell=1e-3)
        assert not formed.flag.any()
        assert not swept.flag.any()
        assert sim.world_of(str(path.resolve())).violations == []
        return np.concatenate([formed.conductance, reset.conductance, swept.current])


@pytest.fixture
def default(bench_file):
    return worked(bench_file(*QUIET))


@pytest.mark.parametrize("name", [name for name in BENCHES if name != "2636B"])
def test_every_bench_measures_the_same_chip(bench_file, default, name):
    found = worked(bench_file(*QUIET, *BENCHES[name]))
    assert found == pytest.approx(default, rel=0.05)


@pytest.mark.parametrize("name", ["2400", "2450", "B2912A"])
def test_a_cell_at_its_compliance_is_flagged(bench_file, name):
    low = [("compliance = 1e-3\ncurrent_range = 1e-4", "compliance = 1e-6\ncurrent_range = 1e-6")]
    with Bench.open(bench_file(*low, *QUIET, *BENCHES[name])) as bench:
        for _ in range(20):
            readings = bench.array.pulse([(0, 0)], Pulse(3.8, 0.0, 4.0, 1e-2), read=0.2)
        assert readings.flag[0] & Flag.COMPLIANCE
        assert np.isnan(readings.conductance[0])


def test_another_box_at_the_address_is_refused_by_name(bench_file):
    path = bench_file(*BENCHES["B2912A"], more='\n[simulation.faults.smu]\nidentity = "B2911A"\n')
    with pytest.raises(IdentityError, match=r"Expected instrument 'smu' .B2912A.*B2911A"):
        Bench.open(path)
