"""QCoDeS: source meters Keithley 2400 and 2450, every parameter of the drivers."""

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
    {"2400": _walk_2400, "2450": _walk_2450}[model](walk, instrument, loaded)
    instrument.close()


def _queue(instrument: Any) -> list[str]:
    """Empty the SCPI error queue."""
    found: list[str] = []
    while len(found) < 20:
        answer = instrument.visa_handle.query(":SYST:ERR?")
        if answer.lstrip("+").startswith("0,"):
            break
        found.append(answer.strip())
    return found


# -- 2400 --------------------------------------------------------------------------------------


def _walk_2400(walk: Walk, k: Any, loaded: bool) -> None:
    walk.errors = lambda: _queue(k)
    with walk.step("reset"):
        k.reset()
        k.write(":FORM:ELEM VOLT,CURR")
    settings(walk, k, {
        "mode": ("CURR", "VOLT"),
        "compliancei": (1e-3, 1e-2),
        "compliancev": (5.0, 20.0),
        "nplcv": (0.1, 1.0),
        "nplci": (0.1, 1.0),
        "output": (1, 0),
    })  # fmt: skip
    for sense in ("VOLT", "CURR"):
        with walk.step(f"sense {sense}"):
            k.sense(sense)
            assert sense in k.sense(), k.sense()
    with walk.step("rangev"):
        k.rangev(20)
        k.rangev()
    with walk.step("rangei"):
        k.rangei(1e-3)
        k.rangei()
    with walk.step("reading with the output off is refused by the driver"):
        try:
            k.volt()
        except RuntimeError:
            pass
        else:
            raise AssertionError("read")
    k.mode("VOLT")
    k.compliancei(1e-2)
    k.volt(0.5)
    k.output(1)
    walk.equal("volt", k.volt, 0.5, 1e-2)
    if loaded:
        walk.equal("curr", k.curr, 0.5 / OHMS, 1e-2)
        walk.equal("resistance", k.resistance, OHMS, 1e-2)
        k.mode("CURR")
        k.compliancev(5)
        k.curr(1e-5)
        k.output(1)
        walk.equal("volt with 10 uA", k.volt, 0.1, 1e-2)
    k.output(0)
    snapshot(walk, k)


# -- 2450 --------------------------------------------------------------------------------------


