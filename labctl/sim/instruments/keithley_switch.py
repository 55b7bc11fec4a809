"""A TSP switch mainframe: relays, channel lists, scans, and the settings around them.

Source: *Models 707B and 708B Switching Matrix Reference Manual* (707B-901-01) and *Series 3700A
System Switch/Multimeter Reference Manual* (3700AS-901-01).
"""

from __future__ import annotations

from typing import Any

from labctl.clock import VirtualClock
from labctl.sim.faults import Faults
from labctl.sim.instruments.keithley2600_front import FrontPanel
from labctl.sim.instruments.keithley_cards import Cards
from labctl.sim.instruments.keithley_channels import Channels, ChannelState
from labctl.sim.instruments.keithley_scan import Scan
from labctl.sim.instruments.matrix import Matrix
from labctl.sim.instruments.smu_status import build_status, flash_overrun, table
from labctl.sim.status import Refused
from labctl.sim.tsp import Attribute, LuaHost, TspBox
from labctl.sim.tsp.lines import Port as DigitalPort
from labctl.sim.tsp.registers import RegisterTree
from labctl.sim.tsp.values import arguments, text, within

MOST_SETUPS = 100
_INTERNAL = "1"
LINES = 14
"""Digital lines at the back."""
ADDRESS = 16
"""GPIB address as delivered."""


class KeithleySwitch(TspBox):
    """The mainframe with equal cards in all slots.

    Parameters
    ----------
    matrix
        Its relays.
    cards
        What is in the slots.
    """

    firmware = "01.40c"
    serial = "1234567"

    def __init__(
        self,
        clock: VirtualClock,
        model: str,
        matrix: Matrix,
        cards: Cards,
        faults: Faults | None = None,
    ) -> None:
        self.matrix, self.relays, self.cards = matrix, matrix.relays, cards
        self.channels = Channels(matrix, cards)
        self._scan = Scan(self.channels)
        self._comm: dict[str, Any] = {"gpib": True, "lan": True, "usb": True, "address": ADDRESS}
        self._setups: dict[str, ChannelState] = {}  # outlive a power cycle
        super().__init__(clock, model, faults)

    def assemble(self) -> None:
        """Put display, digital lines and registers together."""
        self._panel = FrontPanel(self)
        self.digital = DigitalPort(
            self.agenda, self.events, LINES, lambda n: self.trigger_overran("digio", n)
        )
        self.registers = RegisterTree(table((), LINES), self.work.poll)

    def trigger_overran(self, kind: str, number: int) -> None:
        """Note that a trigger object missed an event."""
        if self.registers is not None:
            flash_overrun(self.registers, kind, number)

    def build(self, host: LuaHost) -> None:
        """Add ``channel``, ``scan``, ``slot`` and the system settings."""
        assert self.registers is not None
        self._panel.build(host)
        host.node("digio")
        self.digital.build(host, "digio")
        build_status(host, self.registers, self.status, self.status_byte)
        self.channels.build(host)
        self._scan.build(host)
        self.build_slots(host)
        host.node("localnode.settings", attributes={"settling": Attribute(self._settling)})
        host.node("comm")
        for name in ("gpib", "lan", "usb"):
            host.node(f"comm.{name}", attributes={"enable": self.setting(self._comm, name, bool)})
        host.node(
            "gpib",
            attributes={
                "address": self.setting(self._comm, "address", lambda v: int(within(v, 0, 30)))
            },
        )
        host.node("lan", functions={"reset": lambda *a: None})
        host.node("lan.status", {"ipaddress": "127.0.0.1", "macaddress": "00:60:1A:00:00:01"})
        host.node("setup", functions={"save": self._save_setup, "recall": self._recall_setup})
        host.node(
            "memory",
            functions={
                "available": lambda *a: "51.56, 92.84, 100.00, 100.00",
                "used": lambda *a: "48.44, 7.16, 0.00, 0.00",
            },
        )

    def build_slots(self, host: LuaHost) -> None:
        """Add ``slot``."""
        cards = self.cards
        host.node("slot")
        for number in range(1, cards.slots + 1):
            path = f"slot.{number}"
            host.node(path, {"idn": cards.identity, "maxvoltage": 200, "matrix": 1})
            host.node(f"{path}.poles", {("one", "two", "", "four")[cards.poles - 1]: 1})
            host.node(f"{path}.banks", {"matrix": 1})
            host.node(f"{path}.rows", {"matrix": cards.rows})
            host.node(f"{path}.columns", {"matrix": cards.columns})

    def reset(self) -> None:
        """Open every relay; rule, delays, patterns, scan to their defaults."""
        self.channels.reset()
        self._scan.reset()
        self.digital.reset()
        self._panel.reset()

    def power_on(self) -> None:
        """Start afresh; cards without a memory begin to count at zero."""
        super().power_on()
        self.channels.power_on()

    def _save_setup(self, *given: Any) -> None:
        """Keep the setup: without a name in the box (number 1), else in a file of that name."""
        arguments(given, 0, 1)
        name = _setup_name(given[0]) if given and given[0] is not None else _INTERNAL
        if name not in self._setups and len(self._setups) >= MOST_SETUPS:
            raise Refused(-225, "Out of memory or TSP memory allocation error")
        self._setups[name] = self.channels.save()

    def _recall_setup(self, *given: Any) -> None:
        """Recall factory settings (0), the setup kept in the box (1), or that of a file."""
        arguments(given, 1, 1)
        name = _setup_name(given[0])
        kept = self._setups.get(name)
        if kept is not None:
            self.channels.restore(kept)
        elif name in ("0", _INTERNAL):
            self.reset()
        else:
            raise Refused(-256, "File name not found")

    def _settling(self) -> float:
        return self.matrix.settling


def _setup_name(given: Any) -> str:
    return f"{given:g}" if isinstance(given, float | int) else text(given)
