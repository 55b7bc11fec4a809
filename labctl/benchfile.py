"""``bench.toml``: which instruments, wired how, to which chip, within which limits."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from labctl.errors import BenchFileError
from labctl.tomlplace import line_of

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
TERMINALS = ("word_line", "bit_line", "source_line")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BenchTable(_Table):
    """The table ``[bench]``.

    Attributes
    ----------
    name
        What people call this table of instruments.
    visa
        VISA library as pyvisa takes it: ``""`` the installed one, ``"@py"`` pyvisa-py,
        ``"@labsim"`` the simulated bench that this very file describes.
    """

    name: str = "bench"
    visa: str = ""


class ChipTable(_Table):
    """The table ``[chip]``: name and geometry."""

    name: str
    rows: Annotated[int, Field(ge=1, le=1024)]
    columns: Annotated[int, Field(ge=1, le=1024)]
    source_lines: Literal["columns", "rows"] = "columns"


class InstrumentTable(_Table):
    """One table ``[instruments.NAME]``: a box with an address."""

    driver: str
    model: str
    address: str
    timeout: Positive = 5.0
    node: Annotated[int, Field(ge=1, le=64)] | None = None


class TerminalTable(_Table):
    """One table ``[terminals.NAME]``: a source-meter channel on a matrix row, with its limits.

    ``compliance``, ``current_range`` and ``max_current`` in A, ``max_voltage`` in V, ``settle``
    in s (waited after each change of level), ``nplc`` in power-line cycles.
    """

    instrument: str
    channel: str = "a"
    row: Annotated[str, Field(pattern=r"^[A-Z]$")]
    nplc: Annotated[float, Field(ge=0.001, le=25)] = 0.1
    compliance: Positive
    current_range: Positive
    settle: Annotated[float, Field(ge=0, le=10)] = 2e-4
    max_voltage: Positive
    max_current: Positive

    @model_validator(mode="after")
    def _compliance_within_limit(self) -> TerminalTable:
        if self.compliance > self.max_current:
            raise ValueError(
                f"compliance {self.compliance:g} A is above max_current {self.max_current:g} A: "
                "lower compliance or raise max_current"
            )
        return self


class TerminalsTable(_Table):
    """The tables ``[terminals.*]``: the three lines of a 1T1R cell."""

    word_line: TerminalTable
    bit_line: TerminalTable
    source_line: TerminalTable

    def items(self) -> list[tuple[str, TerminalTable]]:
        """Return name and table of each terminal."""
        return [(name, getattr(self, name)) for name in TERMINALS]


class MatrixTable(_Table):
    """The table ``[matrix]``: the relays, and which pad sits on which column."""

    instrument: str
    ground: Annotated[str, Field(pattern=r"^[A-Z]$")]
    settling: Annotated[float, Field(ge=0, le=1)] = 0.004
    columns_per_slot: Annotated[int, Field(ge=1, le=100)] = 12
    wiring: dict[str, str]


class LimitsTable(_Table):
    """The table ``[limits]``: what no pulse may exceed (s, count per cell)."""

    max_pulse_width: Positive = 1.0
    pulses_per_cell: Annotated[int, Field(ge=1)] = 1_000_000


class FaultTable(_Table):
    """One table ``[simulation.faults.NAME]``: what is wrong with a simulated instrument."""

    identity: str = ""
    silent: bool = False
    silent_after: Count | None = None
    lost: bool = False
    lost_after: Count | None = None
    garbage: bool | Count = False
    delay: Annotated[float, Field(ge=0)] = 0.0
    interlock: Literal["", "open"] = ""
    over_range: bool = False
    power_cycle_after: Count | None = None
    welded: list[str] = []
    open_relays: list[str] = []


class SimulationTable(_Table):
    """The table ``[simulation]``; the simulated bench reads it, a real one does not."""

    preset: str = "hfox-1t1r"
    seed: Annotated[int, Field(ge=0)] = 0
    noise: bool = True
    instrument_noise: bool = True
    relay_settling: Positive = 0.004
    relay_life: Positive = 1e8
    relay_closures: Count = 0
    weld_when_hot: bool = False
    tsplink: dict[str, str] = {}
    language_2450: Literal["SCPI", "SCPI2400", "TSP"] = "SCPI"
    state: str | None = None
    faults: dict[str, FaultTable] = {}


class BenchFile(_Table):
    """A whole bench file, checked. Make one with :func:`load_bench_file`."""

    bench: BenchTable = BenchTable()
    chip: ChipTable
    instruments: dict[str, InstrumentTable]
    terminals: TerminalsTable
    matrix: MatrixTable
    limits: LimitsTable = LimitsTable()
    simulation: SimulationTable = SimulationTable()

    path: Path = Path("bench.toml")

    @property
    def visa_library(self) -> str:
        """The VISA library name pyvisa gets; the simulated bench is named by its own file."""
        if self.bench.visa == "@labsim":
            return f"{self.path}@labsim"
        return self.bench.visa

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the chip."""
        return self.chip.rows, self.chip.columns

    @model_validator(mode="after")
    def _names_exist(self) -> BenchFile:
        used = [(f"terminals.{name}", table.instrument) for name, table in self.terminals.items()]
        for key, instrument in [*used, ("matrix", self.matrix.instrument)]:
            if instrument not in self.instruments:
                raise ValueError(
                    f"{key}.instrument = {instrument!r} is not one of [instruments.*]: "
                    f"{', '.join(sorted(self.instruments))}"
                )
        places = {name: table.address.upper() for name, table in self.instruments.items()}
        for name, place in places.items():
            twin = next((n for n, p in places.items() if p == place and n != name), None)
            if twin is not None:
                raise ValueError(
                    f"instruments.{name} and instruments.{twin} have the same address {place}: "
                    "give each its own"
                )
        lines = self.terminals
        if lines.source_line.compliance < lines.bit_line.compliance:
            raise ValueError(
                f"terminals.source_line.compliance {lines.source_line.compliance:g} A is below "
                f"that of the bit line, {lines.bit_line.compliance:g} A: the source line would "
                "limit a read unseen; make it as large at least"
            )
        for name, table in lines.items():
            if self.instruments[table.instrument].timeout <= self.limits.max_pulse_width:
                raise ValueError(
                    f"instruments.{table.instrument}.timeout must be longer than [limits] "
                    f"max_pulse_width ({self.limits.max_pulse_width:g} s): {name} would time out "
                    "during its longest pulse; raise the time-out or lower the limit"
                )
        channels = [(t.instrument, t.channel) for _, t in self.terminals.items()]
        if len(set(channels)) < len(channels):
            raise ValueError("terminals: two terminals share one channel of one instrument")
        rows = [t.row for _, t in self.terminals.items()] + [self.matrix.ground]
        if len(set(rows)) < len(rows):
            raise ValueError(
                f"terminals and matrix.ground share a matrix row ({', '.join(rows)}): give each "
                "its own"
            )
        return self


