"""The analogue side of a source-measure channel, on a resistor."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest

from labctl.clock import VirtualClock
from labctl.sim.instruments.smu import CURRENT, HIGH_Z, OVERFLOW, VOLTAGE, SourceChannel
from labctl.sim.instruments.smu_models import MODELS

CONDUCTANCE = 1e-5


class Resistor:
    """A terminal with 100 kOhm to ground."""

    def __init__(self) -> None:
        self.voltage, self.limit = 0.0, 0.0

    def drive(self, voltage: float, limit: float) -> None:
        self.voltage, self.limit = voltage, limit

    def measure(self) -> tuple[float, bool]:
        current = 0.0 if isnan(self.voltage) else self.voltage * CONDUCTANCE
        return float(np.clip(current, -self.limit, self.limit)), abs(current) > self.limit

    def level(self) -> float:
        return self.measure()[0] / CONDUCTANCE


def channel(model: str = "2636B", ideal: bool = False) -> SourceChannel:
    made = SourceChannel(MODELS[model], Resistor(), VirtualClock(), np.random.default_rng(1), ideal)
    made.autozero = 0
    made.nplc = 0.01
    return made


def energised(ideal: bool = False) -> SourceChannel:
    made = channel(ideal=ideal)
    made.set_output(True)
    made.set_level(VOLTAGE, 1.0)
    made.clock.sleep(10.0)
    return made


def test_ideal_reading_is_exact() -> None:
    assert energised(ideal=True).measure() == (1e-5, 1.0)


@pytest.mark.parametrize("upper", [1e-5, 1e-4, 1e-3, 1e-2])
def test_noise_grows_with_the_range_and_falls_with_integration(upper: float) -> None:
    made = energised()
    made.set_measure_range(CURRENT, upper)
    spread = {}
    for nplc in (0.01, 1.0):
        made.nplc = nplc
        spread[nplc] = np.std([made.measure()[0] for _ in range(2000)])
    # 2000 normal readings: the standard deviation is within 10 % but for 1 in 1e9 runs; seeded.
    assert spread[0.01] == pytest.approx(upper * 3e-5, rel=0.15)
    assert spread[1.0] == pytest.approx(upper * 3e-6, rel=0.15)


def test_reading_has_the_resolution_of_its_range() -> None:
    made = energised()
    made.nplc = 1.0
    made.set_measure_range(CURRENT, 1e-3)
    steps = made.measure()[0] / 1e-9
    assert steps == pytest.approx(round(steps), abs=1e-6)


def test_reading_right_after_a_step_has_not_settled_and_later_has() -> None:
    made = energised()
    made.set_measure_range(CURRENT, 1e-5)
    made.nplc = 0.001
    made.set_level(VOLTAGE, 0.5)
    early = made.measure()[0]
    made.clock.sleep(2e-3)
    late = made.measure()[0]
    assert early > 1.2 * late
    assert late == pytest.approx(0.5e-5, rel=1e-3)


def test_overflow_beyond_a_fixed_range_has_the_sign_of_the_current() -> None:
    made = energised()
    made.set_measure_range(CURRENT, 1e-6)
    assert made.measure()[0] == OVERFLOW
    made.set_level(VOLTAGE, -1.0)
    made.clock.sleep(1.0)
    assert made.measure()[0] == -OVERFLOW


def test_autorange_picks_the_smallest_range_that_holds_the_reading() -> None:
    made = energised()
    assert made.measure()[0] == pytest.approx(1e-5, abs=6 * 1e-5 * 3e-5)


def test_compliance_limits_the_current_and_the_voltage_read_is_the_loads() -> None:
    made = energised(ideal=True)
    made.set_limit(CURRENT, 2e-6)
    assert made.compliance
    assert made.measure() == (2e-6, pytest.approx(0.2))


def test_current_source_and_its_voltage_limit() -> None:
    made = channel(ideal=True)
    made.set_function(CURRENT)
    made.set_output(True)
    made.set_level(CURRENT, 2e-6)
    assert made.measure() == (2e-6, pytest.approx(0.2))
    assert not made.compliance
    made.set_limit(VOLTAGE, 0.1)
    assert made.measure()[1] == pytest.approx(0.1)
    assert made.compliance


def test_output_off_states() -> None:
    made = energised()
    port = made.port
    assert isinstance(port, Resistor)
    made.set_output(False)
    assert (port.voltage, port.limit) == (0.0, 1e-3)
    made.set_off_mode(HIGH_Z)
    assert isnan(port.voltage)
    assert not made.compliance


def test_models_differ() -> None:
    assert set(MODELS) >= {"2601B", "2602B", "2612B", "2614B", "2634B", "2635B", "2636B"}
    assert MODELS["2601B"].max_voltage == pytest.approx(40.4)
    assert MODELS["2636B"].max_voltage == pytest.approx(202.0)
    assert MODELS["2612B"].least_limit_current == 10e-9
    assert MODELS["2635B"].channels == ("a",)
