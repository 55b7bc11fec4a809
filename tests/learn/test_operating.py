"""Pulses are found on the simulated chip, whose steps follow the voltage as those of cells do."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.array import Pulse
from labctl.errors import CalibrationError
from labctl.learn.initialise import PulsePair
from labctl.learn.operating import TOLERANCE, find_pulses
from labctl.sim.chip.preset import pulses
from tests.benchmarks.learn_chips import formed


@pytest.mark.parametrize(
    ("kind", "window", "levels"),
    [("hfox-1t1r", (30e-6, 150e-6), 30.0), ("taox-lin2025", (3e-6, 19e-6), 12.0)],
)
def test_steps_are_as_wanted_on_both_kinds_of_chip(
    kind: str, window: tuple[float, float], levels: float
) -> None:
    array = formed(kind, 16, 16, seed=1)
    up, down = pulses(kind).set, pulses(kind).reset
    start = PulsePair(
        Pulse.set(up.voltage, up.gate, up.width), Pulse.reset(down.voltage, down.gate, down.width)
    )
    rng = np.random.default_rng(0)
    found = find_pulses(array, array.all_cells, start, window, rng, levels=levels)
    assert found.wanted == pytest.approx((window[1] - window[0]) / levels)
    for step in (found.up, found.down):
        assert 1 / (1 + TOLERANCE) < step / found.wanted < 1 + TOLERANCE
    assert found.pulses.set.gate == up.gate
    assert found.pulses.reset.width == down.width
    assert found.spent == array.pulse_counts.sum() - _forming(kind, array)


def _forming(kind: str, array) -> int:  # type: ignore[no-untyped-def]
    """Return the pulses that forming took: the same chip formed again takes as many."""
    return int(formed(kind, *array.shape, seed=1).pulse_counts.sum())


def test_what_cannot_be_reached_is_told_with_the_nearest() -> None:
    array = formed("hfox-1t1r", 8, 8, seed=1)
    start = PulsePair(Pulse.set(1.0, 1.05, 2e-4), Pulse.reset(1.3, 4.75, 2e-4))
    # Through a gate at its threshold no SET gets through.
    with pytest.raises(CalibrationError, match=r"No pulses were found in 3 rounds.*Nearest: SET"):
        find_pulses(
            array, array.all_cells, start, (30e-6, 150e-6), np.random.default_rng(0), most=3
        )
