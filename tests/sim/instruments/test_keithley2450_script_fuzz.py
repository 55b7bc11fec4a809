"""Random statements on the TSP objects of a simulated Keithley 2450: nothing raises."""

from __future__ import annotations

from random import Random

from labctl.sim.instruments.keithley2450_enums import CONSTANTS
from labctl.sim.instruments.keithley2450_tsp import Keithley2450Tsp
from tests.sim.instruments.load import ask
from tests.sim.instruments.test_keithley2450 import meter

STATEMENTS = 3000
VALUES = (
    "0", "1", "-1", "2.5", "1e9", "1e-9", "0/0", "1/0", "nil", "true", "{}", "{1, 2}", "'x'",
    "'defbuffer1'", "defbuffer1", "defbuffer1.readings", "print", "smu", "'SimpleLoop'",
    "'DurationLoop'", "'ConfigList'", "'LogicTrigger'", "'Empty'", "'\\0buffer'",
    *(f"{space}.{name}" for space, names in CONSTANTS.items() for name in names),
)  # fmt: skip


def written(path: str) -> str:
    """Return a path as a script writes it: ``digio.line[2]``."""
    first, *rest = path.split(".")
    return first + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in rest)


def statement(box: Keithley2450Tsp, rng: Random) -> str:
    """Return a call of any function, or something set or printed."""
    if rng.random() < 0.5:
        values = ", ".join(rng.choices(VALUES, k=rng.choice((0, 1, 1, 2, 3, 4, 6, 9))))
        return f"print({written(rng.choice(list(box.functions)))}({values}))"
    path = rng.choice([path for path, table in box.tables.items() if table])
    name = written(f"{path}.{rng.choice(list(box.tables[path]))}")
    return f"{name} = {rng.choice(VALUES)}" if rng.random() < 0.7 else f"print({name})"


def test_random_statements_never_raise() -> None:
    outer, rng = meter(language="TSP"), Random(3)
    box = outer.spoken
    assert isinstance(box, Keithley2450Tsp)
    for _ in range(STATEMENTS):
        outer.feed(statement(box, rng).encode() + b"\n")
        while outer.take(1 << 22) is not None:
            pass
    outer.device_clear()
    ask(outer, "*RST")
    assert ask(outer, "print(smu.source.level, smu.source.output)") == "0\tsmu.OFF"
