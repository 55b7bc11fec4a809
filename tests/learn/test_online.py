from __future__ import annotations

import numpy as np
import pytest

from labctl.learn.calibration import Calibration
from labctl.learn.online import Tracker
from tests.learn.harness import told
from tests.learn.toy import PULSES, ToyArray


def pairs(number: int = 20) -> np.ndarray:
    return np.argwhere(np.ones((16, 16), bool))[: 2 * number].reshape(number, 2, 2)


def follow(tracker: Tracker, array: ToyArray, steps: int) -> None:
    """Pulse the pairs at random, held in the middle by choosing the way back."""
    rng = np.random.default_rng(0)
    cells = pairs()
    for step in range(steps):
        side = np.full(len(cells), step & 1)
        chosen = cells[:, step & 1]
        before = array.read(chosen).conductance
        back = (before < 80e-6) * 0.6 + 0.2
        polarity = np.where(rng.random(len(before)) < back, 1, -1).astype(np.int8)
        readings = array.pulse(chosen, PULSES.of(polarity), 0.2)
        assert readings is not None
        tracker.update(side, polarity, before, readings.conductance)


def believe(array: ToyArray) -> Calibration:
    """The toy's calibration, without the factors of its cells."""
    known = told(array)
    known.factor[:] = 1.0
    known.information[:] = 10.0
    return known


def test_factors_of_the_cells_are_learned_from_their_pulses() -> None:
    array = ToyArray(seed=0, cell_spread=0.3)
    tracker = Tracker(believe(array), pairs())
    follow(tracker, array, 1500)
    cells = pairs()
    true = array.factor[cells[..., 0], cells[..., 1]]
    # 375 pulses of each kind with a spread of half a step: 2.6 %, more where steps are small.
    assert np.sqrt(np.mean((tracker.factor / true - 1) ** 2)) < 0.1
    assert np.std(np.log(true)) > 0.2


def test_a_calibration_that_holds_gives_no_warning() -> None:
    array = ToyArray(seed=1, cell_spread=0.3)
    tracker = Tracker(told(array), pairs())
    follow(tracker, array, 600)
    assert tracker.warnings() == []
    assert tracker.noise_factor == pytest.approx(1.0, abs=0.15)


def test_a_chip_that_changed_is_followed_and_told_of() -> None:
    array = ToyArray(seed=2, cell_spread=0.0)
    tracker = Tracker(told(array), pairs())
    array.factor[..., 0] *= 2.0
    follow(tracker, array, 1500)
    [warning] = tracker.warnings()
    assert "SET steps are 1.9" in warning or "SET steps are 2.0" in warning
    assert "assumed" in warning
    assert "seen" in warning


def test_noisier_pulses_are_followed_and_told_of() -> None:
    array = ToyArray(seed=3, cell_spread=0.0)
    tracker = Tracker(told(array), pairs())
    array.pulse_noise *= 1.5
    follow(tracker, array, 1500)
    assert tracker.noise_factor == pytest.approx(2.25, abs=0.35)
    assert any("Pulses scatter 1." in warning for warning in tracker.warnings())


def test_read_noise_is_not_taken_for_noise_of_the_pulses() -> None:
    array = ToyArray(seed=5, cell_spread=0.0, relaxation=0.0, read_noise=0.05)
    known = told(array)
    known.noise.factor[:] = 0.0  # reads are believed to be exact
    tracker = Tracker(known, pairs())
    follow(tracker, array, 1500)
    # Single steps have 3.8 times the variance of the pulses; blocks of twenty 1.15 times theirs.
    assert tracker.noise_factor < 1.6


def test_residuals_that_persist_count_more_than_their_size() -> None:
    class Moody(ToyArray):
        """SET and RESET drift apart and together again, slowly."""

        mood = np.zeros((16, 16))

        def pulse(self, cells, pulses, read=None):  # type: ignore[no-untyped-def]
            rows, cols = np.asarray(cells).T
            shake = self.rng.normal(size=len(rows)) * (1 - 0.9**2) ** 0.5
            self.mood[rows, cols] = 0.9 * self.mood[rows, cols] + shake
            self.factor[..., 0] = 1 + 0.2 * self.mood
            self.factor[..., 1] = 1 - 0.2 * self.mood
            return super().pulse(cells, pulses, read)

    array = Moody(seed=6, cell_spread=0.0, relaxation=0.0)
    tracker = Tracker(told(array), pairs())
    follow(tracker, array, 1500)
    # By a tenth per pulse, but with a memory of ten pulses: several times that in the long run.
    assert tracker.noise_factor > 1.7


def test_missing_reads_and_weights_without_a_pulse_change_nothing() -> None:
    tracker = Tracker(told(ToyArray(seed=4)), pairs())
    start = tracker.factor.copy()
    polarity = np.zeros(20, np.int8)
    polarity[0] = 1
    tracker.update(np.zeros(20, np.int64), polarity, np.full(20, 80e-6), np.full(20, np.nan))
    np.testing.assert_array_equal(tracker.factor, start)
    assert tracker.pulses == 0
