"""Connecting to the instruments of a bench file, and making sure of who answers."""

from __future__ import annotations

from types import ModuleType
from weakref import WeakKeyDictionary

from labctl import clock
from labctl.benchfile import BenchFile
from labctl.errors import EngineError, IdentityError, InstrumentError
from labctl.instruments import Driver, Identity
from labctl.occupancy import Occupancy, occupy

_held: WeakKeyDictionary[Driver, Occupancy] = WeakKeyDictionary()
"""The right to each instrument that this program is connected to."""


def connect(file: BenchFile, name: str, module: ModuleType) -> Driver:
    """Connect to one instrument and check that it is the one the bench file names.

    Nothing is sent to it but ``*IDN?`` (or what a model older than that has instead). On a real
    bench the instrument is this program's alone until :func:`disconnect`.

    Raises
    ------
    EngineError
        Where another program has the instrument; it is named.
    IdentityError
        Where it does not answer, or is another; both are named, and it is closed again.
    """
    if clock.is_simulated(file.visa_library):  # no other program can reach it
        return _connect(file, name, module)
    try:
        held = occupy(file.instruments[name].address, file.path)
    except EngineError as error:
        raise EngineError(f"Instrument {name!r}: {error}") from error
    try:
        driver = _connect(file, name, module)
    except BaseException:
        held.release()
        raise
    _held[driver] = held
    return driver


def _connect(file: BenchFile, name: str, module: ModuleType) -> Driver:
    import pyvisa

    table = file.instruments[name]
    place = _place(file, name)
    try:
        driver: Driver = module.open_instrument(
            table.address, table.model, file.visa_library, table.timeout
        )
    except (pyvisa.Error, InstrumentError, OSError, ValueError) as error:
        raise IdentityError(
            f"No answer from {place}: {error}. Check power, cable and address; "
            "`pyvisa-shell list` shows what is connected."
        ) from error
    identity = driver.identity
    if identity.model.upper() != table.model.upper():
        driver.close()
        raise IdentityError(
            f"Expected {place}, but {identity} answers there. {_cure(file, name, identity)}; "
            "nothing was sent to it but *IDN?."
        )
    if table.serial is not None and identity.serial != table.serial:
        driver.close()
        raise IdentityError(
            f"Expected {place} with serial number {table.serial}, but {identity} answers there. "
            f"{_cure(file, name, identity)}; nothing was sent to it but *IDN?."
        )
    return driver


def disconnect(drivers: dict[str, Driver]) -> list[Exception]:
    """Close every connection and give its instrument free; return what failed.

    Whatever happens to one of them, the others are closed as well.
    """
    failed: list[Exception] = []
    for driver in drivers.values():
        try:
            driver.close()
        except Exception as error:  # noqa: BLE001 - the others must be closed as well
            failed.append(error)
        if (held := _held.pop(driver, None)) is not None:
            held.release()
    return failed


def _place(file: BenchFile, name: str) -> str:
    table = file.instruments[name]
    return f"instrument {name!r} ({table.model}) at {table.address}"


def _cure(file: BenchFile, name: str, identity: Identity) -> str:
    """Say what to correct: two addresses that were swapped, or this one."""
    for other, table in file.instruments.items():
        if other != name and identity.model.upper() == table.model.upper():
            serial = table.serial
            if serial in (None, identity.serial):
                return (
                    f"The file has a {table.model} as {other!r} at {table.address}: the two "
                    "addresses may be swapped; correct them in the bench file"
                )
    return "Correct the address, the model or the serial number in the bench file"
