"""The window on a real engine process that owns the simulated bench."""

import shutil
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest
from PyQt6.QtCore import Qt

from labctl.engine.client import EngineClient
from labctl.gui.engine_link import EngineLink
from labctl.gui.main_window import MainWindow
from labctl.gui.stop_button import LATCHED
from labctl.store import RunReader

pytestmark = pytest.mark.window

BENCH = Path(__file__).parents[2] / "data" / "benches" / "simulated.toml"
LEFT = Qt.MouseButton.LeftButton
LONG = "5000"  # passes over the chip: minutes, so that no test meets the end of it


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A folder with the simulated bench, and a runtime folder of its own."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copy(BENCH, folder / "bench.toml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCTL_RUNTIME_DIR", str(folder / "runtime"))
        yield folder


@pytest.fixture(scope="module")
def engine(lab):
    """An engine that was there before the window."""
    with EngineClient.start(lab / "bench.toml", lab / "data") as client:
        yield client
        client.shutdown()


@pytest.fixture
def idle_engine(engine):
    yield engine
    status = engine.status()
    if status["latched"]:
        engine.acknowledge()
    elif status["current"]:
        engine.abort()
    while engine.status()["current"]:
        pass


@pytest.fixture
def open_window(qtbot, lab):
    opened = []

    def open_window(bench="bench.toml"):
        window = MainWindow(EngineLink(lab / bench, lab / "data"))
        opened.append(window)
        with qtbot.waitExposed(window):
            window.show()
        window.link.open()
        return window

    yield open_window
    for window in opened:
        window._closing = True
        window.close()
        window.deleteLater()


@pytest.fixture
def window(qtbot, idle_engine, open_window):
    window = open_window()
    qtbot.waitUntil(window.run_panel.start.isEnabled, timeout=30_000)
    return window


def start(qtbot, window, **parameters):
    window.run_panel.choose("read_map")
    for name, text in parameters.items():
        window.run_panel.form.set_text(name, text)
    qtbot.mouseClick(window.run_panel.start, LEFT)


def start_long(qtbot, window):
    start(qtbot, window, repeats=LONG)

    def measures():
        view = window.view
        return view.run is not None and view.run == window.live.path and window.live.rows > 0

    qtbot.waitUntil(measures, timeout=30_000)


def wait_for_end(qtbot, window, before):
    def ended():
        view = window.view
        return view.last is not None and view.last != before and not view.is_busy

    qtbot.waitUntil(ended, timeout=30_000)
    return window.view.last


def test_a_run_started_in_the_window_fills_map_and_histogram(qtbot, window):
    before = window.view.last
    start(qtbot, window, repeats="1")
    last = wait_for_end(qtbot, window, before)
    assert last.status == "finished"
    stored = RunReader(last.folder).frame("cells")
    assert len(stored) == window.live.rows == 256
    shown = window.chip_map.shown()
    window.chip_map.logarithmic.setChecked(False)
    shown = window.chip_map.shown()[stored["row"], stored["col"]]
    assert shown == pytest.approx(stored["conductance"].to_numpy() * 1e6, nan_ok=True)
    assert window.histogram.counts.sum() == stored["conductance"].notna().sum()
    assert f"Run {last.name} finished" in window.log.text


def test_cells_selected_on_the_map_are_the_cells_measured(qtbot, window):
    before = window.view.last
    window.chip_map.selected.emit("2..3,4..6", False)
    window.chip_map.selected.emit("9,9", True)
    assert window.run_panel.form.text("cells") == "2..3,4..6; 9,9"
    start(qtbot, window, repeats="1")
    last = wait_for_end(qtbot, window, before)
    stored = RunReader(last.folder).frame("cells")
    assert sorted(zip(stored["row"], stored["col"], strict=True)) == [
        (2, 4), (2, 5), (2, 6), (3, 4), (3, 5), (3, 6), (9, 9),
    ]  # fmt: skip
    assert np.argwhere(window.live.states.in_run).tolist() == sorted(
        [[r, c] for r in (2, 3) for c in (4, 5, 6)] + [[9, 9]]
    )


def test_stop_reaches_the_engine_and_latches_until_acknowledged(qtbot, window, engine):
    start_long(qtbot, window)
    qtbot.mousePress(window.stop, LEFT)
    qtbot.waitUntil(window.latch.isVisible, timeout=30_000)
    assert window.latch.text == LATCHED
    assert engine.status()["latched"]
    qtbot.waitUntil(
        lambda: window.view.last is not None and not window.view.is_busy, timeout=30_000
    )
    assert window.view.last.status == "aborted"
    assert not window.run_panel.start.isEnabled()
    qtbot.mouseRelease(window.stop, LEFT)

    qtbot.mouseClick(window.latch.button, LEFT)
    qtbot.waitUntil(lambda: not window.latch.isVisible(), timeout=30_000)
    assert engine.status()["latched"] is None
    assert window.run_panel.start.isEnabled()


def test_stop_from_the_keyboard_does_not_wait_for_a_request_that_hangs(qtbot, window, engine):
    answer = threading.Event()
    window.link._requests.put(lambda: answer.wait(20.0))
    try:
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow, timeout=30_000)
        qtbot.keyClick(window.run_panel, Qt.Key.Key_Escape, Qt.KeyboardModifier.ShiftModifier)
        qtbot.waitUntil(lambda: bool(engine.status()["latched"]), timeout=30_000)
    finally:
        answer.set()
    qtbot.waitUntil(window.latch.isVisible, timeout=30_000)


