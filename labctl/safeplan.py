"""What makes the whole bench safe, stage by stage, as bare messages: the plan of the guard.

The order is that of every way to zero: what runs is broken off; bit and source lines (and what
inhibits the other cells) to 0 V; word line to 0 V; outputs off; relays open.
"""

from __future__ import annotations

from typing import Any

from labctl import plugins
from labctl.benchfile import BenchFile
from labctl.guard.zero import Plan
from labctl.instruments import SafeMessages

GATE = "word_line"
"""The terminal that goes to 0 V last."""


def safe_plan(file: BenchFile) -> Plan:
    """Return what makes the instruments of a bench file safe, from their drivers' messages.

    Returns
    -------
    dict
        See :data:`labctl.guard.zero.Plan`; plain types only.
    """
    found: dict[str, SafeMessages] = {
        name: plugins.driver(table.driver).safe_messages(table.model)
        for name, table in file.instruments.items()
    }
    channels = [(name, table.instrument, table.channel) for name, table in file.terminals.items()]
    lines = [(i, c) for name, i, c in channels if name != GATE]
    gates = [(i, c) for name, i, c in channels if name == GATE]
    matrices = file.matrix.mainframes
    used = dict.fromkeys([*(i for i, _ in [*lines, *gates]), *matrices])
    stages = [
        _stage("broken off", {name: found[name].break_off for name in used}, clear=True),
        _stage("bit and source lines at 0 V", _joined(found, lines, "zero")),
        _stage("word line at 0 V", _joined(found, gates, "zero")),
        _stage("outputs off", _joined(found, [*lines, *gates], "off")),
        _stage("relays open", {name: found[name].open_all for name in matrices}),
    ]
    return {
        "bench": str(file.path),
        "visa": file.visa_library,
        "instruments": {
            name: {
                "address": file.instruments[name].address,
                "model": file.instruments[name].model,
                "timeout": file.instruments[name].timeout,
                "confirm": found[name].confirm,
            }
            for name in used
        },
        "stages": stages,
    }


def _joined(
    found: dict[str, SafeMessages], channels: list[tuple[str, str]], kind: str
) -> dict[str, tuple[str, ...]]:
    """Return the messages of one kind for channels, all those of an instrument together."""
    joined: dict[str, tuple[str, ...]] = {}
    for instrument, channel in channels:
        messages = getattr(found[instrument], kind)[channel]
        joined[instrument] = (*joined.get(instrument, ()), *messages)
    return joined


def _stage(
    what: str, messages: dict[str, tuple[str, ...]], *, clear: bool = False
) -> dict[str, Any]:
    return {
        "what": what,
        "clear": clear,
        "messages": {name: list(each) for name, each in messages.items()},
    }
