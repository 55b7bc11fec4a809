"""Where a calibration comes from: a run of the procedure transitions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from labctl.array import Pulse
from labctl.errors import CalibrationError
from labctl.learn.calibration import Calibration
from labctl.learn.initialise import PulsePair
from labctl.store import RunReader, Status, find, runs

LAST = "last"
_PROCEDURE = "transitions"


@dataclass(frozen=True, slots=True)
class Measured:
    """A calibration and the pulses it holds for.

    Attributes
    ----------
    calibration
        Of the chip.
    pulses
        SET and RESET as they were in that run.
    run
        The run folder.
    """

    calibration: Calibration
    pulses: PulsePair
    run: Path


def calibration_run(which: str, data_root: str | Path) -> RunReader:
    """Return the run of transitions that a number, a folder or ``"last"`` means.

    Raises
    ------
    CalibrationError
        Where there is none, or it is a run of another procedure.
    StoreError
        For a number or folder that is no run.
    """
    if which.strip() == LAST:
        for run in reversed(runs(data_root)):
            if run.procedure == _PROCEDURE and run.status is Status.FINISHED:
                return run
        raise CalibrationError(
            f"There is no finished run of {_PROCEDURE} in {Path(data_root).resolve()}. Run "
            f"{_PROCEDURE} first, or name a run: calibration=<number or folder>."
        )
    found = find(which.strip(), data_root)
    procedure = found.meta.get("procedure")
    if procedure != _PROCEDURE:
        raise CalibrationError(
            f"{found.path} is a run of {procedure}; a calibration needs one of {_PROCEDURE}."
        )
    return found


def measured(which: str, data_root: str | Path, shape: tuple[int, int]) -> Measured:
    """Calibrate a chip of ``shape`` from a run (see :func:`calibration_run`).

    Raises
    ------
    CalibrationError
        Where there is no such run, it belongs to a larger chip, or cannot carry the learning.
    """
    run = calibration_run(which, data_root)
    transitions, repeats = run.frame("transitions"), run.frame("repeats")
    if len(transitions) and (
        transitions["row"].max() >= shape[0] or transitions["col"].max() >= shape[1]
    ):
        raise CalibrationError(
            f"{run.path} was measured on a larger chip than this one of {shape[0]} x {shape[1]} "
            "cells. Name a run of this chip."
        )
    p = run.meta["parameters"]
    return Measured(
        Calibration.from_frames(transitions, repeats, shape),
        PulsePair(
            Pulse.set(p["set_voltage"], p["set_gate"], p["width"]),
            Pulse.reset(p["reset_voltage"], p["reset_gate"], p["width"]),
        ),
        run.path,
    )
