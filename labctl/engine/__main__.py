"""``python -m labctl.engine BENCH.toml --data DIR``: the engine process of a bench."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from labctl import plugins
from labctl.bench import Bench
from labctl.engine.server import Engine
from labctl.engine.signals import guarded
from labctl.engine.wire import Wire
from labctl.errors import LabctlError
from labctl.rendezvous import claim
from labctl.store import DATA_ROOT


def main(arguments: list[str] | None = None) -> int:
    """Own a bench until told to end; return the exit status."""
    parser = argparse.ArgumentParser(prog="labctl.engine", description=__doc__)
    parser.add_argument("bench", type=Path, help="the bench file")
    parser.add_argument("--data", type=Path, default=Path(DATA_ROOT), help="folder of all runs")
    given = parser.parse_args(arguments)
    try:
        serve(given.bench, given.data)
    except LabctlError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def serve(bench_path: Path, data_root: Path) -> None:
    """Open the bench, answer clients and run what they submit, until told to end.

    Raises
    ------
    EngineError
        Where the bench has an engine already; nothing has been connected then.
    LabctlError
        Where the bench cannot be opened, or not be left safe.
    """
    engines: list[Engine] = []
    asked: list[str] = []

    def on_signal(reason: str) -> None:
        asked.append(reason)
        for engine in engines:
            engine.end()

    # The guard holds from before the bench is touched until its outputs are at zero again: no
    # signal, however often it comes, may skip that. A run has a guard of its own inside.
    with claim(bench_path) as right, guarded(on_signal) as guard:
        guard.closing = True
        plugins.add_workspace(bench_path.resolve().parent)
        with Bench.open(bench_path, claimed=True) as bench:
            engine = Engine(bench, data_root)
            engines.append(engine)
            wire = Wire(engine.handle)
            try:
                if not asked:
                    wire.start()
                    right.publish(wire.address, wire.token)
                    engine.serve()
            finally:
                wire.close()


if __name__ == "__main__":
    sys.exit(main())
