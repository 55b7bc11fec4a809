"""The guard process: what becomes of the outputs when the program that owns the bench dies."""

import json
import os
import signal
import socket
import sys
import threading

import psutil
import pytest

from labctl.bench import Bench
from labctl.errors import LatchedError
from labctl.guard import GuardWarning
from labctl.guard.latch import read_latch, release_latch
from labctl.rendezvous import latch_file
from labctl.store import RunReader, Status
from tests.served import DRIVING, LEAVING, PATIENCE, SLEEPING, is_gone, wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


def record_of(boxes):
    """What the guard wrote down, once it has."""
    latch = latch_file(boxes.path)
    wait_for(latch.exists)
    return read_latch(latch)


def driving(start, boxes, program=SLEEPING, *words):
    """A program that drives 2 V, and the process number of its guard."""
    child = start(program, boxes.path, *words)
    guard = int(child.line().split()[1])
    assert boxes.levels()[:2] == [2.0, 2.0]
    assert boxes.closed()
    return child, guard


@pytest.mark.parametrize(("transport", "times"), [("socket", 3), ("hislip", 2)])
def test_kill_9_at_2_v_leaves_nothing_on(boxes, start, transport, times):
    served = boxes(transport)
    for _ in range(times):
        child, guard = driving(start, served)
        child.process.kill()
        served.wait_safe()
        record = record_of(served)
        assert record["safe"]
        assert str(child.process.pid) in record["reason"]
        assert [each["name"] for each in record["instruments"]] == ["smu", "gate", "matrix"]
        wait_for(lambda guard=guard: is_gone(guard))
        release_latch(latch_file(served.path))


SWEEPING = """
import sys
from labctl.bench import Bench
with Bench.open(sys.argv[1]) as bench:
    print("ready", bench.guard.pid, flush=True)
    bench.array.sweep((0, 0), [2.0] * 600, gate=2.0, dwell=0.2)
"""


@pytest.mark.parametrize("transport", ["socket", "hislip"])
def test_kill_9_in_the_middle_of_a_sweep(boxes, start, transport):
    served = boxes(transport, real_time=True)
    child = start(SWEEPING, served.path)
    child.line()
    wait_for(lambda: served.levels()[1] == 2.0)
    child.process.kill()
    served.wait_safe()
    assert record_of(served)["safe"]


def test_after_a_death_the_bench_opens_only_when_somebody_has_looked(boxes, start):
    served = boxes()
    child, _ = driving(start, served)
    child.process.kill()
    when = record_of(served)["time"]
    with pytest.raises(LatchedError, match=r"labctl bench acknowledge") as caught:
        Bench.open(served.path)
    assert when in str(caught.value)
    assert f"process {child.process.pid} ended" in str(caught.value)
    release_latch(latch_file(served.path))
    with Bench.open(served.path) as bench:
        assert len(bench.array.read([[0, 0]])) == 1


def test_a_bench_that_is_left_properly_ends_its_guard_and_latches_nothing(boxes):
    served = boxes()
    with Bench.open(served.path) as bench:
        guard = bench.guard.pid
        assert not is_gone(guard)
        bench.array.read([[0, 0]])
    assert is_gone(guard)
    assert served.safe()
    assert list(latch_file(served.path).parent.glob("*.latch")) == []
    assert list(latch_file(served.path).parent.glob("*.plan.json")) == []


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_takes_the_boxes_to_zero_and_needs_no_guard(boxes, start, name):
    served = boxes()
    child, guard = driving(start, served, LEAVING)
    child.process.send_signal(getattr(signal, name))
    child.process.wait(PATIENCE)
    assert served.safe()
    wait_for(lambda: is_gone(guard))
    assert not latch_file(served.path).exists()


def test_a_program_that_just_ends_without_leaving_the_bench_is_taken_for_dead(boxes, start):
    served = boxes()
    child, _ = driving(start, served, DRIVING + "os._exit(0)\n")
    child.process.wait(PATIENCE)
    served.wait_safe()
    assert record_of(served)["safe"]


def test_what_reaches_the_whole_terminal_does_not_reach_the_guard(boxes, start):
    served = boxes()
    child, guard = driving(start, served)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(guard, number)  # ignored, where somebody names it
    os.killpg(child.process.pid, signal.SIGKILL)
    served.wait_safe()
    assert record_of(served)["safe"]


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd_open of Linux")
def test_a_forked_child_that_keeps_the_pipe_open_does_not_hide_the_death(boxes, start):
    served = boxes()
    forking = DRIVING + "sys.stdout.flush()\nos.fork()\ntime.sleep(600)\n"
    child, guard = driving(start, served, forking)
    family = psutil.Process(child.process.pid)
    wait_for(lambda: len(family.children()) == 2)
    twin = next(each for each in family.children() if each.pid != guard)
    child.process.kill()
    try:
        served.wait_safe()
        assert twin.is_running()
    finally:
        twin.kill()
    assert record_of(served)["safe"]


