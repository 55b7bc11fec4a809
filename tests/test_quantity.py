import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.quantity import show, show_duration

FACTORS = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "µ": 1e-6, "m": 1e-3, "": 1, "k": 1e3, "M": 1e6}


@given(st.floats(1e-14, 1e8), st.sampled_from([-1, 1]))
def test_a_value_reads_back_within_its_digits(size, sign):
    number, unit = show(sign * size, "V").split(" ")
    back = float(number) * FACTORS[unit.removesuffix("V")]
    assert back == pytest.approx(sign * size, rel=6e-3)
    assert abs(float(number)) < 1000


def test_what_is_no_number_is_still_shown():
    assert show(math.nan, "S") == "nan S"
    assert show_duration(math.inf) == "unknown"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0042, "4.2 ms"),
        (59.4, "59 s"),
        (60, "1 min 0 s"),
        (3599.7, "1 h 0 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_durations_are_written_in_two_units(seconds, text):
    assert show_duration(seconds) == text
