"""Bench files with one box on them, for clients that are not ours."""

from __future__ import annotations

from pathlib import Path

ADDRESS = "GPIB0::24::INSTR"
_TEXT = """
[bench]
visa = "@labsim"
[chip]
name = "none"
rows = 1
columns = 1
[instruments.box]
driver = "none"
model = "{model}"
address = "{address}"
[simulation]
seed = 5
instrument_noise = {noise}
"""


def write_bench(folder: Path, model: str, *, noise: bool = True) -> Path:
    """Write a bench with one box of a model at :data:`ADDRESS`; its terminals are open."""
    path = folder / f"{model}.toml"
    text = _TEXT.format(model=model, address=ADDRESS, noise=str(noise).lower())
    path.write_text(text, encoding="utf-8")
    return path
