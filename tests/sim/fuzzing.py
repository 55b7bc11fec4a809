"""Random messages against every simulated instrument: ``python -m tests.sim.fuzzing [N] [MODEL]``.

N messages per model (100 000), random bytes and salads of the words that the model knows. What
counts is that no exception comes out of a box, and that it answers ``*IDN?`` afterwards.
"""

from __future__ import annotations

import re
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random

import numpy as np

from labctl.clock import VirtualClock
from labctl.sim.box import Box
from labctl.sim.faults import Faults
from labctl.sim.instruments import MAKERS, Crosspoint, Fittings
from labctl.sim.scpi import ScpiBox
from tests.sim.fuzzwords import COMMON, DEVICE_DEPENDENT, LOOPS, ODD, PATHS, REAL_PATHS, TSP, VALUES

MESSAGES = 100_000
RESISTANCE = 1e4


class Resistor:
    """A resistor at the terminal of a source meter."""

    def __init__(self) -> None:
        self._voltage, self._limit = 0.0, 1.0

    def drive(self, voltage: float, limit: float) -> None:
        """Set level (V) and current limit (A)."""
        self._voltage, self._limit = voltage, limit

    def measure(self) -> tuple[float, bool]:
        """Return the current (A) and whether it is limited."""
        current = self._voltage / RESISTANCE
        if abs(current) > self._limit:
            return float(np.copysign(self._limit, current)), True
        return (0.0, False) if np.isnan(current) else (current, False)

    def level(self) -> float:
        """Return the voltage, V."""
        return 0.0 if np.isnan(self._voltage) else self._voltage


def _moved(opened: Iterable[Crosspoint], closed: Iterable[Crosspoint]) -> None:
    list(opened), list(closed)


def make(model: str, **faults: object) -> Box:
    """Return a box that stands alone, with a resistor on each channel."""
    return MAKERS[model](
        Fittings(
            model=model,
            clock=VirtualClock(),
            faults=Faults(**faults),  # type: ignore[arg-type]
            port=lambda channel, reaction: Resistor(),
            moved=_moved,
            rng=np.random.default_rng(1),
            number=0,
            simulation={},
        )
    )


def headers(box: Box) -> list[str]:
    """Return the headers a SCPI box knows, without their brackets."""
    box = getattr(box, "spoken", box)  # a 2450 has one for each language
    if not isinstance(box, ScpiBox):
        return []
    plain = (re.sub(r"[\[\]]", "", command.header).strip(":") for command in box.commands())
    return sorted({header.replace("<n>", "1") for header in plain})


@dataclass
class Report:
    """What came of the messages to one model."""

    model: str
    messages: int = 0
    failures: list[tuple[bytes, str]] = field(default_factory=list)
    seconds: float = 0.0
    slowest: tuple[float, bytes] = (0.0, b"")
    answered: int = 0
    alive: bool = False


def salads(box: Box, rng: Random) -> Iterator[bytes]:
    """Yield random messages for ever: bytes, words in any order, and what is nearly right."""
    known = headers(box)
    tsp = not known and hasattr(box, "host")
    words = TSP if tsp else DEVICE_DEPENDENT
    while True:
        kind = rng.random()
        if kind < 0.15:
            yield rng.randbytes(rng.randrange(80))
        elif kind < 0.15 + 3e-5 and tsp:
            yield rng.choice(LOOPS).encode()
        elif known and kind < 0.8:
            units = []
            for _ in range(rng.choice((1, 1, 1, 2, 3))):
                header = rng.choice(known if rng.random() < 0.9 else COMMON)
                if rng.random() < 0.3:
                    header = re.sub(r"[a-z]+", "", header)
                if rng.random() < 0.4 and not header.endswith("?"):
                    header += "?"
                if rng.random() < 0.05:
                    header = header.replace("1", str(rng.randrange(12)), 1)
                counts = (0, 0, 0, 0, 1, 2) if header.endswith("?") else (0, 1, 1, 1, 2, 3)
                values = ",".join(rng.choices(VALUES, k=rng.choice(counts)))
                units.append(f"{rng.choice(('', ':'))}{header} {values}")
            yield _spoilt("; ".join(units).encode("latin-1"), rng)
        elif tsp and kind < 0.5:
            yield _spoilt(_script(rng).encode("latin-1"), rng)
        else:
            chosen = rng.choices([*words, *COMMON, *known[:1]], k=rng.randrange(1, 14))
            text = rng.choice((" ", "", "", ",")).join(chosen)
            yield _spoilt(text.encode("latin-1"), rng)


