"""The map of weights on cells: which cell carries what, plus or minus, and where spares are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtGui import QColor, QPainterPath
from PyQt6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QVBoxLayout

from labctl.analysis import style
from labctl.gui import theme
from labctl.gui.chip_axes import show_chip
from labctl.gui.placement_states import DEAD, PlacementStates

BY_LAYER, BY_WEIGHT = "by layer", "by weight"
DEAD_COLOUR = "#9aa5b1"
_SIGNED = 1024
"""Cells up to which signs are written on them; beyond, they would be specks."""
_PALE = 0.55  # share of white in the colour of a minus cell
_GOLDEN = 0.618034  # of a turn of the hue from weight to weight: neighbours never look alike


class PlacementView(QFrame):
    """One square per cell, its colour the layer or the weight that it carries.

    Minus cells are paler than plus cells; spares have a frame, cells given up a cross.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        super().__init__()
        self.setObjectName("panel")
        heading = QLabel("Weights on cells")
        heading.setObjectName("heading")
        self._colours = QComboBox()
        self._colours.addItems([BY_LAYER, BY_WEIGHT])
        self._colours.setToolTip("What the colour of a cell tells")
        self._colours.currentTextChanged.connect(lambda _: self._redraw())
        self._view = _WholeChip()
        self._graphics = pg.GraphicsLayoutWidget()
        self._graphics.ci.setContentsMargins(0, 0, 0, 0)
        self._graphics.setToolTip("Wheel: zoom · drag: move · double click: whole chip")
        self._plot = self._graphics.addPlot(viewBox=self._view)
        self._plot.hideButtons()
        self._plot.setLabel("bottom", "bit line (column)")
        self._plot.setLabel("left", "word line (row)")
        for side in ("left", "bottom"):
            self._plot.getAxis(side).setStyle(tickLength=0)
        self._image = pg.ImageItem(axisOrder="row-major")
        self._plot.addItem(self._image)
        self._signs = _marks()
        self._spares = _marks(pg.mkPen(theme.TEXT, width=2.5))
        self._lost = _marks(pg.mkPen(theme.FAILED, width=2.5))
        for marks in (self._signs, self._spares, self._lost):
            self._plot.addItem(marks)
        self._graphics.scene().sigMouseMoved.connect(self._hover)
        self._legend = QLabel()
        self._legend.setWordWrap(True)
        self._hint = QLabel()
        self._hint.setObjectName("muted")
        self._hint.setWordWrap(True)
        # Two lines, always: the map must not jump while the mouse goes over it.
        self._hint.setMinimumHeight(2 * self._hint.fontMetrics().lineSpacing())
        self._hint.setAlignment(Qt.AlignmentFlag.AlignTop)
        top = QHBoxLayout()
        top.addWidget(heading)
        top.addStretch()
        top.addWidget(self._colours)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.addLayout(top)
        layout.addWidget(self._graphics, 1)
        layout.addWidget(self._legend)
        layout.addWidget(self._hint)
        self.set_shape(shape)

    @property
    def colours(self) -> QComboBox:
        """The choice of what colours mean."""
        return self._colours

    @property
    def hint(self) -> str:
        """What stands below the map: the cell under the mouse, or how many carry weights."""
        return self._hint.text()

    @property
    def legend(self) -> str:
        """The legend, as rich text."""
        return self._legend.text()

    @property
    def states(self) -> PlacementStates:
        """What is known of the cells."""
        return self._states

    def set_shape(self, shape: tuple[int, int]) -> None:
        """Show a chip of ``shape`` (rows, columns) without weights."""
        self._shape = shape
        show_chip(self._plot, shape)
        self.begin()
        self._view.autoRange(padding=0.02)

    def begin(self) -> None:
        """Start over with another run."""
        self._states = PlacementStates(self._shape)
        self._redraw()

    def add(self, table: str, rows: object) -> bool:
        """Take in new rows of a table; return whether they tell of the placement."""
        if table != "placement":
            return False
        assert isinstance(rows, dict)
        self._states.add(rows)
        self._redraw()
        return True

    def describe(self, row: int, column: int) -> str:
        """Return what one cell carries, as shown under the mouse."""
        return f"cell ({row}, {column}): {self._states.describe(row, column)}"

    def note(self, row: int, column: int) -> str:
        """Return what one cell carries, for another map; empty where it carries no weight."""
        carries = self._states.weight[row, column] >= 0
        return self._states.describe(row, column) if carries else ""

    def point_of(self, row: int, column: int) -> QPointF:
        """Return the middle of a cell in scene coordinates of the view."""
        return self._view.mapViewToScene(QPointF(column + 0.5, row + 0.5))

    def _redraw(self) -> None:
        states = self._states
        self._image.setImage(self._picture(), levels=(0, 255))
        sign = states.fields["sign"] if states.weight.size <= _SIGNED else 0 * states.weight
        row, column = np.nonzero(sign)
        self._signs.setData(
            column + 0.5,
            row + 0.5,
            symbol=[_PLUS if s > 0 else _MINUS for s in sign[row, column]],
            pen=[_PLUS_PEN if s > 0 else _MINUS_PEN for s in sign[row, column]],
            size=0.42,
        )
        for marks, mask, symbol, size in (
            (self._spares, states.is_spare, "s", 0.84),
            (self._lost, states.is_lost, _CROSS, 0.6),
        ):
            row, column = np.nonzero(mask)
            marks.setData(column + 0.5, row + 0.5, symbol=symbol, size=size)
        self._legend.setText(self._key())
        carrying = int((states.weight >= 0).sum())
        self._idle_hint = (
            f"{carrying} of {states.weight.size} cells carry weights"
            if carrying
            else "No weights on the chip: a run that learns places them"
        )
        self._hint.setText(self._idle_hint)

    def _picture(self) -> NDArray[np.uint8]:
        """Return the colour of every cell, shape (rows, columns, 4)."""
        states = self._states
        picture = np.empty((*states.shape, 4), np.uint8)
        picture[:] = QColor(theme.UNREAD).getRgb()
        picture[states.weight == DEAD] = QColor(DEAD_COLOUR).getRgb()
        used = states.weight >= 0
        by_layer = self._colours.currentText() == BY_LAYER
        key = states.fields["layer" if by_layer else "weight"][used]
        shade = _layer_colour if by_layer else _weight_colour
        known, again = np.unique(key, return_inverse=True)
        base = np.array([shade(int(k)).getRgb() for k in known], float).reshape(-1, 4)[again]
        pale = np.where(states.fields["sign"][used] < 0, _PALE, 0.0)[:, None]
        picture[used] = np.round((1 - pale) * base + pale * 255.0)
        return picture

    def _key(self) -> str:
        states = self._states
        items = []
        if self._colours.currentText() == BY_LAYER:
            for k in range(states.layers):
                here = (states.fields["layer"] == k) & (states.weight >= 0)
                name = "weights" if states.layers == 1 else f"layer {k + 1}"
                items.append(_item("■", _layer_colour(k).name(), f"{name} ({int(here.sum())})"))
        elif states.layers:
            items.append(_item("■", _weight_colour(0).name(), "each weight a colour"))
        if (states.fields["sign"] < 0).any():
            if states.weight.size <= _SIGNED:
                items.append(_item("+", theme.TEXT, "plus cell"))
            items.append(_item("−", theme.TEXT, "minus cell, paler"))
        items.append(_item("■", theme.UNREAD, f"free ({int((states.weight == -1).sum())})"))
        unusable = int(((states.weight == DEAD) & ~states.is_lost).sum())
        items.append(_item("■", DEAD_COLOUR, f"not usable ({unusable})"))
        if states.is_lost.any():
            items.append(_item("×", theme.FAILED, f"given up ({int(states.is_lost.sum())})"))
            items.append(_item("□", theme.TEXT, f"spare ({int(states.is_spare.sum())})"))
        return " &nbsp; ".join(items)

    def _hover(self, position: QPointF) -> None:
        point = self._view.mapSceneToView(position)
        row, column = int(np.floor(point.y())), int(np.floor(point.x()))
        inside = 0 <= row < self._shape[0] and 0 <= column < self._shape[1]
        self._hint.setText(self.describe(row, column) if inside else self._idle_hint)


