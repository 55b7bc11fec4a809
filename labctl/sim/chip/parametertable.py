"""The page docs/chip-parameters.md: ``python -m labctl.sim.chip.parametertable`` prints it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from labctl.sim.chip.parameters import PARAMETERS, TABLES
from labctl.sim.chip.preset import description, names, preset, pulses
from labctl.sim.chip.recipe import SHAPES, entries
from labctl.sim.chip.sources import SOURCES

_HEAD = """\
# Parameters of the simulated chip

`[simulation] preset` in the [bench file](bench-file.md) names a kind of chip, or a file of your own
that describes one. `python -m labctl.sim.chip.parametertable` prints this page.

{kinds}

A file of your own gives what differs from its base; a relative path starts at the bench file:

```toml
name = "our-wafer-7"
base = "hfox-1t1r"

[forming]
forming_barrier = 0.82

[wires]
bit_line_resistance = 1.5
```

`labctl.sim.chip.preset.to_toml` writes a complete one, with unit, range and source behind each
number. A key that does not exist, or a number out of its range, is reported with file, line and
cure. Numbers are in the units given; a factor of e is one unit of the natural logarithm.
"""


def page() -> str:
    """Return the page, in Markdown."""
    kinds = names()
    presets = [preset(kind) for kind in kinds]
    text = _HEAD.format(kinds="\n".join(f"- `{kind}`: {description(kind)}" for kind in kinds))
    for table in TABLES:
        text += f"\n## [{table}]\n\n"
        text += _table(
            ["name", "unit", *kinds, "allowed", "what", "source"],
            (
                [
                    f"`{name}`", _unit(p.unit), *(f"{getattr(q, name):g}" for q in presets),
                    f"{p.low:g} ... {p.high:g}", p.what, p.source,
                ]
                for name, p in PARAMETERS.items()
                if p.table == table
            ),
        )  # fmt: skip
    recipes = [dataclasses.asdict(pulses(kind)) for kind in kinds]
    text += "\n## [pulses]\n\nPulses that suit the chip.\n\n"
    text += _table(
        ["name", "unit", *kinds, "allowed", "what"],
        (
            [
                f"`{kind}.{name}`", _unit(p.unit), *(f"{r[kind][name]:g}" for r in recipes),
                f"{p.low:g} ... {p.high:g}", p.what,
            ]
            for kind, shape in SHAPES.items()
            for name, p in entries(shape).items()
        ),
    )  # fmt: skip
    text += "\n## Sources\n\n"
    return text + "".join(f"- **{short}**: {full}\n" for short, full in sorted(SOURCES.items()))


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines
    )


if __name__ == "__main__":
    print(page(), end="")
