"""The figures of a data sheet, chosen by what the runs of a campaign hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labctl.analysis import quantities as q
from labctl.analysis.distributions import summarise
from labctl.analysis.figures import (
    chip_map_figure,
    distributions_figure,
    drift_figure,
    forming_figure,
    iv_loops_figure,
    programming_figure,
    read_noise_figure,
    transition_map_figure,
    transitions_figure,
)
from labctl.analysis.grids import as_map, conductance_map
from labctl.analysis.report import Card
from labctl.analysis.report_figures import Plate
from labctl.analysis.transitions import bin_by_polarity
from labctl.store import RunReader


@dataclass(frozen=True, slots=True)
class Measured:
    """One finished run of a campaign: its step, when it ended (campaign time, s), and itself."""

    step: str
    ended: float
    run: RunReader

    @property
    def procedure(self) -> str:
        """Name of the procedure."""
        return str(self.run.meta["procedure"])


class Sheet:
    """What a campaign has measured, by kind.

    Parameters
    ----------
    measured
        Its finished runs, in the order done.
    shape
        Rows and columns of the chip.
    """

    def __init__(self, measured: list[Measured], shape: tuple[int, int]) -> None:
        self._measured, self._shape = measured, shape

    def sections(self) -> list[tuple[str, list[Plate]]]:
        """Return title and figures of each section that there is something for."""
        found = [
            ("The chip", list(self._chip())),
            ("Current and voltage", list(self._loops())),
            ("Single pulses", list(self._pulses())),
            ("Programming", list(self._programming())),
            ("After programming", list(self._drift())),
        ]
        return [(title, plates) for title, plates in found if plates]

    def cards(self) -> list[Card]:
        """Return the key figures."""
        found = []
        formed = self._frame("form", "cells")
        if formed is not None:
            good = formed["formed"].to_numpy(dtype=bool)
            found.append(Card("Formed", q.percent(float(good.mean())), f"{len(good)} cells"))
            volts = formed.loc[good & (formed["attempts"] > 0), "voltage"]
            if len(volts):
                note = f"middle half {volts.quantile(0.25):.2f} to {volts.quantile(0.75):.2f} V"
                found.append(Card("Forming voltage", q.prefixed(float(volts.median()), "V"), note))
        if (noise := self._noise()) is not None:
            relative = np.nanstd(noise, axis=0, ddof=1) / abs(np.nanmean(noise, axis=0))
            note = f"90 % of cells below {q.percent(float(np.percentile(relative, 90)), 2)}"
            found.append(Card("Read noise", q.percent(float(np.median(relative)), 2), note))
        programmed = self._frame("program", "cells")
        if programmed is not None:
            error = 1e6 * (programmed["conductance"] - programmed["target"])
            ok = programmed["ok"].to_numpy(dtype=bool)
            note = f"{len(ok)} cells, {programmed['attempts'].median():g} pulses in the median"
            found.append(Card("Within tolerance", q.percent(float(ok.mean())), note))
            found.append(Card("Programming error", f"{error.std():.2g} µS", "standard deviation"))
        return found

    def _runs(self, procedure: str) -> list[Measured]:
        return [each for each in self._measured if each.procedure == procedure]

    def _frame(self, procedure: str, table: str) -> pd.DataFrame | None:
        """Return a table of all runs of a procedure, one behind the other, or None."""
        frames = [each.run.frame(table).assign(run=k)
                  for k, each in enumerate(self._runs(procedure))]  # fmt: skip
        frames = [frame for frame in frames if len(frame)]
        return pd.concat(frames, ignore_index=True) if frames else None

    def _chip(self) -> Iterator[Plate]:
        forming = self._frame("form", "cells")
        unformed = None
        if forming is not None:
            last = forming.drop_duplicates(["row", "col"], keep="last")
            missing = ~last["formed"].astype(bool)
            unformed = as_map(last["row"], last["col"], missing, self._shape) > 0
        maps = self._runs("read_map")
        if maps:
            grid = conductance_map(maps[0].run.frame("cells"), self._shape)
            shown = grid if unformed is None else grid[~unformed]
            found = summarise(shown)
            caption = (
                f"Step {maps[0].step}: {found.n} cells, median {q.prefixed(found.median, 'S')}, "
                f"middle half {q.prefixed(found.percentiles[25], 'S')} to "
                f"{q.prefixed(found.percentiles[75], 'S')}."
            )
            yield Plate("chip_map", chip_map_figure(grid, unformed), caption)
            yield Plate(
                "distributions",
                distributions_figure({maps[0].step: shown}),
                "Conductance of these cells: histogram on a logarithmic axis and cumulative share.",
                columns=2,
            )
        if forming is not None:
            formed = forming["formed"].to_numpy(dtype=bool)
            yield Plate(
                "forming",
                forming_figure(forming["voltage"], formed),
                "Bit-line voltage at which the cells formed (bars), and the share of all cells "
                "formed up to each voltage (line).",
            )
        if (noise := self._noise()) is not None:
            yield Plate(
                "read_noise",
                read_noise_figure(noise),
                "Repeated reads of the same cells with nothing in between: the spread of each.",
                columns=2,
            )

    def _loops(self) -> Iterator[Plate]:
        sweep = self._frame("iv_sweep", "sweep")
        if sweep is not None:
            caption = "Every loop that was swept; right, without sign, on a logarithmic axis."
            yield Plate("iv_loops", iv_loops_figure(sweep), caption, columns=2)

    def _pulses(self) -> Iterator[Plate]:
        frame = self._frame("transitions", "transitions")
        if frame is None:
            return
        columns = (frame["before"], frame["after"], frame["polarity"], frame["flag"])
        set_steps, reset_steps = bin_by_polarity(*columns)
        yield Plate(
            "transitions",
            transitions_figure(set_steps, reset_steps),
            "Mean change by one pulse, against the conductance it starts from (bars: standard "
            "error), and spread of single pulses (band).",
        )
        yield Plate(
            "transition_map",
            transition_map_figure(*columns),
            "Every pulse as a dot: SET lifts a cell above the diagonal, RESET drops it below.",
        )

    def _programming(self) -> Iterator[Plate]:
        frame = self._frame("program", "cells")
        if frame is not None:
            caption = (
                "Program and verify: every cell against its target, and the error. What is read "
                "here is the read that ended the programming of the cell."
            )
            figure = programming_figure(frame["target"], frame["conductance"])
            yield Plate("programming", figure, caption, columns=2)

    def _drift(self) -> Iterator[Plate]:
        for step, looks in self._series().items():
            first = looks[0].run.frame("cells")
            keys = pd.MultiIndex.from_frame(first[["row", "col"]].drop_duplicates())
            grid = []
            for each in looks:
                mean = each.run.frame("cells").groupby(["row", "col"])["conductance"].mean()
                grid.append(mean.reindex(keys).to_numpy())
            time = np.array([each.ended for each in looks]) - looks[0].ended
            caption = (
                f"Step {step}: the same cells, read {len(looks)} times within "
                f"{q.duration(float(time[-1]))} after they were programmed, nothing in between."
            )
            figure = drift_figure(time, np.array(grid), self._targets(keys))
            yield Plate(f"drift_{step}", figure, caption, columns=2)

    def _series(self) -> dict[str, list[Measured]]:
        """Return the steps that read the same cells several times, after programming."""
        programmed = [each.ended for each in self._runs("program")]
        found: dict[str, list[Measured]] = {}
        for each in self._runs("read_map"):
            if programmed and each.ended > programmed[-1]:
                found.setdefault(each.step, []).append(each)
        return {step: looks for step, looks in found.items() if len(looks) > 1}

    def _targets(self, keys: Any) -> NDArray[np.float64]:
        frame = self._frame("program", "cells")
        if frame is None:
            return np.full(len(keys), np.nan)
        last = frame.drop_duplicates(["row", "col"], keep="last").set_index(["row", "col"])
        found: NDArray[np.float64] = last["target"].reindex(keys).to_numpy()
        return found

    def _noise(self) -> NDArray[np.float64] | None:
        """Return repeated reads, shape (reads, cells), of the run that has the most of them."""
        runs = [each.run for each in self._runs("read_map")
                if int(each.run.meta["parameters"]["repeats"]) > 2]  # fmt: skip
        if not runs:
            return None
        run = max(runs, key=lambda each: int(each.meta["parameters"]["repeats"]))
        table = run.frame("cells").pivot_table(
            index="repeat", columns=["row", "col"], values="conductance", dropna=False
        )
        found: NDArray[np.float64] = table.to_numpy(dtype=np.float64)
        found = found[:, np.isfinite(found).sum(axis=0) > 1]
        return found if found.shape[1] else None
