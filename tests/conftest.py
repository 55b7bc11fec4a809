from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SIMULATED = Path(__file__).parent.parent / "data" / "benches" / "simulated.toml"


@pytest.fixture
def bench_text() -> str:
    """The text of the simulated default bench file."""
    return SIMULATED.read_text(encoding="utf-8")


@pytest.fixture
def bench_file(tmp_path: Path, bench_text: str) -> Iterator[Callable[..., Path]]:
    """Write a bench file of one's own, with some of its text replaced; forgotten afterwards."""
    from labctl import sim

    made: list[Path] = []

    def write(*replaced: tuple[str, str], more: str = "") -> Path:
        text = bench_text
        for old, new in replaced:
            assert old in text, f"{old!r} is not in the bench file"
            text = text.replace(old, new)
        path = tmp_path / f"bench{len(made)}.toml"
        path.write_text(text + more, encoding="utf-8")
        made.append(path)
        return path

    yield write
    for path in made:
        sim.discard(str(path.resolve()))


@pytest.fixture
def boxes(tmp_path: Path, bench_text: str, monkeypatch) -> Iterator[Callable[..., Any]]:
    """Serve the simulated default bench on TCP ports; see tests.served.Boxes."""
    from tests.served import Boxes

    monkeypatch.setenv("LABCTL_RUNTIME_DIR", str(tmp_path / "runtime"))
    made: list[Boxes] = []

    def serve(transport: str = "socket", **options: Any) -> Boxes:
        folder = tmp_path / f"boxes{len(made)}"
        folder.mkdir()
        made.append(Boxes(folder, bench_text, transport, **options))
        return made[-1]

    yield serve
    for each in made:
        each.stop()


@pytest.fixture
def start() -> Iterator[Callable[..., Any]]:
    """Start programs of their own, killed at the end; see tests.served.Child."""
    from tests.served import Child

    children: list[Child] = []

    def begin(program: str, *words: object) -> Child:
        children.append(Child(program, *words))
        return children[-1]

    yield begin
    for child in children:
        child.end()
