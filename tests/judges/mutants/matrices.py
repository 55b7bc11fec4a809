"""Relays of the switch matrices, what they join, and what is recorded of them."""

from tests.judges.mutants.mutant import Mutant

_RELAYS = "labctl/sim/instruments/relays.py"
_MATRIX = "labctl/sim/instruments/matrix.py"
_CHANNELS = "labctl/sim/instruments/keithley_channels.py"
_CIRCUIT = "labctl/sim/circuit.py"
_WORLD = "labctl/sim/world.py"
_TESTS = (
    "tests/sim/test_matrix.py",
    "tests/sim/instruments/test_matrices.py",
    "tests/sim/instruments/test_matrices_relays.py",
    "tests/sim/instruments/test_connect_rule.py",
    "tests/sim/test_world.py",
)

MUTANTS = (
    Mutant(
        "an image is one step of a scan",
        "labctl/sim/instruments/keithley_scan.py",
        'self._append([(",".join(name(point) for point in points), points)])',
        "self._append([(name(point), (point,)) for point in points])",
        ("tests/sim/instruments/test_matrices_tsp.py",),
    ),
    Mutant(
        "a crosspoint joins its own column, not the next",
        _WORLD,
        "(name, slot, column), (f",
        "(name, slot, column + 1), (f",
        _TESTS,
    ),
    Mutant(
        "relays take their settling time",
        _MATRIX,
        "        self.clock.sleep(self.settling + extra)",
        "        self.clock.sleep(extra)",
        _TESTS,
    ),
    Mutant(
        "the user's own delay passes too",
        _MATRIX,
        "        self.clock.sleep(self.settling + extra)",
        "        self.clock.sleep(self.settling)",
        _TESTS,
    ),
    Mutant(
        "what does not move costs no settling",
        _MATRIX,
        "        if not self.relays.move(opened, closed):\n            return False",
        "        self.relays.move(opened, closed)",
        _TESTS,
    ),
    Mutant(
        "closures are counted",
        _RELAYS,
        "count = closures[point] = closures[point] + 1",
        "count = closures[point] + 1",
        _TESTS,
    ),
    Mutant(
        "only a relay that was open counts a closure",
        _RELAYS,
        "closing = [p for p in dict.fromkeys(closed) if p not in known or p in opening]",
        "closing = list(dict.fromkeys(closed))",
        _TESTS,
    ),
    Mutant(
        "a welded contact does not open",
        _RELAYS,
        "opening = [p for p in opening if p in touching and p not in self._welded]",
        "opening = [p for p in opening if p in touching]",
        ("tests/sim/instruments/test_matrices_relays.py", "tests/sim/test_faults.py"),
    ),
    Mutant(
        "a broken contact does not close",
        _RELAYS,
        "closing = [p for p in closing if p not in self._broken and p not in self._welded]",
        "closing = [p for p in closing if p not in self._welded]",
        ("tests/sim/instruments/test_matrices_relays.py", "tests/sim/test_faults.py"),
    ),
    Mutant(
        "worn relays fail",
        _RELAYS,
        "if self._rng.random() < SHAPE / self._life * age ** (SHAPE - 1):",
        "if False:",
        ("tests/sim/instruments/test_matrices_relays.py", "tests/sim/test_faults.py"),
    ),
    Mutant(
        "break before make",
        _CHANNELS,
        "            self.matrix.step(opened, ())\n            self.close(closed)\n        elif",
        "            self.close(closed)\n            self.matrix.step(opened, ())\n        elif",
        _TESTS,
    ),
    Mutant(
        "make before break",
        _CHANNELS,
        "            self.close(closed)\n            self.matrix.step(opened, ())\n        else",
        "            self.matrix.step(opened, ())\n            self.close(closed)\n        else",
        _TESTS,
    ),
    Mutant(
        "exclusive close opens what is not named",
        _CHANNELS,
        "        self.exchange(self.matrix.closed.difference(points), points)",
        "        self.exchange(set(), points)",
        _TESTS,
    ),
    Mutant(
        "a forbidden crosspoint is refused",
        _CHANNELS,
        "                if point in self._forbidden:\n",
        "                if False:\n",
        _TESTS,
    ),
    Mutant(
        "sequential connection takes one step each",
        _CHANNELS,
        "        if self.sequential:",
        "        if False:",
        _TESTS,
    ),
    Mutant(
        "hot switching is counted",
        _CIRCUIT,
        "if abs(levels[net]) > HOT_LEVEL or abs(currents[net]) > HOT_CURRENT:",
        "if False:",
        _TESTS,
    ),
    Mutant(
        "a relay that carries current at 0 V is hot too",
        _CIRCUIT,
        "if abs(levels[net]) > HOT_LEVEL or abs(currents[net]) > HOT_CURRENT:",
        "if abs(levels[net]) > HOT_LEVEL:",
        _TESTS,
    ),
    Mutant(
        "hot switching can weld",
        _CIRCUIT,
        "opened = [contact for contact in opened if contact not in hot]",
        "pass",
        ("tests/sim/instruments/test_matrices_relays.py", "tests/sim/test_faults.py"),
    ),
    Mutant(
        "two sources on one column are recorded",
        _CIRCUIT,
        "if len(joined) > 1:",
        "if len(joined) > 2:",
        _TESTS,
    ),
    Mutant(
        "word lines that float are recorded",
        _CIRCUIT,
        "if self._floating_words and abs(voltage) > HOT_LEVEL:",
        "if False:",
        _TESTS,
    ),
    Mutant(
        "a gate that is not connected stays off",
        _CIRCUIT,
        'self.chip.connect(lines["WL"], lines["BL"], lines["SL"])',
        'self.chip.connect(np.maximum(lines["WL"], 1), lines["BL"], lines["SL"])',
        _TESTS,
    ),
    Mutant(
        "the chip's state follows the bench time",
        _CIRCUIT,
        "            self.chip.elapse(passed)",
        "            self.chip.elapse(0.0)",
        _TESTS,
    ),
)