def _script(rng: Random) -> str:
    """Return something that looks like a line of a script."""
    path = rng.choice(REAL_PATHS)
    if rng.random() < 0.3:
        path = ".".join(rng.choices(PATHS, k=rng.randrange(1, 4)))
    value = rng.choice((*VALUES, "true", "nil", "{1, 2}", "smua", "smua.nvbuffer1", path))
    return rng.choice(
        (
            f"print({path})",
            f"print({path}({value}))",
            f"{path} = {value}",
            f"{path}({value})",
            f"for k = 1, 9 do {path}({value}) end",
            f"print(pcall({path}, {value}))",
            f"printbuffer(1, {value}, {path})",
        )
    )


def _spoilt(message: bytes, rng: Random) -> bytes:
    """Return a message, now and then with something odd in it, or without its end."""
    if rng.random() < 0.1:
        at = rng.randrange(len(message) + 1)
        message = message[:at] + rng.choice(ODD) + message[at:]
    if rng.random() < 0.05:
        message = message[: rng.randrange(len(message) + 1)]
    return message + (b"\n" if rng.random() < 0.7 else b"")


def attack(model: str, messages: int, seed: int = 0) -> Report:
    """Send random messages to one model and use its bus in every other way in between."""
    box, rng, report = make(model), Random(f"{model} {seed}"), Report(model)
    source = salads(box, rng)
    start = time.process_time()
    for _ in range(messages):
        message = next(source)
        before = time.process_time()
        try:
            box.feed(message, rng.random() < 0.9)
            _use(box, rng, report)
        except Exception:  # noqa: BLE001 - what comes out here is what is looked for
            report.failures.append((message, traceback.format_exc()))
        spent = time.process_time() - before
        report.slowest = max(report.slowest, (spent, message))
        report.messages += 1
    report.seconds = time.process_time() - start
    report.alive = alive(box)
    return report


def _use(box: Box, rng: Random, report: Report) -> None:
    """Read, poll, trigger and clear as it comes."""
    if box.take(rng.choice((1, 10, 1 << 20)), rng.choice((None, 10))) is not None:
        report.answered += 1
    elif rng.random() < 0.1:
        box.starved()
    chance = rng.random()
    if chance < 0.1:
        value = box.serial_poll()
        if not 0 <= value <= 255:
            raise AssertionError(f"status byte {value}")
    elif chance < 0.11:
        box.trigger()
    elif chance < 0.13:
        box.device_clear()
    elif chance < 0.131:
        box.power_cycle()
    elif chance < 0.2:
        box.requests_service()


def alive(box: Box) -> bool:
    """Tell whether a box answers ``*IDN?`` (or ``U0X``) after a device clear."""
    for question in (b"*IDN?\n", b"U0X\n"):
        box.device_clear()
        box.feed(question)
        if box.take(1 << 20) is not None:
            return True
    return False


def main(arguments: list[str]) -> int:
    """Attack the models and print a line about each; 1 where an exception came out."""
    messages = int(arguments[0]) if arguments else MESSAGES
    failed = 0
    for model in arguments[1:] or sorted(MAKERS):
        report = attack(model, messages)
        slow, message = report.slowest
        print(
            f"{model:8} {report.messages:8} messages {report.answered:8} answers "
            f"{report.seconds:7.1f} s  slowest {1e3 * slow:8.1f} ms {message[:60]!r}  "
            f"{len(report.failures)} exceptions{'' if report.alive else ', and it is dead'}",
            flush=True,
        )
        shown = set()
        for cause, text in report.failures:
            if (last := text.strip().splitlines()[-1]) not in shown:
                shown.add(last)
                print(f"    {cause!r}\n{text}")
        failed += len(report.failures) + (not report.alive)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
