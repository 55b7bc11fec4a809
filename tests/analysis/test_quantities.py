import pytest

from labctl.analysis import quantities as q


def plain(text: str) -> str:
    return text.replace("\u202f", " ").replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("value", "text"), [(0.0456789, "0.0457"), (1.0, "1.00"), (-2.5, "−2.50"), (0.0, "0")]
)
def test_numbers_have_three_digits_and_a_real_minus(value, text):
    assert q.number(value) == text


def test_nothing_is_a_dash():
    for write in (q.number, q.count, q.percent, q.duration, lambda v: q.prefixed(v, "J")):
        assert write(None) == write(float("nan")) == "–"


def test_units_stay_on_the_line_of_their_number():
    assert q.prefixed(1.43e-4, "J") == "143\u202fµJ"
    assert q.percent(0.974) == "97.4\u202f%"
    assert " " not in q.count(1_234_567)


def test_counts_shares_and_times_read_as_said():
    assert plain(q.count(731201)) == "731 201"
    assert plain(q.percent(1.0)) == "100 %"
    assert plain(q.duration(5021)) == "1 h 23 min"
