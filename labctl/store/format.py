"""The version of run folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labctl.errors import StoreError

FORMAT = 1
"""What this labctl writes; it reads all formats up to this one.

To be raised with any change that an older labctl would misread. A run of every format is kept in
``tests/store/golden`` and opened by a test.
"""


def check_format(path: Path, meta: dict[str, Any]) -> None:
    """Raise StoreError where the run in ``path`` was written by a later labctl.

    Parameters
    ----------
    meta
        What its ``run.json`` says.
    """
    found = meta.get("format", FORMAT)
    if not isinstance(found, int) or found > FORMAT:
        by = (meta.get("environment") or {}).get("labctl", "a later version")
        raise StoreError(
            f"Run {path} is of format {found}, written by labctl {by}; this labctl reads formats "
            f"up to {FORMAT}. Update labctl to open it."
        )
