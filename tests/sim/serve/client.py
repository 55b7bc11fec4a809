"""A HiSLIP client that can also misbehave: it sends exactly what a test tells it to."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

HEADER = struct.Struct("!2sBBIQ")
FIRST_ID = 0xFFFF_FF00


@dataclass
class Reply:
    kind: int
    control: int
    parameter: int
    payload: bytes


class Wire:
    """One TCP connection, message by message."""

    def __init__(self, port: int, timeout: float = 20.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, kind: int, control: int = 0, parameter: int = 0, payload: bytes = b"") -> None:
        self.socket.sendall(HEADER.pack(b"HS", kind, control, parameter, len(payload)) + payload)

    def receive(self) -> Reply:
        prologue, kind, control, parameter, length = HEADER.unpack(self.exactly(HEADER.size))
        assert prologue == b"HS"
        return Reply(kind, control, parameter, self.exactly(length))

    def ask(self, kind: int, control: int = 0, parameter: int = 0, payload: bytes = b"") -> Reply:
        self.send(kind, control, parameter, payload)
        return self.receive()

    def exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def ended(self) -> bool:
        """Whether the server has closed the connection; waits for it."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.socket.close()


class Client:
    """A session: both connections, message ids and the RMT-delivered bit as they should be."""

    def __init__(self, port: int, version: int = 0x0100, name: bytes = b"hislip0") -> None:
        self.sync = Wire(port)
        began = self.sync.ask(0, 0, version << 16 | 0x7878, name)
        assert began.kind == 1
        self.version, self.number = began.parameter >> 16, began.parameter & 0xFFFF
        self.prefers_overlap = bool(began.control & 1)
        self.asynchronous = Wire(port)
        assert self.asynchronous.ask(17, 0, self.number).kind == 18
        self.reset()

    def reset(self) -> None:
        self.id = (FIRST_ID - 2) & 0xFFFF_FFFF
        self.delivered = 0

    def write(self, text: bytes, kind: int = 7) -> int:
        """Send a message; return its id."""
        self.id = (self.id + 2) & 0xFFFF_FFFF
        self.sync.send(kind, self.delivered, self.id, text)
        self.delivered = 0
        return self.id

    def read(self) -> bytes:
        """Return an answer to the last message."""
        data = b""
        while True:
            reply = self.sync.receive()
            assert reply.kind in (6, 7), reply
            assert reply.parameter == self.id
            data += reply.payload
            if reply.kind == 7:
                self.delivered = 1
                return data

    def query(self, text: bytes) -> bytes:
        self.write(text)
        return self.read()

    def poll(self) -> int:
        reply = self.asynchronous.ask(21, self.delivered, self.id)
        self.delivered = 0
        assert reply.kind == 22
        return reply.control

    def clear(self, features: int = 0) -> int:
        """Do a whole device clear; return the features agreed on."""
        reply = self.asynchronous.ask(19)
        assert reply.kind == 23
        self.sync.send(8, features)
        while (reply := self.sync.receive()).kind != 9:
            assert reply.kind in (6, 7, 13)
        self.reset()
        return reply.control

    def close(self) -> None:
        self.sync.close()
        self.asynchronous.close()
