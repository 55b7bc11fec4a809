"""The simulated instruments: how fast they answer, beside a raw loopback socket in the same run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyvisa
from pymeasure.adapters import VISAAdapter
from pyvisa.constants import StatusCode

from drivers import keithley2600
from labctl import sim
from labctl.paths import simulated_bench
from labctl.sim.box import Box
from labctl.sim.serve.bench import ServedBench
from tests.benchmarks.figure import Figure
from tests.benchmarks.loopback import Loopback

QUESTION = "*IDN?"
PASSES, QUERIES = 31, 200
METER = """
[instruments.meter]
driver = "none"
model = "2400"
address = "GPIB0::24::INSTR"
"""
POINTS = 10_000
LOOP = "for k = 1, 1000 do smua.measure.i(smua.nvbuffer1) end"
READINGS = 2500
"""Most readings of one sweep of a 2400; each has four numbers."""


def measure() -> Iterator[Figure]:
    """Yield every figure of the group."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.toml"
        path.write_text(simulated_bench().read_text(encoding="utf-8") + METER, encoding="utf-8")
        try:
            yield from _rates(path)
            yield from _binary(path)
            yield from _loop(path)
        finally:
            sim.discard(path)


def _rates(path: Path) -> Iterator[Figure]:
    """Ask the same question everywhere, all in turn, so that a busy moment hits all alike."""
    library = f"{path}@labsim"
    with ExitStack() as stack:
        adapter = VISAAdapter(
            "GPIB0::24::INSTR", visa_library=library, read_termination="\n", write_termination="\n"
        )
        stack.callback(adapter.close)
        driver = keithley2600.open_instrument("GPIB0::26::INSTR", "2636B", library)
        stack.callback(driver.close)
        smu, meter = (sim.world_of(path).box(name) for name in ("smu", "meter"))
        loopback = stack.enter_context(Loopback(str(adapter.connection.query(QUESTION))))
        served = stack.enter_context(ServedBench(path, first_port=0))
        address = next(each for each in served.addresses if each.name == "meter")
        manager = pyvisa.ResourceManager("@py")
        stack.callback(manager.close)
        plain = _open(manager, address.socket)
        hislip = _open(manager, address.hislip)

        def by_adapter() -> None:
            adapter.write(QUESTION)
            adapter.read()

        def by_empty() -> None:
            library, connection.visalib = connection.visalib, empty
            by_adapter()
            connection.visalib = library

        def by_box(box: Box) -> None:
            box.feed(b"*IDN?\n")
            box.take(1 << 20)

        ask = driver.line.query  # looked up once: any attribute of an Instrument is slow
        connection: Any = adapter.connection
        empty: Any = _Empty(connection.visalib, str(connection.query(QUESTION)))
        ways: dict[str, Callable[[], object]] = {
            "loopback": lambda: loopback.query(b"*IDN?\n"),
            "adapter": by_adapter,
            "driver": lambda: ask(QUESTION),
            "empty": by_empty,
            "smu": lambda: by_box(smu),
            "meter": lambda: by_box(meter),
            "socket": lambda: plain.query(QUESTION),
            "hislip": lambda: hislip.query(QUESTION),
        }
        spent = _seconds(ways)
    yield Figure("raw loopback socket, one question and answer", 1e6 * spent["loopback"], "µs")
    rate = {name: spent["loopback"] / seconds for name, seconds in spent.items()}
    yield Figure("labctl's driver on @labsim, to loopback", rate["driver"], "x", low=1.0)
    yield Figure("pymeasure VISAAdapter on @labsim, to loopback", rate["adapter"], "x")
    yield Figure("the same on a VISA library that does nothing", rate["empty"], "x")
    yield Figure("bare simulated 2636B, to loopback", rate["smu"], "x", low=5.0)
    yield Figure("bare simulated 2400, to loopback", rate["meter"], "x", low=5.0)
    yield Figure("pyvisa-py to our socket server, to loopback", rate["socket"], "x")
    yield Figure("pyvisa-py to our HiSLIP server, to loopback", rate["hislip"], "x")


