"""What of a run is done: noted while it goes on, and taken up where it is resumed."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import numpy as np

from labctl.errors import StoreError
from labctl.procedure import Procedure
from labctl.store import RunWriter

_ARRAY = "base64"


class History:
    """The units of one run that are done, as the journal of its folder has them.

    Parameters
    ----------
    procedure
        Bound to an array, with the random generator of the run at its begin.
    writer
        Of a new run, or of one that is resumed.
    """

    def __init__(self, procedure: Procedure, writer: RunWriter) -> None:
        self._procedure, self._writer = procedure, writer
        self._before = writer.done
        self._is_resumed = bool(writer.meta.get("seams"))
        self._untouched = procedure.rng.bit_generator.state

    def prepare(self) -> None:
        """Prepare the procedure for its first unit, or for the first one that is left."""
        if self._before.units:
            self._procedure.resume(_decoded(self._before.state.get("procedure", {})))
        else:
            self._procedure.prepare()

    def units(self) -> list[Any]:
        """Return all units, those done included.

        Raises
        ------
        StoreError
            Where they are others than those the run began with.
        """
        units = self._procedure.units()
        text = json.dumps(units, default=str)
        listed = {"count": len(units), "sha256": hashlib.sha256(text.encode()).hexdigest()}
        known = self._writer.meta.get("units", listed)
        if self._is_resumed and known != listed:
            raise StoreError(
                f"The run cannot be resumed: it began with {known['count']} units, and "
                f"{self._procedure.name} now lists {listed['count']} or others. Has the procedure "
                "been changed since? Start a new run."
            )
        self._writer.keep(units=listed)
        if (random := self._before.state.get("random")) is not None:
            self._procedure.rng.bit_generator.state = random
        return units

    def done(self, index: int, time: float) -> None:
        """Note that a unit is done, at a bench time, s."""
        procedure = self._procedure
        state: dict[str, Any] = {}
        if own := procedure.state():
            state["procedure"] = own
        random = procedure.rng.bit_generator.state
        if random != self._untouched:
            state["random"] = random
        text = json.dumps(state, default=_encoded) if state else ""
        self._writer.unit_done(index, time, text)


def _encoded(value: Any) -> Any:
    """Turn NumPy scalars and arrays into what JSON has; :func:`_decoded` undoes it."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        content = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        return {_ARRAY: content, "dtype": value.dtype.str, "shape": list(value.shape)}
    raise TypeError(f"The state of a procedure must be JSON-able; {type(value).__name__} is not.")


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    if _ARRAY in value:
        flat = np.frombuffer(base64.b64decode(value[_ARRAY]), np.dtype(value["dtype"]))
        return flat.reshape(value["shape"]).copy()
    return {key: _decoded(item) for key, item in value.items()}
