"""Steps of a walk: what was tried, and what came of it, as one line of JSON each."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

LOADED = "JUDGE_LOADED"
"""Variable that tells a walk over the network what is across the terminals, ohm."""
MARK = "WALKED "
"""Start of the lines that the parent process reads; all else is the client's own chatter."""

STEP_SECONDS = 20
"""Real time after which a step fails: some clients poll for ever."""


@dataclass
class Walk:
    """One client in front of one box.

    Attributes
    ----------
    errors
        Asks the box for what its error queue holds; called after every step.
    passed, failed
        Steps, and steps with the reason.
    """

    errors: Callable[[], list[str]] = list
    passed: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)

    @contextlib.contextmanager
    def step(self, name: str, error: str = "") -> Iterator[None]:
        """Try one thing; it fails where it raises or leaves other errors than ``error``.

        Parameters
        ----------
        error
            Start of the one entry the error queue must hold afterwards; empty: none.
        """
        signal.signal(signal.SIGALRM, _late)
        signal.alarm(STEP_SECONDS)
        try:
            yield
            signal.alarm(0)
            queued = self.errors()
            if error:
                assert queued, f"no error queued, expected {error}"
                assert queued[0].startswith(error), f"{queued[0]} queued, expected {error}"
            else:
                assert not queued, f"error queued: {'; '.join(queued)}"
        except Exception as problem:  # noqa: BLE001 - whatever a foreign driver raises is a failure
            text = str(problem).strip() or type(problem).__name__
            if not isinstance(problem, AssertionError):
                text = f"{type(problem).__name__}: {text}"
            self._fail(name, text.splitlines()[0][:300])
        else:
            self.passed.append(name)
        finally:
            signal.alarm(0)

    def equal(self, name: str, get: Callable[[], Any], want: Any, rel: float = 1e-6) -> None:
        """Compare what a call returns; numbers and arrays of numbers within ``rel``."""
        with self.step(name):
            got = get()
            assert alike(got, want, rel), f"{got!r}, expected {want!r}"

    def ends(self, problem: BaseException) -> None:
        """Record that the walk broke off."""
        self._fail("the walk to its end", f"{type(problem).__name__}: {problem}"[:300])

    def tell(self) -> None:
        """Print the result for the parent process."""
        print(MARK + json.dumps({"passed": self.passed, "failed": self.failed}), flush=True)

    def _fail(self, name: str, reason: str) -> None:
        with contextlib.suppress(Exception):
            self.errors()
        self.failed.append((name, reason))


def _late(number: int, frame: object) -> None:
    raise TimeoutError(f"not done after {STEP_SECONDS} s")


def alike(got: Any, want: Any, rel: float = 1e-6) -> bool:
    """Tell whether two values are the same; numbers within ``rel``, sequences item by item."""
    if isinstance(want, bool) or want is None or isinstance(want, str):
        return bool(got == want)
    if isinstance(want, int | float):
        return math.isclose(float(got), want, rel_tol=rel, abs_tol=1e-12)
    if isinstance(want, list | tuple):
        got = list(got)
        return len(got) == len(want) and all(alike(*pair, rel) for pair in zip(got, want))  # noqa: B905
    return bool(got == want)


class Resistor:
    """A resistor between a source meter's HI and LO terminals; the port of a source channel."""

    def __init__(self, ohms: float) -> None:
        self.ohms = ohms
        self._voltage, self._limit = 0.0, 0.0

    def drive(self, voltage: float, limit: float) -> None:
        """Set level (V, NaN = disconnected) and current limit (A)."""
        self._voltage, self._limit = voltage, limit

    def measure(self) -> tuple[float, bool]:
        """Return current (A) and whether it is at its limit."""
        if math.isnan(self._voltage):
            return 0.0, False
        current = self._voltage / self.ohms
        if abs(current) < self._limit:
            return current, False
        return math.copysign(self._limit, current), True

    def level(self) -> float:
        """Return the voltage, V."""
        return 0.0 if math.isnan(self._voltage) else self.measure()[0] * self.ohms


def load(library: str, ohms: float) -> bool:
    """Have resistors at all terminals of a bench that is yet to be made; tell whether they are."""
    if not library.endswith("@labsim"):
        return os.environ.get(LOADED) == str(ohms)  # the process that serves the bench did it
    put_resistors(ohms)
    return True


def put_resistors(ohms: float) -> None:
    """Wire every source meter of the benches made from now on to a resistor of its own."""
    from labctl.sim.world import World

    setattr(World, "_port", lambda world, *given: Resistor(ohms))  # noqa: B010 - by name for mypy


def main(walk_box: Callable[[Walk, str, str, str], None]) -> None:
    """Run a walk with the arguments of the command line: library, address, model."""
    library, address, model = sys.argv[1:4]
    walk = Walk()
    try:
        walk_box(walk, library, address, model)
    except Exception as problem:  # noqa: BLE001 - the parent reports it
        import traceback

        traceback.print_exc()
        walk.ends(problem)
    walk.tell()
