"""One channel of a Keysight B2900: its settings, and what they make the source and meter do.

Source: *B2900 SCPI Command Reference* (B2910-90030), chapters 2 and 4; reset settings of its
"Subsystem Command Summary" as far as at hand, else from memory of it.
"""

from __future__ import annotations

from math import copysign

import numpy as np

from labctl.clock import VirtualClock
from labctl.sim.faults import Faults
from labctl.sim.instruments.b2900_models import (
    MAX_CURRENT,
    MAX_PULSE_CURRENT,
    MAX_VOLTAGE,
    OUT_OF_RANGE,
    VOLTAGE_RANGES,
    B2900Model,
    channel_model,
    check_power,
    fitting,
    full_scale,
)
from labctl.sim.instruments.b2900_settings import NAN, Record, reset_settings
from labctl.sim.instruments.smu import CURRENT, HIGH_Z, NORMAL, VOLTAGE, ZERO, Port, SourceChannel
from labctl.sim.status import Refused

INFINITE = 9.9e37
"""Overflow in an answer."""
INTERLOCK = (201, "Interlock open; the output cannot be turned on")
STATUS_CURRENT_SOURCE, STATUS_COMPLIANCE, STATUS_OVERFLOW = 1, 2, 8192
HIGH_Z_TIME = 10e-3
"""Relay of the high-impedance off state, s (order of magnitude)."""
_AUTO_NPLC = ((1e-6, 1.0), (1e-4, 0.1))
"""Current range (A) up to which automatic aperture takes so many line cycles; else 0.02."""
_BIG = 9e37