class _Empty:
    """A VISA library that does nothing: what an adapter costs by itself."""

    def __init__(self, library: Any, answer: str) -> None:
        self._library = library
        self._answer = answer.encode() + b"\n", StatusCode.success_termination_character_read

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)

    def write(self, session: Any, data: bytes) -> tuple[int, StatusCode]:
        return len(data), StatusCode.success

    def read(self, session: Any, count: int) -> tuple[bytes, StatusCode]:
        return self._answer


def _open(manager: Any, name: str) -> Any:
    return manager.open_resource(name, read_termination="\n", write_termination="\n")


def _seconds(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median time of one call of each way, s; the ways take turns."""
    passes: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(PASSES):
        for name, way in ways.items():
            start = time.perf_counter()
            for _ in range(QUERIES):
                way()
            passes[name].append((time.perf_counter() - start) / QUERIES)
    return {name: median(found) for name, found in passes.items()}


def _binary(path: Path) -> Iterator[Figure]:
    """Fetch 10 000 numbers; what counts is how often the program has to wait for an answer."""
    manager = pyvisa.ResourceManager(f"{path}@labsim")
    smu, meter = _open(manager, "GPIB0::26::INSTR"), _open(manager, "GPIB0::24::INSTR")
    smu.write("smua.source.output = 1 smua.measure.nplc = 0.001 smua.measure.count = 10000")
    smu.write("smua.measure.i(smua.nvbuffer1) format.data = format.REAL32")
    trips = _Trips(smu)
    values = trips.binary(f"printbuffer(1, {POINTS}, smua.nvbuffer1.readings)", POINTS)
    assert len(values) == POINTS
    assert np.isfinite(values).all()
    yield Figure("10 000 binary points of a 2636B", trips.count, "round trips", 3)
    meter.timeout = 60_000  # of bench time: the sweep takes long
    meter.write(":SENS:CURR:NPLC 0.01;:SENS:FUNC:CONC ON;:SENS:FUNC 'CURR','VOLT'")
    meter.write(":FORM:ELEM VOLT,CURR,TIME,STAT;:FORM:DATA REAL,32;:FORM:BORD SWAP")
    meter.write(f":ARM:COUN 1;:TRIG:COUN {READINGS};:OUTP ON")
    trips = _Trips(meter)
    values = trips.binary(":READ?", 4 * READINGS)
    assert len(values) == POINTS
    yield Figure("10 000 binary points of a 2400", trips.count, "round trips", 3)
    smu.close()
    meter.close()


class _Trips:
    """Counts how often a program asks and waits."""

    def __init__(self, resource: Any) -> None:
        self._resource, self.count = resource, 0

    def binary(self, question: str, points: int) -> Any:
        """Ask for a block of 4-byte numbers without a length (``#0``)."""
        resource = self._resource
        resource.read_termination = None
        resource.chunk_size = 1 << 20
        self.count += 1
        values = resource.query_binary_values(question, "f", container=np.array, data_points=points)
        resource.read_termination = "\n"
        return values


def _loop(path: Path) -> Iterator[Figure]:
    """Measure in a script: with nothing connected, and a cell of the chip."""
    manager = pyvisa.ResourceManager(f"{path}@labsim")
    smu, matrix = _open(manager, "GPIB0::26::INSTR"), _open(manager, "GPIB0::16::INSTR")
    for name, channels in (("open terminals", ""), ("a cell of the chip", "1A01,3B01,5C01")):
        if channels:
            matrix.write(f'channel.close("{channels}")')
        smu.write("reset() smua.measure.nplc = 0.01 smua.source.output = 1 smub.source.output = 1")
        smu.write(f"smua.source.levelv = 0.1 {LOOP}")
        spent = []
        for _ in range(PASSES):
            smu.write("smua.nvbuffer1.clear() smua.nvbuffer1.appendmode = 1")
            start = time.process_time()
            smu.write(LOOP)
            assert float(smu.query("print(smua.nvbuffer1.n)")) == 1000
            spent.append(time.process_time() - start)
        yield Figure(f"TSP loop of 1 000 measurements, {name}", 1e3 * median(spent), "ms", 30.0)
    smu.close()
    matrix.close()
