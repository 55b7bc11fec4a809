"""The lock table of IVI-6.1, and that a lock never has two owners."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.sim.serve.locks import Granted, Locks

CLIENTS = st.sampled_from(["a", "b", "c"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("exclusive"), CLIENTS, st.just("")),
        st.tuples(st.just("shared"), CLIENTS, st.sampled_from(["x", "y"])),
        st.tuples(st.just("release"), CLIENTS, st.just("")),
        st.tuples(st.just("leave"), CLIENTS, st.just("")),
    ),
    max_size=20,
)


@settings(deadline=None, database=None, derandomize=True)
@given(STEPS)
def test_whoever_holds_a_lock_keeps_all_others_out(steps: list[tuple[str, str, str]]) -> None:
    locks = Locks()
    exclusive, shared = "", dict[str, str]()
    for what, who, key in steps:
        if what == "exclusive":
            free = exclusive == "" and (not shared or who in shared)
            expected = Granted.MISTAKE if exclusive == who else Granted.YES if free else Granted.NO
            assert locks.request(who) is expected
            exclusive = who if expected is Granted.YES else exclusive
        elif what == "shared":
            granted = locks.request(who, key)
            if who in shared or exclusive == who:
                assert granted is Granted.MISTAKE
            elif shared:
                assert granted is (Granted.YES if key in shared.values() else Granted.NO)
            else:
                assert granted is (Granted.NO if exclusive else Granted.YES)
            if granted is Granted.YES:
                shared[who] = key
        elif what == "release":
            released = locks.release(who)
            if exclusive == who:
                assert released is Granted.YES
                exclusive = ""
            else:
                assert released is (Granted.SHARED if who in shared else Granted.MISTAKE)
                shared.pop(who, None)
        else:
            locks.leave(who)
            exclusive = "" if exclusive == who else exclusive
            shared.pop(who, None)
        for each in "abc":
            allowed = each == exclusive if exclusive else (not shared or each in shared)
            assert locks.admits(each) == allowed
        assert locks.holders == set(shared) | ({exclusive} if exclusive else set())
        assert locks.held == bool(locks.holders)


def test_patience_ends_when_it_is_given_up() -> None:
    locks = Locks()
    assert locks.request("a") is Granted.YES
    assert locks.wait("b", "", 3600.0, lambda: True) is Granted.NO
    assert not locks.wait_to_use("b", lambda: True)
    assert locks.wait_to_use("a", lambda: True)