class Channel:
    """One channel.

    Parameters
    ----------
    model
        Ranges and limits.
    port
        Where it is wired to.
    clock, rng, faults, ideal
        As for :class:`SourceChannel`; the interlock is one of the faults.
    """

    def __init__(
        self,
        model: B2900Model,
        port: Port,
        clock: VirtualClock,
        rng: np.random.Generator,
        faults: Faults,
        ideal: bool = False,
    ) -> None:
        self.model, self.clock, self.faults = model, clock, faults
        self.ranges = {VOLTAGE: VOLTAGE_RANGES, CURRENT: model.current_ranges}
        self.smu = SourceChannel(channel_model(model), port, clock, rng, ideal)
        self.line_frequency = 50.0
        self.reset()

    def reset(self) -> None:
        """Do what ``*RST`` does."""
        self.smu.set_output(False)
        self.smu.reset()
        self.settings = reset_settings(self.line_frequency)
        for stage in ("TRIG", "ARM"):
            for layer in ("ACQ", "TRAN"):
                self.settings[f"{stage} {layer} timer"] = self.model.interval
        self.records: list[Record] = []
        self.apply()

    # -- source --------------------------------------------------------------------------------

    @property
    def function(self) -> int:
        """Quantity that is sourced."""
        return int(self.settings["function"])

    @property
    def letter(self) -> str:
        """Prefix of the settings of the quantity that is sourced."""
        return "v" if self.function == VOLTAGE else "i"

    def set_level(self, quantity: int, value: float) -> None:
        """Set the level, V or A, at once."""
        self.check_level(quantity, value)
        key = "v" if quantity == VOLTAGE else "i"
        self.settings[f"{key} level"] = self.settings[f"{key} triggered"] = value
        self.apply()

    def check_level(self, quantity: int, value: float, pulse: bool = False) -> None:
        """Raise Refused: -222 beyond the box or a fixed range, -221 beyond its power."""
        key = "v" if quantity == VOLTAGE else "i"
        most = MAX_VOLTAGE if quantity == VOLTAGE else MAX_PULSE_CURRENT if pulse else MAX_CURRENT
        if not self.settings[f"{key} auto"]:
            most = min(most, full_scale(self.settings[f"{key} range"]))
        if abs(value) > most * (1 + 1e-9):
            raise Refused(*OUT_OF_RANGE)
        if quantity == self.function:
            limit = self.limit(value)
            pair = (abs(value), limit) if quantity == VOLTAGE else (limit, abs(value))
            check_power(*pair, pulse=pulse or bool(self.settings["pulse"]))

    def limit(self, level: float) -> float:
        """Return the compliance (A or V) that holds at a level of the source."""
        key = "i" if self.function == VOLTAGE else "v"
        side = "negative" if level < 0.0 else "positive"
        return float(self.settings[f"{key} {side}"])

    def set_limit(self, quantity: int, value: float, sides: tuple[str, ...]) -> None:
        """Set the compliance of a quantity, A or V, in size."""
        key = "v" if quantity == VOLTAGE else "i"
        value = abs(value)
        if value > (MAX_VOLTAGE if quantity == VOLTAGE else MAX_CURRENT) * (1 + 1e-9):
            raise Refused(*OUT_OF_RANGE)
        before = dict(self.settings)
        for side in sides:
            self.settings[f"{key} {side}"] = value
        try:
            self.check_level(self.function, self.settings[f"{self.letter} level"])
        except Refused:
            self.settings = before
            raise
        self.apply()

    def set_range(self, quantity: int, value: float) -> None:
        """Fix the source range that holds ``value``."""
        key = "v" if quantity == VOLTAGE else "i"
        chosen = fitting(self.ranges[quantity], abs(value))
        if abs(self.settings[f"{key} level"]) > full_scale(chosen):
            raise Refused(*OUT_OF_RANGE)
        self.settings[f"{key} range"], self.settings[f"{key} auto"] = chosen, False

    def range(self, quantity: int) -> float:
        """Return the source range in use."""
        key = "v" if quantity == VOLTAGE else "i"
        if not self.settings[f"{key} auto"]:
            return float(self.settings[f"{key} range"])
        used = max(abs(self.settings[f"{key} level"]), self.settings[f"{key} low"])
        return fitting(self.ranges[quantity], used)

    def drive(self, level: float) -> None:
        """Bring the source to a level that was checked; costs no bench time."""
        self.settings[f"{self.letter} level"] = level
        self._limit_at(level)
        self.smu.put_level(self.function, level)

    def set_output(self, on: bool) -> None:
        """Switch the output."""
        if on and not self.smu.output:
            if self.faults.interlock == "open":
                raise Refused(*INTERLOCK)
            self.check_level(self.function, self.settings[f"{self.letter} level"])
            if self.settings["off_mode"] == "HIZ":
                self.clock.sleep(HIGH_Z_TIME)
            self.apply()
        self.smu.set_output(on)

    def levels(self) -> list[float]:
        """Return the levels that the transient layer steps through."""
        settings, key = self.settings, self.letter
        if settings[f"{key} mode"] == "FIX":
            return [settings[f"{key} triggered"]]
        if settings[f"{key} mode"] == "LIST":
            return list(settings[f"{key} list"])
        start, stop, points = (settings[f"{key} {name}"] for name in ("start", "stop", "points"))
        if settings["spacing"] == "LOG" and points > 1:
            if start * stop <= 0.0:
                raise Refused(-221, "Settings conflict")
            sign = copysign(1.0, start)
            found = [float(sign * v) for v in np.geomspace(abs(start), abs(stop), points)]
        else:
            found = [start + k * settings[f"{key} step"] for k in range(points)]
        if settings["direction"] == "DOWN":
            found.reverse()
        return found + found[::-1] if settings["stair"] == "DOUB" else found

    # -- meter ---------------------------------------------------------------------------------

    @property
    def aperture(self) -> float:
        """Integration time in use, s."""
        if not self.settings["aperture_auto"]:
            return float(self.settings["aperture"])
        used = self.smu.used[CURRENT]
        if not self.settings["i measure auto"]:
            used = self.settings["i measure range"]
        nplc = next((nplc for upper, nplc in _AUTO_NPLC if used <= upper * 1.05), 0.02)
        return nplc / self.line_frequency

    @property
    def settling(self) -> float:
        """Automatic wait before a measurement after a change of the source, s."""
        settings = self.settings
        if not settings["wait"]:
            return 0.0
        initial = 2e-5 if settings["wait_auto"] else 0.0
        return float(settings["wait_gain"] * initial + settings["wait_offset"])

    def sample(self, stamp: float) -> Record:
        """Return what a measurement that ends now gives, with a time stamp (s).

        Costs no bench time.
        """
        settings = self.settings
        self.smu.nplc = max(self.aperture * self.line_frequency, 4e-4)
        current, voltage = self.smu.read()
        limited = self.smu.compliance
        if self.faults.over_range:
            current = voltage = INFINITE
        overflow = abs(current) > _BIG or abs(voltage) > _BIG
        resistance = NAN
        if "RES" in settings["measured"]:
            resistance = INFINITE if overflow or current == 0.0 else voltage / current
        return Record(
            voltage=_finite(voltage) if "VOLT" in settings["measured"] else NAN,
            current=_finite(current) if "CURR" in settings["measured"] else NAN,
            resistance=resistance,
            time=stamp,
            status=(STATUS_CURRENT_SOURCE if self.function == CURRENT else 0)
            | (STATUS_COMPLIANCE if limited else 0)
            | (STATUS_OVERFLOW if overflow else 0),
            source=settings[f"{self.letter} level"],
        )

    def tripped(self, quantity: int) -> bool:
        """Whether the compliance of a quantity (A: current) limits the source now."""
        return quantity != self.function and self.smu.compliance

    def protect(self) -> None:
        """Switch the output off where the protection is on and the source is limited."""
        if self.settings["protection"] and self.smu.compliance:
            self.smu.trip()

    # -- what the settings mean to the source and the meter -------------------------------------

    def apply(self) -> None:
        """Bring the settings to the source and the meter."""
        settings, smu = self.settings, self.smu
        if smu.function != self.function:
            smu.set_function(self.function)
        mode = {"HIZ": HIGH_Z, "ZERO": ZERO}.get(settings["off_mode"], NORMAL)
        if smu.off_mode != mode:
            smu.set_off_mode(mode)
        for quantity, key in ((VOLTAGE, "v"), (CURRENT, "i")):
            smu.low_range[quantity] = settings[f"{key} measure low"]
            if settings[f"{key} measure auto"]:
                smu.measure_auto[quantity] = True
            else:
                smu.set_measure_range(quantity, settings[f"{key} measure range"])
        level = settings[f"{self.letter} level"]
        self._limit_at(level)
        smu.put_level(self.function, level)

    def _limit_at(self, level: float) -> None:
        quantity = CURRENT if self.function == VOLTAGE else VOLTAGE
        least = self.smu.model.least_limit_current if quantity == CURRENT else 1e-3
        limit = max(self.limit(level), least)
        if self.smu.limits[quantity] != limit:
            self.smu.set_limit(quantity, limit)


def _finite(value: float) -> float:
    return copysign(INFINITE, value) if abs(value) > _BIG else value
