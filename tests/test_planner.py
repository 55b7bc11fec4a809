"""In which order cells are visited."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from labctl.planner import Planner

SIDE = 9
CELL = st.tuples(st.integers(0, SIDE - 1), st.integers(0, SIDE - 1))
CELLS = st.lists(CELL, min_size=1, max_size=40)
STEPS = st.sampled_from([(2, 2, 4), (3, 1, 4), (2, 1, 3), (1, 1, 1)])


@given(cells=CELLS, here=st.none() | CELL, steps=STEPS)
def test_every_cell_is_visited_as_often_as_asked_and_repeats_follow_each_other(cells, here, steps):
    array = np.array(cells)
    order = Planner(*steps).order(array, here)
    assert sorted(order.tolist()) == list(range(len(cells)))
    visited = [cells[k] for k in order]
    assert len(set(visited)) == 1 + sum(a != b for a, b in itertools.pairwise(visited))
    for cell in set(cells):
        assert [k for k in order if cells[k] == cell] == [
            k for k, other in enumerate(cells) if other == cell
        ]


@given(cells=CELLS, steps=STEPS)
def test_the_way_is_no_longer_than_the_list_as_given_sorted_either_way(cells, steps):
    planner = Planner(*steps)
    array = np.unique(np.array(cells), axis=0)
    found = planner.closures(array[planner.order(array, None)])
    by_row = array[np.lexsort((array[:, 1], array[:, 0]))]
    by_column = array[np.lexsort((array[:, 0], array[:, 1]))]
    assert found <= planner.closures(by_row)
    assert found <= planner.closures(by_column)


def test_a_shuffled_map_moves_half_as_many_relays_as_in_the_order_given():
    rng = np.random.default_rng(0)
    cells = rng.permutation(np.argwhere(np.ones((64, 64))))
    planner = Planner(2, 2, 4)
    assert planner.closures(cells[planner.order(cells, None)]) == 2 * (len(cells) - 1)
    assert planner.closures(cells) > 1.9 * 2 * len(cells)


def test_scattered_cells_leave_a_row_where_the_next_one_can_be_entered():
    cells = np.array([[0, 0], [0, 5], [3, 5], [3, 1], [7, 1]])
    planner = Planner(2, 2, 4)
    shuffled = cells[[2, 4, 0, 3, 1]]
    assert planner.closures(shuffled[planner.order(shuffled, None)]) == 8  # one line at a time
