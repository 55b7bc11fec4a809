"""Loops: ranges with units, grids, loops side by side, cells one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from labctl.campaign.expression import ExpressionError
from labctl.campaign.loops import Each, Over, Range, combine, passes
from labctl.campaign.values import quantity_of
from labctl.cells import parse_cells

OVER = TypeAdapter(Over)


def values(**table):
    return Range.model_validate({key.rstrip("_"): value for key, value in table.items()}).values()


def test_a_range_keeps_the_unit_of_its_first_value():
    assert values(from_="10 µS", to="0.03 mS", step="5 uS") == [
        "10 µS", "15 µS", "20 µS", "25 µS", "30 µS"
    ]  # fmt: skip
    assert values(from_=3, to=1, step=-1) == [3.0, 2.0, 1.0]
    assert values(from_="1 s", to="1000 s", points=4, spacing="log") == [
        "1 s", "10 s", "100 s", "1000 s"
    ]  # fmt: skip
    assert values(from_=0.1, to=0.3, step=0.1) == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"from": "1 V", "to": "2 A", "step": "1 V"}, "is not in V"),
        ({"from": 1, "to": "2 V", "step": 1}, "has a unit"),
        ({"from": 1, "to": 2}, "either step or points"),
        ({"from": 1, "to": 2, "step": 1, "points": 3}, "either step or points"),
        ({"from": 1, "to": 2, "step": -1}, "does not lead"),
        ({"from": 1, "to": 2, "step": 0}, "does not lead"),
        ({"from": 0, "to": 2, "points": 3, "spacing": "log"}, "above zero"),
        ({"from": 0, "to": 1e9, "step": 1}, "more than"),
        ({"from": "low", "to": 2, "points": 3}, "no number"),
        ({"from": True, "to": 2, "points": 3}, "no number"),
        ({"from": 1, "to": 2, "points": 0}, "greater than or equal to 1"),
    ],
)
def test_a_range_that_leads_nowhere_is_refused(table, says):
    with pytest.raises(ValidationError, match=says):
        OVER.validate_python(table)


@given(
    st.floats(-50, 50), st.integers(1, 40), st.floats(0.01, 5), st.booleans(),
    st.sampled_from(["", " V", " mV", " µS"]),
)  # fmt: skip
def test_a_range_has_both_ends_and_even_steps(first, count, step, down, unit):
    first = float(f"{first:.6g}")
    step = float(f"{step:.6g}") * (-1 if down else 1)
    last = first + (count - 1) * step
    found = values(from_=f"{first!r}{unit}", to=f"{last!r}{unit}", step=f"{step!r}{unit}")
    plain = [quantity_of(str(value)).quantity.magnitude for value in found]
    assert len(found) == count
    np.testing.assert_allclose(plain, first + step * np.arange(count), rtol=1e-9, atol=1e-9)
    assert all(str(value).endswith(unit) for value in found)


@given(
    st.dictionaries(
        st.sampled_from("abc"), st.lists(st.integers(), min_size=1, max_size=4), max_size=3
    ),
    st.integers(1, 3),
)
def test_a_grid_has_every_combination_once_for_each_repeat(variables, repeat):
    rows = combine(variables, False, repeat)
    expected = repeat * int(np.prod([len(v) for v in variables.values()], dtype=int))
    assert len(rows) == expected
    for name, taken in variables.items():
        assert {row[name] for row in rows} == set(taken)
    if variables:  # the first variable is the outermost loop
        first = next(iter(variables))
        each = expected // len(variables[first])
        assert [row[first] for row in rows] == [v for v in variables[first] for _ in range(each)]


@given(st.lists(st.tuples(st.integers(), st.text()), min_size=1, max_size=6), st.integers(1, 3))
def test_loops_side_by_side_step_at_once(pairs, repeat):
    variables = {"a": [a for a, _ in pairs], "b": [b for _, b in pairs]}
    rows = combine(variables, True, repeat)
    assert [(row["a"], row["b"]) for row in rows] == [p for p in pairs for _ in range(repeat)]


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6)), min_size=1, max_size=30, unique=True),
    st.sampled_from(["cell", "row", "column"]),
)
def test_passes_over_cells_visit_each_once(cells, by):
    array = np.array(cells, dtype=np.int64)
    visited = [parse_cells(text, (6, 7)) for text in passes(array, by)]
    together = np.concatenate(visited)
    assert sorted(map(tuple, together.tolist())) == sorted(cells)
    for part in visited:
        assert by == "column" or len(set(part[:, 0])) == 1
        assert by == "row" or len(set(part[:, 1])) == 1


def test_a_loop_is_a_list_a_range_or_cells():
    assert OVER.validate_python([1, "2 V", True]) == [1, "2 V", True]
    assert isinstance(OVER.validate_python({"each": "all"}), Each)
    for wrong in ([], [[1]], {"each": 3}, {"each": "all", "by": "pad"}, 3, "all"):
        with pytest.raises(ValidationError):
            OVER.validate_python(wrong)


def test_a_number_with_a_unit_that_is_none_is_refused():
    with pytest.raises(ExpressionError, match="no unit"):
        quantity_of("3 furlongz")
    assert quantity_of("row 3") is None
    assert quantity_of("0..3,0..3") is None
