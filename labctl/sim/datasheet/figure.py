"""The figure: twelve panels on one sheet."""

from __future__ import annotations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from labctl.sim.datasheet import look
from labctl.sim.datasheet.endurance import draw_endurance
from labctl.sim.datasheet.forming import draw_forming
from labctl.sim.datasheet.gates import draw_gates
from labctl.sim.datasheet.kinetics import draw_kinetics
from labctl.sim.datasheet.loops import draw_loops
from labctl.sim.datasheet.noise import draw_reads
from labctl.sim.datasheet.published import BANDS
from labctl.sim.datasheet.relaxation import draw_relaxation
from labctl.sim.datasheet.retention import draw_retention
from labctl.sim.datasheet.sheet import DataSheet
from labctl.sim.datasheet.spectrum import draw_spectrum
from labctl.sim.datasheet.states import draw_states
from labctl.sim.datasheet.steps import draw_transitions

_WIDTH, _HEIGHT = 11.7, 11.0
"""Inches."""


@look.styled
def draw(sheet: DataSheet, version: str) -> Figure:
    """Return the figure of a data sheet, with the version of labctl in its title."""
    figure = Figure(figsize=(_WIDTH, _HEIGHT))
    FigureCanvasAgg(figure)
    axes = figure.subplots(4, 3).ravel()
    figure.subplots_adjust(
        left=0.055, right=0.945, top=0.925, bottom=0.068, wspace=0.27, hspace=0.62
    )
    figure.text(
        0.012, 0.978, f"Simulated chip {sheet.preset}", fontsize=14, fontweight="bold",
        color=look.INK, va="center",
    )  # fmt: skip
    figure.text(
        0.985, 0.978, f"seed {sheet.seed}, labctl {version}", fontsize=9, color=look.GREY,
        ha="right", va="center",
    )  # fmt: skip
    both = [sheet.setting.conductance, sheet.resetting.conductance]
    low, high = min(float(g.min()) for g in both) / 1.3, max(float(g.max()) for g in both) * 1.3
    draw_loops(axes[0], sheet.loops)
    draw_forming(axes[1], sheet.forming, BANDS.get(sheet.preset, {}).get("forming_median"))
    draw_states(axes[2], sheet.states)
    draw_kinetics(axes[3], sheet.setting, low=low, high=high)
    draw_kinetics(axes[4], sheet.resetting, low=low, high=high)
    draw_transitions(axes[5], sheet.transitions)
    draw_gates(axes[6], sheet.gates)
    draw_reads(axes[7], sheet.reads)
    draw_spectrum(axes[8], sheet.spectrum)
    draw_relaxation(axes[9], sheet.relaxation)
    draw_retention(axes[10], sheet.retention)
    draw_endurance(axes[11], sheet.endurance)
    return figure
