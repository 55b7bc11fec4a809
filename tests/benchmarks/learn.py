"""Everything the project claims of learning on the chip.

The parts are modules of their own; ``python -m tests.benchmarks.learn PART`` runs one of them.
``python -m tests.benchmarks.learn posterior --data wine --split 3 --seed 5`` is the posterior gate
on other data, another split and another chip (see :mod:`tests.benchmarks.learn_posterior`).
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Iterator

from tests.benchmarks.figure import Figure
from tests.benchmarks.learn_data import SETS
from tests.benchmarks.learn_posterior import PRESETS, elsewhere

PARTS = (
    "posterior",
    "known",
    "metropolis",
    "energy",
    "spares",
    "speed",
    "analogue",
    "active",
)
"""``learn_<part>``, in the order they are printed."""


def measure(parts: tuple[str, ...] = PARTS) -> Iterator[Figure]:
    """Run the parts that are there, and say which is not."""
    for part in parts:
        name = f"tests.benchmarks.learn_{part}"
        if importlib.util.find_spec(name) is None:
            print(f"  {name} is absent: not measured", flush=True)
            continue
        yield from importlib.import_module(name).measure()


def asked() -> Iterator[Figure]:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.learn", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    gate = parser.add_argument_group("the posterior gate elsewhere (part posterior)")
    gate.add_argument("--data", choices=SETS, help="what is learned")
    gate.add_argument("--split", type=int, help="seed of the training part")
    gate.add_argument("--seed", type=int, help="of the chip and of the coins")
    gate.add_argument("--rule", choices=("coin", "kappa"), help="this one only")
    gate.add_argument("--chip", choices=PRESETS, help="this one only")
    gate.add_argument("--reads", type=int, help="of a draw; 0 is the one after the pulse")
    options = vars(parser.parse_args())
    parts = tuple(options.pop("parts")) or PARTS
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    given = {name: value for name, value in options.items() if value is not None}
    if not given:
        return measure(parts)
    if parts != ("posterior",):
        parser.error("data, split, seed, rule, chip and reads are of the part posterior")
    return elsewhere(**given)


if __name__ == "__main__":
    fine = True
    for figure in asked():
        verdict = "holds" if figure.holds else "does not hold"
        value = f"{figure.value:>12.4g} {figure.unit:<10}"
        print(f"  {figure.name:<62} {value} {figure.bound:>16}  {verdict}", flush=True)
        fine &= figure.holds
    sys.exit(not fine)
