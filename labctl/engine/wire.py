"""The engine's socket: takes requests in a thread of its own and answers them."""

from __future__ import annotations

import hmac
import json
import secrets
import threading
import traceback
from collections.abc import Callable
from typing import Any

import zmq

from labctl.engine.messages import LONGEST, Fault, Reply, Request, parse_request
from labctl.errors import LabctlError

_POLL = 100  # ms between looks at whether to end
_LINGER = 1000  # ms in which a last answer may still leave

Handler = Callable[[Request], dict[str, Any]]


class Wire:
    """A ZeroMQ ROUTER socket on the loopback interface, on a port of its own choice.

    Whoever does not show the token gets nothing, not even a refusal. A client with the token
    that says nonsense is told so.

    Attributes
    ----------
    address
        Endpoint for clients.
    token
        Made anew for every engine.
    """

    def __init__(self, handler: Handler) -> None:
        self.token = secrets.token_urlsafe(32)
        self._handler = handler
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.MAXMSGSIZE, LONGEST)
        self._socket.setsockopt(zmq.LINGER, _LINGER)
        port = self._socket.bind_to_random_port("tcp://127.0.0.1")
        self.address = f"tcp://127.0.0.1:{port}"
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="labctl-engine-wire", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering; the last answers still leave."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._socket.close()
        self._context.term()

    def _serve(self) -> None:
        while not self._closing.is_set():
            if not self._socket.poll(_POLL):
                continue
            frames = self._socket.recv_multipart()
            reply = self._answer(frames[-1]) if len(frames) == 3 else None
            if reply is not None:
                self._socket.send_multipart([*frames[:2], reply])

    def _answer(self, message: bytes) -> bytes | None:
        """Return the reply to a message; None for one without the token."""
        try:
            content = json.loads(message)
        except (ValueError, RecursionError):
            return None
        token = content.get("token") if isinstance(content, dict) else None
        if not isinstance(token, str) or not hmac.compare_digest(
            token.encode("utf-8", "replace"), self.token.encode()
        ):
            return None
        try:
            reply = Reply(result=self._handler(parse_request(content)))
        except LabctlError as error:
            reply = Reply(fault=Fault(type=type(error).__name__, message=str(error)))
        except Exception as error:  # noqa: BLE001 - a fault of labctl must not end the engine
            traceback.print_exc()
            text = f"The engine failed at this request ({type(error).__name__}: {error})."
            reply = Reply(fault=Fault(type="EngineError", message=text))
        return reply.model_dump_json().encode()
