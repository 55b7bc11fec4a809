"""The exceptions of labctl: one small tree.

Every message says what was being done to what, and what to do next. The command line prints the
message of a :class:`LabctlError` without a traceback; any other exception is a fault of labctl.
"""

from __future__ import annotations

from collections.abc import Sequence


class LabctlError(Exception):
    """Base of every error a user can cause, meet on a bench, or cure."""


class BenchFileError(LabctlError):
    """A bench file is missing, malformed, or contradicts itself or an instrument."""


class InstrumentError(LabctlError):
    """An instrument reported an error, or answered something that makes no sense."""


class IdentityError(InstrumentError):
    """Another instrument than the bench file names answers at an address, or none does."""


class ConnectionLostError(InstrumentError):
    """An instrument stopped answering."""


class WiringError(LabctlError):
    """A cell, pad or crosspoint that the wiring does not have, or a forbidden connection."""


class LimitError(LabctlError):
    """A level, current, width or count beyond what the bench file or the instrument allows."""


class LatchedError(LabctlError):
    """The bench was stopped in an emergency and nobody has acknowledged it yet."""


class AbortedError(LabctlError):
    """The user asked for the end of a run."""


class ProcedureError(LabctlError):
    """An unknown procedure, or a parameter it does not have or cannot take."""


class StoreError(LabctlError):
    """A run folder or table that cannot be written or read."""


class DiskFullError(StoreError):
    """There is no space left for rows; they wait in memory until there is."""


class EngineError(LabctlError):
    """The engine is absent, busy, or refuses what was asked of it."""


class CalibrationError(LabctlError):
    """Measured distributions that cannot carry the learning that was asked for."""


class BudgetSpent(LabctlError):  # noqa: N818 - the end that was asked for, not a fault
    """Learning has used up the pulses, the energy, the endurance or the time it was given."""


class CampaignError(LabctlError):
    """A campaign that has faults, or that cannot go on as it was written.

    Attributes
    ----------
    faults
        Of the file, each with its line; empty where it is something else.
    """

    faults: Sequence[object] = ()
