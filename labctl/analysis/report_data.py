"""What a report is made of: fill this from the tables of runs, hand it to ``write_report``.

Every part may be left out: the report then says "no data" in its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd
from numpy.typing import ArrayLike

from labctl.analysis.figures.transitions import Curve

GOALS: Mapping[str, tuple[float | None, float | None]] = {
    "mean_error": (None, 0.10),
    "sd_ratio": (0.95, 1.05),
    "ess": (1000.0, None),
}
"""Lowest and highest value of a key figure that counts as reached (None: no bound)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The key figures on top of the report; None is shown as a dash.

    Attributes
    ----------
    test_accuracy
        Share of test samples predicted right, 0 to 1.
    test_samples
        How many test samples there were.
    nll
        Mean negative log likelihood of the test labels, nat.
    ece
        Expected calibration error, 0 to 1.
    mean_error
        Root mean square over the weights of (mean - reference mean) / reference sd.
    sd_ratio
        Median over the weights of sd / reference sd.
    ess
        Bulk effective sample size: the smallest over the weights, or as ``ess_note`` says.
    ess_note
        A few words beside it, ``"smallest weight; R-hat 1.01"``.
    pulses, reads, relay_closures
        Counts of the whole session.
    bench_time
        s, what the session takes on the bench.
    wall_time
        s, what it took here.
    write_energy, read_energy
        J in the cells (device only, no periphery).
    """

    test_accuracy: float | None = None
    test_samples: int | None = None
    nll: float | None = None
    ece: float | None = None
    mean_error: float | None = None
    sd_ratio: float | None = None
    ess: float | None = None
    ess_note: str = ""
    pulses: int | None = None
    reads: int | None = None
    relay_closures: int | None = None
    bench_time: float | None = None
    wall_time: float | None = None
    write_energy: float | None = None
    read_energy: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The chain as it learned.

    Attributes
    ----------
    step
        float, shape (n,).
    score
        float, shape (n,) or (n, chains).
    score_label
        What ``score`` is, with its unit.
    weights
        float, shape (n, k): traces of some weights; six are shown at most.
    names
        k names.
    reference_mean, reference_sd
        float, shape (k,): the reference posterior of these weights.
    burn_in
        Step up to which samples were thrown away.
    """

    step: ArrayLike
    score: ArrayLike
    weights: ArrayLike
    names: Sequence[str] = ()
    score_label: str = "log posterior (nat)"
    reference_mean: ArrayLike | None = None
    reference_sd: ArrayLike | None = None
    burn_in: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """Moments of all weights, learned and reference: float, shape (weights,) each."""

    mean: ArrayLike
    sd: ArrayLike
    reference_mean: ArrayLike
    reference_sd: ArrayLike


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """Predictions for the test samples, two classes.

    Attributes
    ----------
    probability
        float, shape (n,): posterior mean probability of class 1.
    label
        int, shape (n,): true class, 0 or 1.
    aleatoric, epistemic
        float, shape (n,), nat: expected entropy, and mutual information.
    sample
        Shape (n,): number or name of each sample; None numbers them.
    classes
        Names of classes 0 and 1.
    """

    probability: ArrayLike
    label: ArrayLike
    aleatoric: ArrayLike
    epistemic: ArrayLike
    sample: ArrayLike | None = None
    classes: tuple[str, str] = ("0", "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run in the table of runs; ``bench_time`` in s, ``rows`` of all its tables."""

    folder: str
    procedure: str
    status: str
    rows: int | None = None
    bench_time: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentRow:
    """One instrument: its name in the bench file, what it is wired to, address, ``*IDN?``."""

    name: str
    identity: str
    address: str
    role: str = ""


@dataclass(slots=True, kw_only=True)
class ReportData:
    """Everything a report shows.

    Attributes
    ----------
    title, bench, chip, version
        Names; ``version`` that of labctl.
    date
        A datetime, or the text to print.
    seed
        Of the session.
    shape
        Rows and columns of the chip.
    summary
        One paragraph in plain words under the title.
    headline, goals
        The key figures, and which values of them count as reached (name to lowest, highest).
    forming
        Table ``cells`` of a ``form`` run: row, col, formed, voltage (V).
    cells
        Table ``cells`` of the ``read_map`` after forming: row, col, conductance (S), flag.
    cells_later
        The same of a later ``read_map``, or None.
    cells_later_label
        What the later one is called.
    transitions
        Table ``transitions``: before, after (S), polarity, flag.
    set_fit, reset_fit
        The fitted curves learning used (S), signed.
    window
        Lowest and highest conductance learning used, S.
    trace, posterior, predictions
        See the classes.
    runs, instruments
        Rows of the tables.
    settings
        What was chosen: name to value, both printed as they are.
    notes
        Warnings and remarks, one paragraph each.
    uncertain_samples
        How many of the most uncertain samples are shown.
    """

    title: str
    bench: str
    chip: str
    shape: tuple[int, int]
    date: datetime | str
    seed: int | None
    version: str
    summary: str = ""
    headline: Headline = field(default_factory=Headline)
    goals: Mapping[str, tuple[float | None, float | None]] = field(
        default_factory=lambda: dict(GOALS)
    )
    forming: pd.DataFrame | None = None
    cells: pd.DataFrame | None = None
    cells_later: pd.DataFrame | None = None
    cells_later_label: str = "after learning"
    transitions: pd.DataFrame | None = None
    set_fit: Curve | None = None
    reset_fit: Curve | None = None
    window: tuple[float, float] | None = None
    trace: Trace | None = None
    posterior: Posterior | None = None
    predictions: Predictions | None = None
    runs: Sequence[RunRow] = ()
    instruments: Sequence[InstrumentRow] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    uncertain_samples: int = 10
