"""Choice of a procedure, its parameters, and the buttons that run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
)

from labctl.gui.parameter_form import ParameterForm

_FIRST = ("read_map", "form")
_ACTIVE = ("running", "paused", "aborting")


class RunPanel(QFrame):
    """What to measure, and Start, Pause, Abort.

    Signals
    -------
    start_requested(str, dict)
        Procedure and parameter values, all of them right.
    pause_requested(), resume_requested(), abort_requested()
        The buttons.
    cells_changed(str)
        The text of the ``cells`` parameter.
    """

    start_requested = pyqtSignal(str, dict)
    pause_requested = pyqtSignal()
    resume_requested = pyqtSignal()
    abort_requested = pyqtSignal()
    cells_changed = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setFixedWidth(290)
        self._procedures: dict[str, Mapping[str, Any]] = {}
        self._form: ParameterForm | None = None
        self._kept: dict[str, dict[str, str]] = {}
        self._state = "unknown"
        self._held = False
        self._cells = ""

        self._choice = QComboBox()
        self._choice.setToolTip("The procedure to run")
        self._choice.currentTextChanged.connect(self._choose)
        self._about = _wrapped()
        self._about.setObjectName("muted")
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._problem = _wrapped()
        self._problem.setStyleSheet("color: #b00020;")
        self._problem.hide()

        self.start = QPushButton("Start")
        self.start.setObjectName("start")
        self.start.setToolTip("Run the procedure with these parameters (Ctrl+Return)")
        self.start.setShortcut("Ctrl+Return")
        self.pause = QPushButton("Pause")
        self.pause.setToolTip(
            "Wait after the present step; outputs stay as the procedure left them"
        )
        self.abort = QPushButton("Abort")
        self.abort.setToolTip("End the run now; outputs go to zero, what was measured is kept")
        self.start.clicked.connect(self._start)
        self.pause.clicked.connect(self._pause_or_resume)
        self.abort.clicked.connect(self.abort_requested)

        heading = QLabel("Run")
        heading.setObjectName("heading")
        pair = QHBoxLayout()
        pair.addWidget(self.pause)
        pair.addWidget(self.abort)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 10)
        layout.addWidget(heading)
        layout.addWidget(self._choice)
        layout.addWidget(self._about)
        layout.addWidget(self._scroll, 1)
        layout.addWidget(self._problem)
        layout.addWidget(self.start)
        layout.addLayout(pair)
        self.setFocusProxy(self._choice)
        self.set_engine_state("unknown", latched=False)

    @property
    def form(self) -> ParameterForm | None:
        """The form of the chosen procedure; None before the engine told of any."""
        return self._form

    @property
    def problem(self) -> str:
        """What keeps the procedure from starting; empty where nothing does."""
        return self._problem.text()

    def procedure(self) -> str:
        """Return the name of the chosen procedure."""
        return self._choice.currentText()

    def choose(self, name: str) -> None:
        """Choose the procedure called ``name``."""
        self._choice.setCurrentText(name)

    def set_procedures(self, procedures: Sequence[Mapping[str, Any]]) -> None:
        """Offer procedures, those everybody starts with first.

        Parameters
        ----------
        procedures
            Each with ``name``, ``text`` (one line about it) and ``parameters`` (declarations).
        """
        known = {str(p["name"]): p for p in procedures}
        first = [name for name in _FIRST if name in known]
        names = first + sorted(set(known) - set(first))
        chosen = self.procedure()
        self._procedures = known
        self._choice.blockSignals(True)
        self._choice.clear()
        self._choice.addItems(names)
        for index, name in enumerate(names):
            about = str(known[name].get("text") or "")
            self._choice.setItemData(index, about, Qt.ItemDataRole.ToolTipRole)
        if chosen in known:
            self._choice.setCurrentText(chosen)
        self._choice.blockSignals(False)
        self._choose(self._choice.currentText())
        self._show_state()

    def set_cells(self, text: str) -> None:
        """Fill the ``cells`` parameter, of this procedure and of those chosen later."""
        self._cells = text
        if self._form is not None:
            self._form.set_text("cells", text)

    def cells(self) -> str:
        """Return the text of the ``cells`` parameter; empty where the procedure has none."""
        if self._form is None or "cells" not in self._form.names():
            return ""
        return self._form.text("cells")

    def set_engine_state(self, state: str, latched: bool, held: bool = False) -> None:
        """Enable what the engine can do now (``idle``, ``running``, ``paused``, ...)."""
        self._held = held
        self._state = "latched" if latched else state
        self._show_state()

    def show_problem(self, text: str) -> None:
        """Say above the Start button what is wrong; nothing where ``text`` is empty."""
        self._problem.setText(text)
        self._problem.setVisible(bool(text))

    def _show_state(self) -> None:
        active = self._state in _ACTIVE
        ready = self._state == "idle" or active
        self.start.setText("Add to the queue" if active or self._held else "Start")
        self.start.setEnabled(ready and self._form is not None)
        self.pause.setText("Resume" if self._state == "paused" else "Pause")
        self.pause.setEnabled(self._state in ("running", "paused"))
        self.abort.setEnabled(self._state in ("running", "paused"))

    def _choose(self, name: str) -> None:
        if self._form is not None:
            self._remember()
        declaration = self._procedures.get(name)
        self.show_problem("")
        if declaration is None:
            self._form = None
            self._scroll.takeWidget()
            return
        self._about.setText(str(declaration.get("text") or ""))
        form = ParameterForm(declaration.get("parameters", []))
        for parameter, text in self._kept.get(name, {}).items():
            form.set_text(parameter, text)
        if self._cells:
            form.set_text("cells", self._cells)
        form.changed.connect(self._form_changed)
        self._shown = name
        self._form = form
        self._scroll.setWidget(form)
        self.cells_changed.emit(self.cells())

    def _remember(self) -> None:
        assert self._form is not None
        self._kept[self._shown] = {name: self._form.text(name) for name in self._form.names()}

    def _form_changed(self) -> None:
        assert self._form is not None
        errors = self._form.errors()
        self.show_problem(next(iter(errors.values()), ""))
        self._cells = self.cells() or self._cells
        self.cells_changed.emit(self.cells())

    def _start(self) -> None:
        if self._form is None:
            return
        try:
            values = self._form.values()
        except ValueError as error:
            self.show_problem(str(error))
            return
        self.show_problem("")
        self.start_requested.emit(self.procedure(), values)

    def _pause_or_resume(self) -> None:
        if self._state == "paused":
            self.resume_requested.emit()
        else:
            self.pause_requested.emit()


def _wrapped() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    return label
