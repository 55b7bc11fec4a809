"""Real processes: Ctrl-C, SIGTERM and kill -9 in the middle of a run."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from labctl.store import RunReader, Status, runs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

PROGRAM = """
import sys, time
from labctl.engine.runner import execute
from tests.engine.bare import BareArray, ReadRows

class Endless(ReadRows):
    def units(self):
        return range(10**9)
    def measure(self, unit):
        self.array.read([[unit % 4, 0]])
        self.record("cells", row=unit % 4, col=0, conductance=time.time())

def zero():
    print("zero", flush=True)
    if "slow" in sys.argv:
        for _ in range(60):
            time.sleep(0.01)
        print("at zero", flush=True)

array = BareArray()
if "stuck" in sys.argv:
    def stuck(cell):
        print("stuck", flush=True)
        time.sleep(60)
    array.before_read = stuck
run = execute(Endless(), array=array, data_root=sys.argv[1], on_exit=zero)
print(run.status.value, flush=True)
"""


class Child:
    def __init__(self, folder, *words):
        self.folder = folder
        root = Path(__file__).parents[2]
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(folder), *words],
            cwd=root,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(root)},
        )

    def wait_for_rows(self):
        for _ in range(600):
            found = runs(self.folder)
            if found and found[0].tail("cells")["row"].size:
                return
            threading.Event().wait(0.05)
        raise AssertionError("no rows after 30 s")

    def line(self):
        return self.process.stdout.readline().strip()


@pytest.fixture
def start(tmp_path):
    children = []

    def start(*words):
        children.append(Child(tmp_path, *words))
        return children[-1]

    yield start
    for child in children:
        child.process.kill()
        child.process.wait()
        child.process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_aborts_with_outputs_at_zero(start, tmp_path, number):
    child = start()
    child.wait_for_rows()
    child.process.send_signal(number)
    assert child.line() == "zero"
    assert child.line() == "aborted"
    [run] = runs(tmp_path)
    assert run.status is Status.ABORTED
    assert number.name in run.error
    assert len(run.frame("cells")) > 0


def test_more_signals_do_not_skip_the_way_to_zero(start, tmp_path):
    child = start("slow")
    child.wait_for_rows()
    child.process.send_signal(signal.SIGINT)
    assert child.line() == "zero"
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        child.process.send_signal(number)
    assert child.line() == "at zero"
    assert child.line() == "aborted"


def test_second_signal_breaks_off_a_read_that_hangs(start, tmp_path):
    child = start("stuck")
    assert child.line() == "stuck"
    child.process.send_signal(signal.SIGINT)
    [run] = runs(tmp_path)
    for _ in range(400):
        if child.process.poll() is not None:
            break
        child.process.send_signal(signal.SIGINT)
        threading.Event().wait(0.05)
    assert child.line() == "zero"
    assert child.line() == "aborted"
    assert run.status is Status.ABORTED


def test_kill_9_loses_at_most_a_second_of_rows_and_the_status_is_true(start, tmp_path):
    child = start()
    child.wait_for_rows()
    [run] = runs(tmp_path)
    threading.Event().wait(0.5)
    killed = time.time()
    child.process.kill()
    child.process.wait()
    frame = RunReader(run.path).frame("cells")
    assert killed - frame.conductance.max() < 1.0  # each row holds the time it was recorded
    assert (frame.row.diff().dropna() % 4 == 1).all()  # without a gap
    assert RunReader(run.path).status is Status.INTERRUPTED
