"""Energy and bench time of sampling, device and periphery apart, beside what is published.

Assumed of the periphery, since the simulated chip has none: a line of 1 pF charged for each pulse
and read (CV^2), and 5 pJ for a conversion of 12 bit (good ADCs: Murmann's survey, 0.5 pJ and more).
Assumed of a digital sampler of one weight: a random normal number of some 20 operations, then scale
and add, 0.9-3.7 pJ each, and the weight to and from a small memory, 10 pJ each (45 nm, 32 bit:
Horowitz, ISSCC 2014). The gradient is computed outside the chip in both cases and left out. The
edges of a source meter, 90 us each, are straight (:meth:`labctl.learn.cost.Periphery.edges`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple

import numpy as np

from labctl.learn.cost import Periphery
from labctl.learn.posterior import effective_sample_size
from tests.benchmarks.figure import Figure
from tests.benchmarks.learn_chips import prepared
from tests.benchmarks.learn_posterior import BURN_IN, HFOX, TAOX, run

LINE, CONVERSION = 1e-12, 5e-12  # F, J
OPERATION, MEMORY, OPERATIONS = 2.3e-12, 10e-12, 22
STEPS = 8_000
PUBLISHED_LIN, PUBLISHED_FASTER, PUBLISHED_HARABI = 153.0, 44.0, 5000.0


def measure() -> Iterator[Figure]:
    """Sample with the coin on both presets; 100-ns pulses come from generators without edges."""
    yield Figure("published: Lin 2025, less energy than CMOS", PUBLISHED_LIN, "x")
    yield Figure("published: Lin 2025, faster than CMOS", PUBLISHED_FASTER, "%")
    yield Figure("published: Harabi 2023, less energy than an MCU", PUBLISHED_HARABI, "x")
    digital = OPERATIONS * OPERATION + 2 * MEMORY
    yield Figure("assumed: digital step of one weight", 1e12 * digital, "pJ")
    for name, (kind, window, levels), edges in (("hfox", HFOX, True), ("taox", TAOX, False)):
        chip = prepared(kind, window, levels, edges=edges)
        before, began = np.array(astuple(chip.array.counters)), chip.array.now()
        draws, chain = run(chip, None, STEPS)
        spent = np.array(astuple(chip.array.counters)) - before
        reads, pulses, _, write, read = spent[:5]
        seconds = chip.array.now() - began
        ess = float(np.median(effective_sample_size(draws))) / (1 - BURN_IN / STEPS)
        weights = draws.shape[-1]
        volts = 0.5 * (chip.pulses.set.bit_line + chip.pulses.reset.source_line)
        around = Periphery() if edges else Periphery(edge=0.0)
        edge = around.edges(chip.pulses, write)
        line = LINE * (pulses * volts**2 + reads * 0.2**2)
        converted = CONVERSION * reads
        steps = STEPS * chain.chains * weights
        yield Figure(f"{name}: pulses a weight and effective sample", pulses / ess / weights, "")
        for what, joule in (
            ("device, pulses", write),
            ("device, edges of pulses", edge),
            ("device, reads", read),
            ("periphery, lines", line),
            ("periphery, conversions", converted),
        ):
            yield Figure(f"{name}: {what}, a step of one weight", 1e12 * joule / steps, "pJ")
        whole = (write + edge + read + line + converted) / steps
        yield Figure(f"{name}: device and periphery against digital", digital / whole, "x less")
        alone = digital * steps / (write + edge)
        yield Figure(f"{name}: pulses alone against digital", alone, "x less")
        total = 1e6 * (write + edge + read + line + converted) / ess
        yield Figure(f"{name}: an effective sample of {weights} weights", total, "µJ")
        yield Figure(f"{name}: bench time of an effective sample", seconds / ess, "s")
