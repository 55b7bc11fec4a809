"""What VISA sessions of ``@labsim`` share, lock, wait for and lose."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import pyvisa
from pyvisa import constants
from pyvisa.constants import (
    BufferOperation,
    EventMechanism,
    EventType,
    RENLineOperation,
    ResourceAttribute,
    StatusCode,
)

from tests.sim.rig import Rig

SMU = "GPIB0::26::INSTR"
QUEUE = EventMechanism.queue
REQUEST = EventType.service_request
MakeRig = Callable[..., Rig]


METER = """
[instruments.meter]
driver = "none"
model = "34980A"
address = "GPIB0::9::INSTR"
"""


def code(caught: pytest.ExceptionInfo[pyvisa.VisaIOError]) -> int:
    return int(caught.value.error_code)


def test_exclusive_lock_keeps_other_sessions_out_until_it_is_released(rig: Rig) -> None:
    other = rig.open(SMU)
    rig.smu.lock_excl()
    for use in (
        lambda: other.write("x = 1"), other.read, other.clear, other.read_stb, other.assert_trigger,
    ):  # fmt: skip
        with pytest.raises(pyvisa.VisaIOError) as caught:
            use()
        assert code(caught) == StatusCode.error_resource_locked
    assert rig.smu.query("print(x)") == "nil"
    assert rig.manager.visalib.get_attribute(
        other.session, ResourceAttribute.resource_lock_state
    )[0] == constants.VI_EXCLUSIVE_LOCK  # fmt: skip
    rig.smu.unlock()
    assert other.query("print(1)") == "1.00000e+00"


def test_lock_that_cannot_come_costs_bench_time_only(rig: Rig) -> None:
    other = rig.open(SMU)
    rig.smu.lock_excl()
    before = rig.world.clock.now()
    with pytest.raises(pyvisa.VisaIOError) as caught:
        other.lock_excl(timeout=30_000)
    assert code(caught) == StatusCode.error_timeout
    assert rig.world.clock.now() - before == pytest.approx(30.0)


def test_lock_of_another_thread_is_waited_for(rig: Rig) -> None:
    other = rig.open(SMU)
    held, taken = threading.Event(), threading.Event()

    def hold() -> None:
        rig.smu.lock_excl()
        held.set()
        taken.wait(0.05)
        rig.smu.unlock()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(20.0)
    other.lock_excl(timeout=20_000)
    taken.set()
    thread.join(20.0)
    assert other.query("print(1)") == "1.00000e+00"


def test_nested_locks_are_released_as_often_as_taken(rig: Rig) -> None:
    library, other = rig.smu.visalib, rig.open(SMU)
    kind = constants.Lock.exclusive
    assert library.lock(rig.smu.session, kind, 0)[1] == StatusCode.success
    assert library.lock(rig.smu.session, kind, 0)[1] == StatusCode.success_nested_exclusive
    assert library.unlock(rig.smu.session) == StatusCode.success_nested_exclusive
    with pytest.raises(pyvisa.VisaIOError):
        other.write("x = 1")
    assert library.unlock(rig.smu.session) == StatusCode.success
    other.write("x = 1")
    with pytest.raises(pyvisa.VisaIOError) as caught:
        rig.smu.unlock()
    assert code(caught) == StatusCode.error_session_not_locked


def test_shared_lock_admits_sessions_with_the_key(rig: Rig) -> None:
    two, three = rig.open(SMU), rig.open(SMU)
    key = rig.smu.lock()
    assert key
    assert two.lock(requested_key=key) == key
    assert two.query("print(1)") == "1.00000e+00"
    with pytest.raises(pyvisa.VisaIOError) as caught:
        three.write("x = 1")
    assert code(caught) == StatusCode.error_resource_locked
    with pytest.raises(pyvisa.VisaIOError) as caught:
        two.lock(requested_key="another")
    assert code(caught) == StatusCode.error_invalid_access_key


def test_closed_session_gives_its_lock_back(rig: Rig) -> None:
    other = rig.open(SMU)
    other.lock_excl()
    other.close()
    assert rig.smu.query("print(1)") == "1.00000e+00"


def test_opening_with_a_lock(rig: Rig) -> None:
    holder = rig.manager.open_resource(SMU, access_mode=constants.AccessModes.exclusive_lock)
    with pytest.raises(pyvisa.VisaIOError) as caught:
        rig.smu.write("x = 1")
    assert code(caught) == StatusCode.error_resource_locked
    with pytest.raises(pyvisa.VisaIOError) as caught:
        rig.manager.open_resource(SMU, access_mode=constants.AccessModes.exclusive_lock)
    assert code(caught) == StatusCode.error_timeout
    holder.close()
    assert rig.smu.query("print(1)") == "1.00000e+00"


def test_service_request_is_waited_for(rig: Rig) -> None:
    rig.smu.write("*SRE 4")
    rig.smu.enable_event(REQUEST, QUEUE)
    rig.smu.write("nonsense(")
    response = rig.smu.wait_on_event(REQUEST, 1000)
    assert not response.timed_out
    assert response.event.event_type == REQUEST
    assert rig.smu.read_stb() & 64
    assert not rig.smu.read_stb() & 64


def test_wait_for_srq_of_pyvisa(rig: Rig) -> None:
    rig.smu.write("*SRE 16")
    rig.smu.write("print(3)")
    rig.smu.wait_for_srq(2000)
    assert rig.smu.read() == "3.00000e+00"


def test_service_request_that_does_not_come_costs_bench_time_only(rig: Rig) -> None:
    rig.smu.enable_event(REQUEST, QUEUE)
    before = rig.world.clock.now()
    assert rig.smu.wait_on_event(REQUEST, 60_000, capture_timeout=True).timed_out
    assert rig.world.clock.now() - before == pytest.approx(60.0)


def test_waiting_for_an_event_that_was_not_enabled_is_refused(rig: Rig) -> None:
    with pytest.raises(pyvisa.VisaIOError) as caught:
        rig.smu.wait_on_event(REQUEST, 1000)
    assert code(caught) == StatusCode.error_not_enabled
    with pytest.raises(pyvisa.VisaIOError) as caught:
        rig.smu.enable_event(EventType.trig, QUEUE)
    assert code(caught) == StatusCode.error_invalid_event


def test_event_is_kept_when_the_request_is_over_and_can_be_discarded(rig: Rig) -> None:
    rig.smu.write("*SRE 4")
    rig.smu.enable_event(REQUEST, QUEUE)
    rig.smu.write("nonsense(")
    rig.smu.write("errorqueue.clear()")
    assert not rig.smu.wait_on_event(REQUEST, 0, capture_timeout=True).timed_out
    assert rig.smu.wait_on_event(REQUEST, 0, capture_timeout=True).timed_out  # it was the only one
    rig.smu.write("nonsense(")
    rig.smu.write("errorqueue.clear()")
    rig.smu.discard_events(REQUEST, QUEUE)
    assert rig.smu.wait_on_event(REQUEST, 0, capture_timeout=True).timed_out
    rig.smu.disable_event(REQUEST, QUEUE)


def test_handler_is_called_once_for_each_request(rig: Rig) -> None:
    called = []

    def handle(resource: object, event: object, handle: object) -> None:
        called.append(handle)

    wrapped = rig.smu.wrap_handler(handle)
    rig.smu.install_handler(REQUEST, wrapped, "mine")
    rig.smu.enable_event(REQUEST, EventMechanism.handler)
    rig.smu.write("*SRE 4")
    rig.smu.write("nonsense(")
    rig.smu.write("x = 1")
    assert called == ["mine"]
    rig.smu.read_stb()
    rig.smu.write("errorqueue.clear()")
    rig.smu.write("nonsense(")
    assert called == ["mine", "mine"]
    rig.smu.uninstall_handler(REQUEST, wrapped, "mine")
    rig.smu.read_stb()
    rig.smu.write("errorqueue.clear()")
    rig.smu.write("nonsense(")
    assert called == ["mine", "mine"]


def test_read_of_nothing_is_an_unterminated_query(rig: Rig) -> None:
    with pytest.raises(pyvisa.VisaIOError):
        rig.smu.read()
    assert rig.error(rig.smu)[0] == -420


def test_late_answer_and_a_new_message_interrupt(make_rig: MakeRig) -> None:
    rig = make_rig(METER + "[simulation.faults.meter]\ndelay = 5\n")
    meter = rig.open("GPIB0::9::INSTR")
    meter.timeout = 1000
    with pytest.raises(pyvisa.VisaIOError):
        meter.query("*IDN?")
    rig.world.faults("meter").delay = 0
    assert meter.query("*OPC?").lstrip("+") == "1"
    assert meter.query("SYST:ERR?").startswith("-410")


def test_lost_connection_fails_every_call_until_it_is_back(rig: Rig) -> None:
    rig.smu.write("x = 3")
    rig.world.faults("smu").lost = True
    for use in (
        lambda: rig.smu.write("x = 4"), rig.smu.read, rig.smu.clear, rig.smu.read_stb,
        rig.smu.assert_trigger, lambda: rig.open(SMU),
    ):  # fmt: skip
        with pytest.raises(pyvisa.VisaIOError) as caught:
            use()
        assert code(caught) == StatusCode.error_connection_lost
    rig.world.faults("smu").lost = False
    assert rig.smu.query("print(x)") == "3.00000e+00"


def test_connection_breaks_in_the_middle_of_a_message(make_rig: MakeRig) -> None:
    rig = make_rig("[simulation.faults.smu]\nlost_after = 1\n")
    assert rig.smu.query("print(1)") == "1.00000e+00"
    with pytest.raises(pyvisa.VisaIOError) as caught:
        rig.smu.write("print(2)")
    assert code(caught) == StatusCode.error_connection_lost
    assert "2635B" in rig.gate.query("*IDN?")


def test_flush_discards_the_rest_of_an_answer(rig: Rig) -> None:
    rig.smu.write("print('abcdef')")
    assert rig.smu.read_bytes(3) == b"abc"
    rig.smu.flush(BufferOperation.discard_read_buffer)
    assert rig.smu.query("print(2)") == "2.00000e+00"


def test_flush_keeps_an_answer_that_nobody_has_begun_to_read(rig: Rig) -> None:
    rig.smu.write("print(1)")
    rig.smu.flush(BufferOperation.discard_read_buffer | BufferOperation.discard_receive_buffer)
    assert rig.smu.read() == "1.00000e+00"


@pytest.mark.parametrize("mode", list(RENLineOperation))
def test_remote_line_takes_every_state(rig: Rig, mode: RENLineOperation) -> None:
    assert rig.smu.control_ren(mode) == StatusCode.success
    assert rig.smu.query("print(1)") == "1.00000e+00"


def test_attributes(rig: Rig) -> None:
    assert rig.smu.primary_address == 26
    assert rig.smu.interface_number == 0
    assert rig.smu.get_visa_attribute(ResourceAttribute.resource_class) == "INSTR"
    assert rig.smu.get_visa_attribute(ResourceAttribute.dma_allow_enabled) is not None
    library = rig.smu.visalib
    with pytest.raises(pyvisa.VisaIOError) as caught:
        library.set_attribute(rig.smu.session, ResourceAttribute.interface_type, 1)
    assert code(caught) == StatusCode.error_attribute_read_only
    with pytest.raises(pyvisa.VisaIOError) as caught:
        library.get_attribute(rig.smu.session, 0x7FFF_FFFF)
    assert code(caught) == StatusCode.error_nonsupported_attribute


def test_status_of_the_last_read(rig: Rig) -> None:
    rig.smu.query("print(1)")
    assert rig.smu.last_status == StatusCode.success_termination_character_read
    rig.smu.write("print('abc')")
    rig.smu.read_bytes(2)
    assert rig.smu.last_status == StatusCode.success_max_count_read
    rig.smu.read_raw()


def test_closed_session_is_no_session(rig: Rig) -> None:
    library, session = rig.smu.visalib, rig.smu.session
    rig.smu.close()
    with pytest.raises(pyvisa.VisaIOError) as caught:
        library.write(session, b"x = 1")
    assert code(caught) == StatusCode.error_invalid_object


def test_many_sessions_and_threads_share_one_box(rig: Rig) -> None:
    problems: list[str] = []

    def work(k: int) -> None:
        own = rig.open("GPIB0::27::INSTR") if k % 2 else rig.open("GPIB0::16::INSTR")
        for _ in range(50):
            own.write(f"y{k} = {k}")
        own.close()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20.0)
    values = [rig.gate.query(f"print(y{k})") for k in (1, 3, 5)]
    assert (problems, [float(v) for v in values]) == ([], [1, 3, 5])
