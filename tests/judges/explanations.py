"""Failures of other people's clients that are not faults of the simulator, and why."""

from __future__ import annotations

import re

EXPLANATIONS: tuple[tuple[str, str, str], ...] = (
    (
        r"keithley2400/2450",
        r"read_v_i|read_i|read_r|sweep_iv",
        "To read V and I this client asks :READ? for the current and then MEAS:VOLT?, which makes "
        "voltage the measure function, and it stays so (Reference Manual, :MEASure?); the next "
        ":READ? is a voltage, which the client takes for the current.",
    ),
)
"""Regular expressions of ``client/model`` and of the step, and the reason."""


def explanation(client: str, model: str, step: str) -> str:
    """Return why a step of a client has to fail, or an empty text."""
    for where, what, why in EXPLANATIONS:
        if re.fullmatch(where, f"{client}/{model}") and re.fullmatch(what, step):
            return why
    return ""
