import numpy as np
import pytest

from labctl.gui.scale import format_conductance, limits, log_ticks, to_scale


def test_every_positive_value_lies_within_the_limits():
    values = np.array([0.5, 20.0, 150.0, np.nan])
    for logarithmic in (False, True):
        low, high = limits(values, logarithmic)
        drawn = to_scale(values, logarithmic)[:3]
        assert (drawn >= low).all()
        assert (drawn <= high).all()


@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize("values", [[], [np.nan], [7.0, 7.0], [0.0], [-0.1, -0.1]])
def test_limits_are_in_order_whatever_the_values(values, logarithmic):
    low, high = limits(np.array(values), logarithmic)
    assert np.isfinite([low, high]).all()
    assert low < high


def test_noise_below_zero_goes_to_the_low_end_of_a_logarithmic_scale():
    values = np.array([-0.01, 10.0])
    assert to_scale(values, True)[0] == -np.inf
    assert np.isfinite(limits(values, True)).all()


def test_one_stuck_cell_does_not_stretch_the_scale_over_more_than_five_decades():
    low, high = limits(np.array([1e-9, 10.0, 100.0]), True)
    assert high - low < 5.3


def test_ticks_read_in_microsiemens():
    texts = [text for _, text in log_ticks(-1.0, 3.0)[0]]
    assert texts == ["0.1", "1", "10", "100", "1000"]


@pytest.mark.parametrize(("low", "high"), [(1.3, 2.2), (1.65, 1.9), (1.69, 1.70), (-2.0, 3.0)])
def test_a_logarithmic_axis_always_has_labels_at_true_places(low, high):
    labelled = log_ticks(low, high)[0]
    assert 2 <= len(labelled) <= 8
    for position, text in labelled:
        assert low <= position <= high
        assert float(text) == pytest.approx(10.0**position)


def test_conductance_is_shown_in_microsiemens():
    assert format_conductance(45.678e-6) == "45.7 µS"
    assert format_conductance(234.5e-6) == "234 µS"
    assert format_conductance(float("nan")) == "–"
