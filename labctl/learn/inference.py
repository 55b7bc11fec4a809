"""Draws for other people's tools: ArviZ containers of both generations, and netCDF.

ArviZ 1.x works on xarray's DataTree, ArviZ 0.x on an InferenceData of its own; both have the same
groups, and both read the netCDF file written here:

======================  ==================  ====================================================
group, variable         dimensions          what
======================  ==================  ====================================================
posterior/weights       chain, draw,        the weights
                        weight
sample_stats/pulses     chain, draw         pulses that were given when the draw was taken, those of
                                            chains beside it in its run included
sample_stats/step       chain, draw         step of the chain
sample_stats/           chain, draw,        S, of each cell of a weight, as read
conductance             weight, slot
sample_stats/           chain, draw         of the density that is sampled; 1 is Bayes, NaN where
temperature                                 the rule goes by none (lin2025)
sample_stats/device_id  chain               which chip
constant_data/cell      chain, weight,      row (word line) and column (bit line) of each cell
                        slot, line
======================  ==================  ====================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labctl.errors import ProcedureError, StoreError

if TYPE_CHECKING:
    import xarray as xr

EXTRA = "python -m pip install 'labctl[arviz]'"
SLOTS = ("plus", "minus")
"""Cells of a differential pair, in the order of ``slot``."""


@dataclass(frozen=True, slots=True)
class Draws:
    """Draws of one or several chains, and what belongs to each draw.

    Attributes
    ----------
    weights
        float64, shape (chains, draws, d).
    conductance
        float64, shape (chains, draws, d, slots), S.
    pulses, step
        int64, shape (chains, draws).
    temperature
        float64, shape (chains, draws); NaN where the rule goes by none.
    device_id
        One for each chain.
    names
        Of the d weights.
    cells
        int64, shape (chains, d, slots, 2): row and column.
    slots
        Names of the cells of a weight.
    attrs
        Anything else that should be known; numbers and text.
    """

    weights: NDArray[np.float64]
    conductance: NDArray[np.float64]
    pulses: NDArray[np.int64]
    step: NDArray[np.int64]
    temperature: NDArray[np.float64]
    device_id: tuple[str, ...]
    names: tuple[str, ...]
    cells: NDArray[np.int64]
    slots: tuple[str, ...] = SLOTS
    attrs: dict[str, str | float | int] | None = None

    def datasets(self) -> dict[str, xr.Dataset]:
        """Return the groups as xarray datasets, by name.

        Raises
        ------
        ProcedureError
            Where xarray is not installed.
        """
        xr = _xarray()
        chains, draws, _ = self.weights.shape
        coords = {
            "chain": np.arange(chains),
            "draw": np.arange(draws),
            "weight": list(self.names),
            "slot": list(self.slots),
        }
        pair = ("chain", "draw")
        attrs = {"created_by": "labctl", **(self.attrs or {})}
        posterior = xr.Dataset(
            {"weights": ((*pair, "weight"), self.weights)},
            {name: coords[name] for name in (*pair, "weight")},
            attrs,
        )
        stats = xr.Dataset(
            {
                "pulses": (pair, self.pulses),
                "step": (pair, self.step),
                "conductance": (
                    (*pair, "weight", "slot"), self.conductance, {"units": "S"},
                ),
                "temperature": (pair, self.temperature),
                "device_id": ("chain", np.array(self.device_id, dtype=object)),
            },
            coords,
            attrs,
        )  # fmt: skip
        constant = xr.Dataset(
            {"cell": (("chain", "weight", "slot", "line"), self.cells)},
            {name: coords[name] for name in ("chain", "weight", "slot")} | {"line": ["row", "col"]},
            attrs,
        )
        return {"posterior": posterior, "sample_stats": stats, "constant_data": constant}

    def to_datatree(self) -> xr.DataTree:
        """Return the container of ArviZ 1.x.

        Raises
        ------
        ProcedureError
            Where xarray is not installed.
        """
        return _xarray().DataTree.from_dict(self.datasets())

    def to_inference_data(self) -> Any:
        """Return the container of ArviZ 0.x, an ``arviz.InferenceData``.

        Raises
        ------
        ProcedureError
            Where ArviZ is absent, or of the 1.x generation, which has no such thing.
        """
        try:
            import arviz
        except ImportError as error:
            raise ProcedureError(
                "ArviZ 0.x is not installed: python -m pip install 'arviz<1'. to_datatree() needs "
                "xarray only."
            ) from error
        container = getattr(arviz, "InferenceData", None)
        if not isinstance(container, type):
            raise ProcedureError(
                f"ArviZ {arviz.__version__} has no InferenceData; use to_datatree()."
            )
        return container(**self.datasets())

    def to_netcdf(self, path: str | Path) -> Path:
        """Write a netCDF file that ArviZ of either generation reads; return it.

        Raises
        ------
        ProcedureError
            Where the packages are absent.
        StoreError
            Where the file cannot be written.
        """
        target = Path(path).expanduser()
        tree = self.to_datatree()
        try:
            tree.to_netcdf(target, engine="h5netcdf")
        except OSError as error:
            raise StoreError(f"{target} cannot be written: {error}") from error
        except ImportError as error:
            raise ProcedureError(f"netCDF needs h5netcdf: {EXTRA}") from error
        return target


def _xarray() -> Any:
    try:
        import xarray
    except ImportError as error:
        raise ProcedureError(f"ArviZ containers need xarray: {EXTRA}") from error
    return xarray
