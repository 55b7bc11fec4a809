"""mSGLD as Lin et al. published it: the rule of Nat. Comput. Sci. 5, 27 (2025), taken at its word.

A weight is the sum of three cells. Each step (an epoch) reads all cells ten times and takes the
mean gradient of prior and cross entropy; centred RMSprop scales it. In each layer the largest
``q = 0.125 p`` of the steps wanted count as a hit, ``p = 0.51 * 0.9^floor(epoch / 20)``; every six
epochs, weights that were hit twice or more get one pulse that nobody verifies, on one of the three
cells at random, in the direction of most of their hits. Predictions are those of 20 fresh reads.

Use it with ten passes and the published encoding::

    Chain(array, model, calibration, pulses, rng, rule=Lin2025(layers=(600, 2550, 102)),
          encoding=ENCODING, passes=READS)

The share is never brought back to its start as published (``schedule="published"``), so that the
last layers stop moving after some trainings; ``"restarted"`` begins anew with every training.
Where the paper leaves it open: the number of hits is rounded down, so a layer of less than 1/q
weights gets none; a weight hit as often up as down gets no pulse.

What comes out is not the posterior but far too narrow, since nothing ties the scatter of pulses to
the temperature of the density; the calibrated rules are :mod:`.coin` and :mod:`.kappa`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from labctl.errors import ProcedureError
from labctl.learn.calibration import Calibration
from labctl.learn.rule import View
from labctl.learn.weights import SumOfCells

_READ = 0.2  # V; the paper states currents
ENCODING = SumOfCells(
    3, zero=6.66e-6 / _READ, begin=(1.2e-6 / _READ, 2.2e-6 / _READ, 3.2e-6 / _READ)
)
"""The published encoding; the cells begin at 1.2, 2.2 and 3.2 µA."""
Schedule = Literal["published", "restarted"]
KAPPA = 1.1e-6 / _READ
"""S per unit weight."""
PRIOR_SD = 0.19**0.5
READS = 10
"""Passes of reads before a step."""
PREDICTIVE_READS = 20
"""Passes of reads of a prediction: ``chain.read_draws(PREDICTIVE_READS)``."""
EPOCHS = 120
"""Of one training."""
_DECAY, _TINY = 0.99, 1e-12
_SHARE, _COOLING, _COOLED_EVERY, _PART = 0.51, 0.9, 20, 0.125
_GATHERED, _HITS = 6, 2


class Lin2025:
    """See the module.

    Parameters
    ----------
    layers
        Number of weights of each layer; their sum is the size of the model.
    schedule
        ``"published"`` or ``"restarted"``.
    epochs
        Of one training.
    kappa
        S per unit weight; None is a chip's window over 3.27, as the published scale is of 2-20 µS.

    Raises
    ------
    ProcedureError
        For another schedule, or layers without weights.
    """

    def __init__(
        self,
        layers: Sequence[int],
        schedule: Schedule = "published",
        *,
        epochs: int = EPOCHS,
        kappa: float | None = KAPPA,
    ) -> None:
        if schedule not in ("published", "restarted"):
            raise ProcedureError(
                f"There is no schedule {schedule!r} of the published rule; there is 'published' "
                "and 'restarted'."
            )
        if not layers or min(layers) < 1 or epochs < 1:
            raise ProcedureError(
                f"Layers of {tuple(layers)} weights and trainings of {epochs} epochs: give 1 or "
                "more of each."
            )
        self.layers, self.schedule, self.epochs = tuple(layers), schedule, epochs
        self._scale = kappa
        self._mean = self._square = np.zeros(0)
        self._hits = self._way = np.zeros(0, dtype=np.int64)

    def share(self, step: int) -> float:
        """Return the share q of a layer's weights that counts as hit in a step, from 0."""
        epoch = step if self.schedule == "published" else step % self.epochs
        return _PART * _SHARE * float(_COOLING ** (epoch // _COOLED_EVERY))

    def kappa(
        self, calibration: Calibration, prior_sd: NDArray[np.float64], pulsed: int = 3
    ) -> NDArray[np.float64]:
        """Return the scale (S per unit weight), shape (n,), whatever the prior."""
        scale = calibration.range * KAPPA / 18e-6 if self._scale is None else self._scale
        return np.full(len(prior_sd), scale)

    def rescaled(
        self, own: NDArray[np.float64], fitted: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the published scale (see :class:`labctl.learn.rule.OwnScale`)."""
        return own

    def slots(
        self, step: int, weights: int, of: tuple[int, ...], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Return a random cell of each weight (see :class:`labctl.learn.rule.ChoosesCells`)."""
        return rng.choice(np.array(of, dtype=np.int64), weights)

    def decide(self, view: View, rng: np.random.Generator) -> tuple[NDArray[np.int8], int]:
        """Return the polarities (see :class:`labctl.learn.rule.Rule`); no coin is tossed.

        Raises
        ------
        ProcedureError
            Where the layers do not add up to the weights.
        """
        size = len(view.gradient)
        if size % sum(self.layers):
            raise ProcedureError(
                f"Layers of {self.layers} weights are {sum(self.layers)}; there are {size}. Name "
                "the weights of each layer of the model."
            )
        if len(self._mean) != size:
            self._mean, self._square = np.zeros(size), np.zeros(size)
            self._hits, self._way = np.zeros(size, np.int64), np.zeros(size, np.int64)
        wanted = self._scaled(view.gradient)
        hit = self._largest(np.abs(wanted), self.share(view.step))
        self._hits += hit
        self._way -= hit * np.sign(wanted).astype(np.int64)
        polarity = np.zeros(size, dtype=np.int8)
        if view.step % _GATHERED == _GATHERED - 1:
            chosen = self._hits >= _HITS
            polarity = np.where(chosen, np.sign(self._way) * view.sign, 0.0).astype(np.int8)
            self._hits[:] = 0
            self._way[:] = 0
        return polarity, 0

    def pulsed(self, steps: int) -> float:
        """Return how many weights are pulsed in so many steps from 0, at most."""
        # A weight that gets a pulse was hit twice or more.
        hits = 0
        for first in range(0, steps, _COOLED_EVERY):
            share = self.share(first)  # the same for all steps until the next
            each = sum(int(share * width) for width in self.layers)
            hits += each * min(_COOLED_EVERY, steps - first)
        return hits / _HITS

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return the means of RMSprop and the hits so far (see :class:`.rule.Remembers`)."""
        parts = (self._mean, self._square, self._hits, self._way)
        return {"lin2025": np.array(parts, dtype=np.float64)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`state` returned."""
        if "lin2025" not in state:  # states saved before it was among them
            return
        mean, square, hits, way = state["lin2025"]
        self._mean, self._square = mean.copy(), square.copy()
        self._hits, self._way = hits.astype(np.int64), way.astype(np.int64)

    def _scaled(self, gradient: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the gradient over its own scatter (RMSprop, centred)."""
        self._mean = _DECAY * self._mean + (1 - _DECAY) * gradient
        self._square = _DECAY * self._square + (1 - _DECAY) * gradient**2
        scatter = np.maximum(self._square - self._mean**2, _TINY)
        scaled: NDArray[np.float64] = gradient / np.sqrt(scatter)
        return scaled

    def _largest(self, size: NDArray[np.float64], share: float) -> NDArray[np.bool_]:
        """Tell the largest of each layer, as many as its share rounded down."""
        hit = np.zeros(len(size), dtype=bool)
        start = 0
        while start < len(size):
            for width in self.layers:
                count = int(share * width)
                if count:
                    top = np.argpartition(size[start : start + width], width - count)[-count:]
                    hit[start + top] = True
                start += width
        return hit
