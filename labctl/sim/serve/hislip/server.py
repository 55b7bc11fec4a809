"""The HiSLIP server of one instrument: sessions begin here and end here."""

from __future__ import annotations

import contextlib
import itertools
import re
import struct
import threading

from labctl.sim.serve.connection import Connection
from labctl.sim.serve.hislip.session import OVERLAPPED, Session
from labctl.sim.serve.hislip.wire import (
    HEADER_SIZE,
    MOST_PAYLOAD,
    Channel,
    Fatal,
    FatalViolation,
    Kind,
    Message,
    Mistake,
)
from labctl.sim.serve.station import Station

_VERSIONS = (0x0100, 0x0200)
"""Oldest and newest revision that is served."""
_VENDOR = 0x4C43
_HANDSHAKE = 10.0
"""How long a client may take to begin a session, s."""
_SUB_ADDRESS = re.compile(r"hislip\d*", re.IGNORECASE)
_MOST_LOCK_WAIT = 3600.0
_REMOTE_CONTROLS = 7
_SIZE = struct.Struct("!Q")


class HislipServer:
    """Talks to the clients of one instrument; each session is two connections to this port."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self._sessions: dict[int, Session] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    @property
    def sessions(self) -> int:
        """Number of sessions that are open."""
        return len(self._sessions)

    def talk(self, connection: Connection) -> None:
        """Serve one connection: either channel of a session, whichever it turns out to be."""
        channel = Channel(connection)
        session: Session | None = None
        try:
            connection.expect(_HANDSHAKE)
            first = channel.receive()
            if first.kind == Kind.INITIALIZE:
                session = self._initialize(channel, first)
                connection.expect(None)
                self._synchronous(session, channel)
            elif first.kind == Kind.ASYNC_INITIALIZE:
                session = self._attach(channel, first)
                connection.expect(None)
                self._asynchronous(session, channel)
            else:
                raise FatalViolation(
                    Fatal.INVALID_INITIALIZATION, "the first message has to be Initialize"
                )
        except FatalViolation as violation:
            with contextlib.suppress(OSError):
                channel.fatal(violation)
                connection.part()
        finally:
            if session is not None:
                self._end(session)

    # -- beginning and end ---------------------------------------------------------------------

    def _initialize(self, channel: Channel, message: Message) -> Session:
        version = min(message.parameter >> 16, _VERSIONS[1])
        if version < _VERSIONS[0]:
            raise FatalViolation(Fatal.INVALID_INITIALIZATION, "no such revision of HiSLIP")
        name = message.payload.decode("latin-1").strip("\0 ")
        if name and name != self.station.name and not _SUB_ADDRESS.fullmatch(name):
            raise FatalViolation(Fatal.INVALID_INITIALIZATION, f"no instrument {name!r} here")
        with self._lock:
            number = next(n & 0xFFFF for n in self._numbers if n & 0xFFFF not in self._sessions)
            session = self._sessions[number] = Session(number, self.station, channel)
        channel.send(Kind.INITIALIZE_RESPONSE, 0, version << 16 | number)
        return session

    def _attach(self, channel: Channel, message: Message) -> Session:
        with self._lock:
            session = self._sessions.get(message.parameter & 0xFFFF)
            if session is None or session.asynchronous is not None:
                raise FatalViolation(
                    Fatal.INVALID_INITIALIZATION, f"no session {message.parameter} waits for this"
                )
            session.asynchronous = channel
        session.attached(_VENDOR)
        return session

    def _end(self, session: Session) -> None:
        with self._lock:
            self._sessions.pop(session.number, None)
        session.close()

    # -- the two channels ----------------------------------------------------------------------

    def _synchronous(self, session: Session, channel: Channel) -> None:
        while True:
            message = channel.receive()
            kind = message.kind
            if kind in (Kind.DATA, Kind.DATA_END, Kind.TRIGGER, Kind.DEVICE_CLEAR_COMPLETE):
                if session.asynchronous is None:
                    raise FatalViolation(Fatal.NOT_BOTH_CHANNELS, "AsyncInitialize is missing")
                if kind == Kind.DEVICE_CLEAR_COMPLETE:
                    if session.clearing:
                        session.complete_clear(message.control)
                    else:
                        channel.mistake(Mistake.UNIDENTIFIED, "no device clear is under way")
                else:
                    session.request(message)
            elif kind == Kind.FATAL_ERROR:
                return
            elif kind in (Kind.INITIALIZE, Kind.ASYNC_INITIALIZE):
                raise FatalViolation(Fatal.INVALID_INITIALIZATION, "the session has begun")
            elif kind != Kind.ERROR:
                channel.unrecognized(message)

    def _asynchronous(self, session: Session, channel: Channel) -> None:
        while True:
            message = channel.receive()
            kind = message.kind
            if kind == Kind.ASYNC_STATUS_QUERY:
                channel.send(Kind.ASYNC_STATUS_RESPONSE, session.status(message))
            elif kind == Kind.ASYNC_DEVICE_CLEAR:
                session.begin_clear()
                features = OVERLAPPED if session.overlapped else 0
                channel.send(Kind.ASYNC_DEVICE_CLEAR_ACKNOWLEDGE, features)
            elif kind == Kind.ASYNC_MAXIMUM_MESSAGE_SIZE:
                self._size(session, channel, message)
            elif kind == Kind.ASYNC_LOCK:
                self._locking(session, channel, message)
            elif kind == Kind.ASYNC_LOCK_INFO:
                locks = self.station.locks
                exclusive = int(locks.exclusive is not None)
                channel.send(Kind.ASYNC_LOCK_INFO_RESPONSE, exclusive, len(locks.holders))
            elif kind == Kind.ASYNC_REMOTE_LOCAL_CONTROL:
                if message.control < _REMOTE_CONTROLS:
                    channel.send(Kind.ASYNC_REMOTE_LOCAL_RESPONSE)
                else:
                    channel.mistake(
                        Mistake.UNRECOGNIZED_CONTROL_CODE, f"remote control {message.control}"
                    )
            elif kind == Kind.FATAL_ERROR:
                return
            elif kind in (Kind.INITIALIZE, Kind.ASYNC_INITIALIZE):
                raise FatalViolation(Fatal.INVALID_INITIALIZATION, "the session has begun")
            elif kind != Kind.ERROR:
                channel.unrecognized(message)

    def _size(self, session: Session, channel: Channel, message: Message) -> None:
        if len(message.payload) != _SIZE.size:
            channel.mistake(Mistake.UNIDENTIFIED, "a message size has 8 bytes")
            return
        session.most_message = min(_SIZE.unpack(message.payload)[0], MOST_PAYLOAD + HEADER_SIZE)
        channel.send(
            Kind.ASYNC_MAXIMUM_MESSAGE_SIZE_RESPONSE, 0, 0, _SIZE.pack(MOST_PAYLOAD + HEADER_SIZE)
        )

    def _locking(self, session: Session, channel: Channel, message: Message) -> None:
        locks = self.station.locks
        if message.control == 1:
            key = message.payload.decode("latin-1")
            seconds = min(message.parameter / 1e3, _MOST_LOCK_WAIT)
            granted = locks.wait(session, key, seconds, lambda: channel.connection.closed)
        elif message.control == 0:
            session.wait_done(message.parameter)
            granted = locks.release(session)
        else:
            channel.mistake(Mistake.UNRECOGNIZED_CONTROL_CODE, f"lock {message.control}")
            return
        channel.send(Kind.ASYNC_LOCK_RESPONSE, granted)
