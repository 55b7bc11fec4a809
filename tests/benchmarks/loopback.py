"""The yardstick of the instruments' speed: one question and answer over a raw loopback socket.

The other end is a process of its own that does nothing but answer: no instrument can be faster.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from types import TracebackType

_SERVER = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
client, _ = server.accept()
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
answer = sys.argv[1].encode() + b"\\n"
while client.recv(4096):
    client.sendall(answer)
"""


class Loopback:
    """A connection to a process that answers every message with the same line."""

    def __init__(self, answer: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER, answer], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        port = int(self._process.stdout.readline())
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def query(self, question: bytes) -> bytes:
        """Ask and wait for the line that comes back."""
        self._socket.sendall(question)
        answer = self._socket.recv(4096)
        while not answer.endswith(b"\n"):
            answer += self._socket.recv(4096)
        return answer

    def __enter__(self) -> Loopback:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()
