"""The runs that wait, and what may be done with them."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from labctl.gui import theme
from labctl.gui.engine_view import EngineView

_NUMBER = Qt.ItemDataRole.UserRole
_BAD = "#b00020"


class QueuePanel(QFrame):
    """The queue of the engine, the next run on top.

    Signals
    -------
    move_requested(int, str)
        Number of a run, and ``up`` or ``down``.
    remove_requested(int)
        Number of a run.
    hold_requested(), release_requested()
        Let no further run begin, or let them.
    resume_requested(str), dismiss_requested()
        What is to become of the run (folder) that the end of an engine cut short.
    """

    move_requested = pyqtSignal(int, str)
    remove_requested = pyqtSignal(int)
    hold_requested = pyqtSignal()
    release_requested = pyqtSignal()
    resume_requested = pyqtSignal(str)
    dismiss_requested = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setMinimumWidth(300)
        self._held = False
        self._shown: object = None
        self._unfinished = ""
        heading = QLabel("Queue")
        heading.setObjectName("heading")
        self._why = QLabel()
        self._why.setTextFormat(Qt.TextFormat.PlainText)
        self._why.setStyleSheet("color: #9a6700;")
        self._why.setWordWrap(True)
        self.hold = _button("Hold", "Let no further run begin; the present one goes on")
        self.up = _button("Up", "Run the selected one earlier")
        self.down = _button("Down", "Run the selected one later")
        self.remove = _button("Remove", "Take the selected one off the queue (Delete)")
        self.remove.setShortcut("Del")
        self.resume = _button("Resume it", "Queue the units of this run that are not done yet")
        self.dismiss = _button("Leave it", "Do not offer it again; what it measured stays")
        self._cut = QLabel()
        self._cut.setTextFormat(Qt.TextFormat.PlainText)
        self._cut.setWordWrap(True)
        self._list = QListWidget()
        self._list.setFrameShape(QFrame.Shape.NoFrame)
        self._list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setAccessibleName("Runs that wait")
        self._list.setStyleSheet(
            f"QListWidget {{ background: {theme.PANEL}; }}"
            f"QListWidget::item:selected {{ background: {theme.ACCENT}; color: white; }}"
        )
        self._list.itemSelectionChanged.connect(self._enable)
        self._empty = QLabel("Nothing waits. Start adds a run while another is on.")
        self._empty.setObjectName("muted")
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop)

        top = QHBoxLayout()
        top.addWidget(heading)
        top.addStretch(1)
        for button in (self.up, self.down, self.remove, self.hold):
            top.addWidget(button)
        self._offer = QWidget()
        offer = QHBoxLayout(self._offer)
        offer.setContentsMargins(0, 0, 0, 0)
        offer.addWidget(self._cut, 1)
        offer.addWidget(self.resume)
        offer.addWidget(self.dismiss)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 6, 10, 6)
        layout.setSpacing(3)
        layout.addLayout(top)
        layout.addWidget(self._offer)
        layout.addWidget(self._why)
        layout.addWidget(self._list, 1)
        layout.addWidget(self._empty, 1)

        self.up.clicked.connect(lambda: self._move("up"))
        self.down.clicked.connect(lambda: self._move("down"))
        self.remove.clicked.connect(self._remove)
        self.hold.clicked.connect(self._hold_or_release)
        self.resume.clicked.connect(lambda: self.resume_requested.emit(self._unfinished))
        self.dismiss.clicked.connect(self.dismiss_requested)
        self.show_nothing()

    def show_nothing(self) -> None:
        """Show no queue, as where there is no engine."""
        self._shown = None
        self._list.clear()
        self._list.hide()
        self._empty.show()
        self._why.hide()
        self._offer.hide()
        self.hold.setEnabled(False)
        self._enable()

    def show_view(self, view: EngineView) -> None:
        """Show what the engine said; what is selected stays so while it waits."""
        told = (view.queue, view.held, view.unfinished, bool(view.latched))
        if told == self._shown:
            return
        self._shown = told
        chosen = self.selected()
        self._list.blockSignals(True)
        self._list.clear()
        for entry in view.queue:
            item = QListWidgetItem(f"{entry.id}   {entry.procedure}   {entry.text}")
            item.setData(_NUMBER, entry.id)
            item.setToolTip(entry.problem or f"{entry.procedure}\n{entry.text}")
            if entry.problem:
                item.setForeground(theme.colour(_BAD))
            self._list.addItem(item)
            if entry.id == chosen:
                self._list.setCurrentItem(item)
        self._list.blockSignals(False)
        self._list.setVisible(bool(view.queue))
        self._empty.setVisible(not view.queue and not view.held and view.unfinished is None)
        self._held = bool(view.held)
        self._why.setText(f"Held. {view.held}" if view.held else "")
        self._why.setVisible(self._held)
        self.hold.setText("Release" if self._held else "Hold")
        self.hold.setToolTip(
            "Let the runs begin" if self._held else "Let no further run begin; the present goes on"
        )
        self.hold.setEnabled(not (self._held and view.latched))
        cut = view.unfinished
        self._unfinished = str(cut.folder) if cut is not None else ""
        self._cut.setText("" if cut is None else f"{cut.name} was cut short ({cut.status}).")
        self._cut.setToolTip(self._unfinished)
        self._offer.setVisible(cut is not None)
        self._enable()

    def selected(self) -> int | None:
        """Return the number of the selected run; None where none is."""
        item = self._list.currentItem()
        return None if item is None or not item.isSelected() else int(item.data(_NUMBER))

    def select(self, number: int) -> None:
        """Select a run."""
        for row in range(self._list.count()):
            item = self._list.item(row)
            if item is not None and item.data(_NUMBER) == number:
                self._list.setCurrentItem(item)

    def lines(self) -> list[str]:
        """Return what the list shows, from the top."""
        items = (self._list.item(row) for row in range(self._list.count()))
        return [item.text() for item in items if item is not None]

    def _enable(self) -> None:
        row, chosen = self._list.currentRow(), self.selected() is not None
        self.up.setEnabled(chosen and row > 0)
        self.down.setEnabled(chosen and row < self._list.count() - 1)
        self.remove.setEnabled(chosen)

    def _move(self, to: str) -> None:
        if (number := self.selected()) is not None:
            self.move_requested.emit(number, to)

    def _remove(self) -> None:
        if (number := self.selected()) is not None:
            self.remove_requested.emit(number)

    def _hold_or_release(self) -> None:
        (self.release_requested if self._held else self.hold_requested).emit()


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setStyleSheet("QPushButton { padding: 2px 8px; }")
    return button
