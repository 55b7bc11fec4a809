"""Live histogram of conductance."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QCheckBox, QComboBox, QFrame, QHBoxLayout, QLabel, QVBoxLayout

from labctl.gui import theme
from labctl.gui.cell_states import READ, CellStates
from labctl.gui.scale import MICRO, format_conductance, limits, log_ticks, to_scale

THIS_RUN, KNOWN, SELECTED = "this run", "all known cells", "selected cells"
_BINS = 48


class Histogram(QFrame):
    """Distribution of the latest good reading of each cell, in µS.

    Failed cells are left out of it; their number is written below.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("panel")
        self._states = CellStates((1, 1))
        self._selection: NDArray[np.bool_] = np.zeros((1, 1), bool)
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)

        self._plot = pg.PlotWidget()
        self._plot.getPlotItem().hideButtons()
        self._plot.getPlotItem().setMenuEnabled(False)
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.setLabel("bottom", "conductance (µS)")
        self._plot.setLabel("left", "cells")
        self._plot.getAxis("left").setWidth(48)
        self._plot.getAxis("bottom").setStyle(tickLength=5)
        self._plot.showGrid(x=False, y=True, alpha=0.15)
        self._bars = pg.PlotDataItem(
            [0, 1],
            [0],
            stepMode="center",
            fillLevel=0,
            fillBrush="#8fb8d2",
            pen=pg.mkPen(theme.ACCENT, width=1),
        )
        self._median = pg.InfiniteLine(
            angle=90,
            pen=pg.mkPen("#b3541e", width=2, style=Qt.PenStyle.DashLine),
            label="median",
            labelOpts={"position": 0.96, "color": "#b3541e", "fill": "#ffffffd0", "movable": False},
        )
        self._plot.addItem(self._bars)
        self._plot.addItem(self._median)

        self._logarithmic = QCheckBox("log axis")
        self._logarithmic.setChecked(True)
        self._logarithmic.toggled.connect(lambda: self._redraw())
        self._scope = QComboBox()
        self._scope.addItems([THIS_RUN, KNOWN, SELECTED])
        self._scope.setToolTip("Which cells the histogram counts")
        self._scope.currentTextChanged.connect(lambda _: self._redraw())
        heading = QLabel("Histogram")
        heading.setObjectName("heading")
        self._numbers = QLabel()
        self._numbers.setWordWrap(True)
        self._numbers.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

        top = QHBoxLayout()
        top.addWidget(heading)
        top.addStretch()
        top.addWidget(self._scope)
        top.addSpacing(8)
        top.addWidget(self._logarithmic)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.addLayout(top)
        layout.addWidget(self._plot, 1)
        layout.addWidget(self._numbers)
        self._redraw()

    @property
    def logarithmic(self) -> QCheckBox:
        """The switch between logarithmic and linear conductance."""
        return self._logarithmic

    @property
    def scope(self) -> QComboBox:
        """The choice of cells that are counted."""
        return self._scope

    @property
    def numbers(self) -> str:
        """Count, median and standard deviation as written below the bars."""
        return self._numbers.text().replace("\N{NO-BREAK SPACE}", " ")

    @property
    def counts(self) -> NDArray[np.int64]:
        """Cells in each bin, int64, shape (bins,)."""
        return self._counts

    def show_states(self, states: CellStates) -> None:
        """Count the cells anew; costs the same however many rows the run has."""
        self._states = states
        if self._selection.shape != states.shape:
            self._selection = np.zeros(states.shape, bool)
        self._redraw()

    def set_selection(self, mask: NDArray[np.bool_]) -> None:
        """Take note of the selected cells (bool, shape (rows, columns))."""
        self._selection = mask
        if self._scope.currentText() == SELECTED:
            self._redraw()

    def _redraw(self) -> None:
        scope = self._scope.currentText()
        states = self._states
        chosen = np.ones(states.shape, bool)
        if scope == THIS_RUN:
            chosen = states.in_run
        elif scope == SELECTED and self._selection.shape == states.shape:
            chosen = self._selection
        siemens = states.conductance[chosen & (states.state == READ)]
        siemens = siemens[np.isfinite(siemens)]
        judged = int(np.count_nonzero(chosen & (states.state > 0)))

        logarithmic = self._logarithmic.isChecked()
        micro = siemens * MICRO
        low, high = limits(micro, logarithmic)
        drawn = np.clip(to_scale(micro, logarithmic), low, high)
        self._counts, edges = np.histogram(drawn, bins=_BINS, range=(low, high))
        self._bars.setData(edges, self._counts)
        self._plot.setXRange(low, high, padding=0.01)
        self._plot.setYRange(0.0, max(1.0, 1.08 * float(self._counts.max())), padding=0.0)
        self._plot.getAxis("bottom").setTicks(log_ticks(low, high) if logarithmic else None)
        if not len(siemens):
            self._median.hide()
            self._numbers.setText("no reading yet")
            return
        median, sd = float(np.median(siemens)), float(np.std(siemens))
        at = to_scale(np.array([median * MICRO]), logarithmic)
        self._median.setValue(float(np.clip(at, low, high)[0]))
        self._median.show()
        parts = [
            f"n = {len(siemens)}",
            f"median {format_conductance(median)}",
            f"sd {format_conductance(sd)}",
        ]
        failed = judged - len(siemens)
        if failed:
            parts.append(f"{failed} failed")
        # A number is never parted from its name where the line wraps.
        self._numbers.setText(
            "    ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts)
        )
