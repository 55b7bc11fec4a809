"""What labctl's drivers cost over a network socket of pyvisa-py, in raw round trips.

The other end is a process that only answers (:mod:`tests.benchmarks.loopback`): what is left is
the driver, pymeasure and pyvisa-py. pymeasure's own Instrument is measured beside it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median

import numpy as np
from pymeasure.adapters import VISAAdapter
from pymeasure.instruments import Instrument

from drivers import keithley2600
from drivers._lined import LinedChannel, LinedInstrument
from tests.benchmarks.figure import Figure
from tests.benchmarks.loopback import Loopback

IDENTITY = "Keithley Instruments Inc., Model 2636B, 1, 3.2.2"
LEVEL = "1.500000000e-01"
POINTS = 10_000
PASSES, QUERIES = 41, 100
BLOCKS = 5
_BLOCK = b"#0" + np.linspace(0, 1, POINTS).astype("<f4").tobytes() + b"\n"


class Plain(Instrument):
    """What pymeasure makes of the same property."""

    level = Instrument.measurement("print(smua.source.levelv)", """Get the level in V.""")


class Box(LinedInstrument):
    """The same on labctl's line."""

    level = Instrument.measurement("print(smua.source.levelv)", """Get the level in V.""")


def measure() -> Iterator[Figure]:
    """Read a property, and fetch a block of 10 000 numbers of 4 bytes."""
    with ExitStack() as stack:
        stack.enter_context(_one_core())
        peer = stack.enter_context(
            Loopback(LEVEL, {"*IDN?": IDENTITY.encode() + b"\n", "block": _BLOCK})
        )
        raw = stack.enter_context(peer.connect())
        address = f"TCPIP::127.0.0.1::{peer.port}::SOCKET"
        box = Box(keithley2600.connect(address, "@py", 5.0), "box")
        stack.callback(box.close)
        channel = _Channel(box, "a")
        plain = Plain(
            VISAAdapter(address, visa_library="@py", read_termination="\n", write_termination="\n"),
            "plain",
            includeSCPI=False,
        )
        stack.callback(plain.adapter.close)
        assert box.level == channel.level == plain.level == float(LEVEL)
        line = box.line
        ways: dict[str, tuple[int, Callable[[], object]]] = {
            "raw": (QUERIES, lambda: raw.query(b"print(smua.source.levelv)\n")),
            "query": (QUERIES, lambda: line.query("print(smua.source.levelv)")),
            "property": (QUERIES, lambda: box.level),
            "channel": (QUERIES, lambda: channel.level),
            "pymeasure": (QUERIES, lambda: plain.level),
            "raw block": (BLOCKS, lambda: raw.query(b"block\n", len(_BLOCK))),
            "block": (BLOCKS, lambda: _block(line)),
        }
        spent = _seconds(ways)
    trips = {name: seconds / spent["raw"] for name, seconds in spent.items()}
    yield Figure("raw loopback socket, one question and answer", 1e6 * spent["raw"], "µs")
    yield Figure("query of a driver, pyvisa-py socket", trips["query"], "trips")
    yield Figure("property of an instrument, pyvisa-py socket", trips["property"], "trips", 1.8)
    yield Figure("property of a channel, pyvisa-py socket", trips["channel"], "trips", 1.8)
    yield Figure("the same property of pymeasure's own", trips["pymeasure"], "trips")
    yield Figure("10 000 points in a block, raw", trips["raw block"], "trips")
    yield Figure("10 000 points in a block, driver", trips["block"], "trips", 3.0)


@contextmanager
def _one_core() -> Iterator[None]:
    """Keep both ends of each connection on one core, where the system lets us.

    A thread that is woken on another core, asleep itself, answers three times later; which of the
    connections that hits is chance, and stays so for minutes.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class _Channel(LinedChannel):
    level = LinedChannel.measurement("print(smu{ch}.source.levelv)", """Get the level in V.""")


def _block(line: object) -> None:
    values = np.frombuffer(line.query_block("block", 4 * POINTS), "<f4")  # type: ignore[attr-defined]
    assert len(values) == POINTS


def _seconds(ways: dict[str, tuple[int, Callable[[], object]]]) -> dict[str, float]:
    """Return the median time of one call of each way, s; the ways take turns."""
    passes: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(PASSES):
        for name, (times, way) in ways.items():
            start = time.perf_counter()
            for _ in range(times):
                way()
            passes[name].append((time.perf_counter() - start) / times)
    return {name: median(found) for name, found in passes.items()}
