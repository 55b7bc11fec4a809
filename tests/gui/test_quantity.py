import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.gui.quantity import format_quantity, parse_quantity


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("200 µs", "s", 200e-6),
        ("200us", "s", 200e-6),
        ("200u", "s", 200e-6),
        ("1e-4", "s", 1e-4),
        ("1.5e2 m", "V", 0.15),
        ("0,2", "V", 0.2),
        ("50 nA", "A", 50e-9),
        ("-3", "", -3.0),
        ("12 %", "%", 12.0),
        ("5", "µS", 5.0),
        ("5 uS", "µS", 5.0),
        ("5000 nS", "µS", 5.0),
    ],
)
def test_people_write_quantities_in_many_ways(text, unit, value):
    assert parse_quantity(text, unit) == value


@pytest.mark.parametrize(
    ("text", "unit"),
    [("", "V"), ("two", "V"), ("2 A", "V"), ("2 x", "V"), ("3 k", ""), ("1 m%", "%"), ("nan", "V")],
)
def test_anything_else_is_refused_with_an_example(text, unit):
    with pytest.raises(ValueError, match=r"write for example '0\.2"):
        parse_quantity(text, unit)


@given(st.floats(-1e8, 1e8).filter(lambda v: v == 0.0 or abs(v) > 1e-14), st.sampled_from("VAs"))
def test_what_is_shown_reads_back_to_twelve_digits(value, unit):
    assert parse_quantity(format_quantity(value, unit), unit) == pytest.approx(value, rel=1e-11)


def test_small_values_get_a_prefix_and_plain_ones_do_not():
    assert format_quantity(200e-6, "s") == "200 µs"
    assert format_quantity(0.2, "V") == "0.2 V"
    assert format_quantity(3.0) == "3"
