"""``labctl new``: a folder to work in, with a bench file and one worked example."""

from __future__ import annotations

import shutil
from pathlib import Path

from labctl.errors import LabctlError
from labctl.paths import data_file

_README = """\
# {name}

A labctl workspace.

| what | for |
|---|---|
| `bench.toml` | the bench: instruments, wiring, chip, limits; simulated as it stands |
| `procedures/` | your own procedures, one file each; `gate_sweep.py` is a worked example |
| `campaigns/` | what to run in which order; `fresh-chip.toml` goes from forming to a data sheet |
| `drivers/` | your own drivers, one file per instrument family |
| `data/` | measured runs land here |

For a bench of your own, put its addresses into `bench.toml` and take `[simulation]` and
`visa = "@labsim"` out.

    labctl procedures
    labctl run form cells=0..3,0..3
    labctl run gate_sweep cells=2,1 stop=4
    labctl campaign check campaigns/fresh-chip.toml
    labctl campaign run campaigns/fresh-chip.toml
    labctl gui

"""
_STATE = """\
state = "data/chip.npz"         # the chip is kept here between runs; delete it for a new one
"""
_DRIVERS_README = """\
A driver is a module here with a table `MODELS`, a function `abilities(model)` and a function
`open_instrument(address, model, visa_library, timeout)`. What it must answer to stands in
`labctl/instruments.py`; `drivers/keithley2600.py` of labctl is an example.
"""


def new_workspace(folder: str | Path) -> Path:
    """Lay out a workspace.

    Parameters
    ----------
    folder
        Made if absent; must be empty otherwise.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    LabctlError
        Where the folder has something in it, or cannot be made.
    """
    folder = Path(folder).expanduser()
    try:
        if folder.exists() and any(folder.iterdir()):
            raise LabctlError(f"{folder} is not empty. Name a new folder; nothing was touched.")
        for part in ("drivers", "procedures", "campaigns", "data"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        bench = data_file("benches", "simulated.toml").read_text(encoding="utf-8")
        bench = bench.replace('name = "Simulated bench"', f'name = "{_plain(folder.name)} bench"')
        bench += _STATE
        (folder / "bench.toml").write_text(bench, encoding="utf-8")
        shutil.copy(data_file("examples", "gate_sweep.py"), folder / "procedures" / "gate_sweep.py")
        example = "fresh-chip.toml"
        shutil.copy(data_file("campaigns", example), folder / "campaigns" / example)
        (folder / "drivers" / "README.md").write_text(_DRIVERS_README, encoding="utf-8")
        (folder / "README.md").write_text(_README.format(name=folder.name), encoding="utf-8")
    except OSError as error:
        raise LabctlError(f"Cannot lay out the workspace {folder}: {error}.") from error
    return folder


def _plain(name: str) -> str:
    """Return ``name`` without what would end a TOML string."""
    return name.replace("\\", "").replace('"', "")
