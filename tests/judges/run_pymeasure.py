"""``python -m tests.judges pymeasure``: its own device tests, unmodified, on the simulated 2400.

The tests are not in the installed package; they come with its source distribution.
"""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.judges import environment
from tests.judges.bench import write_bench
from tests.judges.transports import TRANSPORTS, offered

FILES = (
    "tests/instruments/keithley/test_keithley2400_with_device.py",
    "tests/instruments/test_scpi_mixin_with_device.py",
)
MODEL = "2400"
RUN_SECONDS = 600
_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped)")


def run() -> int:
    """Fetch the tests, run them over each transport and print a table; 1 where any fails."""
    version = importlib.metadata.version("pymeasure")
    with tempfile.TemporaryDirectory(prefix="judge-") as name:
        folder = Path(name)
        try:
            archive = environment.download(folder, f"pymeasure=={version}", "pymeasure")
        except environment.NotFetchedError as error:
            print(
                f"SKIPPED: the source distribution of pymeasure {version} is not to be had: {error}"
            )
            return 0
        with tarfile.open(archive) as packed:
            packed.extractall(folder / "source", filter="data")
        source = next((folder / "source").iterdir())
        print(f"pymeasure {version}, its own device tests, on a simulated {MODEL}")
        print(f"{'transport':10s} {'passed':>7s} {'failed':>7s} {'skipped':>8s} {'s':>6s}")
        return max([_over(transport, source, folder) for transport in TRANSPORTS])


def _over(transport: str, source: Path, folder: Path) -> int:
    """Run the tests over one transport and print its line of the table."""
    import time

    bench = write_bench(folder, MODEL)
    began = time.monotonic()
    with offered(bench, transport) as (library, address):
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
                *("-p", "no:xdist", "-p", "no:timeout", "-p", "tests.judges.line_feed"),
                *("-W", "ignore", "--rootdir", str(source), "--device-address", address, *FILES),
            ],
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            cwd=source,
            # Without a name in the tests, pyvisa opens the library named here.
            env=environment.environment(PYVISA_LIBRARY=library, QT_QPA_PLATFORM="offscreen"),
        )
    counts = dict.fromkeys(("passed", "failed", "error", "skipped"), 0)
    lines = done.stdout.splitlines()
    for number, what in _COUNT.findall(lines[-1] if lines else ""):
        counts[what.removesuffix("s") if what.startswith("error") else what] = int(number)
    wrong = counts["failed"] + counts["error"]
    print(
        f"{transport:10s} {counts['passed']:7d} {wrong:7d} {counts['skipped']:8d} "
        f"{time.monotonic() - began:6.1f}"
    )
    for line in lines:
        if line.startswith(("FAILED", "ERROR", "E   ")):
            print(f"    {line[:200]}")
    if not counts["passed"] or counts["skipped"]:
        print(f"    the tests did not run: {(done.stderr or done.stdout).strip()[-500:]}")
        return 1
    return 1 if wrong or done.returncode else 0


__all__ = ["FILES", "run"]
