"""How much conductance a unit of weight is: the scale that fits the chip's own pulses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl.errors import CalibrationError
from labctl.learn.calibration import Calibration

LEAST_LEVELS = 8.0
"""Fewest mean steps between the ends of the window that can carry a weight."""
REACH = 3.0
"""Weights of this many prior standard deviations must fit the window."""
START_REACH = 5.0
"""The same before anything is known of the curvature."""
SATURATION = 2.25
"""How many conditional sds from its mode a weight asks for all that a coin can give."""


def check_levels(calibration: Calibration) -> None:
    """Refuse a window that holds too few steps.

    Raises
    ------
    CalibrationError
        With what was found, what is needed and what to do.
    """
    if calibration.levels < LEAST_LEVELS:
        low, high = (1e6 * end for end in calibration.window)
        raise CalibrationError(
            f"The usable window, {low:.3g} to {high:.3g} µS, holds {calibration.levels:.1f} mean "
            f"steps of {calibration.step * 1e6:.3g} µS; learning needs at least "
            f"{LEAST_LEVELS:.0f}. Measure transitions with weaker or shorter pulses (lower gate "
            "for SET, lower voltage for RESET)."
        )


def span(calibration: Calibration, pulsed: int) -> float:
    """Return how far (S) the cells of a weight can bring it, from end to end.

    Parameters
    ----------
    calibration
        With the window.
    pulsed
        How many cells of a weight are pulsed.
    """
    return calibration.range * pulsed


def start_kappa(
    calibration: Calibration, prior_sd: NDArray[np.float64], pulsed: int = 2
) -> NDArray[np.float64]:
    """Return the scale (S per unit weight), shape (n,), before the first pulse.

    Parameters
    ----------
    calibration
        With the window.
    prior_sd
        float64, shape (n,): of the weights.
    pulsed
        How many cells of a weight are pulsed.
    """
    found: NDArray[np.float64] = 0.5 * span(calibration, pulsed) / (START_REACH * prior_sd)
    return found


def fitted_kappa(
    calibration: Calibration,
    curvature: NDArray[np.float64],
    prior_sd: NDArray[np.float64] | float = 1.0,
    pulsed: int = 2,
    reach: NDArray[np.float64] | float = np.inf,
) -> NDArray[np.float64]:
    """Return the scale (S per unit weight) at which a pulse is as large as a weight can take.

    With the coin, a weight that is x from the mode of its conditional posterior (sd sigma) wants a
    mean move of ``(B/2) x / sigma^2``, ``B`` the mean square of a step, and can have at most one
    mean step ``a``. The scale is chosen so that the coin saturates at ``x = k sigma``, k being
    :data:`SATURATION`: ``sigma = k B / (2 a)``. Larger steps would saturate it more often and
    widen the posterior (a normal one by 2 % at k = 2.25, 3 % at 2, 8 % at 1.6, with 20 steps to the
    range); smaller ones mix more slowly: the chain forgets at the rate ``B``.

    Parameters
    ----------
    calibration
        Steps and window.
    curvature
        float, shape (n,): inverse variance of each weight given the others, as seen by the chain.
    prior_sd
        Of the weights, shape (n,); the scale never lets less than :data:`REACH` of it into the
        window, or less than ``reach`` where that is less.
    pulsed
        How many cells of a weight are pulsed.
    reach
        How far from 0 each weight goes, shape (n,). A posterior that is narrow beside the prior
        needs less of the window than the prior does; at the prior's scale its pulses, and the
        noise of its reads, would be too coarse for it.
    """
    moments = calibration.curves.moments(np.array([calibration.centre]))
    square = float((moments.up * moments.down + moments.variance)[0])
    smaller = float(np.minimum(moments.up, moments.down)[0])
    wanted = np.sqrt(curvature) * SATURATION * square / (2 * smaller)
    most = most_kappa(calibration, prior_sd, pulsed, reach)
    scale: NDArray[np.float64] = np.minimum(wanted, most)
    return scale


def most_kappa(
    calibration: Calibration,
    prior_sd: NDArray[np.float64] | float,
    pulsed: int = 2,
    reach: NDArray[np.float64] | float = np.inf,
) -> NDArray[np.float64]:
    """Return the largest scale (S per unit weight) with enough of a weight in the window.

    That is :data:`REACH` standard deviations of the prior, or ``reach`` where that is less.
    """
    needed = np.minimum(REACH * np.asarray(prior_sd), reach)
    found: NDArray[np.float64] = 0.5 * span(calibration, pulsed) / needed
    return found
