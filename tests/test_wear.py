"""The wear book: nothing counted is ever lost, forgotten or started again."""

import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.array import Pulse
from labctl.bench import Bench
from labctl.benchfile import load_bench_file
from labctl.errors import LimitError, StoreError
from labctl.instruments import Identity
from labctl.wear import Wear, serial
from labctl.wearbook import worn
from labctl.wearfile import WearFile, file_name
from tests.truth import Truth

KEEP = 'state = "chip.npz"\n'
FORMING = Pulse.set(3.5, 1.5, 1e-3)


class Counts:
    """What an array counts."""

    def __init__(self, shape=(4, 4)):
        self.pulse_counts = np.zeros(shape, dtype=np.int64)
        self.closures = Counter()


def book(folder: Path, **mainframes: str) -> Wear:
    named = mainframes or {"matrix": "707b-1"}
    return Wear(folder, "die 7", named, dict.fromkeys(named, 1e8))


def test_two_sessions_on_one_bench_add_up_and_the_second_begins_with_what_the_first_left(
    bench_file,
):
    path = bench_file(more=KEEP)
    with Bench.open(path) as bench:
        bench.array.pulse([[0, 0], [0, 0], [3, 2]], FORMING)
        first = Counter(bench.array.closures)
        assert first == {p: n for p, n in Truth(path).world.closures.items() if n}
    with Bench.open(path) as bench:
        assert bench.array.pulse_counts[0, 0] == 2
        assert bench.array.pulse_counts.sum() == 3
        assert bench.array.closures == first
        bench.array.pulse([[0, 0]], FORMING)
    found = worn(load_bench_file(path))
    assert {part.part: part.count for part in found.cells} == {"0,0": 3, "3,2": 1}
    assert {part.part: part.count for part in found.relays} == {
        p: n for p, n in Truth(path).world.closures.items() if n
    }


def test_pulses_of_earlier_sessions_count_for_the_limit(bench_file):
    path = bench_file(("pulses_per_cell = 1000000", "pulses_per_cell = 3"), more=KEEP)
    with Bench.open(path) as bench:
        bench.array.pulse([[0, 0]] * 2, FORMING)
    with Bench.open(path) as bench:
        bench.array.pulse([[0, 0]], FORMING)
        with pytest.raises(LimitError, match=r"Cell \(0, 0\) has had 3 pulses"):
            bench.array.pulse([[0, 0]], FORMING)


def test_a_simulated_bench_whose_chip_is_new_each_time_keeps_nothing(bench_file):
    path = bench_file()
    with Bench.open(path) as bench:
        bench.array.pulse([[0, 0]], FORMING)
    assert not (path.parent / "wear").exists()
    assert worn(load_bench_file(path)).folder is None


def test_a_worn_relay_and_a_worn_cell_are_warned_of_when_a_bench_opens(bench_file, caplog):
    path = bench_file(("pulses_per_cell = 1000000", "pulses_per_cell = 10"), more=KEEP)
    with Bench.open(path) as bench:
        bench.array.pulse([[1, 2]] * 8, FORMING)
        number = serial(bench.identities["matrix"], "matrix")
    file = WearFile(path.parent / "wear" / file_name("matrix", number))
    file.add({"1A03": 80_000_000})
    caplog.clear()
    with caplog.at_level(logging.WARNING, "labctl"), Bench.open(path):
        pass
    [record] = [r for r in caplog.records if r.name == "labctl.wear"]
    assert "1A03" in record.message
    assert "1,2, 80%" in record.message


def test_several_mainframes_have_a_file_each_and_benches_that_share_one_add_up(tmp_path):
    one, two = Counts(), Counts()
    pair = book(tmp_path, left="707b-1", right="707b-2")
    pair.follow(one)
    one.closures.update({"left:1A01": 3, "right:1A01": 5})
    pair.close()
    alone = book(tmp_path, matrix="707b-2")
    alone.follow(two)
    assert two.closures == {"1A01": 5}
    two.closures.update({"1A01": 1})
    two.pulse_counts[1, 1] += 4
    alone.close()
    again = Counts()
    last = book(tmp_path, left="707b-1", right="707b-2")
    last.follow(again)
    last.close()
    assert again.closures == {"left:1A01": 3, "right:1A01": 6}
    assert again.pulse_counts[1, 1] == 4


def test_two_open_benches_on_one_chip_lose_nothing_of_each_other(tmp_path):
    one, two = Counts(), Counts()
    first, second = book(tmp_path), book(tmp_path)
    first.follow(one)
    second.follow(two)
    one.pulse_counts[0, 0] += 7
    one.closures["1A01"] += 7
    first.save()
    two.pulse_counts[0, 0] += 5
    two.closures["1A01"] += 5
    second.save()
    first.save()  # nothing new: must not add again
    one.pulse_counts[0, 0] += 1
    one.closures["1A01"] += 1
    first.close()
    second.close()
    assert WearFile(tmp_path / file_name("chip", "die 7")).counts() == {"0,0": 13}
    assert WearFile(tmp_path / file_name("matrix", "707b-1")).counts() == {"1A01": 13}


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["1A01", "2B12", "6H07"]), st.integers(0, 10**12)),
        max_size=4,
    )
)
def test_a_file_holds_the_sum_of_what_was_added(tmp_path_factory, additions):
    path = tmp_path_factory.mktemp("wear") / "matrix-x.sqlite"
    for counts in additions:
        WearFile(path, "matrix", "x").add(counts)
    total = Counter()
    for counts in additions:
        total.update(counts)
    kept = WearFile(path, "matrix", "x").counts()
    assert kept == {part: n for part, n in total.items() if n}


