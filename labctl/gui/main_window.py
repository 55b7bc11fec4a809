"""The window: chip map and histogram in the middle, the run on the left, STOP on top."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QCloseEvent
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMessageBox,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from labctl.cells import parse_cells
from labctl.engine.leftover import recent_runs
from labctl.errors import WiringError
from labctl.gui.chip_map import ChipMap
from labctl.gui.engine_link import EngineLink
from labctl.gui.engine_view import EngineView
from labctl.gui.histogram import Histogram
from labctl.gui.label_dialog import LabelDialog
from labctl.gui.learning_view import LearningView
from labctl.gui.live_run import LiveRun
from labctl.gui.log_panel import LogPanel
from labctl.gui.placement_view import PlacementView
from labctl.gui.queue_panel import QueuePanel
from labctl.gui.run_panel import RunPanel
from labctl.gui.selection import added
from labctl.gui.status_bar import StatusBar
from labctl.gui.stop_button import LATCHED, Banner, StopButton

_UNKNOWN_SHAPE = (1, 1)


class MainWindow(QMainWindow):
    """One bench in one window.

    The window only looks and asks: the engine measures, the run file carries the data. It may
    close, or the engine may die, without harm to the other.
    """

    def __init__(self, link: EngineLink) -> None:
        super().__init__()
        self.link = link
        self.view: EngineView | None = None
        self._ended: int | None = None
        self._closing = self._aborting = False
        self._question: QMessageBox | None = None
        self.setWindowTitle("labctl")
        self.setMinimumSize(1100, 700)
        self.resize(1280, 800)

        self.run_panel = RunPanel()
        self.chip_map = ChipMap(_UNKNOWN_SHAPE)
        self.histogram = Histogram()
        self.learning = LearningView()
        self.placement = PlacementView(_UNKNOWN_SHAPE)
        self.chip_map.add_note(self.placement.note)
        self.distributions = QTabWidget()
        self.distributions.addTab(self.histogram, "Conductance")
        self.distributions.addTab(self.learning, "Learning")
        self.distributions.addTab(self.placement, "Weights")
        self.labels = LabelDialog(self)
        self.log = LogPanel()
        self.queue = QueuePanel()
        self.stop = StopButton(self)
        self.latch = Banner("latch", "Acknowledge")
        self.lost = Banner("lost", "Start the engine again")
        self.wanted = Banner("lost", "Label them")
        self.live = LiveRun(_UNKNOWN_SHAPE)
        self.bar = StatusBar()
        self.setStatusBar(self.bar)
        self._title = QLabel("Connecting to the engine …")
        self._title.setStyleSheet("font-size: 17px; font-weight: 600;")
        self._lay_out()
        self._connect()
        self.bar.show_state("connecting")
        self.run_panel.setFocus()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self._title)
        top.addStretch()
        top.addWidget(self.stop)
        pictures = QSplitter(Qt.Orientation.Horizontal)
        pictures.addWidget(self.chip_map)
        pictures.addWidget(self.distributions)
        pictures.setSizes([600, 400])
        right = QSplitter(Qt.Orientation.Vertical)
        right.addWidget(pictures)
        words = QSplitter(Qt.Orientation.Horizontal)
        words.addWidget(self.log)
        words.addWidget(self.queue)
        words.setSizes([580, 420])
        right.addWidget(words)
        right.setStretchFactor(0, 1)
        right.setSizes([490, 165])
        for splitter in (pictures, words, right):
            splitter.setChildrenCollapsible(False)
            splitter.setHandleWidth(8)
        middle = QHBoxLayout()
        middle.setSpacing(8)
        middle.addWidget(self.run_panel)
        middle.addWidget(right, 1)
        everything = QVBoxLayout()
        everything.setContentsMargins(10, 8, 10, 8)
        everything.setSpacing(8)
        everything.addLayout(top)
        everything.addWidget(self.latch)
        everything.addWidget(self.lost)
        everything.addWidget(self.wanted)
        everything.addLayout(middle, 1)
        holder = QWidget()
        holder.setLayout(everything)
        self.setCentralWidget(holder)

    def _connect(self) -> None:
        link = self.link
        link.status.connect(self._show_status)
        link.procedures.connect(self.run_panel.set_procedures)
        link.said.connect(self.log.say)
        link.failed.connect(self.log.fail)
        link.lost.connect(self._show_loss)
        self.stop.pressed.connect(self._stop)
        self.latch.clicked.connect(link.acknowledge)
        self.lost.clicked.connect(self._reconnect)
        self.wanted.clicked.connect(self.labels.come_back)
        self.run_panel.start_requested.connect(link.submit)
        self.run_panel.pause_requested.connect(link.pause)
        self.run_panel.resume_requested.connect(link.resume)
        self.run_panel.abort_requested.connect(link.abort)
        self.run_panel.cells_changed.connect(self._show_selection)
        self.queue.move_requested.connect(link.move)
        self.queue.remove_requested.connect(link.remove)
        self.queue.hold_requested.connect(link.hold)
        self.queue.release_requested.connect(link.release)
        self.queue.resume_requested.connect(link.resume_run)
        self.queue.dismiss_requested.connect(link.dismiss)
        self.chip_map.selected.connect(self._select)
        self.live.changed.connect(self._show_states)
        self.live.began.connect(self.learning.begin)
        self.live.began.connect(self.placement.begin)
        self.live.arrived.connect(self._show_learning)
        self.live.arrived.connect(self.placement.add)
        self.live.failed.connect(self.log.fail)

    def _show_status(self, view: EngineView) -> None:
        first = self.view is None
        previous, self.view = self.view, view
        if first or previous is None or previous.chip != view.chip:
            self.setWindowTitle(f"labctl – {view.bench}")
            self._title.setText(f"{view.bench} · {view.chip}")
            self.bar.show_bench(view.bench, view.chip, view.shape)
            self.live.set_shape(view.shape)
            self.chip_map.set_shape(view.shape)
            self.placement.set_shape(view.shape)
            if view.data_root is not None:
                self.live.begin_with(recent_runs(view.data_root, view.chip, view.shape))
            self._show_states()
            self._show_selection(self.run_panel.cells())
        self.lost.say("")
        self.latch.say(LATCHED if view.latched else "")
        self.latch.setToolTip(view.latched)
        self.bar.show_state("latched" if view.latched else view.state, view.waiting)
        self.run_panel.set_engine_state(view.state, bool(view.latched), bool(view.held))
        self.queue.show_view(view)
        for notice in view.notices:
            if previous is None or notice not in previous.notices:
                self.log.fail(notice)
        ended = "" if view.last is None else f"{view.last.name} {view.last.status}"
        self.bar.show_progress(
            view.run_name, view.done, view.total, view.eta, view.bench_eta, last=ended
        )
        if view.run is not None:
            self.live.follow(view.run, growing=True)
        elif view.last is not None and view.last.folder is not None:
            self.live.follow(view.last.folder, growing=False)
        self.labels.look(view.run if view.is_busy else None)
        waiting = self.labels.put_off
        self.wanted.say(f"The run waits for labels of {waiting} samples." if waiting else "")
        self._report_end(view, first)

    def _report_end(self, view: EngineView, first: bool) -> None:
        """Say in the log how a run ended, once."""
        last = view.last
        if last is None or last.id == self._ended:
            return
        self._ended = last.id
        if first:
            self.log.say(f"Showing the last run, {last.name} ({last.status}).")
        elif last.status == "failed":
            self.log.fail(f"Run {last.name} failed. {last.error}")
        else:
            summary = self.live.summary() if last.folder == self.live.path else ""
            how = f"{last.status}: {summary}" if summary else last.status
            self.log.say(f"Run {last.name} {how}. {last.error}".rstrip())

    def _show_loss(self, reason: str) -> None:
        self.bar.show_state("lost")
        self.bar.show_progress(None, 0, 0)
        self.run_panel.set_engine_state("lost", latched=False)
        self.queue.show_nothing()
        self.latch.say("")
        self.lost.say(reason)
        self.log.fail(reason)
        self.live.poll()
        self._ended = None

    def _reconnect(self) -> None:
        self.lost.say("")
        self.log.say("Starting the engine again …")
        self.bar.show_state("connecting")
        self.link.reconnect()

    def _stop(self) -> None:
        self.log.fail("STOP pressed.")
        self.link.stop()

    def _select(self, text: str, extend: bool) -> None:
        cells = added(self.run_panel.cells(), text) if extend else text
        self.run_panel.set_cells(cells)
        self._show_selection(cells)

    def _show_selection(self, text: str) -> None:
        shape = self.live.states.shape
        mask = np.zeros(shape, bool)
        if text.strip() and text.strip() != "all":
            try:
                cells = parse_cells(text, shape)
                mask[cells[:, 0], cells[:, 1]] = True
            except WiringError as error:
                self.run_panel.show_problem(str(error))
        self.chip_map.set_selection(mask)
        self.histogram.set_selection(mask)

    def _show_states(self) -> None:
        self.chip_map.show_states(self.live.states)
        self.histogram.show_states(self.live.states)

    def _show_learning(self, table: str, rows: object) -> None:
        """Follow a run that learns; its tab comes to the front with its first rows.

        Unless somebody looks at where the weights are.
        """
        assert isinstance(rows, dict)
        before, looked_at = self.learning.source, self.distributions.currentWidget()
        if self.learning.add(table, rows) and not before and looked_at is self.histogram:
            self.distributions.setCurrentWidget(self.learning)

    @property
    def question(self) -> QMessageBox | None:
        """The question asked before closing while a measurement runs; None where none stands."""
        return self._question

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Close at once where nothing runs; ask what is to become of a running measurement."""
        assert event is not None
        busy = self.view is not None and self.view.is_busy and not self.link.is_lost
        if busy and not self._closing:
            event.ignore()
            self._ask()
            return
        self.live.leave()
        # An idle engine that this window started ends with it; any other goes on.
        self.link.close(end_engine=not busy or self._aborting)
        event.accept()

    def _ask(self) -> None:
        # Not modal: STOP stays within reach while the question stands.
        box = QMessageBox(self)
        box.setModal(False)
        box.setWindowTitle("A measurement is running")
        box.setText("A measurement is running.")
        box.setInformativeText(
            "It can go on without the window: the engine measures and stores, and `labctl gui` "
            "shows it again. Or abort it: outputs go to zero, what was measured is kept."
        )
        go_on = box.addButton("Close, let it run", QMessageBox.ButtonRole.AcceptRole)
        abort = box.addButton("Abort and close", QMessageBox.ButtonRole.DestructiveRole)
        stay = box.addButton("Stay", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(stay)

        def answered() -> None:
            pressed = box.clickedButton()
            self._question = None
            if pressed is abort:
                self._aborting = True
                self.link.abort()
            if pressed in (go_on, abort):
                self._closing = True
                self.close()

        box.finished.connect(answered)
        self._question = box
        box.show()
