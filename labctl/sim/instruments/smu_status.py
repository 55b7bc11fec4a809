"""The status register sets of a 2600: which there are, their bits, and where they sum up.

Source: *Series 2600B Reference Manual* (2600BS-901-01), "Status model" and ``status.*``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from labctl.sim.status import Status
from labctl.sim.tsp.host import Attribute, LuaHost
from labctl.sim.tsp.registers import RegisterTree
from labctl.sim.tsp.values import within

SMU_BITS = {"a": 1, "b": 2}
"""Bit of each channel in the summaries."""
STATUS_BYTE = {
    **{"MSB": 1, "MEASUREMENT_SUMMARY_BIT": 1, "SSB": 2, "SYSTEM_SUMMARY_BIT": 2},
    **{"EAV": 4, "ERROR_AVAILABLE": 4, "QSB": 8, "QUESTIONABLE_SUMMARY_BIT": 8},
    **{"MAV": 16, "MESSAGE_AVAILABLE": 16, "ESB": 32, "EVENT_SUMMARY_BIT": 32},
    **{"MSS": 64, "MASTER_SUMMARY_STATUS": 64, "OSB": 128, "OPERATION_SUMMARY_BIT": 128},
}
_STANDARD = {
    **{"OPC": 1, "OPERATION_COMPLETE": 1, "QYE": 4, "QUERY_ERROR": 4},
    **{"DDE": 8, "DEVICE_DEPENDENT_ERROR": 8, "EXE": 16, "EXECUTION_ERROR": 16},
    **{"CME": 32, "COMMAND_ERROR": 32, "URQ": 64, "USER_REQUEST": 64, "PON": 128, "POWER_ON": 128},
}
MEASURED = {
    **{"VOLTAGE_LIMIT": 0, "VLMT": 0, "CURRENT_LIMIT": 1, "ILMT": 1},
    **{"READING_OVERFLOW": 7, "ROF": 7, "BUFFER_AVAILABLE": 8, "BAV": 8},
}
_OPERATION = {
    **{"CALIBRATING": 0, "CAL": 0, "SWEEPING": 3, "SWE": 3, "MEASURING": 4, "MEAS": 4},
    **{"TRIGGER_OVERRUN": 10, "TRGOVR": 10},
}
_OBJECTS = {
    **{"TRIGGER_BLENDER": 10, "TRGBLND": 10, "TRIGGER_TIMER": 11, "TRGTMR": 11},
    **{"DIGITAL_IO": 12, "DIGIO": 12, "TSPLINK": 13, "LAN": 14},
}
_QUESTIONABLE = {
    **{"CALIBRATION": 8, "CAL": 8, "UNSTABLE_OUTPUT": 9, "UO": 9},
    **{"OVER_TEMPERATURE": 12, "OTEMP": 12},
}
_SUMMARY = {"INSTRUMENT_SUMMARY": 13, "INST": 13}
_OVERRUN = {"TRIGGER_OVERRUN": 10, "TRGOVR": 10}
Table = dict[str, tuple[Mapping[str, int], str, int]]


def table(channels: tuple[str, ...], lines: int) -> Table:
    """Return the register sets of a model: names of bits, parent, bit in it; parents first."""
    smus = {f"SMU{name.upper()}": SMU_BITS[name] for name in channels}
    found: Table = {
        "measurement": ({**MEASURED, "INTERLOCK": 11, "INT": 11, **_SUMMARY}, "", 0),
        "operation": (
            {
                **_OPERATION,
                **{"REMOTE_SUMMARY": 11, "REM": 11, "USER": 12, **_SUMMARY},
                **{"PROGRAM_RUNNING": 14, "PROG": 14},
            },
            "",
            7,
        ),
        "questionable": ({**_QUESTIONABLE, "HIGHV_NOT_READY": 10, **_SUMMARY}, "", 3),
    }
    _add_measurement(found, smus, channels)
    _add_operation(found, smus, channels, lines)
    _add_questionable(found, smus, channels)
    _add_system(found)
    return found


def build_status(
    host: LuaHost, tree: RegisterTree, status: Status, byte: Callable[[], int]
) -> None:
    """Add ``status`` with all register sets."""

    def set_request(value: Any) -> None:
        status.service_enable = int(within(value, 0, 255)) & ~64

    def set_standard(value: Any) -> None:
        status.event_enable = int(within(value, 0, 255))

    store = {"node_enable": 0, "ptr": 255, "ntr": 0}

    def kept(key: str) -> Attribute:
        return Attribute(
            lambda: store[key], lambda v: store.update({key: int(within(v, 0, 32767))})
        )

    host.node(
        "status",
        STATUS_BYTE,
        {
            "condition": Attribute(byte),
            "request_enable": Attribute(lambda: status.service_enable, set_request),
            "request_event": Attribute(lambda: byte() & status.service_enable),
            "node_enable": kept("node_enable"),
            "node_event": Attribute(lambda: byte() & store["node_enable"]),
        },
        {"reset": lambda *a: _reset(tree, status)},
    )
    host.node(
        "status.standard",
        _STANDARD,
        {
            "condition": Attribute(lambda: status.event),
            "event": Attribute(status.read_event),
            "enable": Attribute(lambda: status.event_enable, set_standard),
            "ptr": kept("ptr"),
            "ntr": kept("ntr"),
        },
    )
    tree.build(host)
    user = tree["operation.user"]

    def set_user(value: Any) -> None:
        wanted = int(within(value, 0, 32767))
        for bit in range(15):
            user.put(bit, bool(wanted >> bit & 1))

    host.extend(
        "status.operation.user",
        attributes={"condition": Attribute(lambda: user.condition, set_user)},
    )


def flash_overrun(tree: RegisterTree, kind: str, number: int) -> None:
    """Note that a trigger object ("timer", "blender", "digio", "tsplink") missed an event."""
    name = {"timer": "trigger_timer", "blender": "trigger_blender"}.get(kind, kind)
    bit = {"timer": 11, "blender": 10, "digio": 12, "tsplink": 13}[kind]
    tree[f"operation.instrument.{name}.trigger_overrun"].flash(number)
    tree["operation.trigger_overrun"].flash(bit)


def _reset(tree: RegisterTree, status: Status) -> None:
    tree.reset()
    status.event = status.event_enable = status.service_enable = 0


def _add_measurement(found: Table, smus: dict[str, int], channels: tuple[str, ...]) -> None:
    for path, bit in (
        ("voltage_limit", 0),
        ("current_limit", 1),
        ("reading_overflow", 7),
        ("buffer_available", 8),
        ("instrument", 13),
    ):
        found[f"measurement.{path}"] = (smus, "measurement", bit)
    for name in channels:
        found[f"measurement.instrument.smu{name}"] = (
            MEASURED, "measurement.instrument", SMU_BITS[name],
        )  # fmt: skip


def _add_operation(
    found: Table, smus: dict[str, int], channels: tuple[str, ...], lines: int
) -> None:
    for path, bit in (("calibrating", 0), ("sweeping", 3), ("measuring", 4)):
        found[f"operation.{path}"] = (smus, "operation", bit)
    found["operation.trigger_overrun"] = ({**smus, **_OBJECTS}, "operation", 10)
    remote = {"COMMAND_AVAILABLE": 1, "CAV": 1, "PROMPTS_ENABLED": 11, "PRMPT": 11}
    found["operation.remote"] = (remote, "operation", 11)
    found["operation.user"] = ({f"BIT{bit}": bit for bit in range(15)}, "operation", 12)
    found["operation.instrument"] = ({**smus, **_OBJECTS}, "operation", 13)
    for name in channels:
        path = f"operation.instrument.smu{name}"
        found[path] = (_OPERATION, "operation.instrument", SMU_BITS[name])
        places = {"ARM": 1, "SRC": 2, "MEAS": 3, "ENDP": 4}
        found[f"{path}.trigger_overrun"] = (places, path, 10)
    objects = [
        ("trigger_blender", 10, "BLND", 6),
        ("trigger_timer", 11, "TMR", 8),
        ("lan", 14, "LAN", 8),
    ]
    if lines:
        objects += [("digio", 12, "LINE", lines), ("tsplink", 13, "LINE", 3)]
    for kind, bit, word, count in objects:
        path = f"operation.instrument.{kind}"
        more = {"CONNECTION": 0, "CON": 0, "CONFIGURING": 1, "CONF": 1} if kind == "lan" else {}
        found[path] = ({**more, **_OVERRUN}, "operation.instrument", bit)
        names = {f"{word}{n}": n for n in range(1, count + 1)}
        found[f"{path}.trigger_overrun"] = (names, path, 10)


def _add_questionable(found: Table, smus: dict[str, int], channels: tuple[str, ...]) -> None:
    for path, bit in (
        ("calibration", 8),
        ("unstable_output", 9),
        ("over_temperature", 12),
        ("instrument", 13),
    ):
        found[f"questionable.{path}"] = (smus, "questionable", bit)
    for name in channels:
        found[f"questionable.instrument.smu{name}"] = (
            _QUESTIONABLE, "questionable.instrument", SMU_BITS[name],
        )  # fmt: skip


def _add_system(found: Table) -> None:
    """Add the five sets of the nodes on TSP-Link, each but the first below the one before."""
    for k in range(5):
        first, last = 14 * k + 1, min(14 * k + 14, 64)
        names = {f"NODE{node}": node - first + 1 for node in range(first, last + 1)}
        if k < 4:
            names |= {"EXT": 0, "EXTENSION_BIT": 0}
        parent = ("", "system", "system2", "system3", "system4")[k]
        found[f"system{k + 1 if k else ''}"] = (names, parent, 1 if k == 0 else 0)
