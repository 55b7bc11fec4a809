"""The idealised soft-bounds device: steps that shrink on the way to a bound.

A pulse up changes the weight by ``step_up * (1 - w / high)``, one down by
``-step_down * (1 - w / low)``, and noise of standard deviation ``sigma * step`` comes on top:
Fusi & Abbott, Nat. Neurosci. 10, 485 (2007) for the bounds; Gokmen & Vlasov, Front. Neurosci. 10,
333 (2016) for the spread of steps and bounds from device to device, and for noise that does not
depend on the weight (additive cycle-to-cycle noise of the SoftBounds device of IBM's aihwkit). It
knows no volts and no seconds: a yardstick, and the fast stand-in where only the pulse statistics
count.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import LimitError, WiringError
from labctl.sim.chip.soft import soft_pulses

_NARROW = 0.1  # no device has less than this fraction of the nominal step or bound
_ARRAYS = ("weights", "up", "down", "low", "high")
_NUMBERS = ("sigma", "seed", "pulses")


class SoftBounds:
    """Many soft-bounds devices.

    Parameters
    ----------
    n
        Number of devices, 1 to 2^32.
    step_up, step_down
        Nominal size of a step at weight 0, both positive, in units of the weight.
    low, high
        Nominal bounds, ``low < 0 < high``.
    sigma
        Standard deviation of a step from pulse to pulse, in steps at weight 0.
    seed
        0 to 2^64 - 1; two of one seed are the same devices and draw the same noise.
    step_spread, bound_spread
        Relative standard deviation of steps and of bounds from device to device, each direction
        of its own; normal, cut off below a tenth of the nominal value.

    Attributes
    ----------
    pulses
        Number of pulses so far; with the seed it decides the noise of the next.

    Raises
    ------
    LimitError
        A parameter out of its range or not finite.
    """

    def __init__(
        self,
        n: int,
        *,
        step_up: float = 0.002,
        step_down: float = 0.002,
        low: float = -1.0,
        high: float = 1.0,
        sigma: float = 1.0,
        seed: int = 0,
        step_spread: float = 0.0,
        bound_spread: float = 0.0,
    ) -> None:
        if not 1 <= n <= 2**32:
            raise LimitError(f"{n} soft-bounds devices: give 1 to 2^32.")
        if not 0 <= seed < 2**64:
            raise LimitError(f"The seed of soft-bounds devices is {seed}; give 0 to 2^64 - 1.")
        for name, value, least in (
            ("step_up", step_up, "positive"),
            ("step_down", step_down, "positive"),
            ("low", -low, "negative"),
            ("high", high, "positive"),
            ("sigma", sigma, ""),
            ("step_spread", step_spread, ""),
            ("bound_spread", bound_spread, ""),
        ):
            if not (0.0 <= value < np.inf) or (least and value == 0.0):
                shown = -value if name == "low" else value
                raise LimitError(
                    f"{name} of soft-bounds devices is {shown:g}; give a finite number, "
                    f"{least or '0 or more'}."
                )
        rng = np.random.Generator(np.random.Philox(key=seed))

        def spread(value: float, relative: float) -> NDArray[np.float32]:
            factor = 1.0 + relative * rng.standard_normal(n) if relative > 0.0 else np.ones(n)
            return (value * np.maximum(factor, _NARROW)).astype(np.float32)

        self._up, self._down = spread(step_up, step_spread), spread(step_down, step_spread)
        self._low, self._high = spread(low, bound_spread), spread(high, bound_spread)
        self._weights = np.zeros(n, dtype=np.float32)
        self._sigma = np.float32(sigma)
        self._seed = int(seed)
        self.pulses = 0

    @property
    def weights(self) -> NDArray[np.float32]:
        """The weights, float32, (n,); a copy."""
        return self._weights.copy()

    @weights.setter
    def weights(self, values: ArrayLike) -> None:
        w = np.asarray(values, dtype=np.float32)
        if w.shape != self._weights.shape:
            raise WiringError(f"weights of shape {w.shape} for {self._weights.size} devices.")
        if not np.isfinite(w).all():
            raise LimitError("A weight is not a finite number.")
        np.clip(w, self._low, self._high, out=self._weights)

    def pulse(self, direction: ArrayLike, count: int = 1) -> None:
        """Give every device ``count`` equal pulses.

        Parameters
        ----------
        direction
            int8, (n,): 1 up, -1 down, 0 not at all.
        count
            Number of pulses, 0 or more. Noise counts pulses, not calls: one call with ``count=10``
            does what ten calls do.

        Raises
        ------
        WiringError
            Not one direction per device. Nothing has changed then, nor in the other case.
        LimitError
            A direction other than -1, 0 and 1, or a negative count.
        """
        way = np.asarray(direction)
        if way.shape != self._weights.shape:
            raise WiringError(
                f"pulse() got directions of shape {way.shape} for {self._weights.size} devices."
            )
        if way.dtype != np.int8 or way.min() < -1 or way.max() > 1:
            if not np.isin(way, (-1, 0, 1)).all():
                raise LimitError("pulse() wants directions -1, 0 or 1.")
            way = way.astype(np.int8)
        if count < 0:
            raise LimitError(f"pulse() of {count} pulses: give 0 or more.")
        soft_pulses(
            self._weights, self._up, self._down, self._low, self._high, np.ascontiguousarray(way),
            self._sigma, np.uint64(self._seed), np.uint64(self.pulses), int(count),
        )  # fmt: skip
        self.pulses += int(count)

    def saved(self) -> dict[str, Any]:
        """Return everything as a dict of arrays and numbers, for :meth:`restored`."""
        arrays = {name: getattr(self, f"_{name}").copy() for name in _ARRAYS}
        return {**arrays, "sigma": float(self._sigma), "seed": self._seed, "pulses": self.pulses}

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> SoftBounds:
        """Return the devices of a dict made by :meth:`saved`; they go on as those would have.

        Raises
        ------
        LimitError
            Something is missing, of another shape or type, or out of range.
        """
        missing = [name for name in (*_ARRAYS, *_NUMBERS) if name not in saved]
        if missing:
            raise LimitError(f"The saved soft-bounds devices lack {', '.join(missing)}.")
        arrays = {name: np.asarray(saved[name]) for name in _ARRAYS}
        n = arrays["weights"].size
        for name, values in arrays.items():
            if values.shape != (n,) or values.dtype != np.float32 or not np.isfinite(values).all():
                raise LimitError(f"{name} of the saved soft-bounds devices is damaged.")
        devices = cls(n, sigma=float(saved["sigma"]), seed=int(saved["seed"]))
        for name, values in arrays.items():
            setattr(devices, f"_{name}", values.copy())
        devices.pulses = int(saved["pulses"])
        if devices.pulses < 0:
            raise LimitError("pulses of the saved soft-bounds devices is negative.")
        return devices