def test_a_dead_instrument_does_not_keep_the_guard_from_the_others(boxes, start):
    served = boxes(timeout=2.0)
    child, _ = driving(start, served)
    served.world.faults("smu").silent = True
    child.process.kill()
    wait_for(lambda: not served.levels()[0] and not served.outputs()[0] and not served.closed())
    record = record_of(served)
    assert not record["safe"]
    assert "could NOT make everything safe: smu" in record["reason"]
    assert {each["name"]: each["safe"] for each in record["instruments"]} == {
        "smu": False,
        "gate": True,
        "matrix": True,
    }


def test_a_run_that_is_cut_short_says_so_and_why(boxes, start, tmp_path):
    served = boxes()
    program = """
import sys, time
import labctl
def hang(progress):
    print("running", flush=True)
    time.sleep(600)
with labctl.Bench.open(sys.argv[1]) as bench:
    labctl.run("read_map", bench, data=sys.argv[2], on_progress=hang, cells="0,0")
"""
    child = start(program, served.path, tmp_path / "data")
    assert child.line() == "running"
    [folder] = (tmp_path / "data").glob("*/*-read_map")
    assert RunReader(folder).status is Status.RUNNING
    child.process.kill()
    child.process.wait()
    record = record_of(served)
    assert record["run"] == str(folder)
    wait_for(lambda: json.loads((folder / "run.json").read_text())["status"] == "interrupted")
    meta = RunReader(folder).meta
    assert f"process {child.process.pid} ended" in meta["error"]
    assert "outputs to zero" in meta["error"]
    assert RunReader(folder).status is Status.INTERRUPTED


def test_a_guard_that_dies_is_replaced_before_the_next_cells(boxes, start):
    served = boxes()
    program = (
        DRIVING
        + """
sys.stdin.readline()
bench.safety.bit_line.meter.force(0.0)
bench.safety.word_line.meter.force(0.0)
bench.array.read([[0, 1]])
bench.safety.bit_line.meter.force(1.0)
print("again", bench.guard.pid, flush=True)
time.sleep(600)
"""
    )
    child, guard = driving(start, served, program)
    os.kill(guard, signal.SIGKILL)
    wait_for(lambda: is_gone(guard))
    child.say()
    assert int(child.line().split()[1]) != guard
    assert served.levels()[1] == 1.0
    child.process.kill()
    served.wait_safe()
    assert record_of(served)["safe"]


class OneAtATime:
    """Stands before an instrument and lets one connection through; a second one is hung up on."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._inside = threading.Lock()
        self.late = threading.Lock()
        """While it is held, a connection that has ended still bars others."""
        self._ended = False
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def stop(self) -> None:
        self._ended = True
        socket.create_connection(("127.0.0.1", self.port)).close()
        for thread in self._threads:
            thread.join()
        self._server.close()

    def _accept(self) -> None:
        while True:
            outer, _ = self._server.accept()
            if self._ended or not self._inside.acquire(blocking=False):
                outer.close()
                if self._ended:
                    return
                continue
            self._threads.append(threading.Thread(target=self._serve, args=(outer,)))
            self._threads[-1].start()

    def _serve(self, outer) -> None:
        with outer, socket.create_connection(("127.0.0.1", self._to)) as inner:
            back = threading.Thread(target=self._pass, args=(inner, outer))
            back.start()
            self._pass(outer, inner)
            back.join()
        with self.late:
            self._inside.release()

    @staticmethod
    def _pass(source, sink) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return  # the other side has gone


def test_an_instrument_with_one_connection_is_named_and_reached_once_its_owner_is_dead(
    boxes, start
):
    served = boxes()
    [gate] = [each for each in served.served.addresses if each.name == "gate"]
    narrow = OneAtATime(gate.socket_port)
    try:
        text = served.path.read_text(encoding="utf-8")
        served.path.write_text(
            text.replace(f"::{gate.socket_port}::", f"::{narrow.port}::"), encoding="utf-8"
        )
        with pytest.warns(GuardWarning, match="'gate' takes no second connection"):
            bench = Bench.open(served.path)
        assert list(bench.guard.unguarded) == ["gate"]
        bench.close()
        child, _ = driving(start, served)
        with narrow.late:  # the instrument does not notice at once that its client is gone
            child.process.kill()
            wait_for(lambda: not any(served.levels()[1:]))
            assert served.levels()[0] == 2.0
        served.wait_safe()
        assert record_of(served)["safe"]
    finally:
        narrow.stop()
