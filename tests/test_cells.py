import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.cells import check_cells, format_cells, parse_cells, visiting_order
from labctl.errors import WiringError

SHAPE = (16, 12)
CELLS = st.tuples(st.integers(0, 15), st.integers(0, 11))


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("3,5", [[3, 5]]),
        ("0..1,4..5", [[0, 4], [0, 5], [1, 4], [1, 5]]),
        ("3,5; 2,1; 3,5", [[3, 5], [2, 1]]),
        ("*,11;", [[row, 11] for row in range(16)]),
        ("Row 2", [[2, column] for column in range(12)]),
        ("columns 3..3", [[row, 3] for row in range(16)]),
    ],
)
def test_expressions_name_the_cells_they_say_in_the_order_written(text, cells):
    assert parse_cells(text, SHAPE).tolist() == cells


def test_all_names_every_cell_once():
    cells = parse_cells("all", SHAPE)
    assert len(cells) == 192
    assert len(np.unique(cells, axis=0)) == 192


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "No cells"),
        ("every", "names no cells"),
        ("3", "names no cells"),
        ("16,0", "rows 0 to 15"),
        ("0,0..12", "columns 0 to 11"),
        ("5..3,0", "3..5"),
        ("-1,0", "names no cells"),
    ],
)
def test_a_wrong_expression_is_refused_with_what_is_right(text, says):
    with pytest.raises(WiringError, match=says):
        parse_cells(text, SHAPE)


@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 11)), min_size=1, max_size=60))
def test_written_cells_read_back_as_the_same_set(cells):
    again = parse_cells(format_cells(cells), SHAPE)
    assert {tuple(cell) for cell in again.tolist()} == set(cells)


def test_cells_outside_the_chip_or_of_another_shape_are_refused():
    with pytest.raises(WiringError, match=r"\(3, 12\)"):
        check_cells([[0, 0], [3, 12]], SHAPE)
    with pytest.raises(WiringError, match=r"\(-1, 0\)"):
        check_cells([[-1, 0]], SHAPE)
    with pytest.raises(WiringError, match="shape"):
        check_cells([[1, 2, 3]], SHAPE)
    with pytest.raises(WiringError, match="integers"):
        check_cells([[0.5, 1.0]], SHAPE)
    assert check_cells([], SHAPE).shape == (0, 2)


@given(st.lists(CELLS, min_size=1, max_size=40), st.one_of(st.none(), CELLS))
def test_the_order_visits_every_cell_once_and_repeats_in_their_order(cells, here):
    order = visiting_order(np.array(cells), here).tolist()
    assert sorted(order) == list(range(len(cells)))
    for cell in set(cells):
        visits = [k for k in order if cells[k] == cell]
        assert visits == sorted(visits)


@given(st.lists(CELLS, min_size=1, max_size=40), CELLS)
def test_rows_are_visited_one_by_one_to_and_fro_from_the_nearer_end(cells, here):
    ordered = [cells[k] for k in visiting_order(np.array(cells), here).tolist()]
    rows = [row for row, _ in ordered]
    assert rows in (sorted(rows), sorted(rows, reverse=True))
    assert abs(rows[0] - here[0]) <= abs(rows[-1] - here[0])
    forth = [[c for r, c in ordered if r == row] for row in dict.fromkeys(rows)]
    for k, columns in enumerate(forth):
        assert columns in (sorted(columns), sorted(columns, reverse=True))
        middle = np.median(forth[0])
        backwards = bool(here[1] > middle) != (k % 2 == 1)
        assert columns == sorted(columns, reverse=backwards)
