import numpy as np
import pytest

from labctl.gui.cell_states import CellStates
from labctl.gui.histogram import KNOWN, SELECTED, THIS_RUN, Histogram

pytestmark = pytest.mark.window


@pytest.fixture
def histogram(qtbot):
    histogram = Histogram()
    qtbot.addWidget(histogram)
    return histogram


def states_of(conductance, flag=None):
    states = CellStates((2, 3))
    row, col = np.divmod(np.arange(6), 3)
    flags = np.zeros(6, np.uint8) if flag is None else np.asarray(flag)
    states.add({"row": row, "col": col, "conductance": np.asarray(conductance), "flag": flags})
    return states


@pytest.mark.parametrize("logarithmic", [True, False])
def test_count_median_and_sd_are_those_of_the_cells(histogram, logarithmic):
    values = np.array([10.0, 20.0, 30.0, 40.0, 50.0, 60.0]) * 1e-6
    histogram.logarithmic.setChecked(logarithmic)
    histogram.show_states(states_of(values))
    assert histogram.numbers == "n = 6    median 35 µS    sd 17.1 µS"
    assert histogram.counts.sum() == 6


def test_failed_cells_are_counted_apart(histogram):
    values = [1e-6, np.nan, 3e-6, 3e-6, 3e-6, 3e-6]
    histogram.show_states(states_of(values, [0, 1, 0, 0, 0, 0]))
    assert histogram.numbers.startswith("n = 5 ")
    assert histogram.numbers.endswith("1 failed")


def test_readings_below_zero_stay_in_the_logarithmic_histogram(histogram):
    histogram.show_states(states_of([-1e-9, -1e-9, -1e-9, -1e-9, 1e-6, 2e-6]))
    assert histogram.counts.sum() == 6
    assert histogram.counts[0] >= 4


def test_the_scope_chooses_run_known_or_selected_cells(histogram):
    states = states_of(np.full(6, 10e-6))
    states.begin_run()
    one = np.array([0])
    states.add({"row": one, "col": one, "conductance": np.array([20e-6])})
    histogram.show_states(states)
    mask = np.zeros((2, 3), bool)
    mask[1] = True
    histogram.set_selection(mask)
    for scope, count in ((THIS_RUN, 1), (KNOWN, 6), (SELECTED, 3)):
        histogram.scope.setCurrentText(scope)
        assert histogram.counts.sum() == count


def test_nothing_read_is_said_so(histogram):
    histogram.show_states(CellStates((2, 3)))
    assert histogram.numbers == "no reading yet"
