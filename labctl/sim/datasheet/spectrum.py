"""Power spectral density of the read noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from labctl.sim.datasheet import look
from labctl.sim.datasheet.noise import PERIOD, Reads

FIT_LOW, FIT_HIGH = 0.4, 10.0
"""Hz, between which the slope is fitted: 0.002 to 0.05 per read, clear of the white floor."""
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Spectra of relative conductance.

    Attributes
    ----------
    frequency
        Hz, float64, (n,), without zero.
    density
        1/Hz, (n, cells).
    """

    frequency: NDArray[np.float64]
    density: NDArray[np.float64]

    @property
    def slopes(self) -> NDArray[np.float64]:
        """Slope of ln density against ln frequency in the fitted band, (cells,)."""
        band = (self.frequency >= FIT_LOW) & (self.frequency <= FIT_HIGH)
        log = np.log(self.density[band])
        return np.asarray(np.polyfit(np.log(self.frequency[band]), log, 1)[0])


def spectrum(reads: Reads) -> Spectrum:
    """Return the one-sided periodogram of each series, Hann window, constant part removed."""
    series = reads.conductance / reads.mean - 1.0
    window = np.hanning(series.shape[0])[:, None]
    power = np.abs(np.fft.rfft(series * window, axis=0)) ** 2
    density = np.asarray(2 * PERIOD * power / (window**2).sum(), dtype=np.float64)
    frequency = np.asarray(np.fft.rfftfreq(series.shape[0], PERIOD), dtype=np.float64)
    return Spectrum(frequency[2:], density[2:])  # the window smears zero over the first line


def _smooth(frequency: NDArray[np.float64], density: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (2, n): frequency and density averaged in bins of even width in logarithm."""
    edges = np.geomspace(frequency[0], frequency[-1] * 1.0001, 28)
    place = np.digitize(frequency, edges)
    kept = np.unique(place)
    return np.array(
        [[frequency[place == k].mean() for k in kept], [density[place == k].mean() for k in kept]]
    )


def draw_spectrum(axes: Axes, found: Spectrum) -> None:
    """Draw a few cells thin, the mean of all bold, and the slope."""
    axes.set_title("Spectrum of the read noise")
    axes.set_xscale("log")
    axes.set_yscale("log")
    order = np.argsort(found.density.mean(axis=0))
    shown = order[(np.linspace(0.1, 0.9, _SHOWN) * (order.size - 1)).astype(int)]
    for k, cell in enumerate(shown):
        x, y = _smooth(found.frequency, found.density[:, cell])
        axes.plot(
            x, y, color=look.SKY, linewidth=0.8,
            label="cells at 10, 37, 63, 90 %" if k == 0 else None,
        )  # fmt: skip
    x, y = _smooth(found.frequency, found.density.mean(axis=1))
    axes.plot(x, y, color=look.BLUE, linewidth=1.8, label="mean of all")
    slope = float(np.median(found.slopes))
    at = np.array([max(FIT_LOW, float(x[0])), FIT_HIGH])
    middle = np.exp(np.interp(np.log(2.0), np.log(x), np.log(y)))
    axes.plot(
        at, 2.2 * middle * (at / 2.0) ** slope, color=look.INK, linewidth=1.0,
        linestyle=(0, (4, 2)),
        label=f"slope {slope:.2f} (median cell)",
    )  # fmt: skip
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.45)
    look.plain(axes.xaxis)
    look.decades(axes.yaxis)
    axes.set_xlabel("frequency (Hz)")
    axes.set_ylabel("density of G / mean G (1/Hz)")
    axes.legend(loc="upper right")
    look.note(
        axes,
        f"{found.density.shape[1]} cells, series of the panel to the left;\n"
        f"periodogram, Hann window; slope fitted from {FIT_LOW:g} to {FIT_HIGH:g} Hz",
    )
