"""A process that has the packages of others loaded, and forks for every run of tests.

Started in the folder of a copy of the tree: ``python -m tests.judges.testing_process``. Reads one
JSON object a line (``arguments`` for pytest, ``seconds``) and writes one: ``code`` and ``text``.
Loading numba, pytest and pyvisa takes as long as the tests themselves; the simulator is loaded anew
in every fork, as it stands in the folder then.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from typing import IO

# Not the plug-ins of pytest (hypothesis), which it wants to load itself.
OTHERS = (
    "numba", "numpy", "pyvisa.resources", "lupa.lua51", "pytest", "typer",
    "pyvisa_py", "_pytest.terminal", "_pytest.assertion.rewrite",
)  # fmt: skip
LATE, BROKEN = -1, 100
"""Codes of tests that did not end in time, and of a pytest that raised."""


def main() -> None:
    """Serve until the input ends."""
    for name in OTHERS:
        importlib.import_module(name)
    own = [name for name in sys.modules if name.split(".")[0] == "labctl"]
    assert not own, f"the simulator is loaded already: {own}"
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        wanted = json.loads(line)
        with tempfile.TemporaryFile("w+") as said:
            code = _run(wanted["arguments"], wanted["seconds"], said)
            said.seek(0)
            answers.write(json.dumps({"code": code, "text": said.read()[-20_000:]}) + "\n")
            answers.flush()


def _run(arguments: list[str], seconds: float, said: IO[str]) -> int:
    """Run pytest in a fork; return its exit status or :data:`LATE`."""
    child = os.fork()
    if child == 0:
        os.setsid()
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        import pytest

        code = BROKEN
        try:
            code = int(pytest.main(arguments))
        except BaseException:  # noqa: BLE001 - the fork must not go on as the server
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return LATE


if __name__ == "__main__":
    main()
