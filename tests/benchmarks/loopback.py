"""The yardstick of the instruments' speed: one question and answer over a raw loopback socket.

The other end is a process of its own that does nothing but answer: no instrument can be faster.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType

_SERVER = """
import json, os, socket, sys, threading
given = json.loads(sys.stdin.readline())
answers = {k.encode() + b"\\n": v.encode("latin-1") for k, v in given["answers"].items()}
usual = given["usual"].encode() + b"\\n"
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
def serve(client):
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while question := client.recv(4096):
        client.sendall(answers.get(question, usual))
def accept():
    while True:
        threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
threading.Thread(target=accept, daemon=True).start()
sys.stdin.read()
os._exit(0)
"""


class Connection:
    """A raw socket, and nothing around it."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def query(self, question: bytes, count: int | None = None) -> bytes:
        """Ask and wait for the line that comes back, or for ``count`` bytes."""
        self._socket.sendall(question)
        answer = self._socket.recv(65536)
        while len(answer) < count if count is not None else not answer.endswith(b"\n"):
            answer += self._socket.recv(65536)
        return answer

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()


class Loopback:
    """A process that answers every message with the same line, or with what is given for it.

    Attributes
    ----------
    port
        TCP port on the loopback address.
    """

    def __init__(self, usual: str, answers: Mapping[str, bytes] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        bodies = {question: body.decode("latin-1") for question, body in (answers or {}).items()}
        self._process.stdin.write(json.dumps({"usual": usual, "answers": bodies}) + "\n")
        self._process.stdin.flush()
        self.port = int(self._process.stdout.readline())
        self._own = Connection(self.port)

    def connect(self) -> Connection:
        """Return a connection more."""
        return Connection(self.port)

    def query(self, question: bytes) -> bytes:
        """Ask and wait for the line that comes back."""
        return self._own.query(question)

    def __enter__(self) -> Loopback:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._own.__exit__(kind, error, trace)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()
