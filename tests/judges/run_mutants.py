"""``python -m tests.judges mutants [PATTERN]``: break each behaviour, and see a test fail.

The changes are made in copies of the tree, one per process, never in the tree itself. The copies
keep their compiled kernels: a changed file is put back with its old time stamp.
"""

from __future__ import annotations

import itertools
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from tests.judges import environment
from tests.judges.mutants import Mutant, all_mutants
from tests.judges.testing_process import LATE

SHARE = 0.95
"""Least share of mutants that the tests must catch."""
TEST_SECONDS = 180
"""A mutant that makes the tests hang is caught too."""
ALL_SECONDS = 900
"""For all tests without a mutant."""
_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "20??-*", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"
)


_CHANGES = itertools.count(1)


@dataclass
class Outcome:
    """What became of one mutant: "caught", "SURVIVED" or what is wrong with it."""

    mutant: Mutant
    verdict: str
    detail: str
    seconds: float


def run(pattern: str = "", jobs: int = 2) -> int:
    """Try the mutants whose name or file matches; return the exit status."""
    mutants = [m for m in all_mutants() if re.search(pattern, f"{m.file} {m.name}")]
    if not mutants:
        print(f"no mutant matches {pattern!r}")
        return 1
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        copies = [Copy(Path(name) / str(k)) for k in range(max(jobs, 1))]
        try:
            unfit = _unfit(mutants, copies)
            outcomes = unfit or _try_all(mutants, copies)
        finally:
            for copy in copies:
                copy.close()
    return _report(outcomes, time.monotonic() - began)


class Copy:
    """A copy of the tree, and the process that runs tests in it; time stamps stay."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(environment.ROOT, folder, ignore=_LEFT_OUT)
        where = [sys.executable, "-c", "import labctl; print(labctl.__file__)"]
        done = subprocess.run(
            where, capture_output=True, text=True, cwd=folder, env=_variables(folder), check=True
        )
        if Path(done.stdout.strip()).parent.parent != folder:
            raise RuntimeError(f"the copy in {folder} is not what is imported: {done.stdout}")
        self._tester = subprocess.Popen(
            [sys.executable, "-m", "tests.judges.testing_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=_variables(folder),
        )

    def test(self, arguments: list[str], seconds: float) -> tuple[int, str]:
        """Run pytest; return its exit status and what it printed."""
        tester = self._tester
        assert tester.stdin is not None
        assert tester.stdout is not None
        tester.stdin.write(json.dumps({"arguments": arguments, "seconds": seconds}) + "\n")
        tester.stdin.flush()
        answer = json.loads(tester.stdout.readline())
        return int(answer["code"]), str(answer["text"])

    def close(self) -> None:
        """End the process."""
        self._tester.communicate()


def _unfit(mutants: list[Mutant], copies: list[Copy]) -> list[Outcome]:
    """Return mutants that cannot be tried: text not there, or tests that fail without them."""
    unfit = []
    for mutant in mutants:
        file = copies[0].folder / mutant.file
        count = file.read_text(encoding="utf-8").count(mutant.old) if file.exists() else 0
        if count != 1:
            unfit.append(Outcome(mutant, "ERROR", f"its text stands there {count} times", 0.0))
        missing = [test for test in mutant.tests if not (copies[0].folder / test).exists()]
        if missing:
            unfit.append(Outcome(mutant, "ERROR", f"no such test: {', '.join(missing)}", 0.0))
    if unfit:
        return unfit
    files = sorted({test for mutant in mutants for test in mutant.tests})
    shares = [tuple(files[k :: len(copies)]) for k in range(len(copies))]
    plain = [Mutant("no change", "", "", "", share) for share in shares if share]
    return [
        Outcome(o.mutant, "ERROR", f"a test fails without a mutant: {o.detail}", o.seconds)
        for o in _try_all(plain, copies)
        if o.verdict != "SURVIVED"
    ]


def _try_all(mutants: list[Mutant], copies: list[Copy]) -> list[Outcome]:
    """Try mutants, one process a copy."""
    waiting: queue.SimpleQueue[Mutant] = queue.SimpleQueue()
    for mutant in mutants:
        waiting.put(mutant)
    outcomes: list[Outcome] = []

    def work(copy: Copy) -> None:
        while True:
            try:
                mutant = waiting.get_nowait()
            except queue.Empty:
                return
            outcomes.append(_try(mutant, copy))
            if mutant.file:
                _print(outcomes[-1])

    threads = [
        threading.Thread(target=work, args=(copy,), name=f"mutants in {copy.folder.name}")
        for copy in copies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    order = {id(mutant): k for k, mutant in enumerate(mutants)}
    return sorted(outcomes, key=lambda outcome: order[id(outcome.mutant)])


def _try(mutant: Mutant, copy: Copy) -> Outcome:
    """Change a copy, run the tests there, put the copy back."""
    began = time.monotonic()
    file = copy.folder / mutant.file
    text = file.read_text(encoding="utf-8") if mutant.file else ""
    stamp = file.stat()
    if mutant.file:
        file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        later = stamp.st_mtime_ns + next(_CHANGES) * 1_000_000_000
        os.utime(file, ns=(later, later))  # no two changes share a time stamp, nor byte code
    try:
        verdict, detail = _run_tests(mutant, copy)
    finally:
        if mutant.file:
            file.write_text(text, encoding="utf-8")
            os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    return Outcome(mutant, verdict, detail, time.monotonic() - began)


def _run_tests(mutant: Mutant, copy: Copy) -> tuple[str, str]:
    """Run the tests in a copy; return the verdict, and the test that failed."""
    options = ["-x", "-q", "--no-header"]
    for plugin in ("cacheprovider", "pytest-qt", "xdist"):  # not needed, and slow to import
        options += ["-p", f"no:{plugin}"]
    seconds = TEST_SECONDS if mutant.file else ALL_SECONDS
    code, text = copy.test([*options, *mutant.tests], seconds)
    if code == LATE:
        return "caught", "the tests hang"
    said = [line for line in text.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if code == 0:
        return "SURVIVED", ""
    if code in (1, 2) and said:
        return "caught", said[0][:160]
    # Neither passed nor failed: that says nothing about the mutant.
    last = (text.strip().splitlines() or ["nothing printed"])[-1]
    return "ERROR", f"pytest ended with {code}: {last[:160]}"


def _variables(folder: Path) -> dict[str, str]:
    """Return the variables of a test process: this copy first."""
    return environment.environment() | {
        "PYTHONPATH": str(folder),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / ".hypothesis"),
    }


def _print(outcome: Outcome) -> None:
    mutant = outcome.mutant
    line = f"{outcome.verdict:9s} {outcome.seconds:5.1f} s  {mutant.name}  ({mutant.file})"
    print(line + (f"\n{'':18s} {outcome.detail}" if outcome.detail else ""), flush=True)


def _report(outcomes: list[Outcome], seconds: float) -> int:
    """Print what was not caught, once more, and the share; return the exit status."""
    missed = [outcome for outcome in outcomes if outcome.verdict != "caught"]
    print("not caught:" if missed else "all caught")
    for outcome in missed:
        _print(outcome)
    caught = len(outcomes) - len(missed)
    broken = sum(outcome.verdict == "ERROR" for outcome in outcomes)
    share = caught / len(outcomes)
    print(f"{caught} of {len(outcomes)} mutants caught ({share:.1%}) in {seconds:.0f} s", end="")
    print(f"; {broken} could not be tried" if broken else "")
    return 1 if broken or share < SHARE else 0
