"""``python -m tests.judges clients [NAME]``: drivers that are not ours, walked over our boxes."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.judges import environment
from tests.judges.bench import write_bench
from tests.judges.clients.walk import MARK
from tests.judges.explanations import explanation
from tests.judges.transports import TRANSPORTS, offered

WALK_SECONDS = 240
OHMS = 1e4
"""What stands across the terminals of the meters."""


@dataclass(frozen=True)
class Client:
    """A driver package, its walks and the models that each walks.

    Attributes
    ----------
    packages, bare
        Requirements, with and without what they depend on.
    walks
        Module in :mod:`tests.judges.clients` and models.
    over
        Transports that it can name.
    """

    name: str
    packages: tuple[str, ...]
    walks: tuple[tuple[str, tuple[str, ...]], ...]
    bare: tuple[str, ...] = ()
    over: tuple[str, ...] = TRANSPORTS


CLIENTS = (
    Client(
        "keithley2600",
        ("keithley2600==2.1.0",),
        (("keithley2600_walk", ("2602B", "2612B", "2614B", "2636B")),),
    ),
    Client(
        "qcodes",
        ("qcodes==0.58.0",),
        (
            ("qcodes_scpi_walk", ("2400", "2450")),
            ("qcodes_tsp_walk", ("2602B", "2612B", "2614B", "2636B")),
            ("qcodes_matrices_walk", ("B2200A", "B2201A", "34980A", "3706A")),
        ),
    ),
    Client(
        "tm_devices",
        ("tm_devices==3.7.0",),
        (("tm_devices_walk", ("2601B", "2612B", "2636B", "3706A")),),
        over=("labsim", "socket"),  # it makes addresses of its own, without a HiSLIP port
    ),
    Client("keithley2400", ("keithley2400==0.2.6",), (("keithley2400_walk", ("2400", "2450")),)),
    Client(
        "nomad-camels",
        ("ophyd==1.11.2",),
        (("nomad_camels_walk", ("B2912A", "34970A")),),
        bare=(
            "nomad-camels==1.11.0",
            "nomad-camels-driver-keysight-b2912a==0.1.2",
            "nomad-camels-driver-agilent-34970==0.1.3",
        ),
    ),
)


def run(pattern: str = "", over: str = "labsim") -> int:
    """Run the clients whose name, or ``name/model``, matches; return the exit status.

    Parameters
    ----------
    pattern
        Regular expression; empty: all.
    over
        "labsim" (in process), "hislip" or "socket" (loopback server).
    """
    wrong = skipped = 0
    print(f"{'client':14s} {'box':8s} {'passed':>7s} {'failed':>7s} {'explained':>9s} {'s':>6s}")
    for client in CLIENTS:
        wanted = [
            (walk, model)
            for walk, models in client.walks
            for model in models
            if re.search(pattern, f"{client.name}/{model}")
        ]
        if not wanted:
            continue
        if over not in client.over:
            print(f"{client.name:14s} not over {over}: it cannot name such an address")
            continue
        with tempfile.TemporaryDirectory(prefix="judge-") as folder:
            try:
                python = environment.make(Path(folder) / "venv", client.packages, client.bare)
            except environment.NotFetchedError as error:
                print(f"{client.name:14s} SKIPPED: not to be had from the package index: {error}")
                skipped += 1
                continue
            for walk, model in wanted:
                wrong += _report(client.name, model, _walk(python, walk, model, Path(folder), over))
    if skipped:
        print(f"{skipped} clients skipped")
    print("all passed or explained" if not wrong else f"{wrong} failures without explanation")
    return 1 if wrong else 0


def _walk(python: Path, walk: str, model: str, folder: Path, over: str) -> dict[str, Any]:
    """Run one walk in its own process and return what it told."""
    bench = write_bench(folder, model)
    began = time.monotonic()
    with offered(bench, over, OHMS) as (library, address):
        command = [str(python), "-W", "ignore", "-m", f"tests.judges.clients.{walk}"]
        try:
            done = subprocess.run(
                [*command, library, address, model],
                capture_output=True,
                text=True,
                timeout=WALK_SECONDS,
                cwd=folder,
                env=environment.environment(),
            )
            said, trouble = done.stdout, done.stderr
        except subprocess.TimeoutExpired as error:
            said, trouble = "", f"not done after {error.timeout:g} s"
    told: dict[str, Any] = {"passed": [], "failed": []}
    for line in said.splitlines():
        if line.startswith(MARK):
            told = json.loads(line[len(MARK) :])
            break
    else:
        last = (trouble.strip().splitlines() or ["no result"])[-1]
        told["failed"].append(["the walk", last[:300]])
    told["seconds"] = time.monotonic() - began
    return told


def _report(client: str, model: str, told: dict[str, Any]) -> int:
    """Print one line and the failures; return how many have no explanation."""
    failed = [(name, reason, explanation(client, model, name)) for name, reason in told["failed"]]
    bad = [item for item in failed if not item[2]]
    print(
        f"{client:14s} {model:8s} {len(told['passed']):7d} {len(bad):7d} "
        f"{len(failed) - len(bad):9d} {told['seconds']:6.1f}"
    )
    for name, reason, why in failed:
        print(f"    {'explained' if why else 'FAILED'}: {name}: {reason}")
        if why:
            print(f"        {why}")
    return len(bad)


__all__ = ["CLIENTS", "TRANSPORTS", "Client", "run"]
