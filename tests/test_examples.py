"""The worked examples of the docs do what they say, each in a fresh workspace."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from labctl.workspace import new_workspace

FOLDER = Path(__file__).parent.parent / "docs" / "examples"
PAGES = sorted(FOLDER.glob("[0-9]*.md"))
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)

FOUND = {
    "01-map": "assert 120 <= formed.sum() <= 130; figures = ['map.png']",
    "02-forming-yield": (
        "assert 0.5 < share < 1.0 and left == 0 and len(failed); figures = ['forming.png']; "
        "from labctl import runs; assert [r.number for r in runs(tag='good')] == [2]"
    ),
    "03-live-tail": (
        "assert rows == len(run.frame('pulses')) > 1000; figures = []; "
        "assert run.status.value == 'finished' and elsewhere.returncode == 0"
    ),
    "04-iv-loop": "assert before > 2 * after > 0; figures = ['loop.png']",
    "05-retention": "assert low < middle < high and abs(middle) < 5; figures = ['retention.png']",
    "06-transitions": (
        "mean = steps.groupby('polarity').step.mean(); assert mean[1] > 0 > mean[-1]; "
        "assert 0.001 < noise < 0.1; figures = ['transitions.png']"
    ),
    "07-program": (
        "assert [r.parameters['target'] for r in found] == [45, 60, 75, 90]; "
        "assert (report.reached > 0.8).all() and len(report) == 5; figures = ['program.png']"
    ),
    "08-compare": (
        "assert len(both) == 128 and abs(change.median()) < 0.2; figures = ['night.png']; "
        "assert 'parameters' not in differs and 'wear' in differs"
    ),
    "09-export": "assert again.frame('cells').shape[0] == 32; figures = []",
    "10-own-procedure": (
        "assert done[0].frame('cells').pulses.median() > done[1].frame('cells').pulses.median(); "
        "figures = []"
    ),
}
"""What must hold after a page: there are no assertions for show in the pages themselves."""
END = """
from pathlib import Path
for name in figures:
    assert Path(name).read_bytes()[:4] == b"\\x89PNG", name
"""


def program(page: Path) -> str:
    """Return the blocks of a page as one program, on the lines they have in the page."""
    text = page.read_text(encoding="utf-8")
    lines = [""] * (text.count("\n") + 1)
    for block in _BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(1))
        for number, line in enumerate(block[1].splitlines()):
            lines[first + number] = line
    return "\n".join(lines)


def test_there_are_ten_and_the_list_names_them():
    assert len(PAGES) == 10
    assert [page.stem for page in PAGES] == list(FOUND)
    listed = re.findall(r"\]\((\d\d-[a-z-]+)\.md\)", (FOLDER / "README.md").read_text())
    assert listed == list(FOUND)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_example_runs(page, tmp_path):
    desk = new_workspace(tmp_path / "mylab")
    (desk / "page.py").write_text(f"{program(page)}\n{FOUND[page.stem]}\n{END}", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:::numba", "page.py"],
        cwd=desk, capture_output=True, text=True, check=False, timeout=120,
        env={
            **os.environ, "MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8",
            "LABCTL_RUNTIME_DIR": str(tmp_path / "runtime"),
        },
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
