"""The SCPI source meters: Keithley 2400 and 2450, Keysight B2900."""

from tests.judges.mutants.mutant import Mutant

_BOX = "labctl/sim/instruments/keithley2400.py"
_ANALOGUE = "labctl/sim/instruments/keithley2400_analogue.py"
_METER = "labctl/sim/instruments/keithley2400_meter.py"
_READING = "labctl/sim/instruments/keithley2400_reading.py"
_SIGNAL = "labctl/sim/instruments/keithley2400_signal.py"
_SWEEP = "labctl/sim/instruments/keithley2400_sweep.py"
_SOURCE = "labctl/sim/instruments/keithley2400_source.py"
_TRACE = "labctl/sim/instruments/keithley2400_trace.py"
_TRIGGER = "labctl/sim/instruments/keithley2400_trigger.py"
_2450 = "labctl/sim/instruments/keithley2450_smu.py"
_2450_OUTPUT = "labctl/sim/instruments/keithley2450_output.py"
_2450_READINGS = "labctl/sim/instruments/keithley2450_readings.py"
_2450_BUFFERS = "labctl/sim/instruments/keithley2450_buffers.py"
_B2900 = "labctl/sim/instruments/b2900_channel.py"
_B2900_RUN = "labctl/sim/instruments/b2900_run.py"
_B2900_TRIGGER = "labctl/sim/instruments/b2900_trigger.py"
_B2900_MODELS = "labctl/sim/instruments/b2900_models.py"
_ON_2400 = (
    "tests/sim/instruments/test_keithley2400.py",
    "tests/sim/instruments/test_keithley2400_output.py",
    "tests/sim/instruments/test_keithley2400_settings.py",
    "tests/sim/instruments/test_keithley2400_sweeps.py",
    "tests/sim/instruments/test_keithley2400_trigger.py",
    "tests/sim/instruments/test_keithley2400_bench.py",
)
_ON_2450 = (
    "tests/sim/instruments/test_keithley2450.py",
    "tests/sim/instruments/test_keithley2450_buffers.py",
    "tests/sim/instruments/test_measure_details.py",
)
_ON_B2900 = (
    "tests/sim/instruments/test_b2900.py",
    "tests/sim/instruments/test_b2900_trigger.py",
    "tests/sim/instruments/test_measure_details.py",
)

