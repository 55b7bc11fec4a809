"""The key numbers of a data sheet, each beside the published band where there is one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.sim.datasheet import look
from labctl.sim.datasheet.published import BANDS
from labctl.sim.datasheet.sheet import DataSheet
from labctl.sim.datasheet.states import cycle_to_cycle, device_to_device


@dataclass(frozen=True, slots=True)
class KeyNumber:
    """One number.

    Attributes
    ----------
    name
        As in a JSON file.
    meaning
        In words.
    value
        In ``unit``; infinite where it lies beyond what was measured.
    unit
        "" for a pure number.
    published
        Lowest and highest published value, or None.
    """

    name: str
    meaning: str
    value: float
    unit: str
    published: tuple[float, float] | None = None


def _relative(values: NDArray[np.float64]) -> float:
    """Return the standard deviation over the mean, %."""
    return 100 * float(values.std() / values.mean())


def _decades(values: NDArray[np.float64]) -> float:
    return float(np.log10(values).std())


def key_numbers(sheet: DataSheet) -> list[KeyNumber]:
    """Return the key numbers of a data sheet, in the order they are printed."""
    volts = sheet.forming.voltage[np.isfinite(sheet.forming.voltage)]
    low, high = sheet.states.low, sheet.states.high
    sigma, white = 100 * sheet.reads.sigma, 100 * sheet.reads.white
    five, median, most = np.quantile(volts, [0.05, 0.5, 0.95])
    rows = [
        ("forming_median", "forming voltage, median", median, "V"),
        ("forming_5", "forming voltage, 5 %", five, "V"),
        ("forming_95", "forming voltage, 95 %", most, "V"),
        (
            "forming_failures", "cells that do not form",
            100 * sheet.forming.failures / sheet.forming.voltage.size, "%",
        ),
        ("lrs_median", "LRS, median", np.median(high) * look.MICRO, "µS"),
        ("hrs_median", "HRS, median", np.median(low) * look.MICRO, "µS"),
        ("window", "window LRS / HRS", np.median(high) / np.median(low), ""),
        ("lrs_c2c", "LRS, sigma/G from cycle to cycle", _relative(cycle_to_cycle(high)), "%"),
        ("lrs_d2d", "LRS, sigma/G from cell to cell", _relative(device_to_device(high)), "%"),
        ("hrs_c2c", "HRS, sigma from cycle to cycle", _decades(cycle_to_cycle(low)), "decades"),
        ("hrs_d2d", "HRS, sigma from cell to cell", _decades(device_to_device(low)), "decades"),
        ("set_exponent", "exponent of LRS against SET current", sheet.gates.exponent, ""),
        ("read_sigma_median", "read sigma/G, median cell", np.median(sigma), "%"),
        ("read_sigma_90", "read sigma/G, 90 % of the cells below", np.quantile(sigma, 0.9), "%"),
        ("read_white", "read to read (white), median cell", np.median(white), "%"),
        ("psd_slope", "slope of the spectrum, median cell", np.median(sheet.spectrum.slopes), ""),
        (
            "relaxation_reset", "change after RESET at 2 000 reads, median",
            100 * sheet.relaxation.at_reads(sheet.relaxation.after_reset), "%",
        ),
        (
            "relaxation_set", "change after SET at 2 000 reads, median",
            100 * sheet.relaxation.at_reads(sheet.relaxation.after_set), "%",
        ),
        (
            "retention_loss_85", "LRS lost after 10 years at 85 °C, median",
            100 * sheet.retention.loss(85.0), "%",
        ),
        ("endurance", "cycles until 1 % have failed", sheet.endurance.to_one_per_cent, ""),
    ]  # fmt: skip
    bands = BANDS.get(sheet.preset, {})
    return [
        KeyNumber(name, meaning, float(value), unit, bands.get(name))
        for name, meaning, value, unit in rows
    ]


def as_json(sheet: DataSheet, numbers: list[KeyNumber], version: str) -> dict[str, object]:
    """Return what ``--json`` writes; a number beyond what was measured is null."""
    return {
        "preset": sheet.preset,
        "seed": sheet.seed,
        "labctl": version,
        "numbers": {
            n.name: {
                "value": n.value if math.isfinite(n.value) else None,
                "unit": n.unit,
                "meaning": n.meaning,
                "published": list(n.published) if n.published else None,
            }
            for n in numbers
        },
    }
