from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

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
