"""Metropolis-Hastings in rows of cells, after Dalgaty et al., Nat. Electron. 4, 151 (2021).

A row of differential pairs holds one sample of the weights. The next one is proposed in the row
after it: every cell is RESET, then SET at the gate whose median is what its forerunner conducts, so
that the scatter of the SET is the random step. The proposal is accepted with the probability
``p(new) / p(old)``; where it is not, the old sample counts once more.

The step is not symmetric: a cell scatters in proportion to its conductance, and ends lower more
easily than it comes back. Without the factor ``q(old | new) / q(new | old)`` of Hastings
(Biometrika 57, 97 (1970)), as published, the chain samples another density than the posterior. With
it goes a second one: pairs of cells that may conduct anything between two bounds hold small weights
in more ways than large ones, a triangular prior nobody asked for, which is divided out.

The density q is that of the cell that is written, in both directions: the way back is what the same
cell would do, so that a write leaves the posterior as it is whichever cell does it. That holds
as far as nothing before a write tells where it ends, see :mod:`labctl.learn.celloffsets`.

With many weights a proposal of all of them is hardly ever accepted. A row is written as a whole all
the same, but may be decided in blocks, down to single weights (Metropolis within Gibbs; Tierney,
Ann. Statist. 22, 1701 (1994)): the step of a weight depends on its own pair alone, so the writes
can come first and the decisions one after the other. Then each weight has a place of its own in the
column of its pairs, and a table tells which.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.array import READ_VOLTAGE, CellArray, Pulse
from labctl.errors import ProcedureError, WiringError
from labctl.learn.celloffsets import CellOffsets
from labctl.learn.gatecurve import GateCurve
from labctl.learn.samplerows import Samples, sample_rows

GAIN = 0.1
"""Of offsets before it is fitted."""
QUIET = 0.25
"""Share of the cells that is used, as far as the samples fit on them."""


class Density(Protocol):
    """What the chain needs of a model: see :class:`labctl.learn.models.PredictiveModel`."""

    @property
    def size(self) -> int:
        """Number of weights."""
        ...

    def log_posterior(self, weights: NDArray[np.float64]) -> float:
        """Return the log posterior, nat, up to a constant."""
        ...


@runtime_checkable
class Densities(Protocol):
    """A model that takes many samples at once."""

    def log_posteriors(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log posteriors, nat, shape (k,), of samples, shape (k, size)."""
        ...


