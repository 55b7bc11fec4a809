import numpy as np
import pytest

from labctl.analysis import bin_by_polarity, bin_steps
from labctl.analysis.figures import (
    Curve,
    programming_figure,
    transition_map_figure,
    transitions_figure,
)
from labctl.analysis.style import RESET_COLOUR, SET_COLOUR
from tests.analysis import synthetic
from tests.analysis.figures.looking import drawn, texts

FRAME = synthetic.transitions(np.random.default_rng(8), 2000)
COLUMNS = (FRAME["before"], FRAME["after"], FRAME["polarity"], FRAME["flag"])


def line(axes, colour, marker="None"):
    return next(ln for ln in axes.lines if ln.get_color() == colour and ln.get_marker() == marker)


def test_means_spreads_and_fits_are_drawn_in_microsiemens():
    up, down = bin_by_polarity(*COLUMNS)
    g = np.linspace(10e-6, 150e-6, 50)
    fits = {
        "set_fit": Curve(g, synthetic.set_step(g), np.full(50, 2e-6)),
        "reset_fit": Curve(g, synthetic.reset_step(g)),
    }
    figure = drawn(transitions_figure(up, down, **fits, window=(10e-6, 150e-6)))
    axes = figure.axes[0]
    for steps, colour in ((up, SET_COLOUR), (down, RESET_COLOUR)):
        dots = line(axes, colour, "o")
        assert dots.get_xdata() == pytest.approx(1e6 * steps.centre)
        assert dots.get_ydata() == pytest.approx(1e6 * steps.mean)
    fitted = next(
        ln for ln in axes.lines if ln.get_color() == SET_COLOUR and len(ln.get_xdata()) == 50
    )
    assert fitted.get_ydata() == pytest.approx(1e6 * synthetic.set_step(g))
    words = texts(figure)
    for word in (
        "conductance before the pulse (µS)",
        "change of conductance (µS)",
        "± sd of a pulse",
        "fit",
        "not used",
        f"{up.count.sum()} SET, {down.count.sum()} RESET",
    ):
        assert word in words


def test_the_legend_names_only_what_is_there():
    words = texts(drawn(transitions_figure(*bin_by_polarity(*COLUMNS))))
    assert "not used" not in words
    assert "fit" not in words.split("\n")


def test_one_polarity_alone_and_bins_of_one_step_can_be_drawn():
    up = bin_steps([1e-5], [2e-5])
    drawn(transitions_figure(up, bin_steps([], [])))


def test_no_transitions_say_no_data():
    empty = bin_steps([], [])
    assert "no data" in texts(drawn(transitions_figure(empty, empty)))
    assert "no data" in texts(drawn(transition_map_figure([], [], [])))
    assert "no data" in texts(drawn(transition_map_figure([np.nan], [1e-6], [1])))


def test_every_good_transition_is_a_dot_of_its_colour():
    figure = drawn(transition_map_figure(*COLUMNS))
    axes = figure.axes[0]
    good = (FRAME["flag"] == 0) & FRAME["after"].notna()
    assert [len(c.get_offsets()) for c in axes.collections] == [
        (good & (FRAME["polarity"] > 0)).sum(),
        (good & (FRAME["polarity"] < 0)).sum(),
    ]
    first = FRAME[good & (FRAME["polarity"] > 0)].iloc[0]
    assert axes.collections[0].get_offsets()[0].tolist() == pytest.approx(
        [1e6 * first["before"], 1e6 * first["after"]]
    )
    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_xlabel() == "conductance before (µS)"
    assert axes.get_ylabel() == "conductance after (µS)"
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_programming_shows_target_result_and_error():
    target = np.repeat([20e-6, 80e-6], 50)
    got = target + np.random.default_rng(9).normal(-0.5e-6, 1e-6, 100)
    figure = drawn(programming_figure(target, got))
    error = 1e6 * (got - target)
    assert f"mean {error.mean():+.2g} µS" in texts(figure)
    assert f"sd {error.std(ddof=1):.2g} µS" in texts(figure)
    assert "target (µS)" in texts(figure)
    assert texts(drawn(programming_figure([], []))).count("no data") == 2
    drawn(programming_figure([1e-6], [2e-6]))
