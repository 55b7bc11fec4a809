"""Two details of readings that a program relies on without thinking of them."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import pyvisa

from labctl import sim

TEXT = """
[bench]
visa = "@labsim"
[chip]
name = "none"
rows = 1
columns = 1
[instruments.box]
driver = "none"
model = "{model}"
address = "GPIB0::24::INSTR"
[simulation.faults.box]
over_range = {over_range}
"""


def opened(folder: Path, model: str, over_range: bool = False) -> Any:
    path = folder / f"{model}.toml"
    path.write_text(TEXT.format(model=model, over_range=str(over_range).lower()), encoding="utf-8")
    return pyvisa.ResourceManager(f"{path}@labsim").open_resource(
        "GPIB0::24::INSTR", read_termination="\n", write_termination="\n"
    )


def test_2450_measures_what_it_sources_on_the_range_of_the_source(tmp_path: Path) -> None:
    box = opened(tmp_path, "2450")
    box.write(":SOUR:FUNC VOLT;:SENS:FUNC 'VOLT';:SOUR:VOLT:RANG 2")
    assert float(box.query(":SENS:VOLT:RANG?")) == 2
    box.write(":SOUR:VOLT:RANG 20")
    assert float(box.query(":SENS:VOLT:RANG?")) == 20
    box.close()
    sim.discard(str(tmp_path / "2450.toml"))


def test_b2900_writes_an_overflow_as_infinity_in_a_binary_block(tmp_path: Path) -> None:
    box = opened(tmp_path, "B2912A", over_range=True)
    box.write(":FORM REAL,32;:FORM:BORD NORM;:FORM:ELEM:SENS CURR")
    box.read_termination = None
    box.write(":MEAS? (@1)")
    block = box.read_raw()
    assert block[:3] == b"#14"
    assert math.isinf(struct.unpack(">f", block[3:7])[0])
    box.close()
    sim.discard(str(tmp_path / "B2912A.toml"))
