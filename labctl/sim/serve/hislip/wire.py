"""Messages of HiSLIP: a header of 16 bytes, and a payload (IVI-6.1, 2.4)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from labctl.sim.box import MOST_INPUT
from labctl.sim.serve.connection import Connection

_HEADER = struct.Struct("!2sBBIQ")
HEADER_SIZE = _HEADER.size
MOST_PAYLOAD = MOST_INPUT
"""Largest payload that is taken, bytes; larger ones are skipped and answered with an error."""
_ABSURD = 1 << 32
"""A payload of so many bytes is no message: the header is garbage."""
FIRST_ID = 0xFFFF_FF00
"""Message id of the first message of a session, and after each device clear."""
_MOST_TEXT = 200


class Kind(IntEnum):
    """Message types."""

    INITIALIZE = 0
    INITIALIZE_RESPONSE = 1
    FATAL_ERROR = 2
    ERROR = 3
    ASYNC_LOCK = 4
    ASYNC_LOCK_RESPONSE = 5
    DATA = 6
    DATA_END = 7
    DEVICE_CLEAR_COMPLETE = 8
    DEVICE_CLEAR_ACKNOWLEDGE = 9
    ASYNC_REMOTE_LOCAL_CONTROL = 10
    ASYNC_REMOTE_LOCAL_RESPONSE = 11
    TRIGGER = 12
    INTERRUPTED = 13
    ASYNC_INTERRUPTED = 14
    ASYNC_MAXIMUM_MESSAGE_SIZE = 15
    ASYNC_MAXIMUM_MESSAGE_SIZE_RESPONSE = 16
    ASYNC_INITIALIZE = 17
    ASYNC_INITIALIZE_RESPONSE = 18
    ASYNC_DEVICE_CLEAR = 19
    ASYNC_SERVICE_REQUEST = 20
    ASYNC_STATUS_QUERY = 21
    ASYNC_STATUS_RESPONSE = 22
    ASYNC_DEVICE_CLEAR_ACKNOWLEDGE = 23
    ASYNC_LOCK_INFO = 24
    ASYNC_LOCK_INFO_RESPONSE = 25


VENDOR_SPECIFIC = 128
"""Message types from here on belong to vendors."""


class Fatal(IntEnum):
    """Control codes of FatalError."""

    UNIDENTIFIED = 0
    POORLY_FORMED_HEADER = 1
    NOT_BOTH_CHANNELS = 2
    INVALID_INITIALIZATION = 3
    TOO_MANY_CLIENTS = 4


class Mistake(IntEnum):
    """Control codes of Error."""

    UNIDENTIFIED = 0
    UNRECOGNIZED_TYPE = 1
    UNRECOGNIZED_CONTROL_CODE = 2
    UNRECOGNIZED_VENDOR_MESSAGE = 3
    MESSAGE_TOO_LARGE = 4


class FatalViolation(Exception):  # noqa: N818 - it is the message FatalError
    """What a client did wrong that ends the session."""

    def __init__(self, code: Fatal, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


@dataclass(frozen=True, slots=True)
class Message:
    """A received message; ``kind`` is a bare number where HiSLIP has no such type."""

    kind: int
    control: int
    parameter: int
    payload: bytes = b""


def pack(kind: Kind, control: int = 0, parameter: int = 0, payload: bytes = b"") -> bytes:
    """Return a message as it goes over the line."""
    return _HEADER.pack(b"HS", kind, control, parameter, len(payload)) + payload


class Channel:
    """One of the two connections of a session, message by message."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def receive(self) -> Message:
        """Return the next message; too large ones are answered with an error and left out.

        Raises
        ------
        FatalViolation
            Where the bytes are no HiSLIP header.
        ConnectionError
            Where the client has gone.
        """
        while True:
            prologue, kind, control, parameter, length = _HEADER.unpack(
                self.connection.exactly(HEADER_SIZE)
            )
            if prologue != b"HS":
                raise FatalViolation(Fatal.POORLY_FORMED_HEADER, "the header does not begin HS")
            if length >= _ABSURD:
                raise FatalViolation(
                    Fatal.POORLY_FORMED_HEADER, f"a payload of {length} bytes cannot be meant"
                )
            if length <= MOST_PAYLOAD:
                payload = self.connection.exactly(length) if length else b""
                return Message(kind, control, parameter, payload)
            self.connection.skip(length)
            self.mistake(Mistake.MESSAGE_TOO_LARGE, f"{length} bytes, the most is {MOST_PAYLOAD}")

    def next_waiting(self) -> Message | None:
        """Return the header of a message that has arrived and is not received yet, if any."""
        found = self.connection.waiting(HEADER_SIZE)
        if len(found) < HEADER_SIZE or not found.startswith(b"HS"):
            return None
        _, kind, control, parameter, _ = _HEADER.unpack(found)
        return Message(kind, control, parameter)

    def send(self, kind: Kind, control: int = 0, parameter: int = 0, payload: bytes = b"") -> None:
        """Send one message."""
        self.connection.send(pack(kind, control, parameter, payload))

    def mistake(self, code: Mistake, text: str) -> None:
        """Tell the client of an error that does not end the session."""
        self.send(Kind.ERROR, code, 0, text[:_MOST_TEXT].encode("ascii", "replace"))

    def fatal(self, violation: FatalViolation) -> None:
        """Tell the client why the session ends."""
        text = violation.text[:_MOST_TEXT].encode("ascii", "replace")
        self.send(Kind.FATAL_ERROR, violation.code, 0, text)

    def unrecognized(self, message: Message) -> None:
        """Tell the client that a message means nothing here."""
        if message.kind >= VENDOR_SPECIFIC:
            self.mistake(Mistake.UNRECOGNIZED_VENDOR_MESSAGE, f"vendor message {message.kind}")
        else:
            self.mistake(Mistake.UNRECOGNIZED_TYPE, f"message type {message.kind}")
