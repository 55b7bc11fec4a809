"""QCoDeS: source meters Keithley 2600 series, every parameter and the fast sweeps."""

from __future__ import annotations

from typing import Any

from qcodes.instrument_drivers import Keithley  # type: ignore[import-not-found]

from tests.judges.clients.qcodes_parameters import settings, snapshot
from tests.judges.clients.walk import Walk, load, main

OHMS = 1e4


def walk_box(walk: Walk, library: str, address: str, model: str) -> None:
    """Walk the driver of the model."""
    loaded = load(library, OHMS)
    instrument = getattr(Keithley, f"Keithley{model}")("box", address, visalib=library, timeout=20)
    _walk_2600(walk, instrument, loaded)
    instrument.close()


def _walk_2600(walk: Walk, k: Any, loaded: bool) -> None:
    def queue() -> list[str]:
        found: list[str] = []
        while len(found) < 20:
            answer = k.ask("errorqueue.next()")
            if float(answer.split("\t")[0]) == 0:
                break
            found.append(answer.replace("\t", " "))
        return found

    walk.errors = queue
    with walk.step("reset"):
        k.reset()
    for channel in k.channels:
        _channel_2600(walk, k, channel, loaded)
    _fast_sweeps(walk, k, loaded)
    for name in ("display_clear", "display_normal", "exit_key"):
        with walk.step(name):
            getattr(k, name)()
    with walk.step("display_settext"):
        k.display_settext("judge")
    snapshot(walk, k)


def _channel_2600(walk: Walk, k: Any, channel: Any, loaded: bool) -> None:
    name = channel.channel
    volts = [float(v) for v in k._vranges[k.model]]
    amperes = [float(i) for i in k._iranges[k.model] if i <= 0.1]
    with walk.step(f"{name}.reset"):
        channel.reset()
    settings(walk, channel, {
        "mode": ("current", "voltage"),
        "output": (True, False),
        "four_wire_measurement": (True, False),
        "nplc": (0.1, 1.0),
        "limitv": (5.0, 10.0),
        "limiti": (1e-3, 1e-2),
        "sourcerange_v": tuple(volts),
        "measurerange_v": tuple(volts),
        "sourcerange_i": tuple(amperes),
        "measurerange_i": tuple(amperes),
        "source_autorange_v_enabled": (False, True),
        "measure_autorange_v_enabled": (False, True),
        "source_autorange_i_enabled": (False, True),
        "measure_autorange_i_enabled": (False, True),
    }, f"{name} ")  # fmt: skip
    with walk.step(f"{name} linefreq"):
        assert channel.linefreq() in (50, 60)
    channel.mode("voltage")
    channel.output(True)
    channel.volt(0.5)
    walk.equal(f"{name} volt", channel.volt, 0.5, 1e-2)
    if loaded:
        walk.equal(f"{name} curr", channel.curr, 0.5 / OHMS, 1e-2)
        walk.equal(f"{name} res", channel.res, OHMS, 1e-2)
        with walk.step(f"{name} status current compliance"):
            channel.limiti(1e-6)
            channel.curr()
            assert "current compliance" in str(channel.curr.measurement_status)
            channel.limiti(1e-2)
        with walk.step(f"{name} status voltage compliance"):
            channel.mode("current")
            channel.limitv(0.1)
            channel.curr(1e-3)
            channel.volt()
            assert "voltage compliance" in str(channel.volt.measurement_status)
            channel.limitv(10)
            channel.curr(0)
            channel.mode("voltage")
    for mode in ("current", "voltage"):
        with walk.step(f"{name} timetrace of {mode}"):
            channel.volt(0.5)
            channel.timetrace_npts(50)
            channel.timetrace_dt(0.01)
            channel.nplc(0.1)
            channel.timetrace_mode(mode)
            got = channel.timetrace()
            assert len(got) == 50, len(got)
            want = 0.5 if mode == "voltage" else 0.5 / OHMS
            assert not loaded or abs(got[7] - want) < 0.01 * want, got[:8]
            assert len(channel.time_axis()) == 50


def _fast_sweeps(walk: Walk, k: Any, loaded: bool) -> None:
    from qcodes.dataset import LinSweep  # type: ignore[import-not-found]

    for mode in ("IV", "VI", "VIfourprobe"):
        with walk.step(f"fastsweep {mode}"):
            parameter = k.smua.volt if mode == "IV" else k.smua.curr
            stop = 0.9 if mode == "IV" else 9e-5
            k.smua.setup_fastsweep(LinSweep(parameter, 0, stop, 10), mode=mode)
            got = k.smua.fastsweep()
            assert got.shape == (10,), got.shape
            if loaded:
                scale = 1 / OHMS if mode == "IV" else OHMS
                assert abs(got[9] - stop * scale) < 0.01 * stop * scale, got
    with walk.step("fastsweep 2D"):
        k.smua.setup_fastsweep(LinSweep(k.smua.volt, 0, 0.3, 4), LinSweep(k.smub.volt, 0, 0.2, 3))
        got = k.smua.fastsweep()
        assert got.shape == (3, 4), got.shape
    k.write("format.data = format.ASCII")


if __name__ == "__main__":
    main(walk_box)
