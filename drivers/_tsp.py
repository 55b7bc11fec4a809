"""What every Keithley TSP box has in common: identity, error queue, device clear."""

from __future__ import annotations

from drivers._lined import LinedInstrument
from labctl.errors import InstrumentError


def _short(code: str) -> str:
    """Write an error number, which a TSP box prints as 1.10200e+03, as 1102."""
    try:
        return f"{float(code):g}"
    except ValueError:
        return code


MOST_ERRORS = 100
"""Errors drained at once; a box that queues faster than that has a fault of its own."""


class TspInstrument(LinedInstrument):
    """A TSP box with its error queue."""

    break_off = ("abort",)

    def self_check(self) -> list[str]:
        """Drain the error queue; one line per error."""
        errors = []
        line = self.line
        with line.lock:
            while self._count() > 0:
                code, _, rest = line.query("print(errorqueue.next())").partition("\t")
                message = rest.partition("\t")[0]
                errors.append(f"{self.name}: error {_short(code)}: {message}")
                if len(errors) == MOST_ERRORS:
                    break
        return errors

    def _count(self) -> float:
        return self.errors_in(self.line.query("print(errorqueue.count)"))

    def errors_in(self, answer: str) -> float:
        """Return the number of errors that an answer tells.

        Raises
        ------
        InstrumentError
            Where it is no number.
        """
        try:
            return float(answer)
        except ValueError as error:
            raise InstrumentError(
                f"{self.name} answered {answer!r} where the number of its errors was expected. "
                "Switch it off and on."
            ) from error

    def self_test(self) -> list[str]:
        """Run the self-test, which a TSP box always passes; errors it queues are returned."""
        answer = self.line.query("*TST?")
        failed = [] if answer in ("0", "0.00000e+00") else [f"{self.name}: self-test: {answer}"]
        return failed + self.self_check()