def _walk_2450(walk: Walk, k: Any, loaded: bool) -> None:
    walk.errors = lambda: _queue(k)
    with walk.step("reset"):
        k.reset()
    with walk.step("*LANG? is SCPI"):
        assert k._has_correct_language_mode()
    settings(walk, k, {
        "sense_function": ("voltage", "current"),
        "source_function": ("current", "voltage"),
        "output_enabled": (True, False),
    })  # fmt: skip
    with walk.step("line_frequency"):
        assert float(k.line_frequency()) in (50, 60)
    with walk.step("terminals"):
        k.terminals("rear")
        assert k.terminals().lower().startswith("rear"[:4])
        k.terminals("front")
    for function in ("voltage", "current", "resistance"):
        with walk.step(f"sense {function}"):
            # What is sourced is measured on the range of the source.
            k.source_function("current" if function == "voltage" else "voltage")
            k.sense_function(function)
        settings(walk, k.sense, {
            "four_wire_measurement": (True, False),
            "auto_range": (False, True),
            "range": {"voltage": (2.0, 20.0), "current": (1e-3, 1e-2), "resistance": (2e3, 2e5)}[
                function
            ],
            "auto_zero_enabled": (False, True),
        }, f"sense {function} ")  # fmt: skip
        with walk.step(f"sense {function} nplc"):
            k.sense.nplc(0.1)
            assert float(k.sense.nplc()) == 0.1
        with walk.step(f"sense {function} count"):
            k.sense.count(3)
            assert int(float(k.sense.count())) == 3
            k.sense.count(1)
        with walk.step(f"sense {function} user_delay"):
            k.sense.user_number(2)
            k.sense.user_delay(0.5)
            assert k.sense.user_delay() == 0.5
        with walk.step(f"sense {function} auto_zero_once"):
            k.sense.auto_zero_once()
        with walk.step(f"sense {function} clear_trace"):
            k.sense.clear_trace()
    k.sense_function("current")
    for function, level, limit in (("current", 1e-4, 5.0), ("voltage", 0.5, 1e-2)):
        with walk.step(f"source {function}"):
            k.source_function(function)
        settings(walk, k.source, {
            "auto_range": (False, True),
            "range": {"voltage": (2.0, 20.0), "current": (1e-3,)}[function],
            "limit": (limit,),
            function: (level,),
            "auto_delay": (False, True),
            "read_back_enabled": (False, True),
        }, f"source {function} ")  # fmt: skip
        with walk.step(f"source {function} delay"):
            k.source.delay(0.01)
            assert float(k.source.delay()) == 0.01
        with walk.step(f"source {function} user_delay"):
            k.source.user_number(1)
            k.source.user_delay(0.02)
            assert k.source.user_delay() == 0.02
        with walk.step(f"source {function} limit_tripped"):
            assert k.source.limit_tripped() is False
        with walk.step(f"source {function} block_during_ramp"):
            k.source.block_during_ramp(True)
            getattr(k.source, function)(level)
            k.source.block_during_ramp(False)
        with walk.step(f"source {function} back to 0 s delay"):
            k.source.delay(0)
    k.source_function("voltage")
    k.sense_function("current")
    k.source.limit(1e-2)
    k.source.voltage(0.5)
    k.output_enabled(True)
    if loaded:
        walk.equal("sense.current", k.sense.current, 0.5 / OHMS, 1e-2)
        with walk.step("limit tripped"):
            k.source.limit(1e-5)
            k.sense.current()
            assert k.source.limit_tripped() is True
            k.source.limit(1e-2)
    _sweep_2450(walk, k, loaded)
    _buffers_2450(walk, k)
    k.output_enabled(False)
    for name in ("abort", "wait", "clear_event_register", "clear_event_log"):
        with walk.step(name):
            getattr(k, name)()
    snapshot(walk, k)


def _sweep_2450(walk: Walk, k: Any, loaded: bool) -> None:
    with walk.step("sweep of 10 points"):
        k.source.sweep_setup(0, 0.9, 10)
        got = k.sense.sweep()
        assert len(got) == 10, len(got)
        if loaded:
            want = [0.1 * i / OHMS for i in range(10)]
            assert all(abs(a - b) < 1e-6 for a, b in zip(got, want, strict=True)), got
    with walk.step("sweep with elements"):
        buffer = k.buffer("defbuffer1")
        buffer.elements(["time", "measurement", "source_value", "relative_time"])
        k.source.sweep_setup(0, 0.2, 3)
        k.sense.sweep()
        picked = k.sense.sweep.get_selected()
        assert len(picked) == 12, picked
        buffer.elements([])


def _buffers_2450(walk: Walk, k: Any) -> None:
    with walk.step("buffer of one's own"):
        with k.buffer("mine", 100) as buffer:
            assert buffer.size() == 100, buffer.size()
            k.sense.count(4)
            buffer.trigger_start()
            assert buffer.number_of_readings() == 4, buffer.number_of_readings()
            assert len(buffer.get_data(1, 4)) == 4
            float(buffer.get_last_reading())
            for element in sorted(buffer.available_elements):
                buffer.elements([element])
                assert len(buffer.get_data(1, 2)) == 2, element
                buffer.get_last_reading()
            buffer.size(50)
            buffer.clear_buffer()
            assert buffer.number_of_readings() == 0
        k.sense.count(1)
    with walk.step("defbuffer1 size"):
        assert k.buffer("defbuffer1").size() >= 10


if __name__ == "__main__":
    main(walk_box)
