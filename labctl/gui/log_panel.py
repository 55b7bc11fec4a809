"""Messages and errors, newest last, with what to do about them."""

from __future__ import annotations

import html
from datetime import datetime

from PyQt6.QtWidgets import QFrame, QLabel, QPlainTextEdit, QVBoxLayout

from labctl.gui import theme

_MOST_LINES = 2000


class LogPanel(QFrame):
    """A list of what happened; errors in red."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("panel")
        self._lines = QPlainTextEdit()
        self._lines.setReadOnly(True)
        self._lines.setMaximumBlockCount(_MOST_LINES)
        self._lines.setFrameShape(QFrame.Shape.NoFrame)
        self._lines.setStyleSheet("QPlainTextEdit { border: none; padding: 0px; }")
        heading = QLabel("Messages")
        heading.setObjectName("heading")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 6, 10, 6)
        layout.setSpacing(2)
        layout.addWidget(heading)
        layout.addWidget(self._lines, 1)
        self.setMinimumHeight(84)

    @property
    def text(self) -> str:
        """All lines."""
        return self._lines.toPlainText()

    def say(self, message: str) -> None:
        """Add a message."""
        self._add(message, theme.TEXT)

    def fail(self, message: str) -> None:
        """Add an error."""
        self._add(message, "#b00020")

    def _add(self, message: str, colour: str) -> None:
        time = f"{datetime.now().astimezone():%H:%M:%S}"
        body = html.escape(message).replace("\n", "<br>&nbsp;&nbsp;&nbsp;&nbsp;")
        self._lines.appendHtml(
            f'<span style="color:{theme.MUTED}">{time}</span>&nbsp;&nbsp;'
            f'<span style="color:{colour}">{body}</span>'
        )
        bar = self._lines.verticalScrollBar()
        if bar is not None:
            bar.setValue(bar.maximum())
