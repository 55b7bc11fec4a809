"""What the cells beside the selected one see, through instruments and relays."""

import numpy as np
import pytest

from labctl.array import Pulse
from labctl.bench import Bench
from labctl.errors import LimitError
from tests.truth import Truth

SIDE = 4
CELL = (1, 2)
PADS = ('"WL0..15" = "1.1..2.4"', '"BL0..15" = "3.1..4.4"', '"SL0..15" = "5.1..6.4"')
INHIBIT = """
[terminals.inhibit]
instrument = "gate"
channel = "b"
row = "E"
nplc = 0.01
compliance = 1e-3
current_range = 1e-3
settle = 1e-4
max_voltage = 4.0
max_current = 1e-3
"""


@pytest.fixture
def opened(bench_file):
    """Open a bench of 4 x 4 cells with a scheme, and look at every drive of its chip."""
    benches = []

    def make(kind, inhibit):
        sources = {"passive": "none", "1t1r": "rows"}[kind]
        lines = [PADS[0].replace("15", "3").replace("2.4", "1.4")]
        lines.append(PADS[1].replace("15", "3").replace("4.4", "3.4"))
        third = PADS[2].replace("15", "3").replace("6.4", "5.4") if kind == "1t1r" else ""
        path = bench_file(
            ("rows = 16 ", f"rows = {SIDE} "),
            ("columns = 16 ", f"columns = {SIDE} "),
            ('source_lines = "columns"', f'source_lines = "{sources}"'),
            *zip(PADS, [*lines, third], strict=True),
            ('model = "2635B"', 'model = "2636B"'),
            ("noise = true  ", "noise = false "),
            more=f'{INHIBIT}\n[array]\nkind = "{kind}"\ninhibit = "{inhibit}"\n',
        )
        benches.append(Bench.open(path))
        return benches[-1], Witness(path)

    yield make
    for bench in benches:
        bench.close()


class Witness(Truth):
    """Keeps what each drive put on the cells, V: bit line against source line (word line)."""

    def __init__(self, path):
        super().__init__(path)
        self.seen = []
        chip = self.chip
        drive = chip.drive

        def watched(voltage, *more):
            drive(voltage, *more)
            level = np.append(np.nan_to_num(voltage), np.nan)  # a line that floats is on none
            bit, source = level[chip._bit], level[chip._source]
            word = level[chip._word]
            low = word[:, None] if source.size == 0 else source[:, None]
            gates = np.nan_to_num(word)[:, None] - np.nan_to_num(np.minimum(bit[None], low))
            self.seen.append((bit[None] - low + np.zeros((SIDE, SIDE)), gates))

        chip.drive = watched


def others(grid):
    return np.delete(grid.ravel(), CELL[0] * SIDE + CELL[1])


@pytest.mark.parametrize(("inhibit", "share"), [("half", 1 / 2), ("third", 1 / 3)])
@pytest.mark.parametrize("pulse", [Pulse.set(1.2, 0.0, 2e-4), Pulse.reset(0.9, 0.0, 2e-4)])
def test_no_other_cell_of_a_passive_array_sees_more_than_its_share_at_any_moment(
    opened, inhibit, share, pulse
):
    bench, witness = opened("passive", inhibit)
    bench.array.pulse([CELL], pulse)
    sign = 1.0 if pulse.bit_line else -1.0
    level = pulse.bit_line + pulse.source_line
    selected = [volts[CELL] for volts, _ in witness.seen]
    assert sign * max(selected, key=abs) == pytest.approx(level)
    beside = max(np.nanmax(abs(others(volts))) for volts, _ in witness.seen)
    assert beside == pytest.approx(share * level)
    if inhibit == "half":  # and those that share no line with it see nothing
        peak = max((volts for volts, _ in witness.seen), key=lambda v: abs(v[CELL]))
        far = np.delete(np.delete(peak, CELL[0], axis=0), CELL[1], axis=1)
        assert not far.any()
    assert witness.violations == []


def test_a_reset_on_a_shared_source_line_reaches_the_selected_cell_alone(opened):
    bench, witness = opened("1t1r", "bias")
    bench.array.pulse([CELL], Pulse.reset(1.3, 4.5, 2e-4))
    through = [np.where(gates > 0.5, abs(volts), 0.0) for volts, gates in witness.seen]
    assert max(volts[CELL] for volts in through) == pytest.approx(1.3)
    assert max(others(np.nan_to_num(volts)).max() for volts in through) < 1e-9
    assert witness.violations == []


def test_without_bias_nothing_holds_the_other_bit_lines_meanwhile(opened):
    bench, witness = opened("1t1r", "none")
    bench.array.pulse([CELL], Pulse.reset(1.3, 4.5, 2e-4))
    peak = max((volts for volts, _ in witness.seen), key=lambda v: abs(v[CELL]))
    assert abs(peak[CELL]) == pytest.approx(1.3)
    assert np.isnan(np.delete(peak[CELL[0]], CELL[1])).all()


@pytest.mark.parametrize(("kind", "inhibit"), [("passive", "half"), ("passive", "third")])
def test_sweeps_that_would_disturb_others_are_refused_before_anything_moves(opened, kind, inhibit):
    bench, witness = opened(kind, inhibit)
    with pytest.raises(LimitError, match="sweep"):
        bench.array.sweep(CELL, [0.1, 0.5], 0.0, 1e-3)
    assert witness.seen == []


def test_a_passive_cell_is_read_alone(opened):
    bench, witness = opened("passive", "half")
    for _ in range(3):
        bench.array.pulse(bench.array.all_cells, Pulse.set(3.0, 0.0, 1e-3))
    bench.array._clock.sleep(1e6)
    readings = bench.array.read(bench.array.all_cells, 0.1)
    good = readings.flag == 0
    assert good.sum() > 8
    truth = witness.chip.conductance.ravel()
    assert readings.conductance[good] == pytest.approx(truth[good], rel=0.05)
