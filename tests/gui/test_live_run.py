import numpy as np
import pytest

from labctl.gui.cell_states import READ
from labctl.gui.chip_map import ChipMap
from labctl.gui.histogram import Histogram
from labctl.gui.live_run import LiveRun
from labctl.store import Column, RunWriter

pytestmark = pytest.mark.window

SHAPE = (8, 8)
TABLES = {
    "cells": {
        "time": Column("float64", "s"),
        "row": Column("int32"),
        "col": Column("int32"),
        "conductance": Column("float64", "S"),
        "flag": Column("uint8"),
    },
    "notes": {"text": Column("int32")},
}


@pytest.fixture
def writer(tmp_path):
    with RunWriter.create(tmp_path, "read_map", {}, TABLES) as writer:
        yield writer


@pytest.fixture
def live(qtbot):
    live = LiveRun(SHAPE)
    yield live
    live.leave()


def store(writer, first, last, conductance):
    index = np.arange(first, last)
    writer.append(
        "cells",
        time=index.astype(float),
        row=index // 8,
        col=index % 8,
        conductance=np.full(len(index), conductance),
        flag=np.zeros(len(index), np.uint8),
    )
    writer.flush()


def test_map_and_histogram_follow_a_growing_run(qtbot, writer, live):
    chip_map, histogram = ChipMap(SHAPE), Histogram()
    qtbot.addWidget(chip_map)
    qtbot.addWidget(histogram)
    live.changed.connect(lambda: chip_map.show_states(live.states))
    live.changed.connect(lambda: histogram.show_states(live.states))
    live.follow(writer.path)

    store(writer, 0, 20, 10e-6)
    qtbot.waitUntil(lambda: live.rows == 20, timeout=30_000)
    assert np.isfinite(chip_map.shown()).sum() == 20
    assert histogram.counts.sum() == 20

    store(writer, 20, 64, 30e-6)
    qtbot.waitUntil(lambda: live.rows == 64, timeout=30_000)
    shown = chip_map.shown().ravel()
    assert shown[:20] == pytest.approx(10.0)
    assert shown[20:] == pytest.approx(30.0)
    assert histogram.numbers.startswith("n = 64    median 30 µS")


def test_a_run_that_ended_is_read_to_its_end_and_left(writer, live):
    store(writer, 0, 10, 1e-6)
    live.follow(writer.path)
    store(writer, 10, 30, 1e-6)
    writer.finish("finished", summary={"cells": 30, "formed_cells": 12, "note": "text"})
    live.follow(writer.path, growing=False)
    assert live.rows == 30
    assert live.summary() == "cells 30, formed cells 12"
    assert not live._timer.isActive()


def test_the_next_run_starts_its_own_count_on_the_same_map(tmp_path, writer, live):
    store(writer, 0, 10, 1e-6)
    live.follow(writer.path)
    writer.finish("finished")
    with RunWriter.create(tmp_path, "read_map", {}, TABLES) as second:
        store(second, 5, 8, 2e-6)
        live.follow(second.path)
        assert live.rows == 3
        assert int((live.states.state == READ).sum()) == 10
        assert int(live.states.in_run.sum()) == 3


def test_only_new_rows_are_taken_in(writer, live):
    store(writer, 0, 64, 1e-6)
    live.follow(writer.path)
    assert live.poll() == 0
    store(writer, 3, 5, 1e-6)
    assert live.poll() == 2


def test_a_run_that_cannot_be_read_is_told_once(tmp_path, live):
    told = []
    live.failed.connect(told.append)
    for growing in (True, True, False):
        live.follow(tmp_path / "nothing", growing)
    assert len(told) == 1
    assert "cannot be read" in told[0]
