"""The socket: who gets an answer, and what happens to nonsense."""

import json

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from labctl.engine.client import EngineClient
from labctl.engine.messages import Plain, Submit, parse_request
from labctl.engine.wire import Wire
from labctl.errors import EngineError, ProcedureError
from labctl.rendezvous import Rendezvous
from labctl.store.process import this_process

PATIENCE = 300  # ms that a stranger waits


class Desk:
    """Takes requests and keeps them."""

    def __init__(self):
        self.taken = []

    def __call__(self, request):
        self.taken.append(request)
        if isinstance(request, Submit):
            raise ProcedureError(f"no {request.procedure}")
        if request.command == "abort":
            raise ZeroDivisionError("a fault of labctl")
        return {"heard": request.command}


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def wire(desk):
    wire = Wire(desk)
    wire.start()
    yield wire
    wire.close()


@pytest.fixture
def client(wire):
    with EngineClient(Rendezvous(wire.address, wire.token, this_process(), "b")) as client:
        yield client


@pytest.fixture
def stranger(wire):
    """Send raw bytes; return the answer or None."""
    context = zmq.Context()
    sockets = []

    def send(content):
        socket = context.socket(zmq.REQ)
        sockets.append(socket)
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(wire.address)
        socket.send(content)
        return json.loads(socket.recv()) if socket.poll(PATIENCE) else None

    yield send
    for socket in sockets:
        socket.close()
    context.term()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1]",
        b"null",
        b"\xff\xfe",
        b'{"command": "status"}',
        b'{"command": "status", "token": ""}',
        b'{"command": "stop", "token": "guess"}',
        b'{"command": "stop", "token": 1}',
        '{"command": "stop", "token": "é\\ud800"}'.encode(),
        b"[" * 100_000,
        b"x" * 2_000_000,
    ],
    ids=lambda content: content[:20].decode("utf-8", "replace"),
)
def test_stranger_gets_nothing_and_changes_nothing(stranger, desk, client, content):
    assert stranger(content) is None
    assert desk.taken == []
    assert client.status() == {"heard": "status"}  # and the wire goes on


def test_malformed_request_with_the_token_is_refused_with_words(stranger, wire, desk):
    for content, named in [
        ({"command": "explode"}, "command"),
        ({}, "command"),
        ({"command": "submit"}, "procedure"),
        ({"command": "submit", "procedure": "form", "parameters": [1]}, "parameters"),
        ({"command": "status", "extra": 1}, "extra"),
        ({"command": "edit", "id": 1}, "parameters"),
        ({"command": "move", "id": 1, "to": -1}, "to"),
        ({"command": "move", "id": 1, "to": "sideways"}, "to"),
        ({"command": "remove", "id": "one"}, "id"),
        ({"command": "resume_run", "run": ""}, "run"),
    ]:
        answer = stranger(json.dumps(content | {"token": wire.token}).encode())
        assert answer["fault"]["type"] == "EngineError"
        assert named in answer["fault"]["message"]
        assert wire.token not in answer["fault"]["message"]
    assert desk.taken == []


def test_errors_come_out_at_the_client_as_what_they_are(client):
    with pytest.raises(ProcedureError, match="no form"):
        client.submit("form")
    with pytest.raises(EngineError, match="ZeroDivisionError"):
        client.abort()
    assert client.status() == {"heard": "status"}


def test_client_of_an_engine_that_is_gone_says_so_and_recovers():
    wire = Wire(Desk())
    found = Rendezvous(wire.address, wire.token, this_process(), "b.toml")
    wire.close()
    with EngineClient(found, timeout=0.05) as client:
        for _ in range(2):
            with pytest.raises(EngineError, match=r"b\.toml.*does not answer 'pause'"):
                client.pause()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(json_values | st.fixed_dictionaries({"token": st.just("t"), "command": json_values}))
def test_no_json_value_gets_past_the_check_but_a_request(content):
    try:
        request = parse_request(content)
    except EngineError:
        return
    assert isinstance(request, Plain | Submit)


@given(st.dictionaries(st.text(), json_values, max_size=3))
def test_parameters_arrive_as_they_were_sent(parameters):
    sent = {"command": "submit", "token": "t", "procedure": "form", "parameters": parameters}
    request = parse_request(json.loads(json.dumps(sent)))
    assert json.dumps(request.parameters) == json.dumps(parameters)
