"""Opens what a bench file names, checks identities, and shuts it all down safely."""

from __future__ import annotations

import difflib
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

from labctl import clock, plugins
from labctl.benchfile import BenchFile, TerminalTable, fault, load_bench_file
from labctl.errors import ConnectionLostError, IdentityError, InstrumentError
from labctl.instruments import Driver, Identity, MatrixAbility, SourceMeterAbility
from labctl.leaving import leave_on_signals
from labctl.probed import ProbedArray
from labctl.rendezvous import PROGRAM, Claim, claim
from labctl.safety import Safety
from labctl.wiring import Wiring, parse_wiring

if TYPE_CHECKING:
    from typing import Self


class Bench:
    """Instruments, wiring and chip on one table, open and safe.

    Use it as a context manager; leaving it takes every output to zero and opens all relays.

    Attributes
    ----------
    file
        The checked bench file.
    identities
        What each instrument answered to ``*IDN?``.
    array
        The cells of the chip.
    clock
        Bench time.
    """

    def __init__(
        self, file: BenchFile, drivers: dict[str, Driver], right: Claim | None = None
    ) -> None:
        self.file, self._right = file, right
        self.clock = clock.for_visa(file.visa_library)
        self._drivers = drivers
        self.identities: dict[str, Identity] = {n: d.identity for n, d in drivers.items()}
        self._closed = False
        matrix: Any = drivers[file.matrix.instrument]
        matrix.settling = file.matrix.settling
        meters = {
            name: drivers[table.instrument].channel(table.channel)
            for name, table in file.terminals.items()
        }
        wiring = Wiring(file, matrix)
        self.safety = Safety(file, meters, matrix)
        self._raise(self.safety.off())
        matrix.forbid(wiring.forbidden)
        self.array = ProbedArray(self.safety, wiring, matrix, self.clock)

    @classmethod
    def open(cls, path: str | Path, *, claimed: bool = False) -> Self:
        """Open the bench that ``path`` describes, with every output at zero.

        Parameters
        ----------
        path
            The bench file.
        claimed
            The caller has claimed the bench already, as an engine does (labctl.rendezvous).

        Raises
        ------
        EngineError
            Where another program has the bench open; it is named.
        BenchFileError
            For a fault in the file; nothing has been connected.
        IdentityError
            Where an instrument does not answer, or is another model.
        InstrumentError
            Where an instrument cannot be brought to a safe state.
        """
        file = load_bench_file(path)
        plugins.add_workspace(file.path.parent)
        modules = check_bench_file(file)
        right = None if claimed else claim(file.path, PROGRAM)
        drivers: dict[str, Driver] = {}
        try:
            for name in file.instruments:
                drivers[name] = _connect(file, name, modules[name])
            return cls(file, drivers, right)
        except BaseException:
            for driver in drivers.values():
                driver.close()
            if right is not None:
                right.release()
            raise

    def __enter__(self) -> Self:
        self._signals = leave_on_signals()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        finally:
            self._signals()

    def off(self) -> None:
        """Bring every output to zero and open all relays; raise what failed at the end."""
        self.array.forget_relays()
        self._raise(self.safety.off())

    def stop(self, reason: str = "emergency stop") -> None:
        """Stop in an emergency: as :meth:`off`, and latched until :meth:`acknowledge`."""
        self.array.forget_relays()
        self._raise(self.safety.stop(reason))

    def acknowledge(self) -> None:
        """Release the latch after somebody has looked at the bench."""
        self.safety.acknowledge()

    @property
    def latched(self) -> str | None:
        """Why the bench is latched, or None."""
        return self.safety.latched

    def close(self) -> None:
        """Outputs to zero, relays open, connections closed. Does nothing a second time."""
        if self._closed:
            return
        self._closed = True
        try:
            self.off()
        finally:
            for driver in self._drivers.values():
                driver.close()
            if self._right is not None:
                self._right.release()

    def metadata(self) -> dict[str, Any]:
        """Return what a run must keep to know on what it was measured; JSON-able."""
        return {
            "bench": self.file.bench.name,
            "bench_file": self.file.model_dump(mode="json"),
            "chip": self.file.chip.name,
            "shape": list(self.file.shape),
            "identities": {name: str(identity) for name, identity in self.identities.items()},
        }

    @staticmethod
    def _raise(faults: list[str]) -> None:
        if faults:
            raise InstrumentError(
                "The bench could not be made safe completely; switch its outputs off by hand: "
                + "; ".join(faults)
            )


def check_bench_file(file: BenchFile) -> dict[str, ModuleType]:
    """Hold a bench file against what its drivers' models can do, before anything is connected.

    Returns
    -------
    dict
        The driver module of each instrument.

    Raises
    ------
    BenchFileError
        For an unknown driver, model or channel, or a limit above the instrument's.
    """
    from pyvisa import rname

    modules = {}
    for name, table in file.instruments.items():
        try:
            rname.parse_resource_name(table.address)
        except rname.InvalidResourceName as error:
            key = ("instruments", name, "address")
            raise fault(file, key, f"{table.address!r} is no VISA address: {error}") from error
        known = plugins.driver_names()
        if table.driver not in known:
            near = difflib.get_close_matches(table.driver, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"drivers found: {', '.join(known)}"
            raise fault(
                file, ("instruments", name, "driver"), f"no driver {table.driver!r}; {hint}"
            )
        modules[name] = plugins.driver(table.driver)
        if modules[name].abilities(table.model) is None:
            models = ", ".join(modules[name].MODELS)
            raise fault(
                file,
                ("instruments", name, "model"),
                f"driver {table.driver} does not know model {table.model!r}; it knows {models}",
            )
    for name, terminal in file.terminals.items():
        ability = modules[terminal.instrument].abilities(
            file.instruments[terminal.instrument].model
        )
        _check_terminal(file, name, terminal, ability)
    table = file.instruments[file.matrix.instrument]
    if not isinstance(modules[file.matrix.instrument].abilities(table.model), MatrixAbility):
        raise fault(file, ("matrix", "instrument"), f"{table.model} is no switch matrix")
    parse_wiring(file)
    return modules


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


def _connect(file: BenchFile, name: str, module: ModuleType) -> Driver:
    """Connect to one instrument and check that it is the one the bench file names."""
    import pyvisa

    table = file.instruments[name]
    place = f"instrument {name!r} ({table.model}) at {table.address}"
    try:
        driver: Driver = module.open_instrument(
            table.address, table.model, file.visa_library, table.timeout
        )
    except (pyvisa.Error, ConnectionLostError, OSError, ValueError) as error:
        raise IdentityError(
            f"No answer from {place}: {error}. Check power, cable and address; "
            "`pyvisa-shell list` shows what is connected."
        ) from error
    if driver.identity.model.upper() != table.model.upper():
        driver.close()
        raise IdentityError(
            f"Expected {place}, but {driver.identity} answers there. Correct the address or the "
            "model in the bench file; nothing was sent to it but *IDN?."
        )
    return driver