def test_abort_ends_the_run_and_keeps_what_was_measured(qtbot, window):
    before = window.view.last
    start_long(qtbot, window)
    qtbot.mouseClick(window.run_panel.abort, LEFT)
    last = wait_for_end(qtbot, window, before)
    assert last.status == "aborted"
    assert len(RunReader(last.folder).frame("cells")) == window.live.rows > 0
    assert window.run_panel.start.text() == "Start"
    assert not window.latch.isVisible()


def test_pause_and_resume(qtbot, window):
    start_long(qtbot, window)
    qtbot.mouseClick(window.run_panel.pause, LEFT)
    qtbot.waitUntil(lambda: window.view.state == "paused", timeout=30_000)
    assert window.run_panel.pause.text() == "Resume"
    rows = window.live.rows
    qtbot.mouseClick(window.run_panel.pause, LEFT)
    qtbot.waitUntil(lambda: window.live.rows > rows + 256, timeout=30_000)
    assert window.view.state == "running"


def test_what_the_engine_refuses_is_told_in_its_words(qtbot, window):
    start(qtbot, window, cells="99,99")
    qtbot.waitUntil(lambda: "Cannot start read_map" in window.log.text, timeout=30_000)
    assert "99" in window.log.text


def test_a_closing_window_asks_and_leaves_the_run_going(qtbot, window, engine):
    start_long(qtbot, window)
    window.close()
    assert window.isVisible()
    question = window.question
    texts = {button.text(): button for button in question.buttons()}
    qtbot.mouseClick(texts["Close, let it run"], LEFT)
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=30_000)
    status = engine.status()
    assert status["state"] == "running"
    assert status["latched"] is None


def test_a_window_opened_later_shows_the_run_that_is_on(qtbot, idle_engine, open_window):
    idle_engine.submit("read_map", {"repeats": int(LONG)})
    window = open_window()
    qtbot.waitUntil(lambda: window.live.rows > 256, timeout=30_000)
    assert np.isfinite(window.chip_map.shown()).any()
    assert window.run_panel.abort.isEnabled()


def test_the_window_outlives_the_engine_and_starts_another(qtbot, lab, open_window):
    shutil.copy(BENCH, lab / "second.toml")
    window = open_window("second.toml")
    qtbot.waitUntil(window.run_panel.start.isEnabled, timeout=30_000)
    start_long(qtbot, window)
    first = window.link._process
    first.kill()
    qtbot.waitUntil(window.lost.isVisible, timeout=30_000)
    assert "The engine has ended unexpectedly." in window.lost.text
    assert "switch it off at the front panel" in window.lost.text
    assert not window.run_panel.start.isEnabled()
    assert np.isfinite(window.chip_map.shown()).any()

    qtbot.mouseClick(window.lost.button, LEFT)
    qtbot.waitUntil(window.run_panel.start.isEnabled, timeout=30_000)
    assert not window.lost.isVisible()
    second = window.link._process
    assert second.pid != first.pid
    window.close()
    assert not psutil.pid_exists(second.pid)


def test_the_queue_outlives_the_engine_and_the_map_is_not_empty_then(qtbot, lab, open_window):
    shutil.copy(BENCH, lab / "third.toml")
    window = open_window("third.toml")
    qtbot.waitUntil(window.run_panel.start.isEnabled, timeout=30_000)
    before = window.view.last
    start(qtbot, window, cells="3,0..7", repeats="1")
    wait_for_end(qtbot, window, before)
    start(qtbot, window, cells="5,5", repeats=LONG)
    qtbot.waitUntil(lambda: window.live.rows > 0 and window.view.run, timeout=30_000)
    for cells in ("1,1", "2,2"):
        start(qtbot, window, cells=cells, repeats="1")
    qtbot.waitUntil(lambda: len(window.queue.lines()) == 2, timeout=30_000)
    assert window.run_panel.start.text() == "Add to the queue"
    first, second = (entry.id for entry in window.view.queue)
    window.queue.select(second)
    qtbot.mouseClick(window.queue.up, LEFT)
    qtbot.waitUntil(lambda: window.view.queue[0].id == second, timeout=30_000)
    assert window.queue.selected() == second  # it stays selected at its new place
    window.queue.select(first)
    qtbot.mouseClick(window.queue.remove, LEFT)
    qtbot.waitUntil(lambda: len(window.queue.lines()) == 1, timeout=30_000)

    window.link._process.kill()
    qtbot.waitUntil(window.lost.isVisible, timeout=30_000)
    assert window.queue.lines() == []
    later = open_window("third.toml")
    qtbot.waitUntil(lambda: later.view is not None, timeout=30_000)
    assert np.isfinite(later.chip_map.shown()[3, :8]).all()  # from the run before the last one
    assert np.isfinite(later.chip_map.shown()[5, 5])
    assert [line.split()[0] for line in later.queue.lines()] == [str(second)]
    assert "started anew" in later.view.held
    assert not later.view.is_busy
    cut = later.view.unfinished
    qtbot.mouseClick(later.queue.resume, LEFT)
    qtbot.waitUntil(lambda: later.view.unfinished is None, timeout=30_000)
    assert "rest of " + cut.name in later.queue.lines()[1]
    qtbot.mouseClick(later.queue.hold, LEFT)
    qtbot.waitUntil(lambda: later.view.run == cut.folder, timeout=30_000)
    assert later.queue.hold.text() == "Hold"
    qtbot.mouseClick(later.run_panel.abort, LEFT)
    qtbot.waitUntil(lambda: not later.view.is_busy, timeout=30_000)


def test_a_bench_that_does_not_open_is_explained_in_the_window(qtbot, lab, open_window):
    (lab / "wrong.toml").write_text(BENCH.read_text().replace("settling =", "setling ="))
    window = open_window("wrong.toml")
    qtbot.waitUntil(window.lost.isVisible, timeout=30_000)
    assert "setling" in window.lost.text
    assert "Traceback" not in window.lost.text
