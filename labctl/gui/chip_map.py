"""The chip map: one square per cell, its colour the latest conductance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF, Qt, pyqtSignal
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QVBoxLayout

from labctl.gui import theme
from labctl.gui.cell_states import FAILED, READ, UNREAD, CellStates
from labctl.gui.chip_axes import show_chip
from labctl.gui.scale import MICRO, format_conductance, limits, log_ticks, to_scale
from labctl.gui.selection import outline, rectangle_text


class _SelectingViewBox(pg.ViewBox):
    """A view whose left button draws a rectangle of cells; wheel zooms, middle button pans."""

    dragged = pyqtSignal(QPointF, QPointF, bool, bool)  # from, to, extend, finished

    def __init__(self) -> None:
        super().__init__(enableMenu=False, invertY=True, lockAspect=True)

    def mouseDragEvent(self, event: Any, axis: int | None = None) -> None:
        """Select while dragging with the left button; anything else moves the view."""
        if event.button() != Qt.MouseButton.LeftButton:
            super().mouseDragEvent(event, axis)
            return
        event.accept()
        start = self.mapToView(event.buttonDownPos())
        here = self.mapToView(event.pos())
        self.dragged.emit(start, here, _extends(event), event.isFinish())

    def mouseClickEvent(self, event: Any) -> None:
        """Select one cell, or show the whole chip again after a double click."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        event.accept()
        if event.double():
            self.autoRange(padding=0.02)
            return
        here = self.mapToView(event.pos())
        self.dragged.emit(here, here, _extends(event), True)


