"""pymeasure's own drivers in front of simulated meters with a resistor at their terminals."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymeasure.adapters import VISAAdapter

from labctl import sim
from labctl.sim.world import World
from tests.judges.bench import ADDRESS, write_bench
from tests.judges.clients.walk import Resistor

OHMS = 1e4
NEED_DATA = ("means", "maximums", "minimums", "standard_devs")
QUEUES = ("next_error", "error", "buffer_data")


@contextlib.contextmanager
def driver_of(kind: Any, model: str, folder: Path) -> Iterator[Any]:
    """Open a pymeasure driver on a box with a resistor at its terminals."""
    bench = write_bench(folder, model, noise=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(World, "_port", lambda world, *given: Resistor(OHMS))
        adapter = VISAAdapter(ADDRESS, visa_library=f"{bench}@labsim", read_termination="\n")
    try:
        yield kind(adapter)
    finally:
        adapter.close()
        sim.discard(str(bench))


def properties(kind: type) -> list[str]:
    """Return the names of what a driver can read without data in its buffer."""
    return [
        name
        for name in dir(kind)
        if isinstance(getattr(kind, name), property)
        and getattr(kind, name).fget is not None
        and name not in (*NEED_DATA, *QUEUES)
        and not name.startswith(("mean_", "max_", "min_", "std_"))
    ]