@given(st.text(min_size=1), st.text(min_size=1))
def test_other_names_have_other_files_on_any_file_system(one, two):
    names = {file_name("chip", one).lower(), file_name("chip", two).lower()}
    assert len(names) == len({one, two})
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-") for name in names)


def test_an_instrument_without_serial_number_goes_by_its_name_in_the_bench_file():
    assert serial(Identity("KEITHLEY", "707A", "0", "E04"), "left") == "707a-left"
    assert serial(Identity("KEITHLEY", "707B", "123", "1"), "left") == "707b-123"


def spoil_head(path: Path) -> None:
    path.write_bytes(b"garbage" + path.read_bytes()[7:])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def another_program(path: Path) -> None:
    path.unlink()
    base = sqlite3.connect(path)
    base.execute("CREATE TABLE wear (part, count)")
    base.commit()
    base.close()


def later_format(path: Path) -> None:
    base = sqlite3.connect(path)
    base.execute("PRAGMA user_version = 2")
    base.close()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (spoil_head, "damaged"),
        (empty, "damaged"),
        (cut, "damaged"),
        (another_program, "no wear file of labctl"),
        (later_format, "format 2"),
    ],
)
def test_a_spoilt_file_keeps_the_bench_from_opening_and_is_left_as_it_is(bench_file, spoil, says):
    path = bench_file(more=KEEP)
    with Bench.open(path) as bench:
        bench.array.pulse([[0, 0]], FORMING)
    file = path.parent / "wear" / file_name("chip", "sim-16x16")
    spoil(file)
    before = file.read_bytes()
    with pytest.raises(StoreError, match=says) as caught:
        Bench.open(path)
    assert str(file) in str(caught.value)
    assert file.read_bytes() == before
    assert not any(Truth(path).levels())
    with pytest.raises(StoreError, match=says):
        worn(load_bench_file(path))


def test_a_file_of_another_chip_is_refused(tmp_path):
    WearFile(tmp_path / "chip-a.sqlite", "chip", "a").add({"0,0": 5})
    (tmp_path / "chip-a.sqlite").rename(tmp_path / "chip-b.sqlite")
    with pytest.raises(StoreError, match="keeps the wear of chip 'a', not of chip 'b'"):
        WearFile(tmp_path / "chip-b.sqlite", "chip", "b")


def test_a_disk_that_is_full_for_a_while_loses_nothing(tmp_path, monkeypatch, caplog):
    array, wear = Counts(), book(tmp_path)
    wear.follow(array)
    real, full = WearFile.add, [True]

    def add(self, counts):
        if full[0]:
            raise self._error(sqlite3.OperationalError("database or disk is full"))
        real(self, counts)

    monkeypatch.setattr(WearFile, "add", add)
    array.pulse_counts[2, 3] = 9
    with pytest.raises(StoreError, match="full disk"):
        wear.save()
    full[0] = False
    wear.close()
    assert WearFile(tmp_path / file_name("chip", "die 7")).counts() == {"2,3": 9}


def test_a_disk_that_stays_full_is_reported_with_the_bench_at_zero(bench_file, monkeypatch):
    def full(self, counts):
        raise self._error(sqlite3.OperationalError("database or disk is full"))

    path = bench_file(more=KEEP)
    with monkeypatch.context() as patch:
        patch.setattr(WearFile, "add", full)
        with pytest.raises(StoreError, match="full disk"), Bench.open(path) as bench:
            bench.array.pulse([[0, 0]], FORMING)
    assert not any(Truth(path).levels())
    assert not Truth(path).closed()
    with Bench.open(path) as bench:  # the right to the bench was given back
        assert bench.array.pulse_counts[0, 0] == 0


_KILLED = """
import sys
from labctl.array import Pulse
from labctl.bench import Bench
import labctl.wear
labctl.wear.INTERVAL = 0.05
with Bench.open(sys.argv[1]) as bench:
    while True:
        bench.array.pulse([[0, 0]], Pulse.set(0.5, 1.0, 2e-4))
        print(bench.array.pulse_counts[0, 0], flush=True)
        if bench.array.pulse_counts[0, 0] == 5:
            sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no kill -9")
def test_kill_minus_nine_loses_no_more_than_the_last_moments(bench_file):
    path = bench_file(more=KEEP)
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for line in process.stdout:
            if line.strip() == "5":
                break
        file = path.parent / "wear" / file_name("chip", "sim-16x16")
        end = time.monotonic() + 60
        while WearFile(file).counts() != {"0,0": 5}:
            assert time.monotonic() < end, "five pulses never came to the file"
            assert process.poll() is None
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    assert WearFile(file).counts() == {"0,0": 5}
    [matrix] = (path.parent / "wear").glob("matrix-*.sqlite")
    assert WearFile(matrix).counts()


def test_the_command_shows_the_most_worn_first(bench_file, capsys):
    from labctl.benchconsole import show_wear

    path = bench_file(more=KEEP)
    with Bench.open(path) as bench:
        bench.array.pulse([[0, 0]] * 3 + [[5, 5]], FORMING)
    show_wear(path, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert [(part["part"], part["count"]) for part in told["cells"]] == [("0,0", 3), ("5,5", 1)]
    assert told["relays"][0]["share"] == told["relays"][0]["count"] / 1e8
    assert not told["relays"][0]["worn"]
    show_wear(path, as_json=False)
    shown = capsys.readouterr().out
    assert "707b" in shown
    assert "0,0" in shown
