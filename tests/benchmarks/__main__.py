"""Every figure the project claims, measured now: ``python -m tests.benchmarks [GROUP ...]``."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from datetime import date
from pathlib import Path

from tests.benchmarks.figure import Figure

GROUPS = ("demo", "chip", "instruments", "bench", "store", "learn", "procedures", "campaign")
"""Groups that have figures; each is a module here with a function ``measure``."""


def main() -> int:
    """Print a line per figure; return 1 if one does not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    unknown = set(options.groups) - set(GROUPS)
    if unknown:
        parser.error(f"no group {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    machine = (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} "
        f"{platform.machine()}"
    )
    print(f"{date.today().isoformat()}  {machine}", flush=True)
    figures: list[Figure] = []
    for group in options.groups or GROUPS:
        print(f"[{group}]", flush=True)
        for figure in importlib.import_module(f"tests.benchmarks.{group}").measure():
            verdict = "holds" if figure.holds else "does not hold"
            print(
                f"  {figure.name:<58} {figure.value:>12.4g} {figure.unit:<10} "
                f"{figure.bound:>16}  {verdict}",
                flush=True,
            )
            figures.append(figure)
    if options.json:
        options.json.write_text(
            json.dumps({"machine": machine, "figures": [f.as_json() for f in figures]}, indent=2),
            encoding="utf-8",
        )
    return int(not all(figure.holds for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
