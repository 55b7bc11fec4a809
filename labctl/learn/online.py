"""Calibration kept up to date by the pulses of the learning itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl.learn.calibration import Calibration
from labctl.learn.curves import FACTOR_BOUNDS, Moments
from labctl.learn.kernels import diffuse, track

_MEMORY = 600
"""Pulses of one polarity after which a cell's past counts 1/e. Much longer than the chain takes to
forget its state: a faster tracker would take the pulses' own noise for a change of the cell and
cancel it, and that noise is what the chain samples with."""
_BLOCK = 20
"""Pulses of a cell over which its residuals are added up to see how fast they diffuse."""
_NOISE_MEMORY = 2_000
"""Blocks, of all cells together, after which the past counts 1/e."""
_NOISE_PRIOR = 60.0
"""Blocks the calibration counts for."""
_PRIOR_PULSES = 20.0
"""What is known of a cell beforehand weighs at most as much as this many pulses of its own."""
_NOISE_BOUNDS = (0.3, 3.0)
_OUTLIER = 5.0
_STEP_TOLERANCE = 0.35
_NOISE_TOLERANCE = 1.0


class Tracker:
    """Factors of the cells in use and of the pulse noise, updated pulse by pulse.

    The mean steps of each cell follow its own pulses, slowly. The noise is what the chain is driven
    by, so what counts is how far a cell *diffuses* in the long run beyond the expected steps: the
    variance of the sum of residuals over a block of pulses. Read noise drops out of it (what one
    read adds the next one takes away), and slow changes of speed, traps and relaxation, which make
    the residuals of neighbouring pulses alike, are in it.

    Parameters
    ----------
    calibration
        What was measured beforehand.
    cells
        int, shape (n, slots, 2): row and column of the cells of n weights.
    """

    def __init__(self, calibration: Calibration, cells: NDArray[np.int64]) -> None:
        self.calibration = calibration
        rows, cols = cells[..., 0], cells[..., 1]
        self._prior = calibration.factor[rows, cols].copy()  # (n, slots, 2 polarities)
        self._information = np.zeros(self._prior.shape)
        self._moment = np.zeros(self._prior.shape)
        self._known = calibration.information[rows, cols]
        self._read = calibration.noise.factor[rows, cols]  # (n, slots)
        self._factor = self._prior.copy()
        self._noise = np.zeros(2)  # seen and expected variance of blocks, in units of the expected
        self._start_at = np.full(rows.shape, np.nan)
        self._expected = np.zeros(rows.shape)
        self._variance = np.zeros(rows.shape)
        self._count = np.zeros(rows.shape, dtype=np.int64)
        self.pulses = 0

    def moments(self, slot: NDArray[np.int64], conductance: NDArray[np.float64]) -> Moments:
        """Return the step moments of one cell of each weight at conductances (S), shape (n,)."""
        return self.calibration.curves.moments_of(
            conductance, slot, self._factor, self.noise_factor
        )

    @property
    def factor(self) -> NDArray[np.float64]:
        """Present factors, shape (n, slots, 2 polarities: SET, RESET)."""
        return self._factor

    @property
    def noise_factor(self) -> float:
        """Present pulse variance over the calibration's."""
        seen, expected = self._noise + _NOISE_PRIOR
        return float(min(max(seen / expected, _NOISE_BOUNDS[0]), _NOISE_BOUNDS[1]))

    def update(
        self,
        slot: NDArray[np.int64],
        polarity: NDArray[np.int8],
        before: NDArray[np.float64],
        after: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Take the pulses of one step: one cell of each weight, shape (n,); polarity 0 is none.

        Returns
        -------
        NDArray
            float64, shape (4, n): step in the direction of the pulse and what was expected of it
            (S), variance of the pulse and of its two reads (S^2); the step is NaN where nothing was
            pulsed or read.
        """
        looked = self.calibration.curves.look_up(before)
        noise, read = self.noise_factor, self.calibration.noise
        seen = np.empty((4, len(slot)))
        self.pulses += track(
            slot, polarity, before, after, looked, read.floor, read.relative, self._read, noise,
            self._prior, self._known, self._information, self._moment, self._factor,
            1.0 - 1.0 / _MEMORY, _PRIOR_PULSES, _OUTLIER, *FACTOR_BOUNDS, seen,
        )  # fmt: skip
        diffuse(
            slot, polarity, before, after, seen, noise, self._start_at, self._expected,
            self._variance, self._count, self._noise, _BLOCK, _NOISE_MEMORY, _OUTLIER,
        )  # fmt: skip
        return seen

    def replace(self, weight: int, slot: int, cell: tuple[int, int]) -> None:
        """Begin anew with another cell in the place of one."""
        at = (weight, slot)
        self._prior[at] = self._factor[at] = self.calibration.factor[cell]
        self._known[at] = self.calibration.information[cell]
        self._read[at] = self.calibration.noise.factor[cell]
        self._information[at] = self._moment[at] = 0.0
        self._expected[at] = self._variance[at] = 0.0
        self._count[at] = 0

    def warnings(self) -> list[str]:
        """Tell where the calibration no longer holds: what was assumed, and what is seen."""
        if self.pulses < 1000:
            return []
        found = []
        calibration = self.calibration
        at = np.array([calibration.centre])
        assumed = calibration.curves.moments(at)
        for kind, name, step in ((0, "SET", assumed.up[0]), (1, "RESET", assumed.down[0])):
            change = float(np.mean(self._factor[..., kind]) / np.mean(self._prior[..., kind]))
            if abs(np.log(change)) > np.log1p(_STEP_TOLERANCE):
                found.append(
                    f"{name} steps are {change:.2f} times those of the calibration "
                    f"({step * 1e6:.3g} µS assumed at {at[0] * 1e6:.3g} µS, "
                    f"{step * change * 1e6:.3g} µS seen). Learning follows; measure transitions "
                    "again before the next run."
                )
        change = self.noise_factor
        if abs(np.log(change)) > np.log1p(_NOISE_TOLERANCE):
            sd = float(np.sqrt(assumed.variance[0]))
            found.append(
                f"Pulses scatter {np.sqrt(change):.2f} times as much as in the calibration "
                f"({sd * 1e6:.3g} µS assumed at {at[0] * 1e6:.3g} µS, "
                f"{sd * np.sqrt(change) * 1e6:.3g} µS seen). Learning follows; measure transitions "
                "again before the next run."
            )
        return found

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return everything that was learned, as arrays."""
        return {
            "tracker_factor": self._factor.copy(),
            "tracker_information": self._information.copy(),
            "tracker_moment": self._moment.copy(),
            "tracker_noise": self._noise.copy(),
            "tracker_block": np.stack(
                [self._start_at, self._expected, self._variance, self._count.astype(np.float64)]
            ),
            "tracker_pulses": np.array(float(self.pulses)),
        }

    def restore(self, state: dict[str, NDArray[np.float64]]) -> None:
        """Go on from what :meth:`state` returned."""
        self._factor = state["tracker_factor"].copy()
        self._information = state["tracker_information"].copy()
        self._moment = state["tracker_moment"].copy()
        self._noise = state["tracker_noise"].copy()
        block = state["tracker_block"].copy()
        self._start_at, self._expected, self._variance = block[0], block[1], block[2]
        self._count = block[3].astype(np.int64)
        self.pulses = int(state["tracker_pulses"])
