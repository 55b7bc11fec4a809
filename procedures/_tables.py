"""Tables of runs that learn on the chip."""

from __future__ import annotations

from labctl.store import Column

PULSES = {
    "step": Column("int64", "", "from 1"),
    "row": Column("int16", "", "word line"),
    "col": Column("int16", "", "bit line"),
    "polarity": Column("int8", "", "1 SET, -1 RESET"),
    "before": Column("float64", "S", "read before the pulse"),
    "after": Column("float64", "S", "read after the pulse; NaN without a read"),
}
WEIGHTS = {
    "chain": Column("int16", "", "of the weight, from 0"),
    "weight": Column("int32", "", "index of the weight"),
    "plus_row": Column("int16", "", "word line of the plus cell; -1 where a weight is no pair"),
    "plus_col": Column("int16", "", "bit line of the plus cell, likewise"),
    "minus_row": Column("int16", "", "word line of the minus cell, likewise"),
    "minus_col": Column("int16", "", "bit line of the minus cell, likewise"),
    "kappa": Column("float64", "S", "conductance difference per unit of the weight"),
}
PLACEMENT = {
    "step": Column("int64", "", "after which it is so; 0 is before the first"),
    "row": Column("int16", "", "word line"),
    "col": Column("int16", "", "bit line"),
    "weight": Column("int32", "", "index of the weight on the cell; -1 free, -2 not usable"),
    "chain": Column("int16", "", "of the weight, from 0; -1 where there is none"),
    "layer": Column("int16", "", "likewise"),
    "input": Column("int32", "", "row of the layer's table, likewise"),
    "output": Column("int32", "", "column of the layer's table, likewise"),
    "slot": Column("int8", "", "which of the weight's cells, likewise"),
    "sign": Column("int8", "", "1 adds to the weight, -1 takes from it, 0 carries none"),
    "frozen": Column(
        "int8", "", "1 where the cell was given up in its place, and is pulsed no more"
    ),
    "lost_row": Column("int16", "", "word line of the cell whose place it took; -1 is none"),
    "lost_col": Column("int16", "", "bit line of that cell"),
}
TRACE = {
    "step": Column("int64", "", "from 1"),
    "time": Column("float64", "s", "bench time after the step"),
    "log_posterior": Column("float64", "nat", "up to a constant; mean over the chains"),
    "nll": Column(
        "float64", "nat", "mean negative log likelihood of the training labels, likewise"
    ),
    "saturated": Column("float32", "", "share of coins that could not turn far enough"),
    "pulses": Column("int64", "", "pulses of the learning so far, of all chains"),
}
DRAWS = {
    "draw": Column("int64", "", "from 0, burn-in included"),
    "step": Column("int64", "", "after which it was read"),
    "kept": Column("bool", "", "false in the burn-in, and while a schedule explores"),
    "chain": Column("int16", "", "which drew it, from 0"),
    "weight": Column("int32", "", "index of the weight"),
    "value": Column("float64", "", "the weight, (plus - minus) / kappa"),
    "plus": Column(
        "float64", "S", "what raises the weight: the plus cell as read, mean of its reads"
    ),
    "minus": Column("float64", "S", "what lowers it: the minus cell, likewise"),
}
