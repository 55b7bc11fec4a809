import itertools
import random
import tomllib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.keithley707b import Keithley707B
from labctl.benchfile import BenchFile, load_bench_file
from labctl.cells import visiting_order
from labctl.errors import BenchFileError
from labctl.matrices import SLOTS
from labctl.sim.hookup import _pads as pads_of_the_simulator
from labctl.wiring import Wiring, pad_names, parse_wiring
from tests.conftest import SIMULATED

CELLS = st.tuples(st.integers(0, 15), st.integers(0, 15))


class Frame:
    """The naming half of a 707B, which needs no connection."""

    crosspoint = Keithley707B.crosspoint
    has = Keithley707B.has

    def __init__(self):
        from drivers.keithley707b import MODELS

        self.ability = MODELS["707B"]


@pytest.fixture(scope="module")
def wirings():
    from pathlib import Path

    base = Path(__file__).parent.parent / "data" / "benches" / "simulated.toml"
    file = load_bench_file(base)
    chip = file.chip.model_copy(update={"source_lines": "rows"})
    return [Wiring(file, Frame()), Wiring(file.model_copy(update={"chip": chip}), Frame())]


def refused(path) -> str:
    with pytest.raises(BenchFileError) as caught:
        parse_wiring(load_bench_file(path))
    return str(caught.value)


def test_pads_are_counted_on_over_the_slots(bench_file):
    pads = parse_wiring(load_bench_file(bench_file()))
    assert pads["WL0"] == (1, 1)
    assert pads["WL11"] == (1, 12)
    assert pads["WL12"] == (2, 1)
    assert len(pads) == 48


@pytest.mark.parametrize(
    ("replaced", "says"),
    [
        (('"BL0..15" = "3.1..4.4"', '"BL0..15" = "2.1..3.4"'), "both on column 2.1"),
        (('"BL0..15" = "3.1..4.4"', '"BL0..15" = "3.1..4.5"'), "16 pads for 17 columns"),
        (('"BL0..15" = "3.1..4.4"', '"BL0..14" = "3.1..4.3"'), "BL15"),
        (('"BL0..15" = "3.1..4.4"', '"XL0..15" = "3.1..4.4"'), "no pad"),
        (('"BL0..15" = "3.1..4.4"', '"BL0..16" = "3.1..4.5"'), "no pad BL16"),
        (('"BL0..15" = "3.1..4.4"', '"BL0..15" = "left"'), "no column"),
        (('"BL0..15" = "3.1..4.4"', '"BL0..15" = "3.0..4.3"'), "count from 1"),
        (('"BL0..15" = "3.1..4.4"', '"BL0..15" = "3.1..4.4"\n"BL3" = "6.9"'), "wired twice"),
    ],
)
def test_a_wiring_fault_is_named_with_its_line(bench_file, replaced, says):
    message = refused(bench_file(replaced))
    assert says in message
    assert "line " in message


def test_a_slot_the_mainframe_lacks_is_refused(bench_file):
    file = load_bench_file(bench_file(('"SL0..15" = "5.1..6.4"', '"SL0..15" = "6.1..7.4"')))
    with pytest.raises(BenchFileError, match="slot 7"):
        Wiring(file, Frame())


def test_a_selected_cell_has_its_three_lines_and_all_other_word_lines_grounded(wirings):
    closed = wirings[0].closed((3, 13))
    assert {"1A04", "4B02", "6C02"} <= closed
    assert "1D04" not in closed
    assert sum(point[1] == "D" for point in closed) == 15
    assert wirings[1].closed((3, 13)) >= {"1A04", "4B02", "5C04"}


@given(st.lists(st.one_of(st.none(), CELLS), min_size=2, max_size=20))
def test_moves_lead_from_each_set_of_relays_to_the_next_and_no_further(wirings, path):
    for wiring in wirings:
        present = wiring.closed(path[0])
        for here, there in itertools.pairwise(path):
            move = wiring.move(here, there)
            wanted = wiring.closed(there)
            assert set(move.opened) == present - wanted
            assert set(move.closed) == wanted - present
            present = wanted


def closures(wiring, cells) -> int:
    path = [None, *[tuple(cell) for cell in cells.tolist()]]
    return sum(len(wiring.move(a, b).closed) for a, b in itertools.pairwise(path))


def test_ordered_cells_move_fewer_relays_than_shuffled_ones(wirings):
    cells = np.argwhere(np.ones((16, 16), dtype=bool))
    shuffled = np.random.default_rng(0).permutation(cells)
    for wiring in wirings:
        ordered = shuffled[visiting_order(shuffled)]
        assert closures(wiring, ordered) < 0.7 * closures(wiring, shuffled)


