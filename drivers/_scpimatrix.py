"""What the SCPI switch mainframes have in common: moves in one message, told to be done."""

from __future__ import annotations

from collections.abc import Sequence

from drivers._matrix import MatrixFrame, chunks
from drivers._scpi import ScpiInstrument

MOST_POINTS = 25
"""Crosspoints in one message, so that it fits into the input buffer of the oldest of them."""
_WRONG = 4 | 8 | 16 | 32
"""Bits of the standard event register (IEEE 488.2) that tell of an error."""
_DONE = ";*OPC?;*ESR?"


class ScpiMatrix(MatrixFrame, ScpiInstrument):
    """A mainframe whose crosspoints are the channels of ``:ROUTe``."""

    def move(self, opened: Sequence[str], closed: Sequence[str]) -> None:
        """Open, then close the crosspoints named, and wait until they have settled."""
        with self.line.lock:
            for part in chunks(list(opened), MOST_POINTS):
                self.act(f":ROUT:OPEN (@{','.join(part)})", opened, closed)
            for part in chunks(list(closed), MOST_POINTS):
                self.act(f":ROUT:CLOS (@{','.join(part)})", opened, closed)

    def act(self, message: str, opened: Sequence[str] = (), closed: Sequence[str] = ()) -> None:
        """Send a message, and wait until the box is done with it.

        Raises
        ------
        ConnectionLostError
            Where no answer comes.
        InstrumentError
            With the error queue, where the message was refused.
        """
        reply = self.line.query(message + _DONE)
        done, _, event = reply.partition(";")
        try:
            if int(done) == 1 and not int(event) & _WRONG:
                return
        except ValueError:
            pass  # the errors that follow say why
        errors = "; ".join(self.self_check()) or f"it answered {reply!r:.60} to {message}"
        raise self.not_moved(opened, closed, errors)

    def forbid(self, crosspoints: Sequence[str]) -> None:
        """Do nothing: the mainframe cannot refuse single crosspoints for good, labctl does."""

    def closures(self, crosspoints: Sequence[str]) -> dict[str, int] | None:
        """Return None: the mainframe does not count."""
        return None