class ChipMap(QFrame):
    """Conductance of every cell in µS, with a colour bar, and cells to select.

    Signals
    -------
    selected(str, bool)
        A cells expression, and whether it adds to what was selected before (Ctrl was held).
    """

    selected = pyqtSignal(str, bool)

    def __init__(self, shape: tuple[int, int]) -> None:
        super().__init__()
        self.setObjectName("panel")
        self._states = CellStates(shape)
        self._shape = shape
        self._note: Callable[[int, int], str] = lambda row, column: ""

        self._view = _SelectingViewBox()
        self._view.dragged.connect(self._drag)
        self._graphics = pg.GraphicsLayoutWidget()
        self._graphics.ci.setContentsMargins(0, 0, 0, 0)
        self._plot = self._graphics.addPlot(viewBox=self._view)
        self._plot.hideButtons()
        self._plot.setLabel("bottom", "bit line (column)")
        self._plot.setLabel("left", "word line (row)")
        for side in ("left", "bottom"):
            self._plot.getAxis(side).setStyle(tickLength=0)
        self._background = pg.ImageItem(axisOrder="row-major")
        self._image = pg.ImageItem(axisOrder="row-major")
        self._failed = pg.ImageItem(axisOrder="row-major")
        pen = pg.mkPen("#ffffff", width=4)
        self._halo = pg.PlotCurveItem(pen=pen, connect="pairs")
        self._outline = pg.PlotCurveItem(pen=pg.mkPen("#111111", width=2), connect="pairs")
        self._rubber = pg.PlotCurveItem(
            pen=pg.mkPen(theme.ACCENT, width=2, style=Qt.PenStyle.DashLine), connect="pairs"
        )
        for item in (
            self._background,
            self._image,
            self._failed,
            self._halo,
            self._outline,
            self._rubber,
        ):
            self._plot.addItem(item)
        self._bar = pg.ColorBarItem(
            colorMap="viridis", width=14, interactive=False, colorMapMenu=False
        )
        self._bar.axis.setWidth(58)
        self._bar.setLabel("right", "conductance (µS)")
        self._bar.setImageItem(self._image, insert_in=self._plot)
        self._graphics.scene().sigMouseMoved.connect(self._hover)

        self._logarithmic = QCheckBox("log colours")
        self._logarithmic.setChecked(True)
        self._logarithmic.setToolTip("Colours by the logarithm of the conductance")
        self._logarithmic.toggled.connect(lambda: self.show_states(self._states))
        self._hint = QLabel()
        self._hint.setObjectName("muted")
        self._graphics.setToolTip(
            "Click or drag: select cells · with Ctrl: add to the selection\n"
            "Wheel: zoom · middle button: move · double click: whole chip"
        )

        heading = QLabel("Chip map")
        heading.setObjectName("heading")
        top = QHBoxLayout()
        top.addWidget(heading)
        top.addStretch()
        top.addWidget(_swatch(theme.UNREAD, "not read"))
        top.addSpacing(8)
        top.addWidget(_swatch(theme.FAILED, "failed"))
        top.addSpacing(8)
        top.addWidget(self._logarithmic)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.addLayout(top)
        layout.addWidget(self._graphics, 1)
        layout.addWidget(self._hint)
        self.set_shape(shape)

    @property
    def logarithmic(self) -> QCheckBox:
        """The switch between logarithmic and linear colours."""
        return self._logarithmic

    @property
    def hint(self) -> str:
        """What stands below the map: the cell under the mouse, or how to select."""
        return self._hint.text()

    def set_shape(self, shape: tuple[int, int]) -> None:
        """Show a chip of ``shape`` (rows, columns), nothing read yet."""
        self._shape = shape
        rows, columns = shape
        plain = np.array(QColor(theme.UNREAD).getRgb(), np.uint8)
        self._background.setImage(
            np.broadcast_to(plain, (rows, columns, 4)).copy(), levels=(0, 255)
        )
        show_chip(self._plot, shape)
        self.set_selection(np.zeros(shape, bool))
        self.show_states(CellStates(shape))
        self._view.autoRange(padding=0.02)

    def show_states(self, states: CellStates) -> None:
        """Draw the cells; costs the same however many rows the run has."""
        self._states = states
        logarithmic = self._logarithmic.isChecked()
        micro = states.conductance * MICRO
        micro[states.state != READ] = np.nan
        low, high = limits(micro, logarithmic)
        # NaN is transparent, so that the colour of "not read" shows from below.
        drawn = np.where(
            states.state == READ, np.maximum(to_scale(micro, logarithmic), low), np.nan
        )
        self._image.setImage(drawn, autoLevels=False)
        self._bar.setLevels((low, high))
        self._bar.axis.setTicks(log_ticks(low, high) if logarithmic else None)
        failed = np.zeros((*states.shape, 4), np.uint8)
        failed[states.state == FAILED] = QColor(theme.FAILED).getRgb()
        self._failed.setImage(failed, levels=(0, 255))

    def shown(self) -> NDArray[np.float64]:
        """Return what the picture shows, µS, shape (rows, columns); NaN where no colour is."""
        image = np.asarray(self._image.image, float)
        return 10.0**image if self._logarithmic.isChecked() else image

    def set_selection(self, mask: NDArray[np.bool_]) -> None:
        """Draw the outline of the selected cells (bool, shape (rows, columns))."""
        x, y = outline(mask)
        self._halo.setData(x, y)
        self._outline.setData(x, y)
        count = int(mask.sum())
        self._idle_hint = (
            f"{count} of {mask.size} cells selected · drag with Ctrl to add"
            if count
            else "Drag over cells to select them"
        )
        self._hint.setText(self._idle_hint)

    def add_note(self, note: Callable[[int, int], str]) -> None:
        """Say below the map what else ``note`` tells of the cell (row, column) under the mouse."""
        self._note = note

    def describe(self, row: int, column: int) -> str:
        """Return what is known of one cell, as shown under the mouse."""
        note = self._note(row, column)
        known = self._read(row, column)
        return f"{known} · {note}" if note else known

    def _read(self, row: int, column: int) -> str:
        where = f"cell ({row}, {column})"
        state = self._states.state[row, column]
        if state == UNREAD:
            return f"{where}: not read"
        value = format_conductance(float(self._states.conductance[row, column]))
        if state == FAILED:
            return f"{where}: failed, last reading {value}"
        return f"{where}: {value}"

    def point_of(self, row: int, column: int) -> QPointF:
        """Return the middle of a cell in scene coordinates of the view."""
        return self._view.mapViewToScene(QPointF(column + 0.5, row + 0.5))

    def _cell_at(self, point: QPointF) -> tuple[int, int]:
        return int(np.floor(point.y())), int(np.floor(point.x()))

    def _drag(self, start: QPointF, here: QPointF, extend: bool, finished: bool) -> None:
        first, last = self._cell_at(start), self._cell_at(here)
        rows, columns = self._shape
        outside = (
            max(first[0], last[0]) < 0
            or max(first[1], last[1]) < 0
            or min(first[0], last[0]) >= rows
            or min(first[1], last[1]) >= columns
        )
        if outside:
            self._rubber.setData([], [])
            return
        if finished:
            self._rubber.setData([], [])
            self.selected.emit(rectangle_text(first, last, self._shape), extend)
            return
        mask = np.zeros(self._shape, bool)
        top, bottom = sorted((first[0], last[0]))
        left, right = sorted((first[1], last[1]))
        mask[max(0, top) : bottom + 1, max(0, left) : right + 1] = True
        self._rubber.setData(*outline(mask))

    def _hover(self, position: QPointF) -> None:
        row, column = self._cell_at(self._view.mapSceneToView(position))
        inside = 0 <= row < self._shape[0] and 0 <= column < self._shape[1]
        self._hint.setText(self.describe(row, column) if inside else self._idle_hint)


def _extends(event: Any) -> bool:
    return bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)


def _swatch(colour: str, text: str) -> QLabel:
    label = QLabel(f'<span style="color:{colour}">■</span> {text}')
    label.setObjectName("muted")
    return label
