"""The three ways to one simulated box: in process, HiSLIP and raw socket on loopback."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tests.judges.bench import ADDRESS
from tests.judges.clients.walk import LOADED, put_resistors

TRANSPORTS = ("labsim", "hislip", "socket")


@contextlib.contextmanager
def offered(bench: Path, over: str, ohms: float | None = None) -> Iterator[tuple[str, str]]:
    """Offer the box of a bench file; yield VISA library and address.

    Parameters
    ----------
    over
        "labsim": the client makes the bench in its own process. "hislip", "socket": it is
        served from this one on free loopback ports.
    ohms
        What to put across the terminals of a served meter; a client in process does it itself.
    """
    if over == "labsim":
        yield f"{bench}@labsim", ADDRESS
        return
    from labctl.sim.serve.bench import ServedBench

    if ohms is not None:
        put_resistors(ohms)
        os.environ[LOADED] = str(ohms)
    try:
        with ServedBench(bench, first_port=0) as served:
            yield "@py", getattr(served.addresses[0], over)
    finally:
        os.environ.pop(LOADED, None)
