"""Raw TCP socket server: messages end with a line feed, answers come as the instrument says them.

As a VISA resource: ``TCPIP::127.0.0.1::<port>::SOCKET``. A raw socket has no END, no serial poll
and no device clear; a client that asks without reading gets all answers, one after the other. The
line ``abort`` is seen while a script runs, as TSP instruments do.
"""

from __future__ import annotations

from functools import partial

from labctl.sim.serve.connection import Connection
from labctl.sim.serve.station import Inbox, Station

_ABORT = b"abort"


def talk(station: Station, connection: Connection) -> None:
    """Serve one client of a raw socket until it leaves."""
    inbox = Inbox(station)
    while data := connection.some():
        clears = station.clears
        messages = inbox.push(data)
        while messages and station.clears == clears and not connection.closed:
            answers = station.ask(messages.pop(0), partial(_aborts, messages, connection))
            if answers:
                connection.send(b"".join(answers))


def _aborts(messages: list[bytes], connection: Connection) -> bool:
    """Tell whether the message that comes next is ``abort``."""
    following = messages[0] if messages else connection.waiting(len(_ABORT) + 1)
    return following.rstrip() == _ABORT
