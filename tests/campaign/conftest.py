from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from labctl.campaign import PaperArray
from tests.conftest import SIMULATED


@pytest.fixture(scope="session")
def array() -> PaperArray:
    """The simulated default bench, on paper."""
    return PaperArray.of(SIMULATED)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a campaign file; the head is put before its text."""

    def put(text: str, name: str = "campaign.toml", head: str = "") -> Path:
        path = tmp_path / name
        start = '[campaign]\nname = "try"\nseed = 7\n' + head
        path.write_text(text if "[campaign]" in text else start + text, encoding="utf-8")
        return path

    return put
