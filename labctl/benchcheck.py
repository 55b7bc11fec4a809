"""A bench file against what its instruments can do, before anything is connected."""

from __future__ import annotations

import difflib
from types import ModuleType

from labctl import plugins
from labctl.benchfile import BenchFile, TerminalTable, fault
from labctl.instruments import MatrixAbility, SourceMeterAbility
from labctl.matrices import SLOTS
from labctl.occupancy import canonical
from labctl.wiring import parse_wiring


def check_bench_file(file: BenchFile) -> dict[str, ModuleType]:
    """Hold a bench file against what its drivers' models can do, before anything is connected.

    Returns
    -------
    dict
        The driver module of each instrument.

    Raises
    ------
    BenchFileError
        For an unknown driver, model or channel, an address that is none, a limit above the
        instrument's, or a crosspoint that the matrix does not have.
    """
    _check_addresses(file)
    modules = {name: _module(file, name) for name in file.instruments}
    for name, terminal in file.terminals.items():
        model = file.instruments[terminal.instrument].model
        _check_terminal(file, name, terminal, modules[terminal.instrument].abilities(model))
    abilities = []
    for name in file.matrix.mainframes:
        model = file.instruments[name].model
        ability = modules[name].abilities(model)
        if not isinstance(ability, MatrixAbility):
            raise fault(file, ("matrix", "instrument"), f"{model} is no switch matrix")
        abilities.append(ability)
    _check_crosspoints(file, abilities)
    return modules


def _check_addresses(file: BenchFile) -> None:
    """Refuse what is no VISA address, and one address in two spellings."""
    places: dict[str, str] = {}
    for name, table in file.instruments.items():
        key = ("instruments", name, "address")
        try:
            place = canonical(table.address)
        except ValueError as error:
            raise fault(file, key, f"{table.address!r} is no VISA address: {error}") from error
        if place in places:
            raise fault(
                file,
                key,
                f"{table.address} is the address of instruments.{places[place]} too, in another "
                "spelling: give each its own",
            )
        places[place] = name


def _module(file: BenchFile, name: str) -> ModuleType:
    """Return the driver module of an instrument, which knows its model."""
    table = file.instruments[name]
    known = plugins.driver_names()
    if table.driver not in known:
        near = difflib.get_close_matches(table.driver, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"drivers found: {', '.join(known)}"
        raise fault(file, ("instruments", name, "driver"), f"no driver {table.driver!r}; {hint}")
    module = plugins.driver(table.driver)
    if module.abilities(table.model) is None:
        models = ", ".join(module.MODELS)
        raise fault(
            file,
            ("instruments", name, "model"),
            f"driver {table.driver} does not know model {table.model!r}; it knows {models}",
        )
    return module


def _check_terminal(file: BenchFile, name: str, table: TerminalTable, ability: object) -> None:
    model = file.instruments[table.instrument].model
    key = ("terminals", name)
    if not isinstance(ability, SourceMeterAbility):
        raise fault(file, (*key, "instrument"), f"{model} is no source meter")
    if table.channel not in ability.channels:
        channels = ", ".join(ability.channels)
        raise fault(
            file, (*key, "channel"), f"{model} has no channel {table.channel!r}; it has {channels}"
        )
    for limit, largest, unit in (
        ("max_voltage", ability.max_voltage, "V"),
        ("max_current", ability.max_current, "A"),
        ("current_range", ability.max_current, "A"),
    ):
        if getattr(table, limit) > largest:
            raise fault(
                file,
                (*key, limit),
                f"{getattr(table, limit):g} {unit} is above what a {model} can do "
                f"({largest:g} {unit}); lower it",
            )
    if table.compliance < ability.min_compliance:
        raise fault(
            file,
            (*key, "compliance"),
            f"{table.compliance:g} A is below the smallest of a {model} "
            f"({ability.min_compliance:g} A)",
        )
    if name in ("bit_line", "source_line") and file.max_pulse_width(name) < ability.shortest_pulse:
        own = table.max_pulse_width is not None
        raise fault(
            file,
            (*key, "max_pulse_width") if own else ("limits", "max_pulse_width"),
            f"{file.max_pulse_width(name):g} s is below the shortest pulse of a {model} "
            f"({ability.shortest_pulse:g} s): {name} could give none; raise it, or use another "
            "source",
        )


def _check_crosspoints(file: BenchFile, abilities: list[MatrixAbility]) -> None:
    """Refuse a row, slot or column beyond the largest that a mainframe can have."""
    names = file.matrix.mainframes
    rows = [(("terminals", name, "row"), table.row) for name, table in file.terminals.items()]
    for key, row in [*rows, (("matrix", "ground"), file.matrix.ground)]:
        for name, ability in zip(names, abilities, strict=True):
            if row not in ability.rows:
                raise fault(
                    file,
                    key,
                    f"the {file.instruments[name].model} has no row {row}; it has "
                    f"{ability.rows[0]} to {ability.rows[-1]}",
                )
    for pad, (place, column) in parse_wiring(file).items():
        number, slot = divmod(place, SLOTS)
        ability, model = abilities[number], file.instruments[names[number]].model
        if slot > ability.slots or column > ability.columns:
            raise fault(
                file,
                ("matrix", "wiring"),
                f"pad {pad} is on slot {slot}, column {column}; a {model} has {ability.slots} "
                f"slots of {ability.columns} columns (see [matrix] columns_per_slot)",
            )
