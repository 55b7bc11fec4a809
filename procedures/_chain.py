"""What procedures that run a chain on the chip have in common."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymeasure.experiment import FloatParameter, IntegerParameter, ListParameter, Parameter

from labctl.array import READ_GATE
from labctl.errors import BudgetSpent
from labctl.learn import building
from labctl.learn.budget import Budget
from labctl.learn.cost import cost
from labctl.learn.models import PredictiveModel
from labctl.learn.placementlog import PlacementLog
from labctl.learn.rule import Rule
from labctl.learn.sampler import Chain
from labctl.learn.schedule import Constant, Schedule
from labctl.learn.source import LAST, Measured, measured
from labctl.learn.step import Step
from labctl.learn.training import saturation_warnings
from labctl.learn.weights import DifferentialPairs, Encoding
from labctl.procedure import Cost, Procedure
from labctl.store import DATA_ROOT, RunReader

COIN, KAPPA = "coin", "kappa"
_ANOTHER = (
    "A run keeps the budget it began with, also when it is resumed: start another run with a "
    "larger one (most_pulses, most_energy, most_wear)."
)
_TYPICAL_WIDTH = 2e-4  # s; the calibration is only read when the run begins


class _OnChip(Procedure):
    """A chain on the chip: its calibration, its budget, and what it has spent."""

    calibration = Parameter("Calibration (run of transitions)", default=LAST)
    rule = ListParameter("Rule of the pulses", choices=[COIN, KAPPA], default=COIN)
    chains = IntegerParameter("Chains side by side", default=1, minimum=1, maximum=1000)
    temperature = FloatParameter("Temperature", default=1.0, minimum=0.001, maximum=100.0)
    read_voltage = FloatParameter("Read voltage", units="V", default=0.2, minimum=0.01, maximum=0.5)
    most_pulses = IntegerParameter(
        "Most pulses (0 is no bound)", default=0, minimum=0, maximum=10**15
    )
    most_energy = FloatParameter(
        "Most energy (0 is no bound)", units="J", default=0.0, minimum=0.0, maximum=1e6
    )
    most_wear = IntegerParameter(
        "Most pulses of a cell (0 is no bound)", default=0, minimum=0, maximum=10**12
    )

    _chain: Chain
    _measured: Measured
    _stopped: str

    def _folder(self) -> Path | None:
        """The run folder; None where somebody else than the engine takes the rows."""
        return getattr(self._sink, "path", None)

    def _make_encoding(self) -> Encoding:
        """Return what the conductances of a weight's cells mean."""
        return DifferentialPairs()

    def _passes(self) -> int:
        """Return how often all cells are read before a step; 0 reads back each pulse instead."""
        return 0

    def _share(self, model: PredictiveModel) -> float:
        """Return the share of the weights that a step pulses with the coin."""
        return 1.0

    def _make_rule(self, model: PredictiveModel) -> Rule | None:
        """Return what decides on the pulses; None is the state-aware coin."""
        if self.rule == KAPPA:
            return building.kappa_rule(model, self._measured.calibration)
        return building.scan(self._share(model))

    def _make_schedule(self, temperature: float) -> Schedule:
        """Return the temperatures of the steps, the last of them being ``temperature``."""
        return Constant(temperature)

    def _make_chain(self, calibration: str, model: PredictiveModel, temperature: float) -> None:
        """Calibrate and place the weights; touches no cell."""
        folder = self._folder()
        root = DATA_ROOT if folder is None else folder.parent.parent
        self._measured = measured(calibration, root, self.array.shape)
        self._start = asdict(self.array.counters)
        self._spent_before = dict.fromkeys(self._start, 0.0)
        self._stopped = ""
        self._placement: PlacementLog | None = PlacementLog(self.array.shape)
        self._names_chains = True
        self._chain = Chain(
            self.array,
            model,
            self._measured.calibration,
            self._measured.pulses,
            self.rng,
            rule=self._make_rule(model),
            schedule=self._make_schedule(temperature),
            read_voltage=self.read_voltage,
            encoding=self._make_encoding(),
            chains=self.chains,
            passes=self._passes(),
            budget=Budget(
                pulses=self.most_pulses or None,
                energy=self.most_energy or None,
                endurance=self.most_wear or None,
            ),
        )

    def _bounded(self) -> bool:
        return bool(self.most_pulses or self.most_energy or self.most_wear)

    def _began_before(self) -> bool:
        """Tell whether another sitting of this run told of its placement: the pulses come next."""
        folder = self._folder()
        if folder is None or "placement" not in (run := RunReader(folder)).tables:
            return False
        return len(run.frame("placement", cut=True)) > 0

    def _begin(self) -> int:
        """Bring the cells to where they begin; return the pulses spent.

        The placement is told before, to be seen meanwhile, and again where cells did not get there.

        Raises
        ------
        BudgetSpent
            Where the budget does not last for that; nothing was learned then. Also where a run with
            a budget began this before: what it gave is in no account.
        """
        if self._bounded() and self._began_before():
            raise BudgetSpent(
                "This run has brought cells to their begin before, and ended before its first unit "
                "was done: what they were given is in no account, and its budget cannot be held. "
                f"{_ANOTHER}"
            )
        self._record_placement()
        try:
            spent = self._chain.prepare()
        except BudgetSpent as error:
            raise BudgetSpent(
                f"{error} The cells are not yet where the learning begins. {_ANOTHER}"
            ) from error
        self._record_placement()
        return spent

    def _step(self) -> Step | None:
        """Take a step; None where the budget is spent, which ends the learning, not the run."""
        if self._stopped:
            return None
        try:
            step = self._chain.step()
            self._follow_placement()
            return step
        except BudgetSpent as error:
            self._stopped = f"{error} {_ANOTHER}"
            return None

    def _planned_time(self, pulses: float) -> float:
        """Return the bench time of so many pulses with their reads, s."""
        return pulses * self.array.timing.pulse_and_read(_TYPICAL_WIDTH)

    def _planned_cost(self, steps: int, pulsed: float) -> Cost:
        """Return what steps cost that pulse so many cells each, spread over the chip."""
        rows, columns = self.array.shape
        apart = 2 if 2 * round(pulsed) <= rows * columns else 1
        flat = np.arange(0, rows * columns, apart)[: round(pulsed)]
        each = self.relays(np.stack([flat // columns, flat % columns], axis=1))
        count = round(steps * pulsed)
        return Cost(count, 0 if self._passes() else count, steps * each)

    def _chip_state(self) -> dict[str, Any]:
        return {
            "calibration": str(self._measured.run),
            "chain": self._chain.state(),
            "spent": self._spent(),
            "stopped": self._stopped,
        }

    def _restore_chip(self, state: dict[str, Any]) -> None:
        """Take up the chain where it was; the weights are on the chip, and are read anew."""
        self._chain.restore(state["chain"])
        self._spent_before = {name: float(value) for name, value in state["spent"].items()}
        self._stopped = state["stopped"]
        # A unit that was broken off may have moved cells since.
        self._chain.refresh()
        if (folder := self._folder()) is not None:
            run = RunReader(folder)
            self._names_chains = "chain" in run.tables["draws"]  # one chain, and no column of it
            if "placement" in run.tables:
                assert self._placement is not None
                frame = run.frame("placement")
                self._placement.take({str(name): frame[name].to_numpy() for name in frame})
            else:  # begun by a labctl that did not tell
                self._placement = None
        self._record_placement()

    def _spent(self) -> dict[str, float]:
        return {
            name: value - self._start[name] + type(value)(self._spent_before[name])
            for name, value in asdict(self.array.counters).items()
        }

    def _saturation(self) -> float:
        """Return the share of coins that could not turn far enough, on the way to the draws."""
        raise NotImplementedError

    def _cost(self) -> dict[str, Any]:
        """Return what the learning cost, and what it was done with."""
        chain, calibration = self._chain, self._measured.calibration
        counters = self._spent()
        return {
            **counters,
            **cost(
                chain.spent, chain.cells.ledger.counts, chain.placed.all_cells,
                self._measured.pulses, self.read_voltage, READ_GATE,
            ),
            "stopped": self._stopped,
            "replaced_cells": len(chain.cells.replaced),
            "calibration_run": str(self._measured.run),
            "calibration": {
                "pulses": calibration.pulses,
                "window": list(calibration.window),
                "step": calibration.step,
                "spread": calibration.spread,
                "levels": calibration.levels,
                "good_cells": int(calibration.good.sum()),
            },
            "warnings": chain.tracker.warnings() + saturation_warnings(self._saturation()),
        }  # fmt: skip

    def _record_pulses(self, first: int, steps: list[Step]) -> None:
        if not steps:
            return
        cells = np.concatenate([step.cells for step in steps])
        self.record(
            "pulses",
            step=np.repeat(np.arange(len(steps)) + first + 1, [len(s.cells) for s in steps]),
            row=cells[:, 0],
            col=cells[:, 1],
            polarity=np.concatenate([step.polarity for step in steps]),
            before=np.concatenate([step.before for step in steps]),
            after=np.concatenate([step.after for step in steps]),
        )

    def _follow_placement(self) -> None:
        """Tell of the placement where the step has replaced cells."""
        if len(self._chain.replaced) > self._replaced:
            self._record_placement()

    def _record_placement(self) -> None:
        """Tell of the cells whose use is another than was told last."""
        self._replaced = len(self._chain.replaced)
        if self._placement is None:
            return
        changed = self._placement.changes(self._chain)
        count = len(changed["row"])
        if count:
            self.record("placement", step=np.full(count, self._chain.steps), **changed)

    def _record_weights(self) -> None:
        placed, size = self._chain.placed, self._chain.model.size
        index = np.arange(len(placed))
        cells = placed.cells
        if not isinstance(placed.encoding, DifferentialPairs):  # the placement tells of the cells
            cells = np.full((len(placed), 2, 2), -1)
        self.record(
            "weights",
            weight=index % size,
            plus_row=cells[:, 0, 0],
            plus_col=cells[:, 0, 1],
            minus_row=cells[:, 1, 0],
            minus_col=cells[:, 1, 1],
            kappa=placed.kappa,
            **self._named(index // size),
        )

    def _named(self, chain: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        """Return the column of chains; none in runs begun by a labctl that had none."""
        return {"chain": chain} if self._names_chains else {}

    def _record_draw(
        self, draw: int, step: int, kept: bool, values: NDArray[np.float64],
        conductance: NDArray[np.float64], **more: Any,
    ) -> None:  # fmt: skip
        """Tell of the weights of all chains, shape (chains * n,), and of their cells."""
        size, placed = self._chain.model.size, self._chain.placed
        signs = np.array(placed.encoding.signs)
        # The two differ by kappa times the weight, whatever the encoding.
        minus = conductance[:, signs < 0].sum(axis=1) + placed.encoding.offset(placed.centre)
        index = np.arange(len(values))
        self.record(
            "draws",
            draw=draw,
            step=step,
            kept=kept,
            weight=index % size,
            value=values,
            plus=conductance[:, signs > 0].sum(axis=1),
            minus=minus,
            **self._named(index // size),
            **more,
        )
