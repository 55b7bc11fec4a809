"""A bench on paper: what its file and its drivers say of time, limits and relays; no instrument."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NoReturn, cast

from numpy.typing import ArrayLike

from labctl import plugins
from labctl.array import Counters, Pulse
from labctl.benchcheck import check_bench_file
from labctl.benchfile import BenchFile, load_bench_file
from labctl.cells import check_cells
from labctl.checks import Checks
from labctl.errors import CampaignError
from labctl.estimate import estimate
from labctl.inhibit import scheme_of
from labctl.instruments import Identity, MatrixAbility
from labctl.matrices import SLOTS
from labctl.planner import Planner
from labctl.safety import Safety
from labctl.scanning import find_scanner
from labctl.wiring import Wiring

_LINE_FREQUENCY = 50.0
"""Hz; where it is 60 Hz, integration is a sixth shorter than estimated."""


class PaperArray:
    """The cells of a bench file, for estimates and checks; they can be neither read nor pulsed.

    Parameters
    ----------
    file
        The bench file.

    Attributes
    ----------
    shape, timing, counters
        As of every :class:`labctl.array.CellArray`.

    Raises
    ------
    BenchFileError
        For a bench file that asks for what its instruments cannot do.
    """

    def __init__(self, file: BenchFile) -> None:
        modules = check_bench_file(file)
        matrix = cast(Any, _PaperMatrix(file, modules))
        meters = {
            name: _paper_meter(file, table, modules) for name, table in file.terminals.items()
        }
        safety = Safety(file, cast(Any, meters), matrix)
        scheme = scheme_of(file)
        self.shape = file.shape
        self.counters = Counters()
        wiring = Wiring(file, matrix)
        self.timing = estimate(safety, scheme, matrix, wiring, _paper_scanner(file, safety))
        self._checks, self._planner = Checks(safety, scheme), Planner(*wiring.steps())

    @classmethod
    def of(cls, bench_file: str | Path) -> PaperArray:
        """Return the cells of a bench file by its path; drivers beside it are found."""
        file = load_bench_file(bench_file)
        plugins.add_workspace(file.path.parent)
        return cls(file)

    def now(self) -> float:
        """Return 0: no time passes on paper."""
        return 0.0

    def check(self, pulses: Sequence[Pulse]) -> None:
        """Raise LimitError where a pulse is impossible or forbidden on this bench."""
        self._checks.pulses(pulses)

    def closures_along(self, cells: ArrayLike) -> int:
        """Return how many relays close on one way through cells, shape (n, 2)."""
        return self._planner.closures_through(check_cells(cells, self.shape))

    def read(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        raise CampaignError("A procedure reads cells while it is only checked; it must not.")

    pulse = sweep = read


class _PaperMatrix:
    """Names crosspoints as no matrix would, and says which there are."""

    def __init__(self, file: BenchFile, modules: dict[str, ModuleType]) -> None:
        self.settling = file.matrix.settling
        names = file.matrix.mainframes
        self._abilities: list[MatrixAbility] = [
            modules[name].abilities(file.instruments[name].model) for name in names
        ]

    def crosspoint(self, row: str, slot: int, column: int) -> str:
        number, own = divmod(slot, SLOTS)
        name = f"{row}.{own}.{column}"
        return name if len(self._abilities) == 1 else f"{number}:{name}"

    def has(self, row: str, slot: int, column: int) -> bool:
        number, own = divmod(slot, SLOTS)
        if not 0 <= number < len(self._abilities):
            return False
        ability = self._abilities[number]
        return row in ability.rows and own <= ability.slots and column <= ability.columns


def _paper_meter(file: BenchFile, table: Any, modules: dict[str, ModuleType]) -> Any:
    ability = modules[table.instrument].abilities(file.instruments[table.instrument].model)
    return SimpleNamespace(
        max_voltage=ability.max_voltage,
        max_current=ability.max_current,
        min_compliance=ability.min_compliance,
        shortest_pulse=ability.shortest_pulse,
        overhead=ability.overhead,
        line_frequency=_LINE_FREQUENCY,
    )


def _paper_scanner(file: BenchFile, safety: Safety) -> Any:
    """Return what would scan, for what it says of time; None where cells are read one by one."""
    boxes: dict[str, Any] = {
        name: SimpleNamespace(identity=Identity("", table.model, "", ""), line=None)
        for name, table in file.instruments.items()
    }
    try:
        return find_scanner(file, boxes, safety)
    except AttributeError:
        return None  # a driver that asks more of its instrument than who it is: the longer estimate
