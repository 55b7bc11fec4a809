"""Three simulated instruments in front of one small chip, spoken to through pyvisa."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyvisa

from labctl import sim

TEXT = """
[bench]
visa = "@labsim"
[chip]
name = "small"
rows = 4
columns = 5
[instruments.smu]
driver = "keithley2600"
model = "2636B"
address = "GPIB0::26::INSTR"
[instruments.gate]
driver = "keithley2600"
model = "2635B"
address = "GPIB0::27::INSTR"
[instruments.matrix]
driver = "keithley707b"
model = "707B"
address = "GPIB0::16::INSTR"
[terminals.word_line]
instrument = "gate"
row = "A"
[terminals.bit_line]
instrument = "smu"
channel = "a"
row = "B"
[terminals.source_line]
instrument = "smu"
channel = "b"
row = "C"
[matrix]
instrument = "matrix"
ground = "D"
[matrix.wiring]
"WL0..3" = "1.1..1.4"
"BL0..4" = "2.1..2.5"
"SL0..4" = "3.1..3.5"
[simulation]
preset = "hfox-1t1r"
seed = 3
noise = false
instrument_noise = false
"""
WORD_LINES = "1D01,1D02,1D03,1D04"


class Rig:
    """An open simulated bench and what a careful operator does with it."""

    def __init__(self, folder: Path, more: str = "", name: str = "bench", text: str = TEXT) -> None:
        self.path = str(folder / f"{name}.toml")
        Path(self.path).write_text(text + more, encoding="utf-8")
        self.manager = pyvisa.ResourceManager(f"{self.path}@labsim")
        self.smu = self.open("GPIB0::26::INSTR")
        self.gate = self.open("GPIB0::27::INSTR")
        self.matrix = self.open("GPIB0::16::INSTR")

    @property
    def world(self) -> sim.World:
        return sim.world_of(self.path)

    def open(self, address: str) -> Any:
        return self.manager.open_resource(address, read_termination="\n", write_termination="\n")

    def close(self) -> None:
        self.manager.close()
        sim.discard(self.path)

    def select(self, row: int, column: int) -> None:
        """Connect one cell; the other word lines go to ground."""
        grounded = ",".join(f"1D{k + 1:02d}" for k in range(4) if k != row)
        self.matrix.write(
            f'channel.exclusiveclose("{grounded},1A{row + 1:02d},'
            f'2B{column + 1:02d},3C{column + 1:02d}")'
        )

    def switch_on(self, limit: float = 1e-3) -> None:
        for channel in ("smub", "smua"):
            self.smu.write(
                f"{channel}.source.limiti = {limit} {channel}.source.output = 1 "
                f"{channel}.measure.nplc = 0.01"
            )
        self.gate.write("smua.source.limiti = 1e-5 smua.source.output = 1")

    def gate_at(self, volts: float) -> None:
        self.gate.write(f"smua.source.levelv = {volts}")

    def read(self, volts: float = 0.2) -> tuple[float, bool]:
        """Force and measure on the bit line; return current (A) and compliance."""
        current, limited = self.smu.query(
            f"smua.source.levelv = {volts} delay(0.001) local i = smua.measure.i() "
            "local c = smua.source.compliance smua.source.levelv = 0 "
            "format.asciiprecision = 12 print(i, c)"
        ).split("\t")
        return float(current), limited == "true"

    def form(self, cells: list[tuple[int, int]]) -> None:
        """Form cells one by one with the gate as the limit, and switch the gate off again."""
        self.switch_on()
        for row, column in cells:
            self.select(row, column)
            self.gate_at(1.6)
            for _ in range(20):
                self.smu.write("smua.source.levelv = 3.5 delay(0.01) smua.source.levelv = 0")
                if self.world.chip.formed[row, column]:
                    break
            self.gate_at(0)
        assert all(self.world.chip.formed[cell] for cell in cells)

    def error(self, box: Any) -> tuple[int, str]:
        """Take one error off a box's queue."""
        code, message, *_ = box.query("print(errorqueue.next())").split("\t")
        return round(float(code)), message
