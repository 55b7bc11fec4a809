"""TSP: numbers and buffers on the wire, the trigger model, and the walls around scripts."""

from tests.judges.mutants.mutant import Mutant

_VALUES = "labctl/sim/tsp/values.py"
_BUFFERS = "labctl/sim/tsp/buffers.py"
_TRIGGERS = "labctl/sim/tsp/triggers.py"
_HOST = "labctl/sim/tsp/host.py"
_SANDBOX = "labctl/sim/tsp/sandbox.lua"
_TESTS = (
    "tests/sim/instruments/test_2600_buffers.py",
    "tests/sim/instruments/test_2600_trigger.py",
    "tests/sim/test_tsp.py",
)
_WALLS = ("tests/sim/instruments/test_sandbox_filter.py", "tests/sim/test_sandbox.py")

MUTANTS = (
    Mutant(
        "binary blocks in the byte order asked for",
        _VALUES,
        'order = "<" if byteorder == LITTLE_ENDIAN else ">"',
        'order = "<"',
        _TESTS,
    ),
    Mutant(
        "binary blocks of the width asked for",
        _VALUES,
        'kind = "f" if data == REAL32 else "d"',
        'kind = "d"',
        _TESTS,
    ),
    Mutant(
        "binary blocks begin with #0",
        _VALUES,
        'return b"#0" + struct.pack(',
        "return struct.pack(",
        _TESTS,
    ),
    Mutant(
        "numbers are printed with the precision set",
        _VALUES,
        'f"%.{precision - 1}e" for precision',
        '"%.5e" for precision',
        _TESTS,
    ),
    Mutant(
        "buffers keep the order of the readings",
        _BUFFERS,
        "        entries.append(entry)",
        "        entries.insert(0, entry)",
        _TESTS,
    ),
    Mutant(
        "printbuffer interleaves its columns row by row",
        _BUFFERS,
        "return [value for row in zip(*columns, strict=True) for value in row]",
        "return [value for column in columns for value in column]",
        _TESTS,
    ),
    Mutant(
        "buffers count from one",
        _BUFFERS,
        "return [entry[0] for entry in self.entries[first - 1 : last]]",
        "return [entry[0] for entry in self.entries[first:last]]",
        _TESTS,
    ),
    Mutant(
        "a buffer that does not append is emptied first",
        _BUFFERS,
        'if not self.settings["appendmode"]:',
        "if False:",
        _TESTS,
    ),
    Mutant(
        "a full buffer refuses more",
        _BUFFERS,
        "                raise Refused(*OUT_OF_MEMORY)",
        "                pass",
        _TESTS,
    ),
    Mutant(
        "time stamps begin with the first reading",
        _BUFFERS,
        "return round((entry.time - self.began) / step) * step",
        "return round(entry.time / step) * step",
        _TESTS,
    ),
    Mutant(
        "too many arguments are refused",
        _VALUES,
        "        raise Refused(*NOT_ALLOWED)",
        "        pass",
        _TESTS,
    ),
    Mutant(
        "values below the least are refused",
        _VALUES,
        "        raise Refused(*TOO_SMALL)",
        "        pass",
        _TESTS,
    ),
    Mutant(
        "a blender of all events waits for each",
        _TRIGGERS,
        "            if used <= self._seen:",
        "            if True:",
        _TESTS,
    ),
    Mutant(
        "a trigger timer keeps its delay",
        _TRIGGERS,
        "self.agenda.at(self.agenda.now() + delay, self._ring)",
        "self.agenda.at(self.agenda.now(), self._ring)",
        _TESTS,
    ),
    Mutant(
        "a trigger timer fires as often as counted",
        _TRIGGERS,
        "        self._left -= 1\n",
        "        self._left = 0\n",
        _TESTS,
    ),
    Mutant(
        "no attribute of a Python object is reached from a script",
        _HOST,
        'raise AttributeError("access denied")',
        "return name",
        _WALLS,
    ),
    Mutant(
        "what reaches the host is taken out of the globals",
        _SANDBOX,
        '"module", "debug", "load",',
        '"module", "load",',
        _WALLS,
    ),
    Mutant(
        "an endless script is broken off",
        _SANDBOX,
        "if ticks > limits.steps or spent > limits.seconds then",
        "if false then",
        _WALLS,
    ),
    Mutant(
        "an endless script costs bench time",
        _SANDBOX,
        "if exhausted then ticks = limits.steps end",
        "if exhausted then ticks = 0 end",
        _WALLS,
    ),
    Mutant(
        "a script has the globals whose metatable it may set",
        _SANDBOX,
        "return f and setfenv(f, G), message",
        "return f, message",
        _WALLS,
    ),
    Mutant(
        "scripts have a memory cap",
        _SANDBOX,
        'if collect("count") <= limits.memory then return false end',
        "if true then return false end",
        _WALLS,
    ),
    Mutant(
        "a coroutine has the same budget",
        _SANDBOX,
        '  sethook(co, tick, "", STEP)\n  return co',
        "  return co",
        _WALLS,
    ),
)
