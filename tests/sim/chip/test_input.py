"""Input that makes no sense is refused, and the chip stays as it was."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from labctl.errors import BenchFileError, LimitError, WiringError
from labctl.sim.chip import Chip, layout, preset
from labctl.sim.chip.preset import NUMBERS
from tests.sim.chip.probe import FREE, HFOX, formed_chip, lines


def test_an_unknown_preset_names_those_there_are():
    with pytest.raises(BenchFileError, match="hfox-1t1r"):
        preset("hfox")


@pytest.mark.parametrize(
    "change",
    [
        {"attempt_rate": -1.0},
        {"ambient": 0.0},
        {"maximum": float("nan")},
        {"minimum": 1.0},
        {"forming_failures": 1.5},
        {"read_white": float("inf")},
        {"set_barrier": "high"},
        {"reset_barrier": None},
        {"trap_amplitude": True},
        {"stuck_high": 0.6, "stuck_low": 0.6},
        {"name": ""},
    ],
)
def test_parameters_that_no_device_has_are_refused_by_name(change):
    with pytest.raises(BenchFileError, match="|".join(change)):
        dataclasses.replace(HFOX, **change)


def test_a_refused_parameter_is_told_with_its_unit_and_range():
    with pytest.raises(BenchFileError, match=r"ambient .*'hfox-1t1r' is 5 K; .* 50 to 1000 K\."):
        dataclasses.replace(HFOX, ambient=5.0)


def test_the_kernels_look_for_each_parameter_where_it_is():
    for name, column in {
        "attempt_rate": layout.ATTEMPT_RATE,
        "reference_conductance": layout.U_REFERENCE,
        "ambient": layout.AMBIENT,
        "transistor_lambda": layout.LAMBDA,
        "hop_maximum": layout.HOP_MAXIMUM,
        "unstable_factor": layout.UNSTABLE_FACTOR,
        "quiet_voltage": layout.QUIET,
        "bit_line_resistance": layout.BIT_WIRE,
        "retention_conductance": layout.U_RETENTION,
        "stuck_high": layout.STUCK_HIGH,
        "failure_activity": layout.FAILURE_ACTIVITY,
        "laplace_curvature": layout.LAPLACE_CURVATURE,
        "unstable_relaxation": layout.UNSTABLE_RELAX,
    }.items():
        assert NUMBERS[column] == name


@pytest.mark.parametrize("size", [(0, 4), (4, 0), (1025, 4)])
def test_a_chip_without_a_size_is_refused(size):
    with pytest.raises(BenchFileError):
        Chip(*size, HFOX, 1)


def test_seeds_and_source_lines_are_checked():
    with pytest.raises(BenchFileError, match="seed"):
        Chip(2, 2, HFOX, -1)
    with pytest.raises(BenchFileError, match="columns"):
        Chip(2, 2, HFOX, 1, source_lines="diagonal")


def test_bad_input_leaves_the_chip_unchanged(tmp_path):
    chip = formed_chip(3, 2, 5)
    lines(chip, (1, 1))
    chip.drive(np.array([5.0, 0.2, 0.0, 0.0]), FREE)
    chip.elapse(1e-3)
    chip.save(tmp_path / "before.npz")
    w, b, s = np.zeros(3, int), np.full(2, 1), np.full(2, 2)
    with pytest.raises(WiringError, match="word"):
        chip.connect(w[:2], b, s)
    with pytest.raises(WiringError, match="source"):
        chip.connect(w, b, np.full(3, 2))
    for net in (4, -2, 300):
        with pytest.raises(WiringError, match="net"):
            chip.connect(w, np.array([1, net]), s)
    with pytest.raises(WiringError):
        chip.connect(w + 0.5, b, s)
    with pytest.raises(WiringError, match="shape"):
        chip.drive(np.zeros(4), np.zeros(3))
    with pytest.raises(WiringError, match="net 3"):
        chip.drive(np.zeros(2), np.zeros(2))
    for volts, limit in ((np.inf, 1.0), (1.0, -1.0), (1.0, np.nan)):
        with pytest.raises(LimitError):
            chip.drive(np.array([0.0, 1.0, 2.0, volts]), np.array([1.0, 1.0, 1.0, limit]))
    for seconds in (-1.0, np.nan, np.inf):
        with pytest.raises(LimitError):
            chip.elapse(seconds)
    chip.save(tmp_path / "after.npz")
    with np.load(tmp_path / "before.npz") as old, np.load(tmp_path / "after.npz") as new:
        for name in old.files:
            np.testing.assert_array_equal(old[name], new[name], err_msg=name)


def test_importing_the_chip_compiles_nothing():
    import subprocess
    import sys

    code = (
        "import labctl.sim.chip as c, labctl.sim.chip.measure as e;"
        "assert not e.measure.signatures, e.measure.signatures"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
