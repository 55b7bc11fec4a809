"""The idealised soft-bounds devices."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.errors import LimitError, WiringError
from labctl.sim.softbounds import SoftBounds


def ways(n: int, way: int) -> np.ndarray:
    return np.full(n, way, dtype=np.int8)


def test_steps_shrink_towards_the_bound_as_the_formula_says():
    devices = SoftBounds(3, step_up=0.1, step_down=0.05, low=-2.0, high=1.0, sigma=0.0)
    devices.weights = [0.5, 0.5, 0.5]
    devices.pulse(np.array([1, -1, 0], dtype=np.int8))
    np.testing.assert_allclose(
        devices.weights, [0.5 + 0.1 * (1 - 0.5), 0.5 - 0.05 * (1 + 0.25), 0.5], rtol=1e-6
    )
    devices.pulse([1, -1, 0], count=1000)
    np.testing.assert_allclose(devices.weights, [1.0, -2.0, 0.5], rtol=1e-5)


def test_noise_is_normal_and_of_the_size_asked_for():
    # 262 144 steps: mean within 4/sqrt(n), sd within 4/sqrt(2n), neighbours within 4/sqrt(n).
    n = 2**18
    devices = SoftBounds(n, step_up=0.01, low=-100.0, high=100.0, sigma=2.0, seed=4)
    devices.pulse(ways(n, 1))
    first = devices.weights
    devices.pulse(ways(n, 1))
    for z in ((first / 0.01 - 1) / 2, ((devices.weights - first) / 0.01 - 1) / 2):
        assert abs(z.mean()) < 4 / np.sqrt(n)
        assert abs(z.std() - 1) < 4 / np.sqrt(2 * n)
        assert abs((z**3).mean()) < 4 * np.sqrt(15 / n)
        assert abs((z**4).mean() - 3) < 4 * np.sqrt(96 / n)
        for lag in (1, 256, 512, 768, 1024):
            assert abs(np.corrcoef(z[:-lag], z[lag:])[0, 1]) < 4 / np.sqrt(n)
    assert abs(np.corrcoef(first, devices.weights - first)[0, 1]) < 4 / np.sqrt(n)


def test_devices_differ_as_the_spread_says():
    # 20 000 devices: sd within 4/sqrt(2n) of 0.3, a tenth at least.
    n = 20_000
    devices = SoftBounds(n, step_up=0.01, sigma=0.0, step_spread=0.3, bound_spread=0.1, seed=1)
    devices.pulse(ways(n, 1))
    steps = devices.weights / 0.01
    assert abs(steps.std() - 0.3) < 0.02 * 0.3 + 0.006
    assert steps.min() > 0.099
    devices.pulse(ways(n, -1), count=20_000)
    assert abs(devices.weights.mean() + 1.0) < 0.01
    assert 0.09 < devices.weights.std() < 0.11


@pytest.mark.parametrize("n", [1, 5, 1024, 5000])
def test_calls_do_not_count_but_pulses_do(n):
    one, many = (SoftBounds(n, seed=9, step_spread=0.2) for _ in range(2))
    one.pulse(ways(n, 1), count=7)
    for _ in range(7):
        many.pulse(ways(n, 1))
    np.testing.assert_array_equal(one.weights, many.weights)


def test_a_device_draws_the_same_whatever_the_others_do():
    alone, amid = SoftBounds(3000, seed=2), SoftBounds(3000, seed=2)
    way = np.random.default_rng(0).integers(-1, 2, 3000).astype(np.int8)
    way[1777] = 1
    alone.pulse(np.where(np.arange(3000) == 1777, 1, 0))
    amid.pulse(way)
    assert alone.weights[1777] == amid.weights[1777]
    assert not alone.weights[way == 0].any()
    assert not amid.weights[way == 0].any()


def test_saved_devices_go_on_bit_by_bit():
    devices = SoftBounds(2000, seed=2**64 - 1, step_spread=0.3, bound_spread=0.1)
    devices.pulse(ways(2000, 1), count=50)
    copy = SoftBounds.restored(devices.saved())
    for both in (devices, copy):
        both.pulse(ways(2000, -1), count=20)
    np.testing.assert_array_equal(devices.weights, copy.weights)
    assert copy.saved().keys() == devices.saved().keys()
    assert copy.pulses == 70


def test_bad_input_changes_nothing():
    devices = SoftBounds(4)
    for way in (ways(5, 1), np.ones((2, 2), dtype=np.int8)):
        with pytest.raises(WiringError, match="directions of shape"):
            devices.pulse(way)
    for way in ([1, 1, 2, 0], [0.5, 0, 0, 0], [np.nan, 0, 0, 0]):
        with pytest.raises(LimitError, match="-1, 0 or 1"):
            devices.pulse(way)
    with pytest.raises(LimitError, match="0 or more"):
        devices.pulse(ways(4, 1), count=-1)
    with pytest.raises(WiringError, match="weights of shape"):
        devices.weights = [0.0]
    with pytest.raises(LimitError, match="finite"):
        devices.weights = [0.0, np.inf, 0.0, 0.0]
    assert not devices.weights.any()
    assert devices.pulses == 0


@pytest.mark.parametrize(
    "bad",
    [
        {"step_up": 0.0},
        {"step_down": -1.0},
        {"low": 0.5},
        {"high": np.inf},
        {"sigma": np.nan},
        {"step_spread": -0.1},
        {"seed": -1},
    ],
)
def test_parameters_out_of_range_are_refused(bad):
    with pytest.raises(LimitError, match=next(iter(bad)).split("_")[0]):
        SoftBounds(4, **bad)


def test_a_damaged_dict_is_refused():
    saved = SoftBounds(4).saved()
    for key, value, match in (
        ("up", saved["up"][:3], "damaged"),
        ("weights", saved["weights"].astype(float), "damaged"),
        ("pulses", -1, "negative"),
    ):
        with pytest.raises(LimitError, match=match):
            SoftBounds.restored({**saved, key: value})
    with pytest.raises(LimitError, match="lack seed"):
        SoftBounds.restored({k: v for k, v in saved.items() if k != "seed"})
