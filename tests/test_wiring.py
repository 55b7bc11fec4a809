import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.keithley707b import Keithley707B
from labctl.benchfile import load_bench_file
from labctl.cells import visiting_order
from labctl.errors import BenchFileError
from labctl.wiring import Wiring, parse_wiring

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
