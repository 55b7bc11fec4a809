"""``labctl bench off`` and ``labctl bench acknowledge``, while other programs hang."""

import os
import signal
import sys

import pytest
from typer.testing import CliRunner

from labctl.bench import Bench
from labctl.cli import app
from labctl.emergency import acknowledge, switch_off
from labctl.errors import BenchFileError, LabctlError, LatchedError
from labctl.guard.latch import read_latch
from labctl.rendezvous import latch_file
from tests.served import DRIVING, SLEEPING

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


def bench(word, path):
    """Exit status and output of ``labctl bench WORD``."""
    done = CliRunner().invoke(app, ["bench", word, "--bench", str(path)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


@pytest.mark.parametrize("transport", ["socket", "hislip"])
def test_bench_off_makes_everything_safe_while_another_program_hangs(boxes, start, transport):
    served = boxes(transport)
    child = start(SLEEPING, served.path)
    child.line()
    os.kill(child.process.pid, signal.SIGSTOP)  # it hangs as hard as a program can
    assert served.levels()[:2] == [2.0, 2.0]
    status, output = bench("off", served.path)
    assert served.safe()
    assert status == 0
    for name, model in (("smu", "2636B"), ("gate", "2635B"), ("matrix", "707B")):
        assert f"{name} ({model} at TCPIP0::127.0.0.1::" in output
    assert output.count(": safe: ") == 3
    assert f"Process {child.process.pid}, a program that measures" in output
    with pytest.raises(LatchedError, match=r"labctl bench off"):
        Bench.open(served.path)


def test_a_program_that_wakes_up_after_bench_off_can_drive_nothing(boxes, start):
    served = boxes()
    program = (
        DRIVING
        + """
sys.stdin.readline()
from labctl.errors import LatchedError
try:
    bench.array.read([[0, 1]])
except LatchedError as error:
    print("latched", error, flush=True)
sys.stdin.readline()
print(len(bench.array.read([[0, 1]])), "reading", flush=True)
bench.close()
print("closed", flush=True)
"""
    )
    child = start(program, served.path)
    child.line()
    assert bench("off", served.path)[0] == 0
    child.say()
    assert child.line().startswith("latched The bench was stopped (`labctl bench off` by ")
    assert served.safe()
    status, output = bench("acknowledge", served.path)
    assert status == 0
    assert "Was latched since 2" in output
    child.say()
    assert child.line() == "1 reading"
    assert child.line() == "closed"
    assert served.safe()


def test_what_could_not_be_made_safe_is_named_and_the_others_are_safe(boxes):
    served = boxes(timeout=2.0)
    text = served.path.read_text(encoding="utf-8")
    with Bench.open(served.path) as owner:
        owner.array.read([[0, 0]])
        owner.safety.bit_line.meter.force(2.0)
        served.world.faults("gate").lost = True
        # The plan of the bench as it was opened is used, whatever became of the file since.
        served.path.write_text("this is no bench file", encoding="utf-8")
        status, output = bench("off", served.path)
        served.path.write_text(text, encoding="utf-8")
        assert status == 1
        assert "gate (2635B at " in output
        assert output.count("NOT SAFE") == 1
        assert output.count(": safe: ") == 2
        assert "NOT everything is safe" in output
        assert not served.levels()[1]
        assert not served.closed()
        served.world.faults("gate").lost = False
        assert bench("off", served.path)[0] == 0
    assert read_latch(latch_file(served.path))["safe"]


def test_bench_off_needs_no_program_that_has_the_bench(boxes):
    served = boxes()
    lines = []
    assert switch_off(served.path, lines.append)
    assert len([line for line in lines if ": safe: " in line]) == 3
    assert not any("still has the bench open" in line for line in lines)
    acknowledge(served.path, lines.append)
    assert lines[-1] == "Acknowledged; the bench may be opened and driven again."
    acknowledge(served.path, lines.append)
    assert lines[-1] == "The bench was not latched."


def test_a_broken_bench_file_that_nobody_has_open_is_told(boxes):
    served = boxes()
    served.path.write_text("nonsense", encoding="utf-8")
    with pytest.raises(BenchFileError, match="not valid TOML"):
        switch_off(served.path, print)


def test_a_simulated_bench_can_only_be_switched_off_by_the_program_it_is_in(bench_file):
    path = bench_file()
    lines = []
    assert switch_off(path, lines.append)
    assert "Nobody has this simulated bench open" in lines[0]
    with Bench.open(path), pytest.raises(LabctlError, match=f"process {os.getpid()}"):
        switch_off(path, print)
