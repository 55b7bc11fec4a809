"""The expression language: what it reads, what it is worth, and that nothing else gets through."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.campaign import expression as ex
from labctl.campaign.evaluating import evaluate, truth
from labctl.campaign.expression import ExpressionError, parse
from labctl.campaign.functions import FUNCTIONS
from labctl.campaign.values import Cells, Numbers, Truths, number

PLACES = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


@dataclass
class Known:
    """Names with values of their own."""

    dry: bool = False
    shape = (2, 2)

    def look(self, parts):
        values = {
            ("three",): number(3.0),
            ("target",): number(20.0, "µS"),
            ("good",): Truths(np.array([True, True, False, True]), PLACES),
            ("map", "cells", "conductance"): number([10e-6, 20e-6, np.nan, 40e-6], "S", PLACES),
            ("other",): number([1.0, 2.0]),
            ("form", "yield"): number(0.75),
        }
        if parts not in values:
            raise ExpressionError(f"no {parts}")
        return values[parts]


def value(text, **how):
    found = evaluate(parse(text), Known(**how))
    if isinstance(found, Numbers):
        plain = found.quantity.to_base_units().magnitude
        return plain.tolist()
    if isinstance(found, Truths):
        return np.asarray(found.value).tolist()
    return found.cells.tolist() if isinstance(found, Cells) else found


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("8 / 2 / 2", 2.0),
        ("2 - 3 - 4", -5.0),
        ("--2", 2.0),
        ("-three + 1", -2.0),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("form.yield < 0.9", True),
        ("not form.yield < 0.9", False),
        ("1 < 2 < 3", True),
        ("1 < 3 < 2", False),
        ("1 < 2 and 2 < 1 or true", True),
        ("true or false and false", True),
        ("not true or true", True),
        ("'a' == \"a\"", True),
        ("target == 0.02 mS", True),
        ("target > '15 µS'", True),
        ("target > 0", True),
        ("2 * target == 40 uS", True),
        ("1 V / 1 A == 1", None),
        ("mean(good)", 0.75),
        ("count(good)", 3.0),
        ("count(map.cells.conductance)", 3.0),
        ("any(map.cells.conductance > 30 µS)", True),
        ("all(map.cells.conductance > 5 µS)", False),  # one could not be read
        ("median(map.cells.conductance) == 20 µS", True),
        ("percentile(map.cells.conductance, 100) == 40 µS", True),
        ("last(map.cells.conductance) == 40 µS", True),
        ("log10(100)", 2.0),
        ("cells(good)", [[0, 0], [0, 1], [1, 1]]),
        ("cells(map.cells.conductance > 15 µS and good)", [[0, 1], [1, 1]]),
        ("cells(15 µS < map.cells.conductance < 30 µS)", [[0, 1]]),
        ("cells(not good)", [[1, 0]]),
        ("some(cells(good), 2)", [[0, 0], [1, 1]]),
        ("some(cells(good), 9)", [[0, 0], [0, 1], [1, 1]]),
        ("both('row 0', cells(good))", [[0, 0], [0, 1]]),
        ("without('all', cells(good))", [[1, 0]]),
        ("either('1,0', cells(good))", [[1, 0], [0, 0], [0, 1], [1, 1]]),
        ("max(abs(0 - other))", 2.0),
    ],
)
def test_worth(text, worth):
    if worth is None:
        with pytest.raises(ExpressionError):
            value(text)
    elif isinstance(worth, float):
        assert value(text) == pytest.approx(worth)
    else:
        assert value(text) == worth


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("map.cells.conductance > 5 mV", "units do not fit"),
        ("map.cells.conductance > 5", "units do not fit"),
        ("target + 1 V", "units do not fit"),
        ("5 furlongz", "is no unit"),
        ("log10(target)", "divide by a quantity"),
        ("good and 1", "true or false"),
        ("1 + true", "needs numbers"),
        ("'a' < 'b'", "cannot be compared"),
        ("mean(1, 2)", "takes a column"),
        ("eval('1')", "no function 'eval'"),
        ("__import__('os')", "no function '__import__'"),
        ("cells(other > 1)", "row and col"),
        ("other > map.cells.conductance / 1 S", "not of the same rows"),
        ("both('row 9', 'all')", "chip has rows 0 to 1"),
        ("percentile(other, 101)", "no percentage"),
        ("some('all', 0)", "no number of cells"),
        ("mean(map.cells.conductance * 0 / 0 S)", "no values"),
        ("form.__class__", "no ("),
    ],
)
def test_what_has_no_worth_says_why(text, says):
    with pytest.raises(ExpressionError, match=says.replace("(", r"\(")):
        value(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "1 +", "(1", "1)", "1 2", "a.", ".a", "a..b", "f(", "f(1,", "a b", "1 < ", "not",
        "a = 1", "a[0]", "{}", "lambda: 1", "x if y else z", "'open", "2 ** 3", "a; b", "a\\n",
        "`ls`", "$x", "f(a=1)", "'a' 'b'", "or", "@a", "1 and",
    ],
)  # fmt: skip
def test_what_is_no_expression_is_refused(text):
    with pytest.raises(ExpressionError):
        parse(text)


def test_a_hostile_expression_ends_in_an_error_and_not_in_the_stack():
    with pytest.raises(ExpressionError, match="levels"):
        parse("(" * 200 + "1" + ")" * 200)
    with pytest.raises(ExpressionError, match="levels"):
        parse("not " * 100 + "true")
    with pytest.raises(ExpressionError, match="characters"):
        parse("1+" * 300 + "1")


def test_a_column_is_no_condition_and_the_cure_is_named():
    with pytest.raises(ExpressionError, match="any"):
        truth(evaluate(parse("map.cells.conductance > 5 µS"), Known()))
    with pytest.raises(ExpressionError, match="a number"):
        truth(evaluate(parse("three"), Known()))


def test_logic_stops_where_the_outcome_is_known_but_a_dry_run_looks_at_all():
    assert value("false and nothing") is False
    assert value("true or nothing") is True
    with pytest.raises(ExpressionError):
        value("false and nothing", dry=True)


def test_a_dry_run_takes_every_comparison_to_hold():
    assert value("three < 1", dry=True) is True
    assert value("cells(map.cells.conductance > 1 S)", dry=True) == PLACES.tolist()
    with pytest.raises(ExpressionError, match="units"):
        value("three < 1 V", dry=True)


# -- properties ------------------------------------------------------------------------------------

plain = st.floats(min_value=1e-3, max_value=1e3).map(lambda x: float(f"{x:.6g}"))
leaves = st.one_of(
    plain.map(lambda x: (f"{x!r}", x)), st.just(("three", 3.0)), st.just(("form.yield", 0.75))
)


def join(parts):
    """Write an expression with all its parentheses, and what Python says of it."""
    (a, x), operator, (b, y) = parts
    result = {"+": x + y, "-": x - y, "*": x * y, "/": x / y if y else math.nan}[operator]
    return f"({a} {operator} {b})", result


sums = st.recursive(
    leaves,
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(join),
    max_leaves=12,
)


@given(sums)
def test_arithmetic_is_that_of_numbers(made):
    text, expected = made
    if len(text) > ex.LONGEST:
        return
    found = value(text)
    assert found == pytest.approx(expected, rel=1e-9, nan_ok=True) or not math.isfinite(expected)


def flat(parts):
    first, rest = parts
    return first + "".join(f" {operator} {item}" for operator, item in rest)


@given(
    st.tuples(
        st.integers(1, 99).map(str),
        st.lists(st.tuples(st.sampled_from("+-*"), st.integers(1, 99).map(str)), max_size=8),
    ).map(flat)
)
def test_precedence_without_parentheses_is_the_usual_one(text):
    # The reference is Python's own reading of digits and + - *, made by this very test.
    assert value(text) == pytest.approx(eval(text, {"__builtins__": {}}))


bools = st.recursive(
    st.sampled_from([("true", True), ("false", False), ("three > 2", True), ("1 > 2", False)]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda p: (
                f"({p[0][0]} {p[1]} {p[2][0]})",
                (p[0][1] and p[2][1]) if p[1] == "and" else (p[0][1] or p[2][1]),
            )
        ),
        inner.map(lambda p: (f"not ({p[0]})", not p[1])),
    ),
    max_leaves=8,
)


@given(bools)
def test_logic_is_that_of_truths(made):
    text, expected = made
    if len(text) <= ex.LONGEST:
        assert value(text) is expected


@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_an_error_of_ours(text):
    try:
        node = parse(text)
        evaluate(node, Known())
    except ExpressionError:
        return


words = st.sampled_from(
    ["1", "2.5", "µS", "V", "three", "good", "map.cells.conductance", "and", "or", "not", "<", ">",
     "==", "+", "-", "*", "/", "(", ")", ",", "'all'", "true", *FUNCTIONS]
)  # fmt: skip


@given(st.lists(words, max_size=14), st.booleans())
def test_any_row_of_its_words_is_an_expression_or_an_error_of_ours(parts, dry):
    try:
        evaluate(parse(" ".join(parts)), Known(dry=dry))
    except ExpressionError:
        return


@given(plain, st.sampled_from([("S", "µS", 1e6), ("V", "mV", 1e3), ("s", "ms", 1e3)]))
def test_a_quantity_is_the_same_in_every_prefix(size, units):
    base, prefixed, factor = units
    assert value(f"{size * factor!r} {prefixed} <= {size * (1 + 1e-9)!r} {base}") is True
    assert value(f"{size * factor!r} {prefixed} >= {size * (1 - 1e-9)!r} {base}") is True
