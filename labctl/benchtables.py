"""The tables of a bench file: every key with its meaning, unit and bounds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=10)]
Count = Annotated[int, Field(ge=0)]
Row = Annotated[str, Field(pattern=r"^[A-Z]$")]
TERMINALS = ("word_line", "bit_line", "source_line", "inhibit")


class Table(BaseModel):
    """A table of the file: no keys but those declared, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BenchTable(Table):
    """What the bench is called, and the VISA library that reaches it."""

    name: str = Field(default="bench", description="What people call this table of instruments.")
    visa: str = Field(
        default="",
        description='VISA library as pyvisa takes it: "" the installed one, "@py" pyvisa-py, '
        '"@labsim" the simulated bench that this very file describes.',
    )


class ChipTable(Table):
    """Name and geometry of the die."""

    name: str = Field(description="Name of the chip; its wear is kept under it.")
    rows: int = Field(ge=1, le=1024, description="Number of word lines.")
    columns: int = Field(ge=1, le=1024, description="Number of bit lines.")
    source_lines: Literal["columns", "rows", "none"] = Field(
        default="columns",
        description='"columns": one source line along each bit line; "rows": one along each word '
        'line; "none": a passive array has none.',
    )


class ArrayTable(Table):
    """What a cell is made of, and what unselected lines do while a cell is pulsed."""

    kind: Literal["1t1r", "passive"] = Field(
        default="1t1r",
        description='"1t1r": a transistor selects the cell; "passive": a bare crossbar.',
    )
    inhibit: Literal["none", "bias", "half", "third"] = Field(
        default="none",
        description='"none": unselected lines float, but word lines of 1T1R cells, which are at '
        'ground; "bias" (1T1R): unselected bit lines on [terminals.inhibit]; "half", "third" '
        "(passive): no other cell sees more than V/2, or V/3.",
    )


class InstrumentTable(Table):
    """A box with an address."""

    driver: str = Field(description="Name of a module in a folder drivers/.")
    model: str = Field(description="Model that *IDN? must answer.")
    serial: str | None = Field(
        default=None,
        description="Serial number that *IDN? must answer; tells two boxes of one model apart.",
    )
    address: str = Field(
        description='VISA resource, for example "GPIB0::26::INSTR", '
        '"TCPIP0::192.168.1.26::hislip0::INSTR" or "TCPIP0::192.168.1.26::5025::SOCKET".'
    )
    timeout: Positive = Field(
        default=5.0,
        description="Longest wait for an answer, s; longer than any pulse and sweep point.",
    )
    node: Annotated[int, Field(ge=1, le=64)] | None = Field(
        default=None, description="Number on the TSP-Link, where the instrument is on one."
    )


class TerminalTable(Table):
    """A channel of a source meter on one row of the matrix, with its limits."""

    instrument: str = Field(description="Name of the source meter in [instruments.*].")
    channel: str = Field(
        default="a", description='Its channel: "a" or "b" (Keithley), "1" or "2" (Keysight).'
    )
    row: Row = Field(description="Row letter of the matrix that the HI terminal is wired to.")
    nplc: float = Field(
        default=0.1,
        ge=0.001,
        le=25,
        description="Integration time of a reading, power-line cycles.",
    )
    compliance: Positive = Field(description="Current limit set in the instrument, A.")
    current_range: Positive = Field(
        description="Largest current expected in a reading, A; the instrument's next range up."
    )
    settle: Seconds = Field(default=2e-4, description="Wait after each change of level, s.")
    max_voltage: Positive = Field(
        description="Hard limit of the level, V; also decides the source range."
    )
    max_current: Positive = Field(description="Hard limit of the compliance, A.")
    max_pulse_width: Positive | None = Field(
        default=None, description="Hard limit of a pulse of this terminal, s; none above [limits]."
    )

    @model_validator(mode="after")
    def _compliance_within_limit(self) -> TerminalTable:
        if self.compliance > self.max_current:
            raise ValueError(
                f"compliance {self.compliance:g} A is above max_current {self.max_current:g} A: "
                "lower compliance or raise max_current"
            )
        return self


class TerminalsTable(Table):
    """The lines of a cell, and what holds the unselected ones."""

    word_line: TerminalTable = Field(description="Source of the gate of a 1T1R cell.")
    bit_line: TerminalTable = Field(description="Source and meter of the bit line: SET and read.")
    source_line: TerminalTable = Field(description="Source of the source line: RESET.")
    inhibit: TerminalTable | None = Field(
        default=None, description="Source that biases unselected lines (see [array] inhibit)."
    )

    def items(self) -> list[tuple[str, TerminalTable]]:
        """Return name and table of each terminal that the file has."""
        tables = ((name, getattr(self, name)) for name in TERMINALS)
        return [(name, table) for name, table in tables if table is not None]