class Metropolis:
    """Chains that share a chip.

    Parameters
    ----------
    array
        The cells, formed.
    model
        With ``log_posterior``, better ``log_posteriors``: logistic regression, a network.
    curve
        Of these cells.
    rng
        Accepts and rejects.
    kappa
        S per unit weight: one for all, or shape (size,).
    hastings
        Whether the proposal's asymmetry, and the bounds of the pairs, are made up for; False as
        published.
    same_row
        Whether a rejected row is written again, as published; else the proposals go round the
        rows. What a cell keeps from one write to the next (a trap, a speed of its own) leans all
        proposals in a row the same way, and going round makes it random.
    block
        Weights that are decided together; None decides on whole rows, as published.
    chains
        How many; each has rows of its own.
    gain
        Weight of the newest write of a cell in what is believed of it; 0 averages over all its
        writes, None fits it to those of the burn-in, see
        :mod:`labctl.learn.celloffsets`.
    rows
        int64, shape (samples, size, 2, 2), see :func:`sample_rows`; None uses the quietest cells.
    read_voltage
        V.

    Attributes
    ----------
    conductance
        float64, shape (chains, size, 2), S: the present samples, as they were read.
    pulses
        RESET and SET pulses given so far.

    Raises
    ------
    ProcedureError
        Where rows, chains and model do not fit each other, or ``kappa`` is not positive.
    CalibrationError
        Where the curve holds no usable cell.
    WiringError
        Where there is no room for two samples.
    """

    def __init__(
        self,
        array: CellArray,
        model: Density,
        curve: GateCurve,
        rng: np.random.Generator,
        *,
        kappa: ArrayLike,
        hastings: bool = True,
        same_row: bool = False,
        block: int | None = None,
        chains: int = 1,
        gain: float | None = None,
        rows: NDArray[np.int64] | None = None,
        read_voltage: float = READ_VOLTAGE,
    ) -> None:
        size = model.size
        scale = np.asarray(kappa, dtype=np.float64)
        if scale.shape not in ((), (size,)) or not ((scale > 0) & (scale < np.inf)).all():
            raise ProcedureError(
                f"kappa is {scale} S per unit weight; give a number above 0, or one for each of "
                f"the {size} weights."
            )
        if chains < 1 or not 1 <= (block or 1) <= size:
            raise ProcedureError(
                f"{chains} chains deciding on {block} of {size} weights at a time: give 1 chain or "
                "more, and from 1 weight to all."
            )
        if rows is None:
            rows = _quiet_rows(curve, size, chains)
        if rows.shape[1:] != (size, 2, 2) or len(rows) < 2 * chains:
            raise ProcedureError(
                f"Rows of shape {rows.shape} for {chains} chains of {size} weights; give "
                f"({2 * chains} or more, {size}, 2, 2)."
            )
        self._many = model.log_posteriors if isinstance(model, Densities) else None
        self.array, self.model, self.curve, self.rng = array, model, curve, rng
        self.hastings, self.same_row = hastings, same_row
        self.block, self.read_voltage = block or size, read_voltage
        self.scale = np.broadcast_to(scale, (size,))
        each = len(rows) // chains
        # Chains take rows by turns, so that none has the one end of the chip to itself.
        self.rows = rows[: each * chains].reshape(each, chains, size, 2, 2).swapaxes(0, 1)
        self.offsets = CellOffsets(curve, GAIN if gain is None else gain)
        self._fit = gain is None
        self._burning = False
        self._pulses: dict[float, Pulse] = {}
        self._bounds = curve.range
        self.pulses = 0
        self.conductance = np.full((chains, size, 2), np.nan)
        self._chain, self._weight = np.arange(chains)[:, None], np.arange(size)
        self._at = np.zeros((chains, size), dtype=np.int64)
        self._last = self._at.copy()
        self._log = np.full(chains, np.nan)

    @property
    def chains(self) -> int:
        """How many chains there are."""
        return len(self.rows)

    def weights(self, conductance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weights, shape (..., size), of conductances (S), shape (..., size, 2)."""
        found: NDArray[np.float64] = (conductance[..., 0] - conductance[..., 1]) / self.scale
        return found

    def start(self, weights: NDArray[np.float64]) -> None:
        """Write the first row about weights, shape (size,) or (chains, size), in one SET each.

        Raises
        ------
        ProcedureError
            Where no pair of a weight comes between the bounds, or weights are no such numbers.
        """
        wanted = np.asarray(weights, dtype=np.float64)
        shapes = ((self.model.size,), self._at.shape)
        if wanted.shape not in shapes or not np.isfinite(wanted).all():
            raise ProcedureError(
                f"A chain starts at finite weights of shape {shapes[0]} or {shapes[1]}; got "
                f"{int((~np.isfinite(wanted)).sum())} that are not finite, shape {wanted.shape}."
            )
        low, high = self._bounds
        half = 0.5 * self.scale * np.broadcast_to(wanted, self._at.shape)
        middle = np.sqrt(low * high)
        aim = np.stack([middle + half, middle - half], axis=-1)
        aim = np.clip(aim, 1.05 * low, 0.95 * high)
        places = np.zeros_like(self._at)
        for _ in range(self.rows.shape[1]):
            written, *_ = self._write(places, aim)
            inside = self._inside(written)
            if inside.all():
                self._at, self._last, self.conductance = places, places.copy(), written
                self._log = self._densities(self.weights(written))
                return
            places += ~inside  # the next pair of that weight
        raise ProcedureError(
            f"The first row could not be written: none of {self.rows.shape[1]} pairs of weight "
            f"{int(np.argwhere(~inside)[0, 1])} was read between {low:.3g} and {high:.3g} S. Look "
            "at these cells, or start at smaller weights."
        )

    def _inside(self, conductance: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell whether pairs, shape (..., 2), are within the bounds; unread ones are not."""
        low, high = self._bounds
        return np.asarray(((conductance > low) & (conductance < high)).all(axis=-1))

    def _densities(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log posteriors, shape (k,), of samples, shape (k, size)."""
        if self._many is not None:
            return self._many(weights)
        return np.array([self.model.log_posterior(w) for w in weights])

    def _write(
        self, places: NDArray[np.int64], aim: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], ...]:
        """RESET and SET the pairs at ``places``, shape (chains, size).

        Returns what they conduct, their gates, and the offsets and scatters that they were
        believed to have, each of shape (chains, size, 2).
        """
        cells = self.rows[self._chain, places, self._weight]
        where = cells[..., 0], cells[..., 1]
        offset, scatter = self.offsets.of(where), self.curve.scatter[where]
        gates = self.curve.gate(aim, offset)
        flat = cells.reshape(-1, 2)
        self.array.pulse(flat, self.curve.reset)
        pulses = [self._set(gate) for gate in gates.ravel().tolist()]
        readings = self.array.pulse(flat, pulses, self.read_voltage)
        assert readings is not None
        self.pulses += 2 * len(flat)
        reached = readings.conductance.reshape(aim.shape)
        self.offsets.follow(where, reached, gates, keep=self._burning)
        return reached, gates, offset, scatter

    def _set(self, gate: float) -> Pulse:
        if gate not in self._pulses:
            self._pulses[gate] = replace(self.curve.set, gate=gate)
        return self._pulses[gate]

    def _gain(
        self,
        new: NDArray[np.float64],
        gates: NDArray[np.float64],
        offset: NDArray[np.float64],
        scatter: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return what each pair adds to the log ratio, nat, besides the posterior's."""
        old = self.conductance
        there = self.curve.log_density(new, gates, offset, scatter)
        back = self.curve.log_density(old, self.curve.gate(new, offset), offset, scatter)
        low, high = self._bounds
        before, after = (high - low - np.abs(g[..., 0] - g[..., 1]) for g in (old, new))
        found: NDArray[np.float64] = (back - there).sum(axis=-1) + np.log(before / after)
        return found

    def propose(self) -> NDArray[np.bool_]:
        """Write the next row of each chain; tell which weights moved, shape (chains, size)."""
        rows = self.rows.shape[1]
        places = ((self._at if self.same_row else self._last) + 1) % rows
        places = np.where(places == self._at, (places + 1) % rows, places)
        self._last = places
        new, gates, offset, scatter = self._write(places, self.conductance)
        inside = self._inside(new)
        new = np.where(inside[..., None], new, self.conductance)
        gain = np.zeros(inside.shape)
        if self.hastings:
            gain = self._gain(new, gates, offset, scatter)
        old, proposed = self.weights(self.conductance), self.weights(new)
        moved = np.zeros(inside.shape, dtype=bool)
        whole = self.block == self.model.size
        mixed = self._weight if whole else self.rng.permutation(self.model.size)
        for first in range(0, self.model.size, self.block):
            some = mixed[first : first + self.block]
            trial = old.copy()
            trial[:, some] = proposed[:, some]
            log = self._densities(trial)
            ratio = log - self._log + gain[:, some].sum(axis=1)
            taken = inside[:, some].all(axis=1) & (np.log(self.rng.random(len(log))) < ratio)
            old[taken], self._log[taken] = trial[taken], log[taken]
            moved[:, some] = taken[:, None]
        self.conductance = np.where(moved[..., None], new, self.conductance)
        self._at = np.where(moved, places, self._at)
        return moved

    def read(self) -> NDArray[np.float64]:
        """Read the present samples again; return the weights, shape (chains, size).

        They differ from those that count by read noise and by what the cells have relaxed since;
        NaN where a cell could not be read.
        """
        cells = self.rows[self._chain, self._at, self._weight]
        readings = self.array.read(cells.reshape(-1, 2), self.read_voltage)
        return self.weights(readings.conductance.reshape(self.conductance.shape))

    def run(self, samples: int, *, burn_in: int = 0, every: int = 1) -> Samples:
        """Draw samples.

        Parameters
        ----------
        samples
            Of each chain.
        burn_in
            Proposals before the first one counts.
        every
            Proposals to a sample.
        """
        if samples < 1 or burn_in < 0 or every < 1:
            raise ProcedureError(
                f"{samples} samples, a burn-in of {burn_in}, one of {every} proposals: give 1 or "
                "more, 0 or more, 1 or more."
            )
        before = self.pulses
        if not np.isfinite(self._log).all():
            self.start(np.zeros(self.model.size))
        self._burning = self._fit
        for _ in range(burn_in):
            self.propose()
        self._burning = False
        if self._fit:
            self.offsets.fit()
        kept = np.empty((samples, self.chains, self.model.size))
        moved = 0.0
        for k in range(samples):
            for _ in range(every):
                moved += float(self.propose().mean())
            kept[k] = self.weights(self.conductance)
        return Samples(kept.swapaxes(0, 1), moved / (samples * every), self.pulses - before)


def _quiet_rows(curve: GateCurve, size: int, chains: int) -> NDArray[np.int64]:
    """Return rows on the quietest cells that give two of them to each chain."""
    for share in np.arange(QUIET, 1.0, 0.05).tolist():
        try:
            rows = sample_rows(curve.quiet(share), size)
        except WiringError:
            continue
        if len(rows) >= 2 * chains:
            return rows
    usable = np.isfinite(curve.offset)
    rows = sample_rows(usable, size)
    if len(rows) < 2 * chains:
        raise ProcedureError(
            f"{chains} chains of {size} weights need {4 * chains * size} cells, two samples of "
            f"{2 * size} each; {int(usable.sum())} of the chip's {usable.size} cells are usable, "
            f"enough for {len(rows) // 2}. Run fewer chains or a smaller model, or measure the "
            "gate curve on more cells."
        )
    return rows
