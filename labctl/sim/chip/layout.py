"""Where the kernels find parameters and state: columns of plain arrays, as numba likes them.

Kernels count in µA, µS, µW and V inside, so that numbers stay near one; the logarithm kept per
cell is ``u = ln(G / 1 µS)``.
"""

from __future__ import annotations

from labctl.sim.chip.preset import NUMBERS

(
    ATTEMPT_RATE, SET_BARRIER, RESET_BARRIER, SET_LOWERING, RESET_LOWERING, SET_SLOPE, RESET_SLOPE,
    U_REFERENCE, THERMAL_RESISTANCE, THERMAL_CONDUCTANCE, HEAT_DAMPING, AMBIENT, U_MAXIMUM,
    U_MINIMUM, VOLTAGE_LOW, VOLTAGE_HIGH, U_CROSSOVER, VOLTAGE_WIDTH, GAIN, THRESHOLD, LAMBDA,
    FORMING_BARRIER, FORMING_SPREAD, FORMING_FAILURES, U_PRISTINE, PRISTINE_SPREAD, U_FORMED,
    HOP, HOP_MAXIMUM, SPEED_SPREAD, CYCLE_SPREAD, CYCLE_MEMORY, READ_WHITE, TRAP, TRAP_SPREAD,
    TRAP_SHORTEST, TRAP_LONGEST, UNSTABLE, UNSTABLE_FACTOR, RELAX_MEAN, RELAX_SPREAD, RELAX_TIME,
    QUIET,
) = range(len(NUMBERS))  # fmt: skip
"""Columns of the parameter vector: the order of ``Preset``, in kernel units (see ``packed``)."""

LOGARITHMS = (U_REFERENCE, U_MAXIMUM, U_MINIMUM, U_CROSSOVER, U_PRISTINE, U_FORMED)
"""Conductances that the kernels want as ln(G / 1 µS)."""

(
    U, FORMED, SPEED, CYCLE, BARRIER, RELAX, RELAX_SINCE, RELAX_DRAW, MOVED, SET_TIME, RESET_TIME,
    TRAP_SINCE,
) = range(12)  # fmt: skip
"""Columns of the float64 state of a cell: ln G; 0 or 1; ln of the fixed and of the present speed;
extra forming barrier (eV, infinite for a cell that never forms); relaxation per factor e of time
and since when (s); its random size and |change of ln G| in the present pulse; stress counters (s);
time of the last look at the traps (s)."""
TRAPS = 4
TRAP_STEP = 12
TRAP_TIME = TRAP_STEP + TRAPS
TRAP_DUTY = TRAP_TIME + TRAPS
TRAP_STATE = TRAP_DUTY + TRAPS
STATE_COLUMNS = TRAP_STATE + TRAPS

PROGRAM_DRAWS, READ_DRAWS, PULSES, LAST_PULSE = range(4)
COUNT_COLUMNS = 4
"""Columns of the int64 counters of a cell: random numbers used, stresses seen, number of the last
stress."""

STREAM_FAB, STREAM_PROGRAM, STREAM_READ = 0, 1, 2
"""Streams of random numbers of a cell: reading does not change how it will be programmed."""
