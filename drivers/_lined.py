"""pymeasure's Instrument and Channel on one connection that several threads may share.

pymeasure writes and reads in two steps, between which another thread may come, and pays for both;
here a property is one message and its answer on the instrument's :class:`drivers._line.Line`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pymeasure.instruments import Channel, Instrument

from drivers._line import Line
from labctl.errors import InstrumentError
from labctl.instruments import Identity


class LinedInstrument(Instrument):
    """An instrument with its connection, its identity and its error queue.

    Attributes
    ----------
    line
        The connection; every message goes through it.
    identity
        What the instrument answered to ``*IDN?``.
    break_off
        Messages that end what runs, where the transport has no device clear.
    """

    break_off: tuple[str, ...] = ()
    __getattribute__ = object.__getattribute__
    """pymeasure's own looks at every access whether the name is reserved, which costs more than the
    message; a reserved name is not there to be read anyway."""

    def __init__(self, adapter: Any, name: str, **kwargs: Any) -> None:
        super().__init__(adapter, name, includeSCPI=False, **kwargs)
        self.line = Line(self.adapter, name, self.break_off)
        self._written = ""
        try:
            self.identity = Identity.parse(self.line.query("*IDN?"))
        except BaseException:
            self.adapter.close()
            raise

    def write(self, command: str, **kwargs: Any) -> None:
        """Send a message that has no answer."""
        self._written = command
        self.line.send(command)

    def ask(self, command: str, query_delay: float | None = None) -> str:
        """Send a message and return its answer; no other thread comes between."""
        return self.line.query(command)

    def values(
        self,
        command: str,
        separator: str = ",",
        cast: Callable[[str], Any] = float,
        preprocess_reply: Callable[[str], str] | None = None,
        maxsplit: int = -1,
        **kwargs: Any,
    ) -> list[Any]:
        """Send a message and return what it answers, item by item.

        Raises
        ------
        InstrumentError
            Where an item is not of the type it should have; pymeasure's own leaves it a string.
        """
        reply = self.line.query(command)
        if preprocess_reply is not None:
            reply = preprocess_reply(reply)
        items = reply.split(separator, maxsplit)
        try:
            if cast is bool:
                return [float(item) != 0.0 for item in items]
            return [cast(item) for item in items]
        except ValueError:
            raise InstrumentError(
                f"{self.name} answered {command} with {reply!r:.60} where a number was expected. "
                "Switch it off and on."
            ) from None

    def check_set_errors(self) -> list[Any]:
        """Raise what was queued at the last setting of a property, naming the command."""
        self.raise_errors(f"{self.name} refused {self._written}")
        return []

    def self_check(self) -> Sequence[str]:
        """Drain the error queue; one line per error."""
        raise NotImplementedError

    def raise_errors(self, action: str) -> None:
        """Raise InstrumentError with everything on the error queue, naming the ``action``."""
        if errors := self.self_check():
            raise InstrumentError(f"{action}: {'; '.join(errors)}.")

    def abort(self) -> None:
        """Break off whatever runs, by device clear; keeps the connection."""
        self.line.clear()

    def close(self) -> None:
        """Close the connection; no command is sent."""
        self.adapter.close()


class LinedChannel(Channel):
    """A channel of a :class:`LinedInstrument`."""

    __getattribute__ = object.__getattribute__

    def ask(self, command: str, *args: Any, **kwargs: Any) -> str:
        """Send a message and return its answer; no other thread comes between."""
        answer: str = self.parent.ask(self.insert_id(command))
        return answer

    def values(self, command: str, *args: Any, **kwargs: Any) -> list[Any]:
        """Send a message and return what it answers, item by item."""
        found: list[Any] = self.parent.values(self.insert_id(command), *args, **kwargs)
        return found

    def check_set_errors(self) -> list[Any]:
        """Raise what was queued at the last setting of a property, naming the command."""
        found: list[Any] = self.parent.check_set_errors()
        return found
