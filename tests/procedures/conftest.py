from __future__ import annotations

from pathlib import Path

import pytest

from tests.learn.toy import ToyArray
from tests.procedures.toyruns import calibrated


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> tuple[ToyArray, Path]:
    """A toy chip, and the data root of its run of transitions."""
    root = tmp_path_factory.mktemp("data")
    return calibrated(root), root
