import numpy as np
import pandas as pd
import pytest

from labctl.analysis import as_map, conductance_map, shape_of


def test_values_lie_where_their_cells_are_and_the_rest_is_nan():
    grid = as_map([0, 1], [2, 0], [5.0, 7.0], (2, 3))
    assert grid[0, 2] == 5.0
    assert grid[1, 0] == 7.0
    assert np.isnan(grid).sum() == 4


def test_the_last_reading_of_a_cell_wins():
    rows = np.array([1, 0, 1, 1])
    grid = as_map(rows, [1, 0, 1, 1], [1.0, 2.0, 3.0, 4.0])
    assert grid.shape == (2, 2)
    assert grid[1, 1] == 4.0
    assert grid[0, 0] == 2.0


def test_columns_of_small_integers_do_not_overflow():
    rows = np.full(1, 200, np.int16)
    cols = np.full(1, 300, np.int16)
    assert as_map(rows, cols, [1.0], (256, 512))[200, 300] == 1.0


@pytest.mark.parametrize(("row", "col"), [(4, 0), (0, 4), (-1, 0)])
def test_a_cell_outside_the_chip_is_refused(row, col):
    with pytest.raises(ValueError, match="outside the chip of 4 x 4"):
        as_map([row], [col], [1.0], (4, 4))


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="one row and one column each"):
        as_map([0, 1], [0, 1], [1.0])


def test_no_cells_give_an_empty_chip():
    assert shape_of([], []) == (0, 0)
    assert as_map([], [], []).shape == (0, 0)
    assert np.isnan(as_map([], [], [], (2, 2))).all()


def test_a_flagged_reading_does_not_hide_the_good_one_before_it():
    cells = pd.DataFrame(
        {
            "row": [0, 0, 0],
            "col": [0, 1, 0],
            "conductance": [1e-6, 2e-6, 9e-6],
            "flag": [0, 2, 1],
        }
    )
    grid = conductance_map(cells, (1, 3))
    assert grid[0, 0] == 1e-6
    assert np.isnan(grid[0, 1:]).all()
    assert conductance_map(cells.drop(columns="flag")).tolist() == [[9e-6, 2e-6]]
