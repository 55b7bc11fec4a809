"""Pulling the reins: what is allowed when, and what is refused."""

import threading

import pytest

from labctl.engine.control import Control, State
from labctl.errors import AbortedError, EngineError


def in_state(state):
    control = Control()
    if state is State.QUEUED:
        return control
    if state is State.ABORTING:
        control.abort()
        return control
    control.begin()
    if state is State.PAUSED:
        control.pause()
    if state is State.ENDED:
        control.end()
    return control


LEGAL = {
    ("begin", State.QUEUED): State.RUNNING,
    ("pause", State.RUNNING): State.PAUSED,
    ("resume", State.PAUSED): State.RUNNING,
    ("abort", State.QUEUED): State.ABORTING,
    ("abort", State.RUNNING): State.ABORTING,
    ("abort", State.PAUSED): State.ABORTING,
    ("abort", State.ABORTING): State.ABORTING,
}


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("verb", ["begin", "pause", "resume", "abort"])
def test_legal_transitions_are_made_and_all_others_refused(verb, state):
    control = in_state(state)
    assert control.state is state
    if (verb, state) in LEGAL:
        getattr(control, verb)()
        assert control.state is LEGAL[verb, state]
        return
    refusal = AbortedError if (verb, state) == ("begin", State.ABORTING) else EngineError
    with pytest.raises(refusal):
        getattr(control, verb)()
    assert control.state is state


def test_refusal_names_what_was_asked_and_the_state():
    with pytest.raises(EngineError, match=r"Cannot resume a run that is running.*paused"):
        in_state(State.RUNNING).resume()


def test_first_reason_for_an_abort_is_kept():
    control = in_state(State.RUNNING)
    control.abort("Emergency stop.")
    control.abort_from_signal("Received SIGTERM.")
    assert control.reason == "Emergency stop."
    assert control.by_signal
    with pytest.raises(AbortedError, match="Emergency"):
        control.interrupt()


def test_abort_from_a_signal_does_not_wait_for_the_lock():
    """The handler may interrupt the very code that holds it."""
    control = in_state(State.RUNNING)
    held, done = threading.Event(), threading.Event()

    def hold():
        with control._changed:
            held.set()
            done.wait(10.0)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10.0)
    control.abort_from_signal("Received SIGINT.")  # would hang here
    done.set()
    holder.join()
    assert control.state is State.ABORTING


def test_checkpoint_holds_while_paused_and_lets_go_on_resume_or_abort():
    control = in_state(State.RUNNING)
    assert control.checkpoint()
    control.pause()
    assert not control.checkpoint()
    control.resume()
    assert control.checkpoint()
    control.pause()
    control.abort()
    with pytest.raises(AbortedError):
        control.checkpoint()
