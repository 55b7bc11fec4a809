"""Relays that move only at 0 V, columns with one row only, outputs that are really on."""

import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from labctl import sim
from labctl.array import Pulse
from labctl.bench import Bench
from labctl.errors import InstrumentError, LatchedError, LimitError, WiringError
from labctl.wiring import Wiring
from tests.truth import Truth

BENCHES = Path(__file__).parent.parent / "data" / "benches"
QUIET = ("noise = true  ", "noise = false ")


@pytest.fixture(params=sorted(path.name for path in BENCHES.glob("*.toml")))
def every(request, tmp_path):
    """Open each of the example benches, simulated."""
    text = (BENCHES / request.param).read_text(encoding="utf-8")
    head, _, rest = text.partition("visa = ")
    path = tmp_path / request.param
    path.write_text(f'{head}visa = "@labsim"{rest[rest.index(chr(10)) :]}', encoding="utf-8")
    with Bench.open(path) as bench:
        yield bench, Truth(path)
    sim.discard(str(path.resolve()))


def test_no_relay_moves_while_a_source_is_not_at_0_v_whoever_asks(every):
    bench, truth = every
    bench.array.read([[0, 0]])
    matrix = bench.safety.matrix
    closed = matrix.closed()
    free = Wiring(bench.file, matrix).columns[1][0]
    for terminal in bench.safety.terminals.values():
        terminal.meter.force(0.5)
        for opened, closing in ((sorted(closed)[:1], []), ([], [free])):
            with pytest.raises(LimitError, match=r"at 0 V.*is at 0\.5 V"):
                matrix.move(opened, closing)
        terminal.meter.force(0.0)
    assert matrix.closed() == closed
    assert truth.violations == []
    bench.array.read([[1, 1]])


