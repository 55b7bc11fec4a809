import numpy as np
import pytest

from labctl.analysis import cumulative, histogram, log_edges, summarise, summarise_by, usable


def test_the_summary_of_one_to_five_is_the_textbooks():
    s = summarise([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (s.n, s.total, s.usable_fraction) == (5, 5, 1.0)
    assert (s.median, s.mean, s.minimum, s.maximum) == (3.0, 3.0, 1.0, 5.0)
    assert s.sd == pytest.approx(np.sqrt(2.5))
    assert s.percentiles[25] == 2.0
    assert s.percentiles[75] == 4.0
    assert s.relative_sd == pytest.approx(np.sqrt(2.5) / 3)


def test_flagged_missing_and_infinite_readings_count_against_the_yield_only():
    values = [10e-6, np.nan, 30e-6, np.inf, 999e-6]
    s = summarise(values, [0, 0, 0, 0, 1])
    assert (s.n, s.total) == (2, 5)
    assert s.usable_fraction == pytest.approx(0.4)
    assert s.mean == pytest.approx(20e-6)
    assert s.maximum == 30e-6


def test_nothing_usable_gives_nan_and_no_warning():
    for values in ([], [np.nan, np.nan]):
        s = summarise(values)
        assert s.n == 0
        assert np.isnan([s.median, s.mean, s.sd, s.percentiles[50]]).all()
    assert np.isnan(summarise([]).usable_fraction)
    assert summarise([np.nan]).usable_fraction == 0.0


def test_one_value_has_a_mean_and_no_sd():
    s = summarise([4.0])
    assert s.mean == 4.0
    assert np.isnan(s.sd)


def test_states_are_summarised_apart_and_sorted():
    values = [1.0, 100.0, 3.0, 300.0, np.nan]
    parts = summarise_by(values, [False, True, False, True, True], [0, 0, 0, 0, 0])
    assert list(parts) == [False, True]
    assert parts[False].mean == 2.0
    assert (parts[True].mean, parts[True].n, parts[True].total) == (200.0, 2, 3)


def test_flags_or_states_of_another_length_are_refused():
    with pytest.raises(ValueError, match="one flag each"):
        usable([1.0, 2.0], [0])
    with pytest.raises(ValueError, match="one state each"):
        summarise_by([1.0, 2.0], [0])


def test_the_cumulative_curve_ends_at_one_and_skips_flagged():
    value, share = cumulative([3.0, 1.0, 2.0, 7.0], [0, 0, 0, 1])
    assert value.tolist() == [1.0, 2.0, 3.0]
    assert share == pytest.approx([1 / 3, 2 / 3, 1.0])


def test_every_positive_value_falls_into_a_bin():
    rng = np.random.default_rng(1)
    values = np.exp(rng.normal(np.log(50e-6), 1.0, 5000))
    edges, counts = histogram(values)
    assert counts.sum() == values.size
    assert np.diff(np.log(edges)) == pytest.approx(np.diff(np.log(edges))[0])
    # Freedman and Diaconis: 2 * 1.349 sd / n^(1/3).
    assert np.diff(np.log(edges))[0] == pytest.approx(2 * 1.349 / 5000 ** (1 / 3), rel=0.1)


def test_values_without_a_logarithm_are_left_out_of_the_bins():
    edges, counts = histogram([-1e-9, 0.0, 1e-6, 2e-6])
    assert counts.sum() == 2
    assert edges[0] > 0


def test_equal_values_make_a_visible_bar_and_no_values_make_none():
    edges, counts = histogram(np.full(10, 5e-6))
    assert counts.sum() == 10
    assert edges[-1] / edges[0] > 1.05
    assert log_edges([]).size == 0
    assert histogram([np.nan, -1.0])[1].size == 0


def test_outliers_do_not_make_thousands_of_bins():
    values = np.concatenate([np.full(5000, 50e-6) * np.linspace(1, 1.01, 5000), [1e-12, 1.0]])
    assert log_edges(values).size <= 201
