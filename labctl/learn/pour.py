"""Pouring from one cup into another, in two dimensions: a robot skill with a yes or no at its end.

Eight numbers say how: where the held cup is grasped, where the grasp is against the target cup,
how far it is tilted, and the sizes of both cups. The names and ranges are those of the pouring
skill of Kitchen2D (Wang et al., IROS (2018)), mirrored to one side and tightened; lengths are in
its units, in which gravity is 10. The pour succeeds where at least 95 % of the liquid lands in the
target and the held cup touches neither target nor table on its way.

The liquid is quasi-static: a rectangular cup of width ``W`` and height ``H`` tilted by ``a`` holds
``W H - W^2 tan(a) / 2`` while the bottom is covered and ``H^2 / (2 tan a)`` after; what it cannot
hold leaves over the lip at the critical velocity of a weir, ``(q g)^(1/3)`` for a flow ``q`` per
width, to which the velocity of the turning lip is added, and falls freely. A jet has some width:
nine strands of velocities about the mean, with normal weights.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import ProcedureError

Floats = NDArray[np.float64]

FEATURES = (
    "grasp", "offset_x", "offset_y", "tilt",
    "target_width", "target_height", "held_width", "held_height",
)  # fmt: skip
"""Grasp height (part of the cup's height), offset of the grasp, tilt (rad), sizes of the cups."""
LOW = np.array([0.3, 1.0, 5.0, np.pi / 2, 4.0, 4.0, 3.0, 3.0])
HIGH = np.array([0.9, 9.0, 10.0, np.pi, 8.0, 5.0, 4.5, 5.0])
ENOUGH = 0.95
"""Share of the liquid that must land."""
_GRAVITY = 10.0
_RATE = 1.0  # rad/s of the tilting
_FILL = 0.6  # of the held cup
_STEPS = 160
_WALL = 0.25  # of the target, outside
_LIP = 0.1  # of the target's mouth that does not catch
_STRANDS = np.linspace(-1.5, 1.5, 9)
_SPREAD = 0.06  # of the strands: 4 times this of the velocity, twice this in absolute terms


def sample(n: int, rng: np.random.Generator) -> Floats:
    """Return n ways to pour, uniform over the ranges, shape (n, 8)."""
    return rng.uniform(LOW, HIGH, (n, len(LOW)))


def scaled(x: ArrayLike) -> Floats:
    """Return ways to pour, shape (n, 8), with each range brought to -1 to 1."""
    found: Floats = 2.0 * (np.asarray(x, dtype=np.float64) - LOW) / (HIGH - LOW) - 1.0
    return found


def succeeds(x: ArrayLike) -> NDArray[np.bool_]:
    """Tell which pours succeed, bool, shape (n,)."""
    landed, hits = pour(x)
    return (landed >= ENOUGH) & ~hits


def pour(x: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """Return what a pour does.

    Parameters
    ----------
    x
        float, shape (n, 8): :data:`FEATURES`.

    Returns
    -------
    landed
        float64, shape (n,): share of the liquid that lands in the target.
    hits
        bool, shape (n,): whether the held cup touches target or table.

    Raises
    ------
    ProcedureError
        Where the shape is another, or a number is not finite.
    """
    ways = np.asarray(x, dtype=np.float64)
    if ways.ndim != 2 or ways.shape[1] != len(LOW) or not np.isfinite(ways).all():
        raise ProcedureError(f"A pour is {len(LOW)} finite numbers; got shape {ways.shape}.")
    grasp, dx, dy, tilt, target_w, target_h, w, h = (column[:, None] for column in ways.T)
    side = -np.sign(dx)  # the cup turns towards the target
    angle = np.linspace(0.0, 1.0, _STEPS) * tilt
    cos, sin = np.cos(angle), np.sin(angle)

    def world(across: Floats, up: Floats) -> tuple[Floats, Floats]:
        """Return where a point of the held cup is, from where it is against the grasp."""
        return dx + side * (across * cos + up * sin), dy - across * sin + up * cos

    lip_x, lip_y = world(w / 2, (1 - grasp) * h)
    hits = np.zeros(len(ways), dtype=bool)
    for across in (-0.5, 0.0, 0.5):
        for up in (0.0, 0.25, 0.5, 0.75, 1.0):
            px, py = world(across * w, (up - grasp) * h)
            inside = (np.abs(px) < target_w / 2 + _WALL) & (py < target_h)
            hits |= (inside | (py < 0)).any(axis=1)
    area = _outflow(w, h, angle)
    speed = np.cbrt(np.maximum(area / (tilt / _RATE / _STEPS), 1e-9) * _GRAVITY)
    beyond = np.maximum(angle - np.pi / 2, 0.0)  # past level the liquid runs along the wall
    vx = side * speed * np.cos(beyond) + side * _RATE * (lip_y - dy)
    vy = -speed * np.sin(beyond) - side * _RATE * (lip_x - dx)
    drop = lip_y - target_h
    fall = (vy + np.sqrt(np.maximum(vy * vy + 2 * _GRAVITY * drop, 0.0))) / _GRAVITY
    landed = np.zeros(len(ways))
    weights = np.exp(-0.5 * _STRANDS**2)
    for strand, weight in zip(_STRANDS, weights / weights.sum(), strict=True):
        there = lip_x + (vx * (1 + 4 * _SPREAD * strand) + 2 * _SPREAD * strand) * fall
        catches = (drop > 0) & (np.abs(there) < target_w / 2 - _LIP)
        landed += weight * (area * catches).sum(axis=1)
    return landed / (_FILL * w * h)[:, 0], hits


def _outflow(w: Floats, h: Floats, angle: Floats) -> Floats:
    """Return the area of liquid that leaves in each step, shape (n, steps)."""
    tangent = np.tan(np.minimum(angle, np.pi / 2 - 1e-6))
    bottom_wet = w * tangent <= h
    holds = np.where(bottom_wet, w * h - w**2 * tangent / 2, h**2 / np.maximum(2 * tangent, 1e-9))
    holds = np.where(angle >= np.pi / 2 - 1e-6, 0.0, holds)
    rest = np.minimum.accumulate(np.minimum(_FILL * w * h, holds), axis=1)
    left: Floats = -np.diff(rest, axis=1, prepend=rest[:, :1])
    return left
