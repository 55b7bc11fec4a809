import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.cells import parse_cells
from labctl.gui.selection import added, outline, rectangle_text

SHAPE = (5, 7)
corners = st.tuples(st.integers(0, 4), st.integers(0, 6))


@given(corners, corners)
def test_the_text_of_a_rectangle_means_its_cells(first, last):
    mask = np.zeros(SHAPE, bool)
    top, bottom = sorted((first[0], last[0]))
    left, right = sorted((first[1], last[1]))
    mask[top : bottom + 1, left : right + 1] = True
    cells = parse_cells(rectangle_text(first, last, SHAPE), SHAPE)
    assert cells.tolist() == np.argwhere(mask).tolist()


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        ((3, 5), (3, 5), "3,5"),
        ((0, 0), (3, 4), "0..3,0..4"),
        ((2, 6), (2, 0), "row 2"),
        ((0, 1), (4, 1), "column 1"),
        ((-3, -1), (9, 9), "all"),
    ],
)
def test_the_text_is_the_shortest_one_a_person_would_write(first, last, text):
    assert rectangle_text(first, last, SHAPE) == text


def test_adding_joins_once_and_all_swallows():
    assert added("row 1", "2,2") == "row 1; 2,2"
    assert added("row 1; 2,2", "row 1") == "row 1; 2,2"
    assert added("", "2,2") == "2,2"
    assert added("all", "2,2") == "all"


def test_the_outline_of_a_block_is_its_perimeter():
    mask = np.zeros(SHAPE, bool)
    mask[1:3, 2:5] = True
    x, y = outline(mask)
    assert len(x) == len(y) == 2 * (2 * 2 + 2 * 3)
    assert (x.min(), x.max(), y.min(), y.max()) == (2, 5, 1, 3)
    assert len(outline(np.zeros(SHAPE, bool))[0]) == 0
