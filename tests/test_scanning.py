"""Blocks of cells read by a script inside linked instruments."""

import re

import numpy as np
import pytest

from labctl.array import Pulse
from labctl.bench import Bench
from labctl.cells import parse_cells
from labctl.errors import AbortedError, InstrumentError, LatchedError, LimitError
from labctl.instruments import Flag
from tests.truth import Truth

FORMING = Pulse.set(3.5, 1.5, 1e-3)
QUIET = (("noise = true  ", "noise = false "),)  # of the cells and of the instruments
NODES = tuple((f'model = "{m}"', f'model = "{m}"\nnode = {k}') for k, m in enumerate(
    ("2636B", "2635B", "707B"), 1
))  # fmt: skip
LINK = '\n[simulation.tsplink]\n1 = "smu"\n2 = "gate"\n3 = "matrix"\n'


@pytest.fixture
def linked(bench_file):
    """Write the file of a bench whose instruments are on one TSP-Link."""

    def write(*replaced, more=LINK):
        return bench_file(*QUIET, *NODES, *replaced, more=more)

    return write


def formed(bench):
    for _ in range(4):
        bench.array.pulse(np.argwhere(np.ones((2, 16))), FORMING)
    return bench


CELLS = [
    "all",
    "rows 0..1",
    "column 3",
    "0,5; 1,2; 0,5; 0,5; 1,9",
    "*,2; *,11",
]


@pytest.mark.parametrize("cells", CELLS)
def test_a_scan_reads_what_reading_cell_by_cell_does_in_less_bench_time(linked, bench_file, cells):
    paths = linked(), bench_file(*QUIET)
    found, took, closures = [], [], []
    for path in paths:
        with Bench.open(path) as bench:
            formed(bench).array.read([[4, 4]])  # loads what is loaded once
            wanted = parse_cells(cells, bench.array.shape)
            before, closed = bench.array.now(), Truth(path).closures()
            found.append(bench.array.read(wanted))
            took.append(bench.array.now() - before)
            closures.append(Truth(path).closures() - closed)
            assert Truth(path).violations == []
            assert bench.array.counters.relay_closures == Truth(path).closures()
            assert bench.array.closures == {p: n for p, n in by_label(path).items() if n}
    scanned, one_by_one = found
    np.testing.assert_array_equal(scanned.cells, one_by_one.cells)
    np.testing.assert_array_equal(scanned.flag, one_by_one.flag)
    np.testing.assert_allclose(scanned.conductance, one_by_one.conductance, rtol=1e-3, atol=1e-12)
    assert closures[0] == closures[1]
    assert took[0] < (0.7 if cells == "all" else 1.0) * took[1] or len(scanned) < 10


def by_label(path):
    return Truth(path).world.closures


def test_a_map_takes_the_bench_time_that_was_estimated(linked):
    with Bench.open(linked()) as bench:
        bench.array.read([[0, 0]])
        start = bench.array.now()
        readings = bench.array.read(bench.array.all_cells)
        assert bench.array.now() - start == pytest.approx(256 * bench.array.timing.read, rel=0.05)
        assert (np.diff(np.sort(readings.time)) > 0).all()
        assert readings.time.max() < bench.array.now()


def test_between_blocks_a_scan_can_be_broken_off_with_outputs_at_zero(linked):
    path = linked()
    with Bench.open(path) as bench:
        calls = iter(range(2))

        def interrupt():
            if next(calls, None) is None:
                raise AbortedError("enough")

        bench.array.interrupt = interrupt
        with pytest.raises(AbortedError):
            bench.array.read(bench.array.all_cells)
        truth = Truth(path)
        assert 0 < bench.array.counters.reads < 256
        assert truth.levels() == [0.0, 0.0, 0.0]
        assert truth.closed() == set()
        assert truth.violations == []
        bench.array.interrupt = None
        assert len(bench.array.read([[3, 3]])) == 1


