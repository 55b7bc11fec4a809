"""In which order relays of a 707B open and close, seen by what they join meanwhile."""

from __future__ import annotations

import pytest

from tests.sim.rig import Rig


@pytest.mark.parametrize(
    ("rule", "joined"), [("BREAK_BEFORE_MAKE", False), ("MAKE_BEFORE_BREAK", True)]
)
def test_two_sources_meet_on_a_column_only_where_closing_comes_first(
    rig: Rig, rule: str, joined: bool
) -> None:
    rig.matrix.write(f"channel.connectrule = channel.{rule}")
    rig.matrix.write('channel.exclusiveclose("2B01")')
    rig.matrix.write('channel.exclusiveclose("2C01")')
    kinds = {violation.kind for violation in rig.world.violations}
    assert ("two sources on one column" in kinds) is joined
    assert rig.matrix.query('print(channel.getclose("allslots"))') == "2C01"
