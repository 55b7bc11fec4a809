"""Progress: pace without pauses, time left by both clocks."""

import pytest

from labctl.engine.progress import Meter


class Clocks:
    def __init__(self):
        self.wall, self.bench = 100.0, 5000.0

    def meter(self, estimate=None):
        return Meter(lambda: self.wall, lambda: self.bench, estimate)


def test_time_left_is_the_estimate_first_and_the_measured_pace_after():
    clocks = Clocks()
    meter = clocks.meter(estimate=80.0)
    meter.total = 4
    look = meter.look()
    assert (look.fraction, look.pace, look.eta_s, look.bench_eta_s) == (0.0, None, None, 80.0)
    meter.done, clocks.wall, clocks.bench = 1, 102.0, 5030.0
    look = meter.look()
    assert (look.pace, look.eta_s, look.bench_eta_s) == (0.5, 6.0, 90.0)
    meter.done = 4
    assert (meter.look().fraction, meter.look().eta_s, meter.look().bench_eta_s) == (1.0, 0.0, 0.0)


def test_pauses_do_not_count():
    clocks = Clocks()
    meter = clocks.meter()
    meter.total, meter.done, clocks.wall = 10, 5, 110.0
    meter.pause()
    clocks.wall = 500.0
    assert meter.look().elapsed_s == pytest.approx(10.0)
    meter.resume()
    clocks.wall = 502.0
    assert meter.look().elapsed_s == pytest.approx(12.0)


@pytest.mark.parametrize("estimate", [None, float("nan")])
def test_unknown_estimate_is_none(estimate):
    meter = Clocks().meter(estimate)
    meter.total = 3
    assert meter.look().bench_eta_s is None


def test_run_without_units_is_complete():
    assert Clocks().meter().look().fraction == 1.0
