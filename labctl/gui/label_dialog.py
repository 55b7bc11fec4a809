"""A person at the window labels the samples that a run asks about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QImage, QKeyEvent, QPixmap
from PyQt6.QtWidgets import QDialog, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from labctl.learn.oracles import (
    Question,
    Questions,
    class_typed,
    read_answers,
    read_questions,
    write_answer,
)

_SIDE = 220  # pixels of a picture
_MOST_FEATURES = 24
_COLUMNS = 3


class LabelDialog(QDialog):
    """Shows one sample after the other with a button for each class.

    Not modal: STOP stays within reach. Questions and answers are files in the run folder, so that
    the dialog, like the window, may come and go while the run waits.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModal(False)
        self.setWindowTitle("Which class is this?")
        self.setMinimumWidth(380)
        self._folder: Path | None = None
        self._questions: Questions | None = None
        self._open: tuple[Question, ...] = ()
        self._dismissed: Questions | None = None
        self.buttons: list[QPushButton] = []
        self._which = QLabel()
        self._which.setObjectName("heading")
        self._picture = QLabel()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._features = QLabel()
        self._features.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._problem = QLabel()
        self._problem.setWordWrap(True)
        self._problem.setStyleSheet("color: #b00020;")
        self.cannot_tell = QPushButton("I cannot tell")
        self.cannot_tell.setToolTip("Leave this sample out; it is not asked for again (Esc closes)")
        self.cannot_tell.setAutoDefault(False)
        self.cannot_tell.clicked.connect(lambda: self._answer(""))
        self._classes = QGridLayout()
        layout = QVBoxLayout(self)
        for widget in (self._which, self._picture, self._features):
            layout.addWidget(widget)
        layout.addLayout(self._classes)
        layout.addWidget(self.cannot_tell)
        layout.addWidget(self._problem)

    @property
    def question(self) -> Question | None:
        """The sample that is shown; None where none waits."""
        return self._open[0] if self._open else None

    def look(self, folder: Path | None) -> None:
        """Show what a run asks, close where it asks no longer; called now and then.

        Parameters
        ----------
        folder
            Of the run that goes on; None where none does.
        """
        questions = None if folder is None else read_questions(folder)
        if questions is None:
            self._questions, self._open = None, ()
            self.hide()
            return
        if questions == self._questions or questions == self._dismissed:
            return
        self._folder, self._questions = folder, questions
        self._lay_out(questions)
        self._next()

    @property
    def put_off(self) -> int:
        """How many samples wait whose dialog was closed."""
        closed = self._questions is not None and self._questions == self._dismissed
        return len(self._open) if closed else 0

    def reject(self) -> None:
        """Close and do not come back for these samples unasked; the run waits on."""
        self._dismissed = self._questions
        super().reject()

    def come_back(self) -> None:
        """Show the samples again whose dialog was closed."""
        self._dismissed = None
        if self._questions is not None:
            self._next()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Take a digit for the class of that name or place (see :func:`class_typed`)."""
        assert event is not None
        names = [button.text() for button in self.buttons]
        if event.text().isdecimal() and (place := class_typed(event.text(), names)) is not None:
            self.buttons[place].click()
            return
        super().keyPressEvent(event)

    def _lay_out(self, questions: Questions) -> None:
        for button in self.buttons:
            self._classes.removeWidget(button)
            button.deleteLater()
        self.buttons = []
        for k, name in enumerate(questions.classes):
            button = QPushButton(name)
            button.setAutoDefault(False)
            keys = [key for key in "0123456789" if class_typed(key, questions.classes) == k]
            if keys:
                button.setToolTip(f"Key {keys[0]}")
            button.clicked.connect(lambda _, name=name: self._answer(name))
            self._classes.addWidget(button, k // 5, k % 5)
            self.buttons.append(button)

    def _next(self) -> None:
        """Show the next sample without an answer."""
        questions, folder = self._questions, self._folder
        assert questions is not None
        assert folder is not None
        answers = read_answers(folder, questions.classes)
        self._open = questions.without(list(answers.labels))
        self._problem.setText(answers.problem)
        question = self.question
        if question is None:
            self.hide()
            return
        number = len(questions.samples) - len(self._open) + 1
        self._which.setText(f"Sample {question.index}   ({number} of {len(questions.samples)})")
        self._picture.setVisible(questions.image is not None)
        self._features.setVisible(questions.image is None)
        if questions.image is not None:
            self._picture.setPixmap(_pixmap(question, questions.image))
        else:
            self._features.setText(_listed(question, questions.features))
        self.adjustSize()
        self.show()
        self.raise_()

    def _answer(self, name: str) -> None:
        question = self.question
        if question is None or self._folder is None:
            return
        write_answer(self._folder, question.index, name)
        self._next()


def _pixmap(question: Question, shape: tuple[int, int]) -> QPixmap:
    """Return the features as a picture, dark on light."""
    values = np.array(question.x).reshape(shape)
    low, high = float(values.min()), float(values.max())
    grey = 255 - np.round(255 * (values - low) / max(high - low, 1e-12)).astype(np.uint8)
    content = np.ascontiguousarray(grey).tobytes()
    picture = QImage(content, shape[1], shape[0], shape[1], QImage.Format.Format_Grayscale8)
    return QPixmap.fromImage(picture.copy()).scaled(
        _SIDE, _SIDE, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.FastTransformation
    )


def _listed(question: Question, names: tuple[str, ...]) -> str:
    labels = names or tuple(f"x{k}" for k in range(len(question.x)))
    parts = [
        f"<td>{name}&nbsp;</td><td align='right'><b>{value:.4g}</b>&nbsp;&nbsp;&nbsp;</td>"
        for name, value in list(zip(labels, question.x, strict=True))[:_MOST_FEATURES]
    ]
    rows = ["".join(parts[k : k + _COLUMNS]) for k in range(0, len(parts), _COLUMNS)]
    left = len(question.x) - len(parts)
    more = f"<tr><td>and {left} more</td></tr>" if left > 0 else ""
    return "<table>" + "".join(f"<tr>{row}</tr>" for row in rows) + more + "</table>"
