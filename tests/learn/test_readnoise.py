from __future__ import annotations

import numpy as np
import pytest

from labctl.errors import CalibrationError
from labctl.learn.readnoise import ReadNoise

SHAPE = (16, 16)
CELLS = np.argwhere(np.ones(SHAPE, bool))


def repeated(relative: np.ndarray, floor: float, reads: int = 10) -> ReadNoise:
    """Read 256 cells of 20 to 140 µS with a noise of their own."""
    rng = np.random.default_rng(0)
    level = rng.uniform(20e-6, 140e-6, 256)
    sd = np.sqrt(floor**2 + (relative * level) ** 2)
    values = level + sd * rng.normal(size=(reads, 256))
    row, col = np.tile(CELLS.T, reads)
    return ReadNoise.of(row, col, values.ravel(), SHAPE)


def test_cells_that_are_alike_get_one_noise() -> None:
    found = repeated(np.full(256, 0.02), 0.0)
    assert found.typical(80e-6) ** 0.5 == pytest.approx(1.6e-6, rel=0.1)
    assert np.ptp(found.factor) < 1.0  # raw variances of nine pairs scatter from 0.3 to 2.5


def test_a_floor_is_told_from_a_relative_part() -> None:
    found = repeated(np.full(256, 0.01), 1e-6)
    for conductance in (30e-6, 120e-6):
        true = np.hypot(1e-6, 0.01 * conductance)
        assert found.typical(conductance) ** 0.5 == pytest.approx(true, rel=0.2)


def test_quiet_cells_are_told_from_noisy_ones() -> None:
    noise = np.tile([0.01, 0.08], 128)
    found = repeated(noise, 0.0)
    sd = np.sqrt(found.typical(80e-6) * found.factor.ravel()) / 80e-6
    assert np.median(sd[::2]) == pytest.approx(0.01, rel=0.2)
    assert np.median(sd[1::2]) == pytest.approx(0.08, rel=0.2)
    assert sd[::2].max() < sd[1::2].min()


def test_cells_never_read_count_as_typical() -> None:
    rng = np.random.default_rng(1)
    value = 50e-6 * (1 + 0.02 * rng.normal(size=40))
    found = ReadNoise.of(np.zeros(40, int), np.repeat(np.arange(4), 10), value, (2, 8))
    assert (found.factor[1] == 1).all()
    assert found.factor.shape == (2, 8)


def test_one_read_a_cell_is_not_enough() -> None:
    with pytest.raises(CalibrationError, match="repeats of at least 2"):
        ReadNoise.of([0, 1], [0, 0], [1e-5, 2e-5], (2, 2))
