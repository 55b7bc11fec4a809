"""A bench of boxes on the network, served by the very process that looks at what is really so."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from labctl.sim.instruments.relays import label
from labctl.sim.serve.bench import ServedBench

ROOT = Path(__file__).parent.parent
PATIENCE = 60.0
"""s that a test waits for a thing that ought to come at once."""
NETS = {"word_line": 0, "bit_line": 1, "source_line": 2}
"""Matrix row (from 0) of each terminal in the simulated default bench."""

CHANNELS = (("gate", "a"), ("smu", "a"), ("smu", "b"))
"""Instrument and channel of each terminal there."""


class Boxes:
    """The instruments of the simulated default bench, on TCP ports of this computer.

    Parameters
    ----------
    folder
        Where the bench files are written.
    text
        The simulated default bench file.
    transport
        ``"hislip"`` or ``"socket"``: how the bench file reaches them.
    real_time
        Whether the boxes take the time that they would take.
    timeout
        s a driver waits for an answer.
    replaced
        Pairs of text to be replaced in the bench file.
    """

    def __init__(
        self,
        folder: Path,
        text: str,
        transport: str = "socket",
        real_time: bool = False,
        timeout: float = 5.0,
        replaced: tuple[tuple[str, str], ...] = (),
    ) -> None:
        for old, new in replaced:
            assert old in text, f"{old!r} is not in the bench file"
            text = text.replace(old, new)
        behind = folder / "boxes.toml"
        behind.write_text(text, encoding="utf-8")
        self.served = ServedBench(behind, first_port=0, real_time=real_time)
        self.world = self.served.world
        text = text.replace('visa = "@labsim"', 'visa = "@py"')
        assert '"@py"' in text
        for address in self.served.addresses:
            text = text.replace(address.bench_address, getattr(address, transport))
        text = text.replace("\ndriver = ", f"\ntimeout = {timeout:g}\ndriver = ")
        self.path = folder / "bench.toml"
        self.path.write_text(text, encoding="utf-8")

    def levels(self) -> list[float]:
        """Voltage (V) that each terminal puts on its row; 0 for an output that is off."""
        with self.world.lock:
            found = [self.world.circuit.level(net) for net in NETS.values()]
        return [float(np.nan_to_num(level)) for level in found]

    def outputs(self) -> list[bool]:
        """Whether the output of each terminal is on."""
        with self.world.lock:
            boxes = [(self.world.box(name), channel) for name, channel in CHANNELS]
            return [bool(box.channels[channel].output) for box, channel in boxes]

    def closed(self) -> set[str]:
        """Crosspoints that are closed."""
        with self.world.lock:
            return {label(point) for point in self.world.box("matrix").relays.closed}

    def safe(self) -> bool:
        """Whether all levels are at zero, all outputs off and all relays open."""
        return not any(self.levels()) and not any(self.outputs()) and not self.closed()

    def wait_safe(self, patience: float = PATIENCE) -> float:
        """Wait until everything is safe; return how long it took, s."""
        return wait_for(self.safe, patience)

    def stop(self) -> None:
        """End all connections and free the ports."""
        self.served.stop()


def wait_for(condition, patience: float = PATIENCE) -> float:
    """Wait until a condition holds, and return how long it took, s."""
    began, pause = time.monotonic(), threading.Event()
    while not condition():
        assert time.monotonic() - began < patience, f"waited {patience:g} s in vain"
        pause.wait(1e-3)
    return time.monotonic() - began


DRIVING = """
import os, sys, time
from labctl.bench import Bench
bench = Bench.open(sys.argv[1])
bench.array.read([[0, 0]])
bench.safety.word_line.meter.force(2.0)
bench.safety.bit_line.meter.force(2.0)
print("ready", bench.guard.pid, flush=True)
"""
"""A program that drives 2 V on a word line and a bit line."""
LEAVING = """
import sys, time
from labctl.bench import Bench
with Bench.open(sys.argv[1]) as bench:
    bench.array.read([[0, 0]])
    bench.safety.word_line.meter.force(2.0)
    bench.safety.bit_line.meter.force(2.0)
    print("ready", bench.guard.pid, flush=True)
    time.sleep(600)
"""
"""The same as people write it."""
SLEEPING = DRIVING + "time.sleep(600)\n"


class Child:
    """A program of its own, in a process group of its own.

    Parameters
    ----------
    program
        Python text; its arguments are ``words``.
    """

    def __init__(self, program: str, *words: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, *map(str, words)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )

    def line(self) -> str:
        """Return the next line it prints; fails with what it complains of where it ends."""
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return line.strip()

    def say(self, word: str = "") -> None:
        """Give it a line to read."""
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def end(self) -> int:
        """Kill it where it still runs; return its exit status."""
        if self.process.poll() is None:
            self.process.kill()
        status = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()
        return status


def is_gone(pid: int) -> bool:
    """Tell whether no process of that number is alive."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
