"""Interfaces of a 2600 as a script sees them: GPIB, serial port, LAN, TSP-Net, saved setups.

They are kept as settings and change nothing: what the simulated bench is reached over is its own
affair, and a script reaches no network.

Source: *Series 2600B Reference Manual* (2600BS-901-01), ``gpib.*``, ``serial.*``, ``lan.*``,
``tspnet.*``, ``setup.*``; values of the constants from memory of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from labctl.sim.status import Refused
from labctl.sim.tsp.host import Attribute, LuaHost
from labctl.sim.tsp.lines import MODES
from labctl.sim.tsp.triggers import Source
from labctl.sim.tsp.values import arguments, flag, one_of, text, within

if TYPE_CHECKING:
    from labctl.sim.instruments.keithley2600 import Keithley2600

BAUD_RATES = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
LAN_TRIGGERS = 8
NO_CONNECTION = (2401, "Invalid specified connection")
NOT_SAVED = (-314, "Save/recall memory lost")
_LAN = {
    **{"DISABLE": 0, "ENABLE": 1, "AUTO": 0, "MANUAL": 1, "HALF": 0, "FULL": 1},
    **{"TCP": 0, "UDP": 1, "MULTICAST": 2},
}
_STATUS = {
    **{"ipaddress": "127.0.0.1", "subnetmask": "255.0.0.0", "gateway": "0.0.0.0"},
    **{"macaddress": "00:60:1A:00:00:01", "speed": 100, "duplex": 1},
}


class Interfaces:
    """The settings behind ``gpib``, ``serial``, ``lan``, ``tspnet`` and ``setup``."""

    def __init__(self, box: Keithley2600) -> None:
        self._box = box
        self._settings: dict[str, Any] = {}
        self._triggers = [Source(box.agenda, box.events) for _ in range(LAN_TRIGGERS)]

    def build(self, host: LuaHost) -> None:
        """Add the objects."""
        address = self._keep("gpib", lambda v: int(within(v, 0, 30)), 26)
        host.node("gpib", attributes={"address": address})
        host.node(
            "serial",
            {"FLOW_NONE": "none", "FLOW_HARDWARE": "hardware", "PARITY_NONE": "none",
             "PARITY_EVEN": "even", "PARITY_ODD": "odd"},
            {
                "baud": self._keep("baud", lambda v: one_of(v, BAUD_RATES), 9600),
                "databits": self._keep("databits", lambda v: one_of(v, (7, 8)), 8),
                "parity": self._keep("parity", text, "none"),
                "flowcontrol": self._keep("flow", text, "none"),
            },
            {"read": _heard, "write": lambda *a: arguments(a, 1, 1)},
        )  # fmt: skip
        self._build_lan(host)
        self._build_net(host)
        power_on = self._keep("poweron", lambda v: one_of(v, range(6)), 0)
        host.node(
            "setup",
            attributes={"poweron": power_on},
            functions={"recall": self._recall, "save": lambda *a: _refuse(NOT_SAVED)},
        )

    def _keep(self, key: str, check: Callable[[Any], Any], default: Any) -> Attribute:
        return self._box.setting(self._settings, key, check, default)

    def _build_lan(self, host: LuaHost) -> None:
        keep = self._keep
        nothing = {name: lambda *a: None for name in ("reset", "applysettings", "restoredefaults")}
        host.node(
            "lan",
            {**_LAN, **MODES},
            {
                "autoconnect": keep("autoconnect", flag, 1),
                "linktimeout": keep("linktimeout", lambda v: within(v, 0, 3600), 20),
                "lxidomain": keep("lxidomain", lambda v: int(within(v, 0, 255)), 0),
                "nagle": keep("nagle", flag, 0),
                "timedwait": keep("timedwait", lambda v: within(v, 20, 1200), 20),
            },
            nothing,
        )
        host.node(
            "lan.config",
            attributes={
                "method": keep("method", flag, 0),
                "duplex": keep("duplex", flag, 1),
                "speed": keep("speed", lambda v: one_of(v, (10, 100)), 100),
                "ipaddress": keep("ipaddress", text, "0.0.0.0"),
                "subnetmask": keep("subnetmask", text, "255.255.255.0"),
                "gateway": keep("gateway", text, "0.0.0.0"),
            },
        )
        host.node(
            "lan.config.dns",
            attributes={
                "domain": keep("domain", text, ""),
                "hostname": keep("hostname", text, "labsim"),
                "dynamic": keep("dynamic", flag, 1),
                "verify": keep("verify", flag, 1),
            },
        )
        addresses = {n: keep(f"dns{n}", text, "0.0.0.0") for n in ("1", "2")}
        host.node("lan.config.dns.address", attributes=addresses)
        host.node("lan.status", _STATUS)
        host.node("lan.status.dns", {"name": "labsim"})
        host.node("lan.status.dns.address", {"1": "0.0.0.0", "2": "0.0.0.0"})
        host.node("lan.status.port", {"dst": 5030, "rawsocket": 5025, "telnet": 23, "vxi11": 1024})
        host.node("lan.trigger")
        for number, source in enumerate(self._triggers, 1):
            self._build_lan_trigger(host, f"lan.trigger.{number}", source)

    def _build_lan_trigger(self, host: LuaHost, path: str, source: Source) -> None:
        keep = self._keep
        host.node(
            path,
            {"EVENT_ID": source.event},
            {
                "connected": Attribute(lambda: False),
                "overrun": Attribute(lambda: source.overrun),
                "ipaddress": keep(f"{path}.ip", text, "0.0.0.0"),
                "mode": keep(f"{path}.mode", lambda v: one_of(v, tuple(MODES.values())), 3),
                "protocol": keep(f"{path}.protocol", lambda v: one_of(v, (0, 1, 2)), 0),
                "pseudostate": keep(f"{path}.state", flag, 1),
                "stimulus": keep(f"{path}.stimulus", lambda v: int(within(v, 0, 1e6)), 0),
            },
            {
                **source.functions(),
                "assert": lambda *a: None,
                "connect": lambda *a: _refuse((2112, "Connection not established")),
                "disconnect": lambda *a: None,
            },
        )

    def _build_net(self, host: LuaHost) -> None:
        """Add ``tspnet``: there is no network to connect to."""
        no = dict.fromkeys(
            ("execute", "read", "write", "readavailable", "disconnect", "clear", "termination"),
            lambda *a: _refuse(NO_CONNECTION),
        )
        host.node(
            "tspnet",
            {"TERM_LF": 1, "TERM_CR": 4, "TERM_CRLF": 2, "TERM_LFCR": 3},
            {"timeout": self._keep("nettimeout", lambda v: within(v, 0.001, 30.0), 20.0)},
            {
                **no,
                "connect": lambda *a: _refuse((2411, "TSPnet connection failed")),
                "reset": lambda *a: None,
                "idn": lambda *a: _refuse(NO_CONNECTION),
            },
        )
        abort = self._keep("abortonconnect", flag, 1)
        host.node(
            "tspnet.tsp",
            attributes={"abortonconnect": abort},
            functions=dict.fromkeys(
                ("abort", "rbtablecopy", "runscript"), lambda *a: _refuse(NO_CONNECTION)
            ),
        )

    def _recall(self, *given: Any) -> None:
        """Recall a setup: 0 is the factory's; no other was ever saved."""
        arguments(given, 1, 1)
        if one_of(given[0], range(6)):
            raise Refused(*NOT_SAVED)
        self._box.reset_all()


def _heard(*given: Any) -> str:
    """Return what came over the serial port: nothing is plugged in."""
    arguments(given, 1, 1)
    within(given[0], 1, 200)
    return ""


def _refuse(reason: tuple[int, str]) -> None:
    raise Refused(*reason)