def test_a_scan_keeps_limits_and_the_latch(linked):
    path = linked(("max_voltage = 5.0 ", "max_voltage = 4.0 "))
    with Bench.open(path) as bench:
        with pytest.raises(LimitError):
            bench.array.read([[0, 0]], 0.2, 4.5)
        bench.array.read([[0, 0]], 0.2, 4.0)
        scanner = bench.array._scanner
        bench.stop("somebody pressed STOP")
        with pytest.raises(LatchedError):
            scanner.scan(frozenset(), [((), ())], measured=0.2, driven=1.0, settle=(0, 0, 0))
        assert Truth(path).levels() == [0.0, 0.0, 0.0]


def test_a_scanned_reading_in_compliance_or_overflow_is_no_conductance(linked):
    for replaced, flag in (
        (("compliance = 1e-3\ncurrent_range = 1e-4", "compliance = 2e-6\ncurrent_range = 1e-4"),
         Flag.COMPLIANCE),
        (("compliance = 1e-3\ncurrent_range = 1e-4", "compliance = 1e-3\ncurrent_range = 1e-7"),
         Flag.OVERFLOW),
    ):  # fmt: skip
        path = linked(replaced)
        with Bench.open(path) as bench:
            chip = Truth(path).chip
            bench.array.pulse([[0, 0]] * 6, FORMING)
            readings = bench.array.read([[0, 0], [9, 9]])
            assert chip.conductance[0, 0] > 20e-6
            assert readings.flag[0] & flag
            assert np.isnan(readings.conductance[0])
            assert not readings.flag[1]


@pytest.mark.parametrize(
    ("link", "says"),
    [
        ("", "offline|no remote nodes"),
        (LINK.replace("3 =", "5 ="), r"node"),
        ('\n[simulation.tsplink]\n1 = "smu"\n3 = "gate"\n2 = "matrix"\n', "serial number"),
    ],
    ids=["no cable", "a node is missing", "two boxes swapped"],
)
def test_a_link_that_is_not_as_the_file_says_is_told_and_leaves_the_bench_at_zero(
    linked, link, says
):
    path = linked(more=link)
    with Bench.open(path) as bench:
        with pytest.raises(InstrumentError, match=says):
            bench.array.read(bench.array.all_cells)
        truth = Truth(path)
        assert truth.levels() == [0.0, 0.0, 0.0]
        assert truth.closed() == set()


def test_a_relay_that_stays_behind_in_a_scan_is_found(linked):
    path = linked(more='\n[simulation.faults.matrix]\nopen_relays = ["3B02"]\n' + LINK)
    with Bench.open(path) as bench:
        assert formed(bench).array.read([[0, 1]]).conductance[0] < 1e-9  # nothing gets through
        Truth(path).world.box("matrix").faults.silent = True
        with pytest.raises(InstrumentError) as caught:
            bench.array.read(bench.array.all_cells)
        assert re.search(r"TSP-Link|does not answer|broke off", str(caught.value))
        Truth(path).world.box("matrix").faults.silent = False


def test_without_a_number_for_every_box_cells_are_read_one_by_one(bench_file):
    path = bench_file(*QUIET, *NODES[:2], more=LINK)
    with Bench.open(path) as bench:
        assert bench.array._scanner is None
        assert len(bench.array.read([[0, 0], [1, 1]])) == 2


@pytest.mark.parametrize(("box", "output"), [("smu", "smua"), ("gate", "smua")])
def test_a_scan_with_an_output_off_is_no_data(linked, box, output):
    path = linked()
    with Bench.open(path) as bench:
        bench.array.read([[0, 0]])
        bench._drivers[box].line.send(f"{output}.source.output = 0")  # at the front panel
        with pytest.raises(InstrumentError, match="an output was switched off"):
            bench.array.read([[0, 1], [0, 2]])
        assert Truth(path).levels() == [0.0, 0.0, 0.0]
        assert len(bench.array.read([[0, 1]])) == 1