def load_bench_file(path: str | Path) -> BenchFile:
    """Read and check a bench file.

    Raises
    ------
    BenchFileError
        With file, line, key and cure of every fault found.
    """
    path = Path(path).expanduser()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BenchFileError(
            f"Cannot read bench file {path}: {error}. `labctl new NAME` makes a folder with one."
        ) from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BenchFileError(f"{path} is not valid TOML: {error}.") from error
    data.pop("path", None)
    try:
        return BenchFile(**data, path=path.resolve())
    except ValidationError as error:
        faults = "\n".join(f"  {_explain(item, text)}" for item in error.errors())
        raise BenchFileError(f"Bench file {path} has faults:\n{faults}") from error


def fault(file: BenchFile, key: tuple[str, ...], text: str) -> BenchFileError:
    """Return the error for a fault found after loading, with file and line of ``key``."""
    line = line_of(file.path.read_text(encoding="utf-8"), key)
    where = f"line {line}, " if line else ""
    return BenchFileError(f"Bench file {file.path}, {where}{'.'.join(key)}: {text}")


def _explain(item: Any, text: str) -> str:
    """Return one line for one pydantic error: line, key, what is wrong, cure."""
    key = tuple(str(part) for part in item["loc"])
    line = line_of(text, key)
    where = f"line {line}, {'.'.join(key)}" if line else ".".join(key)
    message = item["msg"].removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        known = _known_keys(key[:-1])
        near = difflib.get_close_matches(key[-1], known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
        return f"{where}: unknown key; {hint}"
    if item["type"] == "missing":
        return f"{where}: missing; add it (see `labctl new` for a commented example)"
    value = item.get("input")
    shown = f" (is {value!r})" if isinstance(value, str | int | float | bool) else ""
    return f"{where}: {message}{shown}" if where else f"{message}"


def _known_keys(loc: tuple[str, ...]) -> list[str]:
    """Return the keys that the table at ``loc`` may have."""
    model: Any = BenchFile
    for part in loc:
        field = model.model_fields.get(part) if hasattr(model, "model_fields") else None
        if field is None:
            model = InstrumentTable
            break
        model = field.annotation
    fields = getattr(model, "model_fields", InstrumentTable.model_fields)
    return sorted(name for name in fields if name != "path")
