"""Colours, font and style sheet of the window: light, calm, one accent; red means STOP."""

from __future__ import annotations

from pathlib import Path

import pyqtgraph as pg
from PyQt6.QtGui import QColor, QFont, QFontDatabase, QFontMetrics, QPalette
from PyQt6.QtWidgets import QApplication

BACKGROUND = "#f3f4f6"
PANEL = "#ffffff"
TEXT = "#1f2933"
MUTED = "#5b6775"
LINE = "#cfd5dc"
ACCENT = "#1d6fa5"
STOP = "#c4001a"
STOP_DARK = "#8f0013"
UNREAD = "#e3e6ea"
FAILED = "#e0245e"
WARNING = "#fff3cd"

STYLE = f"""
QWidget {{ color: {TEXT}; }}
QMainWindow, QSplitter {{ background: {BACKGROUND}; }}
QFrame#panel {{ background: {PANEL}; border: 1px solid {LINE}; border-radius: 6px; }}
QLabel#heading {{ font-weight: 600; }}
QLabel#muted {{ color: {MUTED}; }}
QPushButton {{ background: {PANEL}; border: 1px solid #aab4bf; border-radius: 4px;
    padding: 5px 12px; }}
QPushButton:hover {{ background: #eef3f7; }}
QPushButton:pressed {{ background: #dde6ed; }}
QPushButton:focus {{ border: 2px solid {ACCENT}; padding: 4px 11px; }}
QPushButton:disabled {{ color: #9aa5b1; border-color: {LINE}; background: {BACKGROUND}; }}
QPushButton#start {{ background: {ACCENT}; border-color: {ACCENT}; color: white;
    font-weight: 600; }}
QPushButton#start:hover {{ background: #175a86; }}
QPushButton#start:disabled {{ background: #b9cbd8; border-color: #b9cbd8; color: white; }}
QPushButton#stop {{ background: {STOP}; border: 2px solid {STOP_DARK}; border-radius: 6px;
    color: white; font-size: 20px; font-weight: 800; padding: 6px 26px; }}
QPushButton#stop:hover {{ background: #dc0a25; }}
QPushButton#stop:pressed {{ background: {STOP_DARK}; }}
QPushButton#stop:focus {{ border: 2px solid {TEXT}; }}
QFrame#latch {{ background: {STOP}; border: none; border-radius: 6px; }}
QFrame#latch QLabel {{ color: white; font-weight: 600; }}
QFrame#lost {{ background: {WARNING}; border: 1px solid #d9b648; border-radius: 6px; }}
QLineEdit, QAbstractSpinBox, QPlainTextEdit {{ background: {PANEL};
    border: 1px solid #aab4bf; border-radius: 4px; padding: 3px 5px;
    selection-background-color: {ACCENT}; selection-color: white; }}
QLineEdit:focus, QAbstractSpinBox:focus {{ border-color: {ACCENT}; }}
QLineEdit[wrong="true"] {{ border: 2px solid {FAILED}; }}
QScrollArea, QScrollArea > QWidget > QWidget {{ background: transparent; border: none; }}
QProgressBar {{ background: {PANEL}; border: 1px solid {LINE}; border-radius: 4px;
    text-align: center; min-height: 16px; }}
QProgressBar::chunk {{ background: #9cc6e0; border-radius: 3px; }}
QStatusBar {{ background: {PANEL}; border-top: 1px solid {LINE}; }}
QStatusBar::item {{ border: none; }}
QToolTip {{ background: {PANEL}; color: {TEXT}; border: 1px solid {LINE}; padding: 3px; }}
"""


def colour(name: str) -> QColor:
    """Return a colour of this sheet by its name."""
    return QColor(name)


def use_bundled_font(font: QFont) -> str | None:
    """Load DejaVu Sans out of matplotlib where ``font`` has no letters.

    A machine without fonts, which names families all the same, shows every letter as a box.
    matplotlib carries DejaVu Sans under a free licence, so that nothing has to be copied or
    installed.

    Returns
    -------
    str or None
        The family that was loaded, None where the system has fonts of its own.
    """
    letters = QFontMetrics(font)
    if letters.inFont("A") and letters.inFont("µ"):
        return None
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    families: list[str] = []
    for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"):
        number = QFontDatabase.addApplicationFont(str(folder / name))
        families += QFontDatabase.applicationFontFamilies(number)
    return families[0] if families else None


def apply(application: QApplication) -> None:
    """Give the application its font, palette and style sheet, and pyqtgraph its colours."""
    font = application.font()
    if family := use_bundled_font(font):
        font = QFont(family, 10)
    # A bare X11 session has no font setting of its own and starts too small.
    font.setPointSize(max(font.pointSize(), 10))
    application.setFont(font)
    application.setStyle("Fusion")
    palette = QPalette()
    for role, colour in (
        (QPalette.ColorRole.Window, BACKGROUND),
        (QPalette.ColorRole.WindowText, TEXT),
        (QPalette.ColorRole.Base, PANEL),
        (QPalette.ColorRole.AlternateBase, BACKGROUND),
        (QPalette.ColorRole.Text, TEXT),
        (QPalette.ColorRole.Button, PANEL),
        (QPalette.ColorRole.ButtonText, TEXT),
        (QPalette.ColorRole.Highlight, ACCENT),
        (QPalette.ColorRole.HighlightedText, "#ffffff"),
        (QPalette.ColorRole.ToolTipBase, PANEL),
        (QPalette.ColorRole.ToolTipText, TEXT),
        (QPalette.ColorRole.PlaceholderText, "#7b8794"),
    ):
        palette.setColor(role, QColor(colour))
    application.setPalette(palette)
    application.setStyleSheet(STYLE)
    pg.setConfigOptions(background=PANEL, foreground=TEXT)
