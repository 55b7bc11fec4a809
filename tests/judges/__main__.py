"""Other people's clients and tests in front of the simulator, and the simulator broken on purpose.

``python -m tests.judges pymeasure`` | ``clients [NAME]`` | ``mutants [PATTERN]``
"""

from __future__ import annotations

import argparse
import sys


def main() -> int:
    """Run one judge; the exit status is 1 where it is not satisfied."""
    parser = argparse.ArgumentParser(prog="python -m tests.judges", description=__doc__)
    judges = parser.add_subparsers(dest="judge", required=True)
    judges.add_parser("pymeasure", help="pymeasure's own device tests on the simulated 2400")
    clients = judges.add_parser("clients", help="drivers from the package index")
    clients.add_argument("pattern", nargs="?", default="", help="regular expression, client/model")
    clients.add_argument("--over", default="labsim", choices=("labsim", "hislip", "socket"))
    mutants = judges.add_parser("mutants", help="the simulator broken on purpose, one by one")
    mutants.add_argument("pattern", nargs="?", default="", help="regular expression of names")
    mutants.add_argument("--jobs", type=int, default=2, help="processes at a time")
    given = parser.parse_args()
    if given.judge == "pymeasure":
        from tests.judges import run_pymeasure

        return run_pymeasure.run()
    if given.judge == "clients":
        from tests.judges import run_clients

        return run_clients.run(given.pattern, given.over)
    from tests.judges import run_mutants

    return run_mutants.run(given.pattern, given.jobs)


if __name__ == "__main__":
    sys.exit(main())
