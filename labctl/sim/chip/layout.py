"""Where the kernels find parameters and state: rows of plain arrays, as numba likes them.

Kernels count in µA, µS, µW and V inside, so that numbers stay near one; the logarithm kept per
cell is ``u = ln(G / 1 µS)``. State and counters are kept row by row, ``state[ROW, cell]``, so that
a pulse on many cells walks through memory in order.
"""

from __future__ import annotations

from labctl.sim.chip.preset import NUMBERS

(
    ATTEMPT_RATE, SET_BARRIER, RESET_BARRIER, SET_LOWERING, RESET_LOWERING, SET_SLOPE, RESET_SLOPE,
    U_REFERENCE, THERMAL_RESISTANCE, THERMAL_CONDUCTANCE, HEAT_DAMPING, AMBIENT, U_MAXIMUM,
    U_MINIMUM, VOLTAGE_LOW, VOLTAGE_HIGH, U_CROSSOVER, VOLTAGE_WIDTH, GAIN, THRESHOLD, LAMBDA,
    FORMING_BARRIER, FORMING_SPREAD, FORMING_FAILURES, U_PRISTINE, PRISTINE_SPREAD, U_FORMED,
    HOP, HOP_MAXIMUM, SPEED_SPREAD, CYCLE_SPREAD, CYCLE_MEMORY, READ_WHITE, TRAP, TRAP_SPREAD,
    TRAP_SHORTEST, TRAP_LONGEST, UNSTABLE_CELLS, UNSTABLE_FACTOR, RELAX_MEAN, RELAX_SPREAD,
    RELAX_TIME, QUIET, BIT_WIRE, SOURCE_WIRE, RETENTION, RETENTION_SPREAD, U_RETENTION, STUCK_LOW,
    STUCK_HIGH, WEAR_ACTIVITY, WEAR_LOSS, FAILURE_ACTIVITY, FAILURE_SHAPE, FAILURE_SHORT,
    LAPLACE_OFFSET, LAPLACE_SLOPE, LAPLACE_CURVATURE, RELAX_DROP, UNSTABLE_RELAX, WEAR_FUTILE,
    RELAX_REACH, RELAX_SLOPE,
) = range(len(NUMBERS))  # fmt: skip
"""Columns of the parameter vector: the order of ``Preset``, in kernel units (see ``packed``)."""

LOGARITHMS = (U_REFERENCE, U_MAXIMUM, U_MINIMUM, U_CROSSOVER, U_PRISTINE, U_FORMED, U_RETENTION)
"""Conductances that the kernels want as ln(G / 1 µS)."""

(
    U, FORMED, SPEED, CYCLE, BARRIER, RELAX, RELAX_SINCE, RELAX_DRAW, MOVED, SET_TIME, RESET_TIME,
    TRAP_SINCE, KEPT_SINCE, KEEP, KEEP_SPREAD, WEAR, LIFE, END, FATE, UNSTABLE,
) = range(20)  # fmt: skip
"""Rows of the float64 state of a cell: ln G; 0 or 1; ln of the fixed and of the present speed;
extra forming barrier (eV, infinite for a cell that never forms); relaxation per factor e of time
and since when (s); its random size and |change of ln G| in the present pulse; stress counters (s);
time of the last look at the traps (s); since when retention acts on ``U`` (s), its rate at the
present ambient (1/s) and extra barrier (eV); hopping endured (factors of e), the hopping at which
the cell fails hard, ln G it then keeps, and 1 once it is stuck; factor on relaxation spread of an
unstable cell, else 1."""
TRAPS = 4
TRAP_STEP = 20
TRAP_TIME = TRAP_STEP + TRAPS
TRAP_DUTY = TRAP_TIME + TRAPS
TRAP_STATE = TRAP_DUTY + TRAPS
STATE_ROWS = TRAP_STATE + TRAPS

PROGRAM_DRAWS, READ_DRAWS, PULSES, LAST_PULSE = range(4)
COUNT_ROWS = 4
"""Rows of the int64 counters of a cell: random numbers used, stresses seen, number of the last
stress."""

STREAM_FAB, STREAM_PROGRAM, STREAM_READ = 0, 1, 2
"""Streams of random numbers of a cell: reading does not change how it will be programmed."""

SOURCE_BY_COLUMN, SOURCE_BY_ROW, PASSIVE = range(3)
"""How source lines run; in a passive array the word line is the other end of every cell."""
MODES = {"columns": SOURCE_BY_COLUMN, "rows": SOURCE_BY_ROW, "none": PASSIVE}
"""``source_lines`` of a chip by name."""
