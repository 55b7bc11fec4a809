import numpy as np
import pytest

from labctl.analysis import bin_by_polarity, bin_steps, even_edges
from tests.analysis import synthetic


def test_mean_sd_and_error_of_a_bin_are_those_of_its_steps():
    steps = bin_steps([1, 1, 1, 1, 5], [2, 4, 2, 4, 4], edges=[0, 2, 4, 6])
    assert steps.count.tolist() == [4, 0, 1]
    assert steps.mean[[0, 2]].tolist() == [2.0, -1.0]
    assert steps.sd[0] == pytest.approx(np.sqrt(4 / 3))
    assert steps.error[0] == pytest.approx(np.sqrt(4 / 3) / 2)
    assert np.isnan(steps.sd[[1, 2]]).all()
    assert np.isnan(steps.mean[1])
    assert steps.centre.tolist() == [1.0, 3.0, 5.0]


def test_flagged_and_missing_steps_are_left_out():
    steps = bin_steps([1, 1, np.nan, 1], [2, 9, 2, np.nan], [0, 1, 0, 0], edges=[0, 2])
    assert steps.count.tolist() == [1]
    assert steps.mean.tolist() == [1.0]


def test_both_ends_belong_to_the_bins_and_what_is_outside_does_not():
    steps = bin_steps([0.0, 1.0, 2.0, 2.5, -1.0], np.zeros(5), edges=[0, 1, 2])
    assert steps.count.tolist() == [1, 2]


def test_small_spreads_on_large_steps_do_not_cancel():
    rng = np.random.default_rng(2)
    before = np.full(1000, 100.0)
    steps = bin_steps(before, before + 1e8 + rng.normal(0, 1e-3, 1000), edges=[99, 101])
    # The sd of 1000 normal numbers is within 8 % at 3.5 sigma (false alarm 5e-4).
    assert steps.sd[0] == pytest.approx(1e-3, rel=0.08)


def test_set_and_reset_share_their_edges_and_few_steps_are_all_kept():
    frame = synthetic.transitions(np.random.default_rng(4), 800)
    up, down = bin_by_polarity(frame["before"], frame["after"], frame["polarity"], frame["flag"])
    assert np.array_equal(up.edges, down.edges)
    good = (frame["flag"] == 0) & frame["after"].notna()
    assert up.count.sum() == (good & (frame["polarity"] > 0)).sum()
    assert down.count.sum() == (good & (frame["polarity"] < 0)).sum()


def test_the_bins_recover_the_curves_the_steps_were_made_from():
    frame = synthetic.transitions(np.random.default_rng(5), 20_000)
    up, down = bin_by_polarity(frame["before"], frame["after"], frame["polarity"], frame["flag"])
    # 24 bins at 4.5 standard errors: false alarm 2e-4. The lowest is left out, where the made
    # steps are cut at 1 µS.
    z_up = (up.mean - synthetic.set_step(up.centre)) / up.error
    z_down = (down.mean - synthetic.reset_step(down.centre)) / down.error
    assert np.abs(z_up[1:]).max() < 4.5
    assert np.abs(z_down[1:]).max() < 4.5


def test_nothing_to_bin_gives_empty_bins():
    for before in ([], [np.nan]):
        up, down = bin_by_polarity(before, before, np.ones(len(before)))
        assert up.mean.size == down.mean.size == 0
    assert even_edges([np.nan], 4).size == 0


def test_one_starting_conductance_still_makes_bins_of_some_width():
    edges = even_edges([5.0, 5.0], 3)
    assert np.all(np.diff(edges) > 0)
    assert bin_steps([5.0, 5.0], [6.0, 7.0]).count.sum() == 2


def test_a_few_stray_readings_do_not_stretch_the_bins():
    rng = np.random.default_rng(3)
    before = rng.uniform(30e-6, 130e-6, 4000)
    before[:5] = 400e-6
    sign = np.where(rng.random(4000) < 0.5, 1, -1)
    up, down = bin_by_polarity(before, before + sign * 5e-6, sign)
    assert max(up.edges[-1], down.edges[-1]) < 140e-6
