"""Which program has which instrument: two bench files may name the same one.

Per VISA address there is a lock that lives and dies with the process that is connected, and a file
with what to tell the next one. Both are in the runtime folder (see :mod:`labctl.rendezvous`).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import IO

from labctl.errors import EngineError
from labctl.rendezvous import lock_now, runtime_folder
from labctl.store.process import this_process


class Occupancy:
    """The right to one instrument, from :func:`occupy` until :meth:`release`."""

    def __init__(self, lock: IO[str], note: Path) -> None:
        self._lock, self._note = lock, note

    def release(self) -> None:
        """Give the instrument free. Does nothing a second time."""
        if not self._lock.closed:
            self._note.unlink(missing_ok=True)
            self._lock.close()


def canonical(address: str) -> str:
    """Return the one spelling of a VISA address; raise ValueError where it is none.

    Examples
    --------
    >>> canonical("gpib::26")
    'GPIB0::26::INSTR'
    """
    from pyvisa import rname

    return str(rname.ResourceName.from_string(address)).upper()


def occupy(address: str, bench: Path) -> Occupancy:
    """Take an instrument for this process, for bench file ``bench``.

    Raises
    ------
    EngineError
        Naming the process that has it, and its bench file.
    """
    place = canonical(address)
    key = hashlib.sha256(place.encode()).hexdigest()[:16]
    note = runtime_folder() / f"instrument-{key}.json"
    lock = note.with_suffix(".lock").open("a+", encoding="utf-8")
    try:
        lock_now(lock)
    except OSError:
        lock.close()
        raise EngineError(f"{place} is in use by {_who(note)}.") from None
    held = Occupancy(lock, note)
    try:
        note.write_text(json.dumps({"process": this_process(), "bench": str(bench)}))
    except BaseException:
        held.release()
        raise
    return held


def _who(note: Path) -> str:
    try:
        first = json.loads(note.read_text(encoding="utf-8"))
        return (
            f"process {first['process']['pid']}, which has bench {first['bench']} open. Wait until "
            "it is done, or end it; Ctrl-C there leaves outputs at zero"
        )
    except (OSError, ValueError, TypeError, KeyError):
        return "a process that is just starting; try again"  # it has the lock, but said no more
