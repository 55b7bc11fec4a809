"""Clocks that are put right, daylight saving, restarts: the order of a run stays what it was."""

import os
import sys
import time
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.clock import RealClock, VirtualClock
from labctl.engine.runner import execute
from labctl.procedure import Procedure
from labctl.store import Column, Run, RunReader, RunWriter, Status
from labctl.store.files import read_json, write_json
from labctl.store.process import is_alive, this_process
from labctl.store.stamp import Stamps, last_stamp
from tests.engine.bare import BareArray

TABLES = {"rows": {"k": Column("int64")}}
HOUR = 3600.0
# 2026-10-25, 03:00 CEST becomes 02:00 CET.
TURN = datetime.fromisoformat("2026-10-25T01:00:00+00:00").timestamp()


class Clocks:
    """The clock on the wall, which may be set, and the one that nobody sets."""

    def __init__(self, wall):
        self.offset, self.time = wall, 100.0

    def wall(self):
        return self.offset + self.time

    def steady(self):
        return self.time


@pytest.fixture
def clocks(monkeypatch):
    clocks = Clocks(TURN - 160.0)
    monkeypatch.setattr("labctl.store.stamp.time.time", clocks.wall)
    monkeypatch.setattr("labctl.store.stamp._steady", clocks.steady)
    return clocks


@pytest.fixture
def zurich(monkeypatch):
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def instant(text):
    return datetime.fromisoformat(text).timestamp()


@settings(deadline=None)
@given(
    st.floats(0, 4e9),
    st.lists(st.tuples(st.floats(0, 1e6), st.floats(-1e8, 1e8))),
)
def test_stamps_keep_order_and_spans_whatever_the_wall_does(wall, steps):
    clocks = Clocks(wall)
    stamps = Stamps(wall=clocks.wall, steady=clocks.steady)
    first = before = stamps.now()
    began = clocks.time
    for passes, jump in steps:
        clocks.time += passes
        clocks.offset += jump
        now = stamps.now()
        assert now >= before
        assert now - first == pytest.approx(clocks.time - began, abs=1e-5)
        before = now
    assert Stamps(after=before + 5.0, wall=lambda: 0.0, steady=clocks.steady).now() >= before


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of this process cannot be set")
def test_the_end_of_daylight_saving_in_a_run_does_not_reverse_it(tmp_path, clocks, zurich):
    writer = RunWriter.create(tmp_path, "x", {}, TABLES)
    clocks.time += 120.0
    writer.finish("finished")
    meta = Run(writer.path).meta
    assert meta["created"] == "2026-10-25T02:59:00+02:00"
    assert meta["ended"] == "2026-10-25T02:01:00+01:00"
    assert instant(meta["ended"]) - instant(meta["created"]) == 120.0


@pytest.mark.parametrize("jump", [-30 * HOUR, -HOUR, HOUR, 30 * HOUR])
def test_a_clock_that_is_set_during_and_between_does_not_disorder_a_run(tmp_path, clocks, jump):
    writer = RunWriter.create(tmp_path, "x", {}, TABLES)
    clocks.offset += jump
    clocks.time += 60.0
    writer.unit_done(0, 1.0)
    writer.finish("aborted")
    meta = Run(writer.path).meta
    assert instant(meta["ended"]) - instant(meta["created"]) == pytest.approx(60.0, abs=1e-5)
    clocks.offset -= 2 * jump
    clocks.time += 5.0
    again = RunWriter.reopen(writer.path)
    clocks.time += 60.0
    again.finish("finished")
    meta = Run(writer.path).meta
    [seam] = meta["seams"]
    stamps = [instant(t) for t in (meta["created"], seam["ended"], seam["resumed"], meta["ended"])]
    assert stamps == sorted(stamps)
    assert stamps[3] - stamps[2] == pytest.approx(60.0, abs=1e-5)


def test_a_run_whose_clock_was_set_is_still_known_to_be_alive_or_dead(tmp_path):
    with RunWriter.create(tmp_path, "x", {}, TABLES) as writer:
        path = writer.path / "run.json"
        # A clock that is set moves the start of every process, as Linux tells it.
        moved = read_json(path)
        moved["process"]["started"] -= HOUR
        reader = RunReader(writer.path)
        write_json(path, moved)
        if sys.platform == "linux":
            assert reader.status is Status.RUNNING


@pytest.mark.skipif(sys.platform != "linux", reason="how Linux counts")
def test_a_process_is_the_same_by_its_start_since_boot():
    mine = this_process()
    assert is_alive(mine)
    assert is_alive(mine | {"started": mine["started"] + HOUR})
    assert is_alive(mine | {"ticks": mine["ticks"] + 1}) is False
    assert is_alive(mine | {"boot": "another start of this computer"}) is False
    assert is_alive(mine | {"pid": 2**22 + 1}) is False
    # What an older labctl wrote has neither.
    old = {key: mine[key] for key in ("host", "pid", "started")}
    assert is_alive(old)
    assert is_alive(old | {"started": mine["started"] + HOUR}) is False
    assert os.getpid() == mine["pid"]


@pytest.mark.parametrize("clock", [RealClock(), VirtualClock(50.0)])
def test_bench_time_catches_up_and_goes_on_from_there(clock):
    clock.catch_up(clock.now() - 10.0)
    now = clock.now()
    clock.catch_up(now + 1e6)
    assert now + 1e6 <= clock.now() < now + 1e6 + 10.0
    before = clock.now()
    clock.sleep(0.001)
    assert clock.now() > before


class TimedArray(BareArray):
    def catch_up(self, now):
        self.time = max(self.time, now)


class Timed(Procedure):
    """Rows with the bench time at which they were measured."""

    tables = {"rows": {"time": Column("float64", "s")}}

    def units(self):
        return list(range(6))

    def measure(self, unit):
        self.record("rows", time=float(self.array.read([[0, 0]]).time[0]))


def test_bench_time_does_not_run_back_where_a_run_goes_on_after_a_restart(tmp_path):
    array = TimedArray()
    array.before_read = lambda cell: 1 / 0 if len(array.reads) == 3 else None
    broken = execute(Timed(), array=array, data_root=tmp_path)
    assert broken.status is Status.FAILED
    done = execute(Timed(), array=TimedArray(), data_root=tmp_path, resume=broken.path)
    times = done.frame("rows")["time"]
    assert len(times) == 6
    assert times.is_monotonic_increasing
    assert times.is_unique


def test_what_run_json_does_not_say_is_no_stamp():
    assert last_stamp({}) == 0.0
    assert last_stamp({"created": "", "ended": None, "heartbeat": "x", "seams": [{}]}) == 0.0
    assert last_stamp({"created": "2026-01-01T00:00:00+00:00", "heartbeat": 5.0}) == 1767225600.0
