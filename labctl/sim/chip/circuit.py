"""Node voltages: lines on driven nets, floating lines, nets at their current limit.

Lines have no resistance here. Currents are positive from bit line to source line.
"""

from __future__ import annotations

import math

from numba import njit

from labctl.sim.chip.cell import VT, solve

SWEEPS = 200
TOLERANCE = 1e-9  # V


@njit(cache=True)
def cell_current(u, b, s, gate, p):
    """Return the current (µA) of a cell between line voltages b and s with its gate at ``gate``."""
    return solve(u, b - s, gate - min(b, s), p, 1e30)[1]


@njit(cache=True)
def line_current(k, is_bit, v, us, cells, count, bit, source, word, p):
    """Return the current (µA) that line ``k`` at ``v`` would send into its active cells."""
    total = 0.0
    for n in range(count):
        i, j, line = cells[n, 0], cells[n, 1], cells[n, 2]
        if is_bit and j == k:
            total += cell_current(us[n], v, source[line], word[i], p)
        elif not is_bit and line == k:
            total -= cell_current(us[n], bit[j], v, word[i], p)
    return total


@njit(cache=True)
def float_line(k, is_bit, us, cells, count, bit, source, word, p):
    """Return the voltage at which floating line ``k`` carries no current."""
    low, high, found = math.inf, -math.inf, False
    for n in range(count):
        if is_bit and cells[n, 1] == k:
            other = source[cells[n, 2]]
        elif not is_bit and cells[n, 2] == k:
            other = bit[cells[n, 1]]
        else:
            continue
        found = True
        low, high = min(low, other), max(high, other)
    if not found:
        return 0.0
    while high - low > TOLERANCE:
        middle = 0.5 * (low + high)
        if line_current(k, is_bit, middle, us, cells, count, bit, source, word, p) > 0.0:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)


@njit(cache=True)
def relax(us, cells, count, bit, source, word, bit_net, source_net, p):
    """Bring all floating lines to where they carry no current, in place."""
    for _ in range(SWEEPS):
        change = 0.0
        for k in range(bit.size):
            if bit_net[k] < 0:
                new = float_line(k, True, us, cells, count, bit, source, word, p)
                change = max(change, abs(new - bit[k]))
                bit[k] = new
        for k in range(source.size):
            if source_net[k] < 0:
                new = float_line(k, False, us, cells, count, bit, source, word, p)
                change = max(change, abs(new - source[k]))
                source[k] = new
        if change < 10 * TOLERANCE:
            return


@njit(cache=True)
def net_currents(us, cells, count, bit, source, word, bit_net, source_net, p, out):
    """Write the current (µA) into each net from its source."""
    out[:] = 0.0
    for n in range(count):
        i, j, line = cells[n, 0], cells[n, 1], cells[n, 2]
        current = cell_current(us[n], bit[j], source[line], word[i], p)
        if bit_net[j] >= 0:
            out[bit_net[j]] += current
        if source_net[line] >= 0:
            out[source_net[line]] -= current


@njit(cache=True)
def set_net(net, v, bit, source, bit_net, source_net):
    """Put every line of a net at ``v``."""
    for k in range(bit.size):
        if bit_net[k] == net:
            bit[k] = v
    for k in range(source.size):
        if source_net[k] == net:
            source[k] = v


@njit(cache=True)
def operate(us, cells, count, bit, source, word, bit_net, source_net, voltage, limit, p, out, at):
    """Find the operating point: line voltages in place, net currents (µA) and limit flags.

    A net whose source would give more than its limit (µA) becomes a current source: its voltage
    falls until the current is the limit. Nets are taken in turn; two sources at their limits in
    series are settled by repeating.
    """
    at[:] = False
    relax(us, cells, count, bit, source, word, bit_net, source_net, p)
    net_currents(us, cells, count, bit, source, word, bit_net, source_net, p, out)
    for _ in range(8):
        worst, net = 1.0 + 1e-9, -1
        for n in range(voltage.size):
            if not math.isnan(voltage[n]) and abs(out[n]) > worst * limit[n] > 0.0:
                worst, net = abs(out[n]) / limit[n], n
        if net < 0:
            return
        at[net] = True
        low, high = 0.0, 1.0  # part of the way from where no current flows to the full voltage
        others = 0.0
        for n in range(voltage.size):
            if n != net and not math.isnan(voltage[n]) and at[n] == False:  # noqa: E712
                if abs(voltage[n] - voltage[net]) > abs(others - voltage[net]):
                    others = voltage[n]
        for _ in range(60):
            part = 0.5 * (low + high)
            set_net(net, others + part * (voltage[net] - others), bit, source, bit_net, source_net)
            relax(us, cells, count, bit, source, word, bit_net, source_net, p)
            net_currents(us, cells, count, bit, source, word, bit_net, source_net, p, out)
            if abs(out[net]) > limit[net]:
                high = part
            else:
                low = part
