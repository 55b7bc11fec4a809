import numpy as np
import pytest
from matplotlib.collections import PatchCollection, QuadMesh
from matplotlib.colors import LogNorm

from labctl.analysis.figures import chip_map_figure, distributions_figure, forming_figure
from tests.analysis.figures.looking import data_axes, drawn, texts


def mesh_of(figure):
    return next(c for c in figure.axes[0].collections if isinstance(c, QuadMesh))


def hatched(figure):
    """Return hatch pattern -> lower left corners (col, row) of the squares."""
    return {
        c.get_hatch(): {tuple(p.vertices[0].astype(int)) for p in c.get_paths()}
        for c in figure.axes[0].collections
        if isinstance(c, PatchCollection)
    }


def test_the_map_shows_microsiemens_row_zero_on_top_square_cells():
    grid = np.array([[1e-6, 2e-6, 3e-6], [4e-6, 5e-6, 100e-6]])
    figure = drawn(chip_map_figure(grid))
    axes = figure.axes[0]
    assert mesh_of(figure).get_array().data == pytest.approx(1e6 * grid)
    assert axes.get_ylim() == (2, 0)
    assert axes.get_aspect() == 1.0
    words = texts(figure)
    for word in ("conductance (µS)", "row (word line)", "column (bit line)"):
        assert word in words


def test_unformed_and_unread_cells_are_hatched_counted_and_not_coloured():
    grid = np.full((4, 5), 10e-6)
    grid[1, 2] = np.nan
    unformed = np.zeros((4, 5), bool)
    unformed[3, 4] = unformed[0, 0] = True
    figure = drawn(chip_map_figure(grid, unformed))
    assert hatched(figure) == {"////": {(2, 1)}, "xxxx": {(4, 3), (0, 0)}}
    assert "not formed (2)" in texts(figure)
    assert "no reading (1)" in texts(figure)
    mask = np.ma.getmaskarray(mesh_of(figure).get_array())
    assert mask.sum() == 3


def test_a_wide_range_is_logarithmic_and_a_narrow_one_is_not():
    wide = mesh_of(chip_map_figure(np.array([[1e-6, 1e-4]])))
    narrow = mesh_of(chip_map_figure(np.array([[50e-6, 60e-6]])))
    assert isinstance(wide.norm, LogNorm)
    assert not isinstance(narrow.norm, LogNorm)


def test_a_few_dead_cells_do_not_take_all_the_colours():
    grid = np.linspace(40e-6, 80e-6, 256).reshape(16, 16)
    grid[0, :2] = 1e-9
    figure = chip_map_figure(grid)
    assert mesh_of(figure).norm.vmin > 30
    assert figure.axes[1].get_ylabel() == "conductance (µS)"


def test_given_limits_are_the_ends_of_the_colours():
    norm = mesh_of(chip_map_figure(np.array([[5e-6, 7e-6]]), limits=(2e-6, 200e-6))).norm
    assert (norm.vmin, norm.vmax) == pytest.approx((2, 200))


@pytest.mark.parametrize("grid", [np.empty((0, 0)), np.array([])])
def test_no_chip_says_no_data(grid):
    assert "no data" in texts(drawn(chip_map_figure(grid)))


def test_a_chip_without_any_reading_says_so():
    assert "no readings" in texts(drawn(chip_map_figure(np.full((3, 3), np.nan))))


def test_values_below_zero_and_all_equal_can_be_drawn():
    drawn(chip_map_figure(np.array([[-1e-9, 5e-6], [1e-6, 2e-6]])))
    drawn(chip_map_figure(np.full((3, 3), 5e-6)))
    drawn(chip_map_figure(np.zeros((3, 3))))


def test_a_large_chip_is_drawn_as_pixels():
    assert mesh_of(chip_map_figure(np.full((128, 64), 5e-6))).get_rasterized()


def test_histogram_and_cumulative_curve_hold_every_cell_in_microsiemens():
    rng = np.random.default_rng(6)
    sets = {
        "after forming": 60e-6 * np.exp(rng.normal(0, 0.3, 250)),
        "after learning": 30e-6 * np.exp(rng.normal(0, 0.5, 240)),
    }
    figure = drawn(distributions_figure(sets))
    left, right = data_axes(figure)
    outlines = [p for p in left.patches if not p.get_fill()]
    assert [p.get_data().values.sum() for p in outlines] == [250, 240]
    medians = [1e6 * np.median(values) for values in sets.values()]
    for (label, values), median in zip(sets.items(), medians, strict=True):
        assert f"{label}: n = {values.size}, median {median:.3g} µS" in texts(figure)
    assert left.get_xlabel() == right.get_xlabel() == "conductance (µS)"
    x, y = right.lines[0].get_data()
    assert x == pytest.approx(np.sort(1e6 * sets["after forming"]))
    assert y[-1] == 100
    assert left.get_xscale() == "log"


def test_distributions_leave_out_what_has_no_logarithm_and_survive_nothing():
    figure = drawn(distributions_figure({"a": [np.nan, -1e-6, 0.0], "b": [1e-6, 2e-6, np.inf]}))
    assert "b: n = 2" in texts(figure)
    assert "a: n" not in texts(figure)
    assert texts(drawn(distributions_figure({}))).count("no data") == 2
    assert texts(drawn(distributions_figure({"a": [np.nan]}))).count("no data") == 2


def test_forming_counts_cells_at_each_voltage_and_the_share_of_all():
    voltage = np.array([2.4, 2.5, 2.5, 2.6, np.nan])
    figure = drawn(forming_figure(voltage, np.isfinite(voltage)))
    bars, share = figure.axes
    counts, edges, _ = bars.patches[0].get_data()
    assert counts.tolist() == [1, 2, 1]
    assert edges == pytest.approx([2.35, 2.45, 2.55, 2.65])
    assert share.lines[0].get_ydata() == pytest.approx([0, 20, 60, 80])
    assert "4 of 5, 2.50 ± 0.08 V" in texts(figure)
    assert bars.get_xlabel() == "bit-line voltage (V)"


def test_cells_formed_before_count_in_the_share_without_a_voltage():
    figure = drawn(forming_figure([np.nan, np.nan, 2.5, np.nan], [True, True, True, False]))
    assert "3 of 4" in texts(figure)
    assert figure.axes[1].lines[0].get_ydata() == pytest.approx([50, 75])


@pytest.mark.parametrize(
    ("voltage", "formed", "words"),
    [
        ([], None, "no data"),
        ([np.nan, np.nan], None, "no cell formed"),
        ([np.nan], [True], "all were formed before"),
    ],
)
def test_no_forming_voltage_is_said(voltage, formed, words):
    assert words in texts(drawn(forming_figure(voltage, formed)))


def test_unstepped_forming_voltages_make_few_bins():
    voltage = np.random.default_rng(7).uniform(2, 3, 500)
    counts, _, _ = forming_figure(voltage).axes[0].patches[0].get_data()
    assert counts.sum() == 500
    assert counts.size <= 60
