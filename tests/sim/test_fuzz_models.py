"""No bytes make a box of any model raise; with more of them: ``python -m tests.sim.fuzzing``."""

from __future__ import annotations

import pytest

from labctl.sim.instruments import MAKERS
from tests.sim.fuzzing import attack

MESSAGES = 300


@pytest.mark.parametrize("model", sorted(MAKERS))
def test_random_messages_never_raise(model: str) -> None:
    report = attack(model, MESSAGES)
    assert not report.failures, report.failures[0][1]
    assert report.answered > 0
    assert report.alive