class _WholeChip(pg.ViewBox):
    """A view that a double click sets back to the whole chip."""

    def __init__(self) -> None:
        super().__init__(enableMenu=False, invertY=True, lockAspect=True)

    def mouseClickEvent(self, event: Any) -> None:
        """Show the whole chip again after a double click."""
        if event.button() == Qt.MouseButton.LeftButton and event.double():
            event.accept()
            self.autoRange(padding=0.02)


def _marks(pen: Any = None) -> pg.ScatterPlotItem:
    """Return marks that grow with the cells; a frame around a cell is drawn in pixels."""
    return pg.ScatterPlotItem(pxMode=False, pen=pen, brush=None)


def _strokes(*lines: tuple[float, float, float, float]) -> QPainterPath:
    path = QPainterPath()
    for x0, y0, x1, y1 in lines:
        path.moveTo(x0, y0)
        path.lineTo(x1, y1)
    return path


_PLUS = _strokes((-0.5, 0, 0.5, 0), (0, -0.5, 0, 0.5))
_MINUS = _strokes((-0.5, 0, 0.5, 0))
_CROSS = _strokes((-0.5, -0.5, 0.5, 0.5), (-0.5, 0.5, 0.5, -0.5))
_PLUS_PEN, _MINUS_PEN = pg.mkPen("#ffffff", width=1.5), pg.mkPen(theme.TEXT, width=1.5)


def _layer_colour(layer: int) -> QColor:
    return QColor(style.SERIES[layer % len(style.SERIES)])


def _weight_colour(weight: int) -> QColor:
    return QColor.fromHsvF((0.57 + _GOLDEN * weight) % 1.0, 0.72, 0.78)


def _item(mark: str, colour: str, text: str) -> str:
    return f'<span style="color:{colour}"><b>{mark}</b></span>&nbsp;{text.replace(" ", "&nbsp;")}'
