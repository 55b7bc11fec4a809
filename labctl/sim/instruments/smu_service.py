"""Contact check, calibration state and saved buffers of a 2600 channel.

The simulated channel is always in calibration: the commands exist, are locked as on the
instrument, and change nothing. Source: *Series 2600B Reference Manual* (2600BS-901-01),
"Contact check", "Calibration", ``smuX.contact.*``, ``smuX.cal.*``, ``smuX.savebuffer``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labctl.sim.instruments.smu import CURRENT, HIGH_Z, NORMAL, SourceChannel
from labctl.sim.status import Refused
from labctl.sim.tsp.host import Attribute, LuaHost
from labctl.sim.tsp.values import arguments, one_of, text, within

if TYPE_CHECKING:
    from labctl.sim.instruments.keithley2600 import Keithley2600

PASSWORD = "KI0026XX"
"""Calibration password as delivered."""
CONTACT_TIMES = (1e-3, 4e-3, 15e-3)
"""Bench time of a contact check, fast to slow, s."""
CONTACT_RESISTANCE = 0.5
"""Resistance of each contact of the simulated bench, Ohm."""
CONTACT_CURRENT = 1e-3
"""Smallest current limit for a contact check, A."""
LOCKED, UNLOCKED = 0, 2
_LOCKED_OUT = (5011, "Operation not permitted while cal is locked")


class Service:
    """What is around one channel besides sourcing and measuring."""

    def __init__(self, box: Keithley2600, name: str) -> None:
        self.box, self.name, self.channel = box, name, box.channels[name]
        self._cal: dict[str, Any] = {
            **{"state": LOCKED, "date": 1.5e9, "due": 1.6e9, "adjustdate": 1.5e9},
            **{"password": PASSWORD, "polarity": 0},
        }

    def build(self, host: LuaHost, path: str) -> None:
        """Add the objects under ``path`` (``smua``)."""
        if self.channel.model.contact_check:
            self._build_contact(host, f"{path}.contact")
        self._build_cal(host, path)
        buffers = self.box.buffers
        host.node(f"{path}.buffer")
        host.function(
            f"{path}.buffer.getstats",
            lambda *given: buffers.find(_one(given))[0].statistics(),
        )
        host.function(
            f"{path}.buffer.recalculatestats", lambda *given: _nothing(buffers.find(_one(given)))
        )
        host.function(f"{path}.savebuffer", self._save_buffer)

    # -- contact check -------------------------------------------------------------------------

    def _build_contact(self, host: LuaHost, path: str) -> None:
        extras, box = self.box.extras[self.name], self.box
        host.node(
            path,
            attributes={
                "speed": box.setting(extras, "contact_speed", lambda v: one_of(v, (0, 1, 2))),
                "threshold": box.setting(
                    extras, "contact_threshold", lambda v: within(v, 0.0, 1000.0)
                ),
            },
            functions={
                "check": self._check,
                "r": self._resistances,
                "calibratehi": self._calibrate,
                "calibratelo": self._calibrate,
            },
        )

    def _resistances(self, *given: Any) -> tuple[float, float]:
        arguments(given, 0, 0)
        refuse_contact_check(self.channel)
        speed = self.box.extras[self.name]["contact_speed"]
        self.box.clock.sleep(CONTACT_TIMES[speed])
        return CONTACT_RESISTANCE, CONTACT_RESISTANCE

    def _check(self, *given: Any) -> bool:
        threshold = self.box.extras[self.name]["contact_threshold"]
        return max(self._resistances(*given)) < threshold

    # -- calibration ---------------------------------------------------------------------------

    def _build_cal(self, host: LuaHost, path: str) -> None:
        cal = self._cal

        def dated(key: str) -> Attribute:
            def put(value: Any) -> None:
                self._unlocked()
                cal[key] = within(value, 0.0, 2.0**32)

            return Attribute(lambda: cal[key], put)

        def set_password(value: Any) -> None:
            self._unlocked()
            cal["password"] = text(value)[:10]

        def set_polarity(value: Any) -> None:
            self._unlocked()
            cal["polarity"] = one_of(value, (-1, 0, 1))

        host.node(
            f"{path}.cal",
            attributes={
                "state": Attribute(lambda: cal["state"]),
                "date": dated("date"),
                "due": dated("due"),
                "adjustdate": dated("adjustdate"),
                "polarity": Attribute(lambda: cal["polarity"], set_polarity),
                "password": Attribute(lambda: None, set_password),
            },
            functions={
                "unlock": self._unlock,
                "lock": self._lock,
                "save": lambda *a: self._unlocked(),
                "restore": lambda *a: self._unlocked(),
            },
        )
        for part in ("source", "measure"):
            host.extend(
                f"{path}.{part}",
                functions={f"calibrate{letter}": self._calibrate for letter in "iv"},
            )

    def _unlocked(self) -> None:
        if self._cal["state"] == LOCKED:
            raise Refused(*_LOCKED_OUT)

    def _unlock(self, *given: Any) -> None:
        arguments(given, 1, 1)
        if text(given[0]) != self._cal["password"]:
            raise Refused(5019, "Cannot unlock - invalid password")
        self._cal["state"] = UNLOCKED

    def _lock(self, *given: Any) -> None:
        arguments(given, 0, 0)
        self._unlocked()
        self._cal["state"] = LOCKED

    def _calibrate(self, *given: Any) -> None:
        self._unlocked()

    # -- buffers -------------------------------------------------------------------------------

    def _save_buffer(self, *given: Any) -> None:
        """Save a dedicated buffer to nonvolatile memory."""
        arguments(given, 1, 1)
        buffer = self.box.buffers.find(given[0])[0]
        for number, own in enumerate(self.box.dedicated(self.name), 1):
            if buffer is own:
                self.box.kept[self.name, number] = list(buffer.entries)
                return
        raise Refused(5033, "Reading buffer not found within device")


def refuse_contact_check(channel: SourceChannel) -> None:
    """Raise Refused where the state of the channel allows no contact check."""
    if not channel.output:
        if channel.off_mode == HIGH_Z or channel.disconnected:
            raise Refused(5048, "Contact check not valid with HIGH-Z OUTPUT off")
        if channel.off_mode == NORMAL and channel.off_limit < CONTACT_CURRENT:
            raise Refused(5066, "source.offlimiti too low for contact check")
    elif channel.function == CURRENT:
        raise Refused(5049, "Contact check not valid while an active current source")
    elif channel.limits[CURRENT] < CONTACT_CURRENT:
        raise Refused(5050, "I limit too low for contact check")


def _one(given: tuple[Any, ...]) -> Any:
    arguments(given, 1, 1)
    return given[0]


def _nothing(*given: Any) -> None:
    """Take a value and do nothing."""