class MatrixTable(Table):
    """The relays, and which pad of the chip sits on which column."""

    instrument: str | Annotated[list[str], Field(min_length=1)] = Field(
        description="Name of the switch matrix in [instruments.*]; or a list of mainframes, whose "
        "rows are joined letter by letter."
    )
    ground: Row = Field(description="Row letter wired to ground; unselected word lines rest there.")
    inhibit: Row | None = Field(
        default=None, description="Row letter of the inhibit bias; that of [terminals.inhibit]."
    )
    settling: float = Field(
        default=0.004, ge=0, le=1, description="Time one move of relays takes, s."
    )
    columns_per_slot: (
        Annotated[int, Field(ge=1, le=100)] | dict[str, Annotated[int, Field(ge=1, le=100)]]
    ) = Field(
        default=12,
        description="Columns of one slot, over which a range counts on: a number, or a table of "
        "one number per mainframe (12 for one that it leaves out).",
    )
    wiring: dict[str, str | dict[str, str]] = Field(
        description='Pads on columns: "WL0..15" = "1.1..2.4" (slot.column), "1A01..2A04" (slot, '
        'row, column) or "A1..A16" (row, column of the mainframe); "NAME:1.1..2.4", or a table '
        "of such entries per mainframe. What is named is the column; a row letter means nothing."
    )

    @property
    def mainframes(self) -> tuple[str, ...]:
        """Names of the instruments that make up the matrix, the first one first."""
        named = self.instrument
        return (named,) if isinstance(named, str) else tuple(named)

    def width(self, mainframe: str) -> int:
        """Return the columns of one slot of a mainframe."""
        each = self.columns_per_slot
        return each.get(mainframe, 12) if isinstance(each, dict) else each


class LimitsTable(Table):
    """What no pulse may exceed."""

    max_pulse_width: Positive = Field(default=1.0, description="Longest pulse and sweep point, s.")
    pulses_per_cell: int = Field(
        default=1_000_000, ge=1, description="Pulses a cell may ever be given, counted for ever."
    )


class PreflightTable(Table):
    """What the pre-flight (`labctl bench check`) is to find."""

    leakage: Positive = Field(
        default=1e-8, description="Largest current of an open row or of a pad at 0.1 V, A."
    )
    known_good: tuple[Count, Count] | None = Field(
        default=None, description="Row and column of a cell known to conduct, counted from 0."
    )
    conductance: tuple[Positive, Positive] | None = Field(
        default=None, description="Between which conductances that cell reads, S."
    )


class FaultTable(Table):
    """What is wrong with a simulated instrument."""

    identity: str = Field(default="", description="Another model in the answer to *IDN?.")
    silent: bool = Field(default=False, description="It takes everything and answers nothing.")
    silent_after: Count | None = Field(default=None, description="The same after so many messages.")
    lost: bool = Field(default=False, description="The connection is broken.")
    lost_after: Count | None = Field(default=None, description="The same after so many messages.")
    garbage: bool | Count = Field(
        default=False, description="So many answers (true: all) are random bytes."
    )
    delay: float = Field(default=0.0, ge=0, description="Added to every answer, s.")
    interlock: Literal["", "open"] = Field(
        default="", description="A source meter that may not switch on."
    )
    over_range: bool = Field(default=False, description="Every reading overflows.")
    power_cycle_after: Count | None = Field(
        default=None, description="The mains fail for a moment, once, after so many messages."
    )
    welded: list[str] = Field(
        default=[], description="Crosspoints always closed, in the matrix's notation."
    )
    open_relays: list[str] = Field(default=[], description="Crosspoints that never conduct.")


class SimulationTable(Table):
    """What the simulated bench reads; a real one does not."""

    preset: str = Field(
        default="hfox-1t1r", description='Built-in kind of chip, or a path that ends in ".toml".'
    )
    seed: Count = Field(default=0, description="Seed of the chip and of all noise.")
    noise: bool = Field(default=True, description="Noise of the cells.")
    instrument_noise: bool = Field(default=True, description="Noise of the source meters.")
    relay_settling: Positive = Field(
        default=0.004, description="Time a relay of the bench needs, s."
    )
    relay_life: Positive = Field(
        default=1e8, description="Closures at which 63 % of relays have failed."
    )
    relay_closures: Count = Field(default=0, description="Closures that every relay has behind it.")
    weld_when_hot: bool = Field(default=False, description="Relays weld that move under voltage.")
    tsplink: dict[str, str] = Field(
        default={},
        description='Boxes joined by TSP-Link: number of the node = "name of the instrument".',
    )
    language_2450: Literal["SCPI", "SCPI2400", "TSP"] = Field(
        default="SCPI", description="Command set that every 2450 has at power-up."
    )
    state: str | None = Field(
        default=None,
        description="File that keeps the chip between runs; a path from this file's folder.",
    )
    faults: dict[str, FaultTable] = Field(
        default={}, description="What is wrong with which instrument, by its name."
    )