def test_a_full_map_changes_one_line_of_the_chip_at_a_time(wirings):
    cells = np.argwhere(np.ones((16, 16), dtype=bool))
    ordered = cells[visiting_order(cells)]
    assert (np.abs(np.diff(ordered, axis=0)).sum(axis=1) == 1).all()


def test_every_other_crosspoint_of_a_source_and_a_pad_is_forbidden(wirings):
    wiring = wirings[0]
    assert "1B01" in wiring.forbidden  # bit-line source on a word line
    assert not set(wiring.forbidden) & wiring.closed((0, 0))


# -- notations and mainframes ----------------------------------------------------------------------

NOTATIONS = {
    "slot.column": lambda row, slot, column, width: f"{slot}.{column}",
    "panel": lambda row, slot, column, width: f"{slot}{row}{column:02d}",
    "frame": lambda row, slot, column, width: f"{row}{(slot - 1) * width + column}",
}


def wired(wiring, *, mainframes=("matrix",), widths=12, rows=16, columns=16, sources="columns"):
    """A bench file with this wiring; further mainframes are copies of the first."""
    data = tomllib.loads(SIMULATED.read_text(encoding="utf-8"))
    for k, name in enumerate(mainframes):
        box = data["instruments"]["matrix"] | {"address": f"GPIB1::{k}::INSTR"}
        data["instruments"][name] = box
    instrument = mainframes[0] if len(mainframes) == 1 else list(mainframes)
    data["matrix"] |= {"instrument": instrument, "columns_per_slot": widths, "wiring": wiring}
    data["chip"] |= {"rows": rows, "columns": columns, "source_lines": sources}
    if sources == "none":
        data["array"] = {"kind": "passive"}
    return BenchFile(**data, path=SIMULATED)


@st.composite
def wirings_of_all_kinds(draw):
    """A sound bench file with a wiring in many notations, and where each pad really is."""
    rows, columns = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    kind = draw(st.sampled_from(["columns", "rows", "none"]))
    names = draw(st.sampled_from([("matrix",), ("left", "right"), ("m", "7x", "last one")]))
    widths = {name: draw(st.integers(1, 100)) for name in names}
    wiring, truth = {}, {}
    free = dict.fromkeys(names, 0)  # columns given away already
    counts = {"WL": rows, "BL": columns}
    counts["SL"] = {"columns": columns, "rows": rows, "none": 0}[kind]
    for line, count in counts.items():
        first = 0
        while first < count:
            last = draw(st.integers(first, count - 1))
            name = draw(st.sampled_from(names))
            width = widths[name]
            start = free[name] + draw(st.integers(0, 3))
            free[name] = start + last - first + 1
            if (free[name] - 1) // width + 1 >= SLOTS:
                return None
            for k in range(first, last + 1):
                slot, column = divmod(start + k - first, width)
                truth[f"{line}{k}"] = (name, slot + 1, column + 1)
            row = draw(st.sampled_from("ABZ"))
            write = NOTATIONS[draw(st.sampled_from(sorted(NOTATIONS)))]
            ends = [truth[f"{line}{first}"], truth[f"{line}{last}"]]
            text = "..".join(write(row, slot, column, width) for _, slot, column in ends)
            pads = f"{line}{first}..{last}"
            if first == last and draw(st.booleans()):
                text, pads = text.split("..")[0], f"{line}{first}"
            where = draw(st.sampled_from(["bare", "prefix", "table"]))
            if where == "table":
                wiring.setdefault(name, {})[pads] = text
            elif where == "prefix" or name != names[0]:
                wiring[pads] = f"{name}:{text}"
            else:
                wiring[pads] = text
            first = last + 1
    shuffled = list(wiring.items())
    random.Random(draw(st.integers(0, 99))).shuffle(shuffled)
    wide = widths if len(names) > 1 or draw(st.booleans()) else widths[names[0]]
    file = wired(
        dict(shuffled), mainframes=names, widths=wide, rows=rows, columns=columns, sources=kind
    )
    return file, truth


