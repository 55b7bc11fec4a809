"""What the QCoDeS walks have in common."""

from __future__ import annotations

import math
from typing import Any

from tests.judges.clients.walk import Walk


def settings(walk: Walk, owner: Any, table: dict[str, tuple[Any, ...]], where: str = "") -> None:
    """Set each parameter to each value and read it back from the box."""
    for name, values in table.items():
        for value in values:
            with walk.step(f"{where}{name} = {value}"):
                parameter = getattr(owner, name)
                parameter.set(value)
                got = parameter.get()
                same = got == value
                if isinstance(value, float):
                    same = math.isclose(float(got), value, rel_tol=1e-6)
                assert same, f"{got!r}, expected {value!r}"


def snapshot(walk: Walk, instrument: Any) -> None:
    with walk.step("snapshot(update=True)"):
        shown = instrument.snapshot(update=True)
        assert shown["parameters"]["IDN"]["value"]["model"]