MUTANTS = (
    Mutant(
        "2400: reading with the output off is refused",
        _BOX,
        "if not self.settings.output and not self.settings.clear_auto:",
        "if False:",
        _ON_2400,
    ),
    Mutant(
        "2400: :MEASure? switches the output on",
        _SIGNAL,
        "            self._configure_function(settings, fresh, function)\n        box.switch(True)",
        "            self._configure_function(settings, fresh, function)",
        _ON_2400,
    ),
    Mutant(
        "2400: :MEASure? resets the settings of its function",
        _SIGNAL,
        'for name in ("measure_range", "measure_auto", "low_range", "compliance"):',
        'for name in ("measure_range", "measure_auto", "low_range"):',
        _ON_2400,
    ),
    Mutant(
        "2400: a fixed measure range limits the source",
        _ANALOGUE,
        "            limit = min(limit, settings.measure_range[quantity])",
        "            pass",
        _ON_2400,
    ),
    Mutant(
        "2400: the status word tells of compliance",
        _METER,
        "            | (last.limited and not last.by_range) << COMPLIANCE\n",
        "",
        _ON_2400,
    ),
    Mutant(
        "2400: the status word tells range compliance from real",
        _METER,
        "            | last.by_range << RANGE_COMPLIANCE\n",
        "",
        _ON_2400,
    ),
    Mutant(
        "2400: readings come in their fixed order",
        _READING,
        'ELEMENTS = ("VOLT", "CURR", "RES", "TIME", "STAT")',
        'ELEMENTS = ("CURR", "VOLT", "RES", "TIME", "STAT")',
        _ON_2400,
    ),
    Mutant(
        "2400: binary readings in the byte order asked for",
        _READING,
        'order = ">" if border == "NORM" else "<"',
        'order = ">"',
        _ON_2400,
    ),
    Mutant(
        "2400: autozero takes three conversions",
        _ANALOGUE,
        "        zeroing = 3 if settings.autozero else 1\n        charged",
        "        zeroing = 1\n        charged",
        _ON_2400,
    ),
    Mutant(
        "2400: the source delay passes before the measurement",
        _ANALOGUE,
        "        self.channel.clock.sleep(delay)",
        "        pass",
        _ON_2400,
    ),
    Mutant(
        "2400: output relay of the HIMP state takes its time",
        _ANALOGUE,
        "            self.channel.clock.sleep(RELAY_TIME)",
        "            pass",
        _ON_2400,
    ),
    Mutant(
        "2400: list sweep in its order",
        _SWEEP,
        "return listed[settings.list_start[function] - 1 :] or listed",
        "return tuple(sorted(listed[settings.list_start[function] - 1 :] or listed))",
        _ON_2400,
    ),
    Mutant(
        "2400: a staircase ends at its stop",
        _SWEEP,
        "    fractions = [k / (points - 1) for k in range(points)]",
        "    fractions = [k / points for k in range(points)]",
        _ON_2400,
    ),
    Mutant(
        "2400: setting a range ends its autoranging",
        _SOURCE,
        "settings.source_range[quantity], settings.source_auto[quantity] = chosen, False",
        "settings.source_range[quantity] = chosen",
        _ON_2400,
    ),
    Mutant(
        "2400: more power than it has is refused",
        _SOURCE,
        'raise Refused(826, "Attempt to exceed power limit")',
        "pass",
        _ON_2400,
    ),
    Mutant(
        "2400: a full buffer says so and takes no more",
        _TRACE,
        "            self.storing = False\n            self._measurement.set(FULL, True)",
        "            self._measurement.set(FULL, True)",
        _ON_2400,
    ),
    Mutant(
        "2400: bit 9 of the measurement register is a full buffer",
        _TRACE,
        "AVAILABLE, FULL = 8, 9",
        "AVAILABLE, FULL = 8, 10",
        _ON_2400,
    ),
    Mutant(
        "2400: the arm layer waits for its event",
        _TRIGGER,
        "                    yield settings.arm_source",
        "                    pass",
        _ON_2400,
    ),
    Mutant(
        "2400: the trigger count",
        _TRIGGER,
        "for place in range(settings.trigger_count):",
        "for place in range(1):",
        _ON_2400,
    ),
    Mutant(
        "2400: an open interlock keeps the output off",
        _BOX,
        "        if on and self.interlocked:",
        "        if False:",
        (*_ON_2400, "tests/sim/test_faults.py"),
    ),
    Mutant(
        "2450: another source function switches the output off",
        _2450_OUTPUT,
        "            self.channel.set_output(False)\n            self.function = function",
        "            self.function = function",
        _ON_2450,
    ),
    Mutant(
        "2450: what is sourced is measured on the range of the source",
        _2450,
        "        if function == self.function:\n            return self.source_range(function)",
        "        if False:\n            return self.source_range(function)",
        _ON_2450,
    ),
    Mutant(
        "2450: the source delay comes once after a change",
        _2450,
        "            self.clock.sleep(self.delay(self.function))",
        "            pass",
        _ON_2450,
    ),
    Mutant(
        "2450: a buffer fills as often as counted",
        _2450_READINGS,
        "    for k in range(box.smu.count):",
        "    for k in range(1):",
        _ON_2450,
    ),
    Mutant(
        "2450: a buffer that is asked beyond its end refuses",
        _2450_BUFFERS,
        "if not self.start <= first <= last < self.start + len(self.readings):",
        "if False:",
        _ON_2450,
    ),
    Mutant(
        "2450: binary rows in the byte order asked for",
        _2450_READINGS,
        'return b"#0" + struct.pack(f"{box.order}{len(values)}{kind}", *values)',
        'return b"#0" + struct.pack(f"<{len(values)}{kind}", *values)',
        _ON_2450,
    ),
    Mutant(
        "B2900: list sweep in its order",
        _B2900,
        'return list(settings[f"{key} list"])',
        'return sorted(settings[f"{key} list"])',
        _ON_B2900,
    ),
    Mutant(
        "B2900: a sweep down is a sweep down",
        _B2900,
        "            found.reverse()",
        "            pass",
        _ON_B2900,
    ),
    Mutant(
        "B2900: more power than it has is refused",
        _B2900,
        "            check_power(*pair, pulse=pulse or bool(self.settings",
        "            (lambda *a, **k: None)(*pair, pulse=pulse or bool(self.settings",
        _ON_B2900,
    ),
    Mutant(
        "B2900: limits of both signs",
        _B2900,
        'side = "negative" if level < 0.0 else "positive"',
        'side = "positive"',
        _ON_B2900,
    ),
    Mutant(
        "B2900: binary blocks tell their length",
        _B2900_RUN,
        'return f"#{len(size)}{size}".encode() + data',
        'return b"#0" + data',
        _ON_B2900,
    ),
    Mutant(
        "B2900: binary blocks in the byte order asked for",
        _B2900_RUN,
        'f"{box.order}{len(values)}{kind}",',
        'f">{len(values)}{kind}",',
        _ON_B2900,
    ),
    Mutant(
        "B2900: overflow is infinite in a binary block",
        _B2900_RUN,
        "else inf if v == INFINITE else",
        "else v if v == INFINITE else",
        _ON_B2900,
    ),
    Mutant(
        "B2900: the shortest pulse",
        _B2900_MODELS,
        "LEAST_PULSE, LONGEST_PULSE = 5e-5, 1e5",
        "LEAST_PULSE, LONGEST_PULSE = 5e-6, 1e5",
        _ON_B2900,
    ),
    Mutant(
        "B2900: a pulse ends after its width",
        _B2900_TRIGGER,
        'yield At(begin + settings["width"], _AFTER)',
        "yield At(begin, _AFTER)",
        _ON_B2900,
    ),
    Mutant(
        "B2900: an open interlock keeps the output off",
        _B2900,
        '            if self.faults.interlock == "open":',
        "            if False:",
        (*_ON_B2900, "tests/sim/test_faults.py"),
    ),
)