def places(file) -> dict[str, tuple[str, int, int]]:
    """Where labctl finds each pad: mainframe, slot, column."""
    names = file.matrix.mainframes
    return {
        pad: (names[slot // SLOTS], slot % SLOTS, column)
        for pad, (slot, column) in parse_wiring(file).items()
    }


def simulated_places(file) -> dict[str, tuple[str, int, int]]:
    """Where the simulated bench finds each pad."""
    matrix = file.matrix
    found = pads_of_the_simulator(matrix.wiring, matrix.mainframes, matrix.columns_per_slot)
    assert len({column for column, _ in found}) == len(found)
    return {f"{kind}{k}": column for column, (kind, k) in found}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(wirings_of_all_kinds().filter(lambda made: made is not None))
def test_every_pad_is_on_the_one_column_that_the_file_means(made):
    file, truth = made
    assert places(file) == truth
    assert set(truth) == set(pad_names(file))
    assert simulated_places(file) == truth


@settings(deadline=None)
@given(
    st.text(st.sampled_from("0123456789.:ABm "), max_size=12),
    st.sampled_from(["WL0", "WL0..1", "WL1..0", "WL0..", "XL0"]),
)
def test_whatever_is_accepted_means_the_same_to_the_simulated_bench(text, pads):
    wiring = {pads: text, "BL0": "9.1"}
    if pads == "WL0":
        wiring["WL1"] = "9.2"
    file = wired(wiring, rows=2, columns=1, sources="none")
    try:
        found = places(file)
    except BenchFileError:
        return
    assert simulated_places(file) == found
    assert len(set(found.values())) == 3


@pytest.mark.parametrize(
    ("wiring", "says"),
    [
        ({"WL0..15": "1A01..2A04"}, None),
        ({"WL0..15": "A1..A16"}, None),
        ({"WL0..15": "1A01..2B04"}, "one row letter or none"),
        ({"WL0..15": "1A01..2.4"}, "one row letter or none"),
        ({"WL0..15": "1A01..1A16"}, "columns_per_slot"),
        ({"WL0..15": "101..204"}, "'101' is no column"),
        ({"WL0..15": "A0..A15"}, "count from 1"),
        ({"WL0..15": "100.1..101.4"}, "slots count from 1"),
        ({"WL0..15": "right:1.1..2.4"}, "'right' is no mainframe; .* names matrix"),
        ({"right": {"WL0..15": "1.1..2.4"}}, "'right' is no mainframe"),
        ({"matrix": {"WL0..15": "1.1..2.4"}, "WL0": "1.1"}, "WL0 is wired twice"),
        ({"WL0..15": "matrix:1.1..2.4", "WL16": "2.5"}, "no pad WL16"),
    ],
)
def test_notations_that_are_taken_and_refused(wiring, says):
    file = wired(wiring | {"BL0..15": "3.1..4.4", "SL0..15": "5.1..6.4"})
    if says is None:
        assert parse_wiring(file)["WL15"] == (2, 4)
        return
    with pytest.raises(BenchFileError, match=says):
        parse_wiring(file)


def test_a_card_with_sixteen_columns_takes_the_whole_line():
    wiring = {"WL0..15": "1A01..1A16", "BL0..15": "2A01..2A16", "SL0..15": "3A01..3A16"}
    assert parse_wiring(wired(wiring, widths=16))["SL15"] == (3, 16)


# -- unselected lines ------------------------------------------------------------------------------


@pytest.fixture(params=["bias", "half", "third", "none"])
def inhibited(request):
    """A bench of 16 x 16 cells with an inhibit source on row E."""
    inhibit = request.param
    data = tomllib.loads(SIMULATED.read_text(encoding="utf-8"))
    data["instruments"]["gate"]["model"] = "2636B"
    source = data["terminals"]["source_line"]
    data["terminals"]["inhibit"] = source | {"instrument": "gate", "channel": "b", "row": "E"}
    data["array"] = {"inhibit": inhibit}
    if inhibit != "bias":
        data["array"]["kind"] = "passive"
        data["chip"]["source_lines"] = "none"
        del data["matrix"]["wiring"]["SL0..15"]
    return inhibit, Wiring(BenchFile(**data, path=SIMULATED), Frame())


@given(cell=CELLS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_line_that_is_not_selected_is_where_inhibit_puts_it(inhibited, cell):
    inhibit, wiring = inhibited
    i, j = cell

    def on(row, slot, k):
        return f"{slot + k // 12}{row}{k % 12 + 1:02d}"

    word, bit = {"bias": ("D", "E"), "half": ("D", "D"), "third": ("D", "E"), "none": ("", "")}[
        inhibit
    ]
    wanted = {on(word, 1, k) for k in range(16) if k != i and word}
    wanted |= {on(bit, 3, k) for k in range(16) if k != j and bit}
    wanted |= {on("A" if inhibit == "bias" else "C", 1, i), on("B", 3, j)}
    if inhibit == "bias":
        wanted.add(on("C", 5, j))
    assert wiring.closed(cell) == wanted
    assert not wanted & set(wiring.forbidden)


@given(path=st.lists(st.one_of(st.none(), CELLS), min_size=2, max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_moves_keep_unselected_lines_inhibited(inhibited, path):
    _, wiring = inhibited
    present = wiring.closed(path[0])
    for here, there in itertools.pairwise(path):
        move = wiring.move(here, there)
        wanted = wiring.closed(there)
        assert set(move.opened) == present - wanted
        assert set(move.closed) == wanted - present
        present = wanted
