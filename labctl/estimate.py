"""What operations on cells take on the bench, known before the first one."""

from __future__ import annotations

from labctl.array import Timing
from labctl.inhibit import Scheme
from labctl.instruments import Scanner, SwitchMatrix
from labctl.safety import Safety
from labctl.wiring import Wiring


def estimate(
    safety: Safety,
    scheme: Scheme,
    matrix: SwitchMatrix,
    wiring: Wiring,
    scanner: Scanner | None,
) -> Timing:
    """Return what operations take, from settling, integration and what commands cost.

    One step of relays is counted as two settling times, break before make; a command to the
    matrix costs as much as one to the source meter of the bit line. Where a step to the next bit
    line concerns several mainframes, each of them opens, and then each of them closes.
    """
    frames = wiring.frames()
    bit, helper = safety.bit_line, safety.terminals[scheme.helper]
    rest = max(helper.table.settle, bit.table.settle)
    integrate = bit.table.nplc / bit.meter.line_frequency + bit.table.settle
    hold = helper.meter.overhead + helper.table.settle
    measure = bit.meter.overhead + integrate
    release = helper.meter.overhead + rest
    messages = 1 if frames == 1 else 2 * frames
    move = 2 * frames * matrix.settling + messages * bit.meter.overhead
    read = move + hold + measure + release
    if scanner is not None:
        read = frames * scanner.steps * matrix.settling + scanner.overhead
        read += helper.table.settle + integrate + rest
    pulse = move + hold + bit.meter.overhead + release
    return Timing(read=read, pulse=pulse, move=move, stay=hold + measure)
