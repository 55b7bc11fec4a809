"""Where the files are that come with labctl: example benches and reference data."""

from __future__ import annotations

from pathlib import Path

from labctl.errors import LabctlError

_PACKAGE = Path(__file__).parent


def data_file(*parts: str) -> Path:
    """Return a file of the project's ``data`` folder, in a checkout or an installed package.

    Raises
    ------
    LabctlError
        Where the installation lacks it.
    """
    for root in (_PACKAGE / "_data", _PACKAGE.parent / "data"):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise LabctlError(
        f"This installation of labctl lacks its data file {'/'.join(parts)}. Install it again."
    )


def simulated_bench() -> Path:
    """Return the bench file of the simulated default bench."""
    return data_file("benches", "simulated.toml")
