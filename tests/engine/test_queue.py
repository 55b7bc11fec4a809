"""The queue: edited, moved, held, and there again after the end of its engine."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.bench import Bench
from labctl.engine.client import EngineClient
from labctl.engine.messages import Edit, EndedRun, Move, One, Plain, ResumeRun, Submit
from labctl.engine.queue import BY_USER, RESTARTED, Queue, queue_file
from labctl.engine.server import Engine
from labctl.engine.wire import Wire
from labctl.errors import EngineError, InstrumentError, LatchedError, ProcedureError, StoreError
from labctl.rendezvous import Rendezvous
from labctl.store import Run, Status, runs
from labctl.store.files import read_json, write_json
from labctl.store.process import this_process
from tests.engine.test_server import ENDLESS, Desk


def same(entry):
    return entry


@pytest.fixture
def file(tmp_path):
    return queue_file(tmp_path / "data", tmp_path / "bench.toml")


def queue(file, *names):
    made = Queue(file, file)
    for name in names:
        made.add(name, {})
    return made


def order(waiting):
    return [entry.id for entry in waiting.waiting]


def test_every_change_is_on_the_disk_at_once(file):
    first = queue(file, "a", "b", "c")
    first.move(3, "first")
    first.edit(1, {"x": 2}, same)
    first.remove(2)
    first.hold()
    other = Queue(file, file)
    assert order(other) == [3, 1]
    assert other.waiting[1].parameters == {"x": 2}
    assert other.held == BY_USER
    assert other.add("d", {}) == 4  # a number is never given twice
    other.release()
    assert other.take().id == 3
    assert Queue(file, file).taken.id == 3


@settings(max_examples=40, deadline=None)  # each change waits for the disk
@given(
    st.integers(1, 6),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9) | st.sampled_from(
        ["up", "down", "first", "last"]))),
)  # fmt: skip
def test_moving_does_what_taking_out_and_putting_in_does(tmp_path_factory, count, moves):
    file = tmp_path_factory.mktemp("queue") / "queue.json"
    moved, expected = queue(file, *"abcdef"[:count]), list(range(1, count + 1))
    for which, to in moves:
        number = expected[which % count]
        at = expected.index(number)
        expected.remove(number)
        wanted = {"up": max(at - 1, 0), "down": at + 1, "first": 0, "last": count}.get(to, to)
        expected.insert(wanted, number)
        assert moved.move(number, to) == expected.index(number)
        assert order(moved) == expected
    assert order(Queue(file, file)) == expected


def test_what_is_not_in_the_queue_is_refused_by_name(file):
    waiting = queue(file, "a", "b")
    waiting.take()
    for act in (
        lambda: waiting.remove(1),
        lambda: waiting.move(1, 0),
        lambda: waiting.edit(7, {}, same),
    ):
        with pytest.raises(EngineError, match=r"not in the queue \(any more\); waiting: 2"):
            act()
    with pytest.raises(EngineError, match="is not held"):
        waiting.release()
    with pytest.raises(EngineError, match="no unfinished run"):
        waiting.dismiss()
    assert order(waiting) == [2]


def test_nothing_is_taken_while_it_is_held_and_only_a_user_holds_an_empty_queue(file):
    waiting = queue(file)
    waiting.hold("The bench failed.", by_user=False)
    assert waiting.held is None
    waiting.add("a", {})
    waiting.hold("The bench failed.", by_user=False)
    assert waiting.held == "The bench failed."
    assert waiting.take() is None
    waiting.remove(1)
    assert waiting.held is None
    waiting.hold()
    waiting.add("b", {})
    waiting.remove(2)
    assert waiting.held == BY_USER


def test_a_change_that_cannot_be_kept_is_refused_and_not_made(file):
    waiting = queue(file, "a", "b")
    content = file.read_text()
    file.unlink()
    file.parent.rmdir()
    file.parent.write_text("in the way")
    for act in (lambda: waiting.add("c", {}), lambda: waiting.remove(1), waiting.hold):
        with pytest.raises(EngineError, match="not changed, for it cannot be kept"):
            act()
    assert order(waiting) == [1, 2]
    assert waiting.take().id == 1  # what happens is noted all the same, and said
    assert "would not survive" in waiting.notices[0]
    file.parent.unlink()
    waiting.over(EndedRun(id=1, procedure="a", run=None, status="failed", error="x"),
                 cut_short=False)  # fmt: skip
    assert waiting.notices == []
    assert content != file.read_text()
    assert Queue(file, file).last.id == 1


def test_a_file_that_cannot_be_read_is_put_aside_and_told(file):
    queue(file, "a")
    file.write_text(file.read_text()[:-20])
    other = Queue(file, file)
    assert order(other) == []
    assert "put aside" in other.notices[0]
    assert file.with_suffix(".unreadable").exists()
    other.add("b", {})
    assert order(Queue(file, file)) == [1]


@pytest.mark.parametrize("status", ["interrupted", "finished"])
def test_restoring_holds_what_waits_and_offers_what_was_cut_short(file, tmp_path, status):
    before = queue(file, "a", "b", "c")
    before.take()
    before.began(tmp_path / "0001-a")

    def check(entry):
        if entry.procedure == "c":
            raise ProcedureError("There is no procedure 'c' any more.")
        return entry

    after = Queue(file, file)
    after.restore(check, lambda run: (status, None))
    assert (order(after), after.held) == ([2, 3], RESTARTED)
    assert [entry.problem for entry in after.waiting] == [
        None, "There is no procedure 'c' any more.",
    ]  # fmt: skip
    assert (after.last.id, after.last.status) == (1, status)
    assert after.taken is None
    assert (after.unfinished is None) == (status == "finished")
    again = Queue(file, file)
    again.restore(check, lambda run: pytest.fail("looked at twice"))
    assert again.unfinished == after.unfinished


def test_a_run_that_had_not_begun_waits_again_at_its_place(file):
    before = queue(file, "a", "b")
    before.take()
    after = Queue(file, file)
    after.restore(same, lambda run: pytest.fail("there is no folder"))
    assert order(after) == [1, 2]
    assert after.unfinished is None


@pytest.fixture
def bench(bench_file):
    with Bench.open(bench_file()) as bench:
        yield bench


def ask(desk, kind, **content):
    return desk.engine.handle(kind(token="t", **content))


def test_queue_over_a_restart_of_the_engine(bench, tmp_path):
    """One bench for all of it: listed, edited, moved, removed, cut short, restored, resumed."""
    desk = Desk(bench, tmp_path / "data")
    try:
        first = desk.submit("read_map", **ENDLESS)
        desk.wait_until_reading()
        second, third, fourth = (desk.submit("read_map", cells=f"{k},0") for k in (1, 2, 3))
        ask(desk, Move, id=fourth, to="first")
        ask(desk, One, command="remove", id=second)
        edited = ask(desk, Edit, id=third, parameters={"voltage": "150 mV"})
        assert edited["parameters"] == {
            "cells": "2,0", "voltage": 0.15, "gate": 5.0, "repeats": 1,
        }  # fmt: skip
        for number, parameters, kind, match in [
            (third, {"voltage": 50}, ProcedureError, "'voltage': 50"),
            (third, {"volts": 0.1}, ProcedureError, "did you mean 'voltage'"),
            (first, {"voltage": 0.1}, EngineError, "not in the queue"),
        ]:
            with pytest.raises(kind, match=match):
                ask(desk, Edit, id=number, parameters=parameters)
        status = desk.ask("status")
        assert [(q["id"], q["parameters"]["cells"]) for q in status["queue"]] == [
            (fourth, "3,0"), (third, "2,0"),
        ]  # fmt: skip
        assert status["held"] is None
        places = [ask(desk, One, command="find", id=k)["place"] for k in range(1, 6)]
        assert places == ["current", "gone", "queued", "queued", "gone"]
    finally:
        desk.close()
    [run] = runs(tmp_path / "data")
    assert run.status is Status.ABORTED

    desk = Desk(bench, tmp_path / "data")
    try:
        status = desk.ask("status")
        assert (status["state"], status["held"]) == ("idle", RESTARTED)
        assert [q["id"] for q in status["queue"]] == [fourth, third]
        assert status["unfinished"]["run"] == status["last_run"] == str(run.path)
        with pytest.raises(StoreError, match="no run 99"):
            ask(desk, ResumeRun, run="99")
        rest = ask(desk, ResumeRun, run=str(run.number))["id"]
        assert rest == 5
        assert desk.ask("status")["unfinished"] is None
        with pytest.raises(EngineError, match="in the queue already"):
            ask(desk, ResumeRun, run=str(run.path))
        with pytest.raises(EngineError, match="parameters it began with"):
            ask(desk, Edit, id=rest, parameters={"repeats": 1})
        desk.ask("release")
        desk.wait_until_ended(third)
        desk.wait_for(lambda s: s["current"] and s["current"]["id"] == rest, "the rest")
        again = desk.wait_until_reading()["current"]
        assert again["run"] == str(run.path)
        desk.ask("abort")
        assert desk.wait_until_ended(rest)["status"] == "aborted"
        assert desk.ask("status")["unfinished"] is None  # a user wanted its end
    finally:
        desk.close()
    assert [seam.status for seam in Run(run.path).seams] == ["aborted"]
    assert [r.status.value for r in runs(tmp_path / "data")] == ["aborted", "finished", "finished"]


def test_a_run_that_fails_on_the_bench_holds_what_waits(bench, tmp_path, monkeypatch):
    from procedures.read_map import ReadMap

    def broken(self, unit):
        raise InstrumentError("The matrix does not answer.")

    desk = Desk(bench, tmp_path / "data")
    try:
        desk.ask("hold")
        first, second = desk.submit("read_map"), desk.submit("read_map", cells="0,0")
        assert desk.ask("status")["held"] == BY_USER
        monkeypatch.setattr(ReadMap, "measure", broken)
        desk.ask("release")
        assert desk.wait_until_ended(first)["status"] == "failed"
        status = desk.ask("status")
        assert "failed on the bench: The matrix does not answer." in status["held"]
        assert [q["id"] for q in status["queue"]] == [second]
        monkeypatch.undo()
        desk.ask("release")
        assert desk.wait_until_ended(second)["status"] == "finished"
    finally:
        desk.close()


def test_a_new_engine_names_the_last_run_of_its_chip_whoever_made_it(bench, tmp_path):
    from labctl import run

    done = run("read_map", bench, data=tmp_path / "data", cells="0,0")
    other = run("read_map", bench, data=tmp_path / "data", cells="0,1")
    meta = read_json(other.path / "run.json")
    write_json(other.path / "run.json", meta | {"chip": "another one"})
    status = Engine(bench, tmp_path / "data").handle(_plain("status"))
    assert status["last_run"] == str(done.path.resolve())
    assert status["last"]["status"] == "finished"
    assert json.dumps(status)


def test_a_latched_bench_takes_nothing_from_its_queue(bench, tmp_path):
    engine = Engine(bench, tmp_path / "data")
    engine.handle(_plain("hold"))
    engine.handle(Submit(token="t", procedure="read_map"))
    bench.stop("tried")
    with pytest.raises(LatchedError):
        engine.handle(_plain("release"))
    bench.acknowledge()
    assert engine.handle(_plain("release")) == {"held": None}


def _plain(command):
    return Plain(token="t", command=command)


def test_several_clients_at_once_lose_nothing_and_hinder_nobody(bench, tmp_path):
    desk = Desk(bench, tmp_path / "data")
    desk.ask("hold")
    wire = Wire(desk.engine.handle)
    wire.start()
    found = Rendezvous(wire.address, wire.token, this_process(), "b")

    def work(number):
        with EngineClient(found) as client:
            mine = [client.submit("read_map", {"cells": f"{number},{k}"}) for k in range(8)]
            client.move(mine[3], "first")
            client.edit(mine[0], {"repeats": number + 2})
            client.remove(mine[1])
            refused = 0
            try:
                client.remove(mine[1])
            except EngineError:
                refused = 1
            return mine, refused

    try:
        with ThreadPoolExecutor(5) as pool:
            results = list(pool.map(work, range(5)))
        given = [number for mine, _ in results for number in mine]
        assert sorted(given) == list(range(1, 41))
        assert [refused for _, refused in results] == [1] * 5
        waiting = {q["id"]: q["parameters"] for q in desk.ask("status")["queue"]}
        assert set(waiting) == set(given) - {mine[1] for mine, _ in results}
        for number, (mine, _) in enumerate(results):
            assert waiting[mine[0]]["repeats"] == number + 2
            assert [waiting[k]["cells"] for k in mine if k in waiting] == [
                f"{number},{k}" for k in (0, 2, 3, 4, 5, 6, 7)
            ]
        assert {*list(waiting)[:5]} == {mine[3] for mine, _ in results}
    finally:
        wire.close()
        desk.close()
