"""The commands ``labctl sim …``. Every import that costs time happens inside a command."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labctl.errors import LimitError, StoreError
from labctl.sim.serve.command import serve

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

    from labctl.sim.chip import Chip
    from labctl.sim.chip.saving import Saved
    from labctl.sim.datasheet import KeyNumber

app = typer.Typer(
    help="The simulated bench: its chip, and its instruments on the network.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
app.command()(serve)

PresetArgument = Annotated[
    str, typer.Argument(help="A built-in preset (see `labctl sim presets`), or a preset file.toml.")
]
ChipArgument = Annotated[Path, typer.Argument(help="A chip file, as a simulated bench keeps it.")]

_DAY = 86400.0
_ZERO_CELSIUS = 273.15
_QUANTILES = (0.05, 0.5, 0.95)


@app.command()
def show(
    preset: PresetArgument = "hfox-1t1r",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Figure to write: .png, .pdf or .svg.  [datasheet-PRESET.png]"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the chips that are measured.", min=0)] = 7,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the key numbers to this file, too.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Few cells: seconds, but coarse numbers.")
    ] = False,
) -> None:
    """Measure a kind of chip and draw its data sheet, twelve panels on one page.

    Forming, I-V loops, SET and RESET against pulse width, both states and their spread, read
    noise and its spectrum, relaxation, retention, endurance. The key numbers are printed beside
    what is published of real chips. For example:

        labctl sim show hfox-1t1r

        labctl sim show mylab.toml --output mylab.pdf --json mylab.json
    """
    from labctl import __version__
    from labctl.sim.chip.preset import preset as find
    from labctl.sim.datasheet import FULL, QUICK, draw, key_numbers, measure
    from labctl.sim.datasheet.look import check_place, check_target, save
    from labctl.sim.datasheet.numbers import as_json

    kind = find(preset)
    target = check_target(output or Path(f"datasheet-{kind.name}.png"))
    if json_file is not None:
        check_place(json_file)
    with _console().status(f"{kind.name} ...") as status:
        sheet = measure(
            kind, preset, seed, QUICK if quick else FULL,
            lambda what: status.update(f"{kind.name}: {what} ..."),
        )  # fmt: skip
        status.update(f"{kind.name}: drawing ...")
        save(draw(sheet, __version__), target)
    numbers = key_numbers(sheet)
    _print_numbers(f"{kind.name}, seed {seed}", numbers)
    if json_file is not None:
        text = json.dumps(as_json(sheet, numbers, __version__), indent=2) + "\n"
        _write(json_file, text)
    typer.echo(f"The data sheet is in {target}.")


@app.command()
def presets() -> None:
    """List the built-in kinds of chip.

    A bench file names one: preset = "hfox-1t1r" in [simulation]. For example:

        labctl sim presets
    """
    from rich.table import Table

    from labctl.sim.chip.preset import description, names

    table = Table("preset", "what it is", box=None)
    for name in names():
        table.add_row(name, description(name))
    _console().print(table)


@app.command("preset")
def print_preset(preset: PresetArgument) -> None:
    """Print a preset as a TOML file, each number with its unit, meaning and source.

    A lab starts its own from it; the bench file then says preset = "mylab.toml". For example:

        labctl sim preset hfox-1t1r > mylab.toml
    """
    from labctl.sim.chip.preset import description, pulses, to_toml
    from labctl.sim.chip.preset import preset as find

    typer.echo(to_toml(find(preset), pulses(preset), description(preset)), nl=False)


@app.command("chip")
def show_chip(file: ChipArgument) -> None:
    """Print what a chip file holds: preset, age, formed cells, wear, conductances.

    For example:

        labctl sim chip mylab/chip.npz
    """
    from rich.table import Table

    from labctl.sim.chip import Chip
    from labctl.sim.chip.saving import read_saved

    table = Table(show_header=False, box=None)
    for name, value in [*_facts(Chip.load(file)), ("connected", _connections(read_saved(file)))]:
        table.add_row(name, value)
    console = _console()
    console.print(str(file), soft_wrap=True, markup=False)
    console.print(table)


@app.command()
def age(
    file: ChipArgument,
    days: Annotated[float, typer.Option(help="How long the chip lay in the drawer.")],
    celsius: Annotated[float, typer.Option(help="Temperature of the drawer, or the oven.")] = 25.0,
) -> None:
    """Let a saved chip lie for days with all pads open, and write it back.

    It relaxes and forgets as a real one does; afterwards it is as warm as before. End a bench that
    has this chip first (`labctl engine shutdown`). A month in the drawer, and a day in the oven:

        labctl sim age chip.npz --days 30

        labctl sim age chip.npz --days 1 --celsius 125
    """
    import numpy as np
    from rich.table import Table

    from labctl.sim.chip import Chip

    if not (math.isfinite(days) and days >= 0.0):
        raise LimitError(f"A chip cannot lie for {days:g} days: give 0 or more with --days.")
    chip = Chip.load(file)
    before = chip.conductance
    ambient = chip.ambient
    chip.ambient = celsius + _ZERO_CELSIUS
    sources = {"columns": chip.columns, "rows": chip.rows}.get(chip.source_lines, 0)
    chip.connect(*(np.full(n, -1) for n in (chip.rows, chip.columns, sources)))
    chip.drive(np.full(1, np.nan), np.full(1, np.inf))
    chip.elapse(days * _DAY)
    chip.ambient = ambient
    after = chip.conductance
    chip.save(file)
    console = _console()
    formed = chip.formed
    if formed.any():
        table = Table("conductance (µS)", *(f"{100 * q:g} %" for q in _QUANTILES), box=None)
        for name, values in (("before", before), ("after", after)):
            table.add_row(name, *_quantiles(values[formed]))
        console.print(table)
    else:
        console.print("No cell of this chip is formed.")
    console.print(
        f"{file}: {days:g} days at {celsius:g} °C; its age is now {_duration(chip.time)}.",
        soft_wrap=True, markup=False,
    )  # fmt: skip


def _facts(chip: Chip) -> list[tuple[str, str]]:
    """Return what there is to say about a chip, name and value."""
    import numpy as np

    formed, failed, pulses = chip.formed, chip.failed, chip.pulses
    wear = np.quantile(chip.wear, [0.5, 1.0])
    facts = [
        ("preset", chip.preset.name),
        ("size", f"{chip.rows} x {chip.columns} cells, source lines: {chip.source_lines}"),
        ("seed", str(chip.seed)),
        ("age", _duration(chip.time)),
        ("ambient", f"{chip.ambient - _ZERO_CELSIUS:.1f} °C"),
        ("formed", f"{formed.sum()} of {formed.size} ({100 * formed.mean():.1f} %)"),
        ("failed", f"{failed.sum()} of {failed.size}"),
        ("pulses per cell", f"median {np.median(pulses):g}, most {pulses.max()}"),
        ("wear", f"median {wear[0]:.3g}, most {wear[1]:.3g} (factors of e of ion hopping)"),
    ]
    if formed.any():
        values = ", ".join(_quantiles(chip.conductance[formed]))
        shares = ", ".join(f"{100 * q:g}" for q in _QUANTILES)
        facts.append(("conductance", f"{values} µS ({shares} % of the formed cells)"))
    return facts


def _connections(saved: Saved) -> str:
    """Return what the lines of a saved chip are on, as in: 4 word lines on net 0 (5 V)."""
    import numpy as np

    parts = []
    for kind, nets in (("word", saved.word), ("bit", saved.bit), ("source", saved.source)):
        for net in np.unique(nets[nets >= 0]):
            volt = saved.voltage[net]
            held = "not driven" if np.isnan(volt) else f"{volt:g} V"
            parts.append(f"{(nets == net).sum()} {kind} lines on net {net} ({held})")
    return ", ".join(parts) + ", the others open" if parts else "nothing: all lines are open"


def _quantiles(conductance: NDArray[np.float64]) -> list[str]:
    import numpy as np

    return [f"{1e6 * value:.3g}" for value in np.quantile(conductance, _QUANTILES)]


def _duration(seconds: float) -> str:
    """Return a time as people say it: 12 s, 3.5 h, 30 days, 2.1 years."""
    for size, unit in ((365.25 * _DAY, "years"), (_DAY, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.4g} {unit}"
    return f"{seconds:.3g} s"


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


def _print_numbers(title: str, numbers: list[KeyNumber]) -> None:
    from rich.table import Table

    table = Table(title, "", "published", box=None)
    table.columns[1].justify = "right"
    for n in numbers:
        value = f"{n.value:.3g}" if math.isfinite(n.value) else "beyond what was measured"
        table.add_row(n.meaning, f"{value} {n.unit}".rstrip(), _band(n.published))
    _console().print(table)


def _band(published: tuple[float, float] | None) -> str:
    if published is None:
        return ""
    low, high = published
    return f"({low:g})" if low == high else f"({low:g} ... {high:g})"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}. Choose another file.") from error