def test_no_column_ever_has_two_rows_whether_the_mainframe_refuses_it_or_not(every):
    bench, truth = every
    matrix = bench.safety.matrix
    wiring = Wiring(bench.file, matrix)
    for point in wiring.forbidden[:: max(1, len(wiring.forbidden) // 7)]:
        with pytest.raises(WiringError, match="stays open"):
            matrix.move([], [point])
    for column in wiring.columns:
        allowed = [point for point in column if point not in wiring.forbidden]
        if len(allowed) < 2:
            continue
        one, other, *_ = allowed
        with pytest.raises(WiringError, match="two rows on one column"):
            matrix.move([], [one, other])
        matrix.move([], [one])
        with pytest.raises(WiringError, match=f"Open {one} first"):
            matrix.move([], [other])
        matrix.move([one], [other])
        assert matrix.closed() == {other}
        matrix.move([other], [])
        break
    else:
        pytest.fail("no pad of this bench goes to two rows")
    assert truth.violations == []


def test_threads_that_share_an_array_take_turns(bench_file):
    path = bench_file(QUIET)
    failed = []
    with Bench.open(path) as bench:
        bench.array.read([[0, 0]])

        def work(row):
            try:
                for _ in range(6):
                    cells = [[row, column] for column in range(4)]
                    bench.array.pulse(cells, Pulse.set(1.0, 2.0, 1e-4), read=0.2)
            except Exception as error:  # noqa: BLE001 - told below
                failed.append(error)

        threads = [threading.Thread(target=work, args=(row,)) for row in range(3)]
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(before)
        assert failed == []
        assert Truth(path).violations == []
        assert bench.array.pulse_counts[:3, :4].tolist() == [[6] * 4] * 3


@pytest.mark.parametrize("output", ["smua", "smub"])
@pytest.mark.parametrize("what", ["read", "pulse", "sweep"])
def test_what_is_measured_while_an_output_is_off_is_no_data(bench_file, output, what):
    path = bench_file(QUIET)
    with Bench.open(path) as bench:
        array, line = bench.array, bench._drivers["smu"].line
        do = {
            "read": lambda: array.read([[0, 0]]),
            "pulse": lambda: array.pulse([[0, 0]], Pulse.reset(1.0, 5.0, 1e-3)),
            "sweep": lambda: array.sweep((0, 0), [0.1, 0.2, -0.1], gate=5.0, dwell=1e-3),
        }[what]
        do()
        line.send(f"{output}.source.output = 0")  # at the front panel, or an interlock
        if (what, output) in (("read", "smub"), ("pulse", "smua")):
            do()  # that one takes no part
            return
        with pytest.raises(
            InstrumentError,
            match=rf"channel {output[-1]} was off at labctl_{what}|"
            rf"channel {output[-1]} was off at labctl_(measure|sweep)",
        ):
            do()
        assert Truth(path).levels() == [0.0, 0.0, 0.0]
        do()  # on again with the next cells


def test_a_meter_that_a_script_switched_off_measures_nothing(bench_file):
    with Bench.open(bench_file(QUIET)) as bench:
        bench.array.read([[0, 0]])
        bench.safety.bit_line.meter.off()
        with pytest.raises(InstrumentError, match=r"output of bit_line .* is off"):
            bench.array.read([[0, 0]])
        assert not bench.array.read([[0, 0]]).flag.any()
        bench.safety.off()  # and the relays are known to be open
        assert not bench.array.read([[0, 0]]).flag.any()


def test_who_acknowledges_at_once_gets_no_readings_of_outputs_that_are_off(bench_file):
    path = bench_file(QUIET)
    with Bench.open(path) as bench:
        visited = []

        def interrupt():
            visited.append(None)
            if len(visited) == 3:
                bench.stop("a look")
                bench.acknowledge()

        bench.array.interrupt = interrupt
        with pytest.raises(InstrumentError, match="is off"):
            bench.array.read(bench.array.all_cells[:8])
        assert len(visited) == 3
        assert Truth(path).closed() == set()


def test_an_output_that_goes_on_while_the_bench_is_stopped_goes_off_again(bench_file, monkeypatch):
    path = bench_file(QUIET)
    with Bench.open(path) as bench:
        channel = bench.safety.bit_line.meter._meter
        really = channel.output

        def late(on):
            bench.stop("in between")
            really(on)

        monkeypatch.setattr(channel, "output", late)
        with monkeypatch.context() as patch:  # nobody else brings it to zero meanwhile
            patch.setattr(bench.safety, "off", list)
            with pytest.raises(LatchedError, match="in between"):
                bench.array.read([[0, 0]])
            assert float(bench._drivers["smu"].line.query("print(smua.source.output)")) == 0.0


def test_after_a_sweep_the_line_has_time_to_discharge_before_relays_move(bench_file):
    path = bench_file(QUIET)
    with Bench.open(path) as bench:
        bench.array.read([[0, 0]])
        before = bench.array.now()
        bench.array.sweep((0, 0), [0.1], gate=5.0, dwell=1e-3)
        short = bench.array.now() - before
    text = path.read_text(encoding="utf-8")
    head, _, rest = text.partition("[terminals.bit_line]")
    slow = (
        rest.replace("\n", "\nsettle = 0.25\n", 1)
        if "settle" not in rest.split("[")[0]
        else (rest.replace("settle = ", "settle = 0.25 # ", 1))
    )
    path.write_text(f"{head}[terminals.bit_line]{slow}", encoding="utf-8")
    sim.discard(str(path.resolve()))
    with Bench.open(path) as bench:
        bench.array.read([[0, 0]])
        before = bench.array.now()
        bench.array.sweep((0, 0), [0.1], gate=5.0, dwell=1e-3)
        assert bench.array.now() - before > short + 0.2


def test_a_sweep_takes_voltages_that_can_be_gone_through_but_once(bench_file):
    with Bench.open(bench_file(QUIET)) as bench:
        sweep = bench.array.sweep((0, 0), iter([0.1, 0.2]), gate=5.0, dwell=1e-3)
        assert sweep.voltage.tolist() == [0.1, 0.2]
        assert np.isfinite(sweep.current).all()
        with pytest.raises(LimitError):
            bench.array.sweep((0, 0), iter([0.1, 40.0]), gate=5.0, dwell=1e-3)
