"""Everything the project claims of learning on the chip.

The parts are modules of their own; ``python -m tests.benchmarks.learn PART`` runs one of them.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator

from tests.benchmarks.figure import Figure

PARTS = ("posterior", "known", "metropolis", "energy", "speed", "analogue", "active")
"""``learn_<part>``, in the order they are printed."""


def measure(parts: tuple[str, ...] = PARTS) -> Iterator[Figure]:
    """Run the parts that are there, and say which is not."""
    for part in parts:
        name = f"tests.benchmarks.learn_{part}"
        if importlib.util.find_spec(name) is None:
            print(f"  {name} is absent: not measured", flush=True)
            continue
        yield from importlib.import_module(name).measure()


if __name__ == "__main__":
    fine = True
    for figure in measure(tuple(sys.argv[1:]) or PARTS):
        verdict = "holds" if figure.holds else "does not hold"
        value = f"{figure.value:>12.4g} {figure.unit:<10}"
        print(f"  {figure.name:<58} {value} {figure.bound:>16}  {verdict}", flush=True)
        fine &= figure.holds
    sys.exit(not fine)
