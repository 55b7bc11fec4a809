"""What every SCPI box has in common: identity, error queue, self-test, device clear.

Source: IEEE Std 488.2-1992 and SCPI-99, chapter 21 (SYSTem:ERRor), from memory.
"""

from __future__ import annotations

from drivers._lined import LinedInstrument
from labctl.errors import InstrumentError

MOST_ERRORS = 100
"""Errors drained at once; a box that queues faster than that has a fault of its own."""
LONGEST_SELF_TEST = 60.0
"""Bench time that ``*TST?`` is given, s."""
COUNT_ERRORS = ";:SYST:ERR:COUN?"
"""What goes at the end of a message, so that its answer tells of errors as well."""


class ScpiInstrument(LinedInstrument):
    """A SCPI box with its error queue.

    Attributes
    ----------
    quiet
        Messages that bring its outputs to zero and off before a self-test.
    """

    quiet: tuple[str, ...] = ()

    # -- messages of the drivers ----------------------------------------------------------------

    def do(self, message: str, answers: int = 0, busy: float = 0.0) -> list[str]:
        """Send a message and return its answers; the number of errors comes with them.

        Parameters
        ----------
        message
            One or several commands, joined by ``;:``.
        answers
            How many of them are queries.
        busy
            How long the box has to do before it can answer, s.

        Raises
        ------
        ConnectionLostError
            Where no answer comes.
        InstrumentError
            With the error queue and the message, where an error was queued or an answer is missing.
        """
        with self.line.lock:
            reply = self.line.query(message + COUNT_ERRORS, busy)
            fields = reply.split(";")
            if len(fields) == answers + 1 and fields[-1] in ("0", "+0"):
                return fields[:-1]
            raise self.failed(message, reply)

    def failed(self, message: str, reply: str) -> InstrumentError:
        """Return the error of a message, with everything on the error queue."""
        errors = "; ".join(self.self_check()) or "its error queue is empty"
        return InstrumentError(
            f"{self.name} failed at {message:.200}, answering {reply!r:.60}: {errors}."
        )

    def number(self, query: str) -> float:
        """Ask for one number.

        Raises
        ------
        InstrumentError
            Where the answer is none.
        """
        answer = self.line.query(query)
        try:
            return float(answer)
        except ValueError:
            raise self.failed(query, answer) from None

    # -- Driver ---------------------------------------------------------------------------------

    def self_check(self) -> list[str]:
        """Drain the error queue; one line per error."""
        errors: list[str] = []
        with self.line.lock:
            while len(errors) < MOST_ERRORS:
                answer = self.line.query(":SYST:ERR?")
                code, _, text = answer.partition(",")
                try:
                    number = int(code)
                except ValueError:
                    raise InstrumentError(
                        f"{self.name} answered :SYST:ERR? with {answer!r:.60}. Switch it off and "
                        "on."
                    ) from None
                if number == 0:
                    break
                errors.append(f"{self.name}: error {number}: {text.strip().strip(chr(34))}")
        return errors

    def self_test(self) -> list[str]:
        """Run the self-test, outputs off; one line per fault."""
        with self.line.lock:
            for message in self.quiet:
                self.line.send(message)
            answer = self.line.query("*TST?", LONGEST_SELF_TEST)
            failed = [] if answer in ("0", "+0") else [f"{self.name}: self-test: {answer}"]
            return failed + self.self_check()
