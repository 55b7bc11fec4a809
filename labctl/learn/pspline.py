"""Penalised splines: a smooth curve through noisy points, as straight as the data allow.

Cubic B-splines on even knots with a penalty on the second differences of neighbouring
coefficients (Eilers and Marx, Stat. Sci. 11, 89 (1996)): with a heavy penalty the curve becomes a
straight line, which for the steps of a memristor is the soft-bounds law. The penalty is chosen by
generalised cross-validation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_DEGREE = 3
_PENALTIES = np.logspace(-2, 6, 25)


@dataclass(frozen=True, slots=True)
class Spline:
    """A fitted curve on [low, high].

    Attributes
    ----------
    low, high
        Ends of the abscissa.
    knots
        float, shape (k,): full knot vector.
    coefficients
        float, shape (m,).
    covariance
        float, shape (m, m), of the coefficients.
    penalty
        The smoothing that was chosen.
    """

    low: float
    high: float
    knots: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    covariance: NDArray[np.float64]
    penalty: float

    def __call__(self, x: NDArray[np.float64], derivative: int = 0) -> NDArray[np.float64]:
        """Return the curve, or a derivative of it, at ``x`` clamped to [low, high]."""
        from scipy.interpolate import BSpline

        curve = BSpline(self.knots, self.coefficients, _DEGREE)
        inside = np.clip(x, self.low, self.high)
        value = curve.derivative(derivative)(inside) if derivative else curve(inside)
        return np.asarray(value, dtype=np.float64)

    def error(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the standard error of the curve at ``x``."""
        rows = _design(np.clip(x, self.low, self.high), self.knots)
        square: NDArray[np.float64] = ((rows @ self.covariance) * rows).sum(axis=1)
        return np.sqrt(square)


def _knots(low: float, high: float, intervals: int) -> NDArray[np.float64]:
    step = (high - low) / intervals
    return low + step * np.arange(-_DEGREE, intervals + _DEGREE + 1, dtype=np.float64)


def _design(x: NDArray[np.float64], knots: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.interpolate import BSpline

    # The last knot inside the abscissa belongs to the interval before it.
    inside = np.minimum(x, np.nextafter(knots[-_DEGREE - 1], -np.inf))
    rows: NDArray[np.float64] = BSpline.design_matrix(inside, knots, _DEGREE).toarray()
    return rows


def fit(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    weight: NDArray[np.float64],
    low: float,
    high: float,
    *,
    scale: NDArray[np.float64] | None = None,
    intervals: int = 10,
) -> Spline:
    """Fit ``y = scale * curve(x) + noise``.

    Parameters
    ----------
    x, y
        float, shape (n,); x inside [low, high].
    weight
        float, shape (n,): inverse variances of the noise, up to a common factor.
    low, high
        Ends of the curve.
    scale
        float, shape (n,): known factors; None means 1.
    intervals
        Number of knot intervals.

    Returns
    -------
    Spline
        Its covariance is scaled by the residual variance that was found.
    """
    knots = _knots(low, high, intervals)
    rows = _design(x, knots)
    if scale is not None:
        rows = rows * scale[:, None]
    size = rows.shape[1]
    difference = np.diff(np.eye(size), 2, axis=0)
    roughness = difference.T @ difference
    relative = weight / weight.mean()
    gram = (rows.T * relative) @ rows
    moment = rows.T @ (relative * y)
    total = float(relative @ y**2)
    base = np.trace(gram) / size * 1e-10 * np.eye(size)
    best: tuple[float, float, NDArray[np.float64], NDArray[np.float64], float] | None = None
    for penalty in _PENALTIES:
        inverse = np.linalg.inv(gram + penalty * roughness + base)
        coefficients = inverse @ moment
        freedom = float(np.trace(inverse @ gram))
        residual = total - 2 * coefficients @ moment + coefficients @ gram @ coefficients
        left = max(len(y) - freedom, 1.0)
        score = max(residual, 0.0) / left**2
        if best is None or score < best[0]:
            best = (score, float(penalty), coefficients, inverse, max(residual, 0.0) / left)
    assert best is not None
    _, penalty, coefficients, inverse, variance = best
    return Spline(low, high, knots, coefficients, inverse * variance, penalty)
