"""Learning curve and uncertainty of a run that learns, as they grow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtWidgets import QFrame, QLabel, QVBoxLayout

from labctl.gui import theme

_SOURCES = {
    "rounds": ("labelled", "labels"),
    "progress": ("step", "step"),
    "trace": ("step", "step"),
}
"""Tables that are shown, best first, with what they are plotted against and its name."""
_EPISTEMIC, _ALEATORIC = "#b3541e", "#7a8794"
_KEPT = ("accuracy", "nll", "aleatoric", "epistemic", "pulses")


class LearningView(QFrame):
    """Accuracy (or likelihood) above, aleatoric and epistemic uncertainty below.

    What is shown depends on the tables of the run: ``rounds`` of active learning against the number
    of labels, ``progress`` of learning against the step, and the ``trace`` of any chain.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("panel")
        self._rows: dict[str, dict[str, list[float]]] = {}
        heading = QLabel("Learning")
        heading.setObjectName("heading")
        self._curve_plot, self._doubt_plot = _plot(), _plot()
        self._doubt_plot.setLabel("left", "nat")
        self._curve = self._curve_plot.plot(pen=pg.mkPen(theme.ACCENT, width=2))
        self._epistemic = self._doubt_plot.plot(pen=pg.mkPen(_EPISTEMIC, width=2))
        self._aleatoric = self._doubt_plot.plot(pen=pg.mkPen(_ALEATORIC, width=2))
        self._legend = QLabel(
            f"<span style='color:{_EPISTEMIC}'>● epistemic</span> (lack of data)&nbsp;&nbsp; "
            f"<span style='color:{_ALEATORIC}'>● aleatoric</span> (noise)"
        )
        self._legend.setWordWrap(True)
        self._numbers = QLabel()
        self._numbers.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.addWidget(heading)
        layout.addWidget(self._curve_plot, 3)
        layout.addWidget(self._legend)
        layout.addWidget(self._doubt_plot, 2)
        layout.addWidget(self._numbers)
        self.begin()

    @property
    def numbers(self) -> str:
        """The latest numbers as written below the curves."""
        return self._numbers.text().replace("\N{NO-BREAK SPACE}", " ")

    @property
    def source(self) -> str:
        """The table that is shown; empty where the run does not learn."""
        return next((name for name in _SOURCES if self._rows.get(name)), "")

    def curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what the upper plot shows: abscissa and ordinate, shape (n,)."""
        x, y = self._curve.getData()
        empty = np.empty(0)
        return (empty, empty) if x is None else (np.asarray(x), np.asarray(y))

    def begin(self) -> None:
        """Start over with another run."""
        self._rows = {}
        self._redraw()

    def add(self, table: str, rows: Mapping[str, NDArray[Any]]) -> bool:
        """Take in new rows of a table; return whether they are of a run that learns."""
        if table not in _SOURCES or _SOURCES[table][0] not in rows:
            return False
        kept = self._rows.setdefault(table, {})
        for name in (_SOURCES[table][0], *_KEPT):
            if name in rows:
                kept.setdefault(name, []).extend(np.asarray(rows[name], dtype=float).tolist())
        self._redraw()
        return True

    def _redraw(self) -> None:
        source = self.source
        if not source:
            for line in (self._curve, self._epistemic, self._aleatoric):
                line.setData([], [])
            self._numbers.setText("nothing learned yet")
            return
        rows, (against, name) = self._rows[source], _SOURCES[source]
        x = np.array(rows[against])
        accuracy = np.array(rows.get("accuracy", []))
        shows_accuracy = len(accuracy) == len(x) and bool(np.isfinite(accuracy).any())
        symbol = "o" if source == "rounds" else None
        y = (
            100.0 * accuracy
            if shows_accuracy
            else np.array(rows.get("nll", np.full(len(x), np.nan)))
        )
        unit = "accuracy (%)" if shows_accuracy else "negative log likelihood (nat)"
        self._curve.setData(x, y, symbol=symbol, symbolSize=6, symbolBrush=theme.ACCENT)
        self._curve_plot.setLabel("left", unit)
        has_doubt = "epistemic" in rows
        self._doubt_plot.setVisible(has_doubt)
        self._legend.setVisible(has_doubt)
        for line, part, colour in (
            (self._epistemic, "epistemic", _EPISTEMIC),
            (self._aleatoric, "aleatoric", _ALEATORIC),
        ):
            at, values = (x, rows[part]) if has_doubt else ([], [])
            line.setData(at, values, symbol=symbol, symbolSize=5, symbolBrush=colour)
        self._curve_plot.setLabel("bottom", "" if has_doubt else name)
        self._doubt_plot.setLabel("bottom", name)
        self._numbers.setText(_numbers(name, x, y, shows_accuracy, rows))


def _plot() -> pg.PlotWidget:
    plot = pg.PlotWidget()
    plot.getPlotItem().hideButtons()
    plot.getPlotItem().setMenuEnabled(False)
    plot.setMouseEnabled(x=False, y=False)
    plot.showGrid(x=False, y=True, alpha=0.15)
    for side in ("left", "bottom"):
        plot.getAxis(side).enableAutoSIPrefix(False)
    plot.getAxis("left").setWidth(56)
    return plot


def _numbers(
    name: str, x: NDArray[np.float64], y: NDArray[np.float64], is_accuracy: bool,
    rows: Mapping[str, list[float]],
) -> str:  # fmt: skip
    parts = [f"{int(x[-1])} {name}" if name == "labels" else f"{name} {int(x[-1])}"]
    if np.isfinite(y[-1]):
        parts.append(f"accuracy {y[-1]:.1f} %" if is_accuracy else f"{y[-1]:.3g} nat")
    if "epistemic" in rows:
        parts.append(f"epistemic {rows['epistemic'][-1]:.3g} nat")
    if "pulses" in rows:
        parts.append(f"{int(rows['pulses'][-1])} pulses")
    # A number is never parted from its name where the line wraps.
    return "    ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts)
