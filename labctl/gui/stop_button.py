"""The red STOP, and what the window says while the bench is latched or the engine is away."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QKeySequence, QShortcut
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

LATCHED = "Latched: outputs at zero, acknowledge to go on"


class StopButton(QPushButton):
    """Emergency stop: always visible, always enabled, Ctrl+. or Shift+Escape from anywhere.

    It acts when it is pressed, not when it is released.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__("STOP")
        self.setObjectName("stop")
        self.setToolTip(
            "Emergency stop: ends the run, outputs to zero, relays open (Shift+Escape or Ctrl+.)"
        )
        self.setAccessibleName("Emergency stop")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setMinimumSize(150, 48)
        # By Tab only: a space typed after the window opened must not stop a bench.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.shortcuts = []
        for keys in ("Shift+Esc", "Ctrl+."):
            shortcut = QShortcut(QKeySequence(keys), window)
            shortcut.setContext(Qt.ShortcutContext.ApplicationShortcut)
            shortcut.activated.connect(self.pressed)
            self.shortcuts.append(shortcut)


class Banner(QFrame):
    """One line across the window with a button: hidden until there is something to say."""

    clicked = pyqtSignal()

    def __init__(self, name: str, button: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._label = QLabel()
        self._label.setWordWrap(True)
        self._label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.button = QPushButton(button)
        self.button.clicked.connect(self.clicked)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.addWidget(self._label, 1)
        layout.addWidget(self.button)
        self.hide()

    @property
    def text(self) -> str:
        """What is said."""
        return self._label.text()

    def say(self, text: str) -> None:
        """Show ``text``, or nothing where it is empty."""
        self._label.setText(text)
        self.setVisible(bool(text))
