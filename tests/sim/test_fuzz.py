"""No bytes make a box raise, and it answers afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sim.rig import Rig

TEXT = """
smua . source measure levelv levelv=1 leveli = limiti ( ) { } [ ] , ; .. output i() v() nil 1 1e9
-1 'x' " print( errorqueue next() channel close( "1A01" "9Z99" "1A01:2B05" allslots getclose
exclusiveclose setforbidden function end while true do if then local x for loadscript endscript
loadandrunscript *IDN? *ESE *OPC? *RST reset() delay( nvbuffer1 printbuffer( makebuffer( data
setmetatable( pcall( error( format trigger initiate()
"""
WORDS = st.sampled_from([*TEXT.split(), "\n", "\0", "\x1b"])
MESSAGES = st.one_of(st.binary(max_size=60), st.lists(WORDS, max_size=12).map(" ".join))


@pytest.mark.parametrize("box", ["smu", "gate", "matrix"])
def test_random_messages_never_raise(make_rig: Callable[..., Rig], box: str) -> None:
    rig = make_rig(name=box)
    target = rig.world.box(box)

    @settings(
        max_examples=300,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(MESSAGES, min_size=1, max_size=4), st.booleans())
    def attack(messages: list[bytes | str], end: bool) -> None:
        for message in messages:
            data = message if isinstance(message, bytes) else message.encode("latin-1")
            target.feed(data, end)
            target.take(10)
            target.serial_poll()
        target.device_clear()

    attack()
    instrument = getattr(rig, box)
    assert "Keithley" in instrument.query("*IDN?")
