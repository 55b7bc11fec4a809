"""QCoDeS: switch matrices Keysight B2200/B2201 and 34980A, Keithley 3706A."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from qcodes.instrument_drivers import Keithley, Keysight  # type: ignore[import-not-found]

from tests.judges.clients.walk import Walk, main


def walk_box(walk: Walk, library: str, address: str, model: str) -> None:
    """Walk the driver of the model."""
    warnings.simplefilter("error", UserWarning)  # how these drivers report an error of the box
    driver, walk_model = {
        "B2200A": (Keysight.KeysightB2200, _walk_b2200),
        "B2201A": (Keysight.KeysightB2201, _walk_b2200),
        "34980A": (Keysight.Keysight34980A, _walk_34980),
        "3706A": (Keithley.Keithley3706A, _walk_3706),
    }[model]
    matrix = driver("box", address, visalib=library, timeout=20)
    walk_model(walk, matrix)
    matrix.close()


def _settings(walk: Walk, matrix: Any, table: dict[str, tuple[Any, ...]]) -> None:
    for name, values in table.items():
        for value in values:
            walk.equal(f"{name} = {value}", _set_and_get(getattr(matrix, name), value), value)


def _set_and_get(parameter: Any, value: Any) -> Callable[[], Any]:
    def get() -> Any:
        parameter.set(value)
        return parameter.get()

    return get


def _snapshot(walk: Walk, matrix: Any) -> None:
    with walk.step("snapshot(update=True)"):
        assert matrix.snapshot(update=True)["parameters"]["IDN"]["value"]["model"]


# -- B2200 -------------------------------------------------------------------------------------


def _walk_b2200(walk: Walk, m: Any) -> None:
    walk.errors = lambda: _scpi_queue(m)
    with walk.step("reset"):
        m.reset()
        m.clear_status()
    _settings(walk, m, {
        "connection_sequence": ("none", "mbb", "bbm"),
        "bias_input_port": (3, 10),
        "bias_mode": (True, False),
        "gnd_input_port": (5, 12),
        "gnd_mode": (True, False),
        "unused_inputs": ([4, 5, 6],),
        "couple_ports": ([1, 3],),
        "couple_mode": (True, False),
    })  # fmt: skip
    for port in (-1,):
        with walk.step(f"bias_input_port = {port}"):
            m.bias_input_port(port)
            m.bias_input_port(10)
    with walk.step("connection_rule"):
        m.connection_rule("free")
        assert m.connection_rule() == "free"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that existing connections stay
            m.connection_rule("single")
        assert m.connection_rule() == "single"
        m.connection_rule("free")
    m.disconnect_all()
    walk.equal("no connection", m.connections, set())
    with walk.step("connect"):
        m.connect(1, 9)
        assert m.connections() == {(1, 9)}, m.connections()
    with walk.step("connect_paths"):
        m.connect_paths([(3, 10), (14, 48)])
        assert m.connections() == {(1, 9), (3, 10), (14, 48)}, m.connections()
    with walk.step("disconnect"):
        m.disconnect(1, 9)
        m.disconnect_paths([(3, 10)])
        assert m.connections() == {(14, 48)}, m.connections()
    with walk.step("single route releases"):
        m.disconnect_all()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            m.connection_rule("single")
        m.connect(1, 1)
        m.connect(1, 2)
        assert m.connections() == {(1, 2)}, m.connections()
        m.connect(2, 2)
        assert m.connections() == {(2, 2)}, m.connections()
        m.connection_rule("free")
    with walk.step("disconnect_all"):
        m.disconnect_all()
        assert m.connections() == set()
    for kind in ("bias", "gnd"):
        for name in ("disable_all_outputs", "enable_all_outputs"):
            with walk.step(f"{kind}_{name}"):
                getattr(m, f"{kind}_{name}")()
        for name in ("disable_output", "enable_output"):
            with walk.step(f"{kind}_{name}"):
                getattr(m, f"{kind}_{name}")(7)
    with walk.step("bias mode connects the unused outputs"):
        m.bias_enable_all_outputs()
        m.bias_mode(True)
        m.connect(1, 2)
        m.bias_mode(False)
        m.disconnect_all()
    with walk.step("couple_port_autodetect"):
        m.couple_port_autodetect()
    with walk.step("a bad crosspoint is reported", "-2"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            m.write(":CLOS (@01599)")
        assert m.get_status() & 16
    _snapshot(walk, m)


def _scpi_queue(m: Any) -> list[str]:
    found: list[str] = []
    while len(found) < 20:
        answer = m.visa_handle.query(":SYST:ERR?").strip()
        if answer.lstrip("+").startswith("0,"):
            break
        found.append(answer)
    return found


# -- 34980A ------------------------------------------------------------------------------------


def _walk_34980(walk: Walk, m: Any) -> None:
    walk.errors = lambda: _scpi_queue(m)
    with walk.step("reset"):
        m.reset()
        m.clear_status()
    with walk.step("get_error"):
        assert m.get_error().lstrip("+").startswith("0,"), m.get_error()
    with walk.step("slots"):
        assert m.system_slots_info, "no module in any slot"
    with walk.step("disconnect_all"):
        m.disconnect_all()
    for slot, info in m.system_slots_info.items():
        module = m.module[slot]
        where = f"slot {slot} ({info['model']})"
        with walk.step(f"{where}: disconnect_all"):
            m.disconnect_all(slot)
        if not hasattr(module, "row"):
            continue
        with walk.step(f"{where}: protection modes"):
            for mode in ("AUTO100", "AUTO0", "FIX", "ISO"):
                module.protection_mode(mode)
                assert module.protection_mode() == mode, module.protection_mode()
        with walk.step(f"{where}: one path"):
            assert module.is_open(1, 2)
            module.connect(1, 2)
            assert module.is_closed(1, 2)
            assert not module.is_open(1, 2)
            module.disconnect(1, 2)
            assert module.is_open(1, 2)
        with walk.step(f"{where}: several paths"):
            paths = [(1, 1), (2, 3), (module.row, module.column)]
            module.connect_paths(paths)
            assert module.are_closed(paths) == [True] * 3
            module.disconnect_paths(paths[:1])
            assert module.are_open(paths) == [True, False, False]
            m.disconnect_all(slot)
            assert module.are_open(paths) == [True] * 3
    _snapshot(walk, m)


# -- 3706A -------------------------------------------------------------------------------------


def _walk_3706(walk: Walk, m: Any) -> None:
    def queue() -> list[str]:
        found: list[str] = []
        while len(found) < 20:
            code, text, *_ = m.ask("errorqueue.next()").split("\t")
            if float(code) == 0:
                break
            found.append(f"{round(float(code))} {text}")
        return found

    walk.errors = queue
    cards: tuple[dict[str, str], ...] = ()
    with walk.step("get_switch_cards"):
        cards = m.get_switch_cards()
        assert cards, "no card"
    slot = cards[0]["slot_no"]
    channels: list[str] = []
    with walk.step("get_channels"):
        channels = m.get_channels()
        assert len(channels) == len(set(channels)) >= 96, len(channels)
    first, second, third = channels[0], channels[1], channels[5]
    _settings(walk, m, {
        "channel_connect_rule": ("OFF", "MAKE_BEFORE_BREAK", "BREAK_BEFORE_MAKE"),
        "gpib_enabled": (False, True),
        "gpib_address": (17, 16),
        "lan_enabled": (True,),
    })  # fmt: skip
    with walk.step("close, open"):
        m.close_channel(first)
        m.close_channel(f"{second},{third}")
        assert m.get_closed_channels("allslots") == [first, second, third]
        m.open_channel(second)
        assert m.get_closed_channels(f"slot{slot}") == [first, third]
        m.open_channel("allslots")
        assert m.get_closed_channels("allslots") is None
    with walk.step("range of channels"):
        m.exclusive_close(f"{channels[0]}:{channels[3]}")
        assert m.get_closed_channels("allslots") == channels[:4]
    with walk.step("exclusive_close"):
        m.exclusive_close(third)
        assert m.get_closed_channels("allslots") == [third]
        m.exclusive_slot_close(second)
        assert m.get_closed_channels("allslots") == [second]
        m.open_channel("allslots")
    with walk.step("forbidden channels"):
        m.set_forbidden_channels(third)
        assert m.get_forbidden_channels("allslots") == third, m.get_forbidden_channels("allslots")
    with walk.step("a forbidden channel does not close", "-221"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            m.close_channel(third)
        assert m.get_closed_channels("allslots") is None
    with walk.step("clear_forbidden_channels"):
        m.clear_forbidden_channels("allslots")
        m.close_channel(third)
        m.open_channel(third)
    with walk.step("delay"):
        m.set_delay(first, 0.05)
        assert abs(m.get_delay(first)[0] - 0.05) < 1e-9
        m.set_delay(f"{first},{second}", 0)
        assert m.get_delay(f"{first},{second}") == [0, 0], m.get_delay(f"{first},{second}")
    with walk.step("backplane"):
        relays = m.get_analog_backplane_specifiers()
        assert relays[0] == f"{slot}911"
        m.set_backplane(first, relays[0])
        assert relays[0] in m.get_backplane(first), m.get_backplane(first)
        m.close_channel(relays[0])
        m.open_channel("allslots")
    with walk.step("reset_channel"):
        m.reset_channel("allslots")
    with walk.step("rows and columns"):
        m.disconnect_row_from_columns(int(slot), 1, [1, 2])  # closes, as this driver has it
        assert len(m.get_closed_channels("allslots")) == 2, m.get_closed_channels("allslots")
        m.connect_row_to_columns(int(slot), 1, [1, 2])
        m.disconnect_column_from_rows(int(slot), 3, [1, 2])
        m.connect_column_to_rows(int(slot), 3, [1, 2])
        closed = m.get_closed_channels("allslots")
        assert closed is None, closed
    for name in ("get_available_memory", "get_interlock_state", "get_ip_address", "save_setup"):
        with walk.step(name):
            assert getattr(m, name)() != "nil"
    with walk.step("load_setup"):
        m.load_setup(1)
    with walk.step("reset_local_network"):
        m.reset_local_network()
    _snapshot(walk, m)


if __name__ == "__main__":
    main(walk_box)
