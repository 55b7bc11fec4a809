"""kill -9 at any instant; the benchmark ``procedures`` does it 200 times."""

from tests.killing import kill_writers


def test_kill_9_at_any_instant_loses_nothing_older_than_a_second(tmp_path):
    outcomes = kill_writers(tmp_path, 16, seed=20261124)
    assert len(outcomes) == 16
    assert all(outcome.is_good for outcome in outcomes), outcomes
    assert sum(outcome.rows > 0 for outcome in outcomes) > 8
