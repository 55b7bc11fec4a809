"""A simulated bench on the network: every instrument on a HiSLIP port and a raw socket port."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType

from labctl.clock import PacedClock, VirtualClock
from labctl.errors import LabctlError, LimitError
from labctl.sim.hookup import read_hookup
from labctl.sim.serve import raw
from labctl.sim.serve.hislip import HislipServer
from labctl.sim.serve.listener import Listener
from labctl.sim.serve.station import Station
from labctl.sim.world import World

LOOPBACK = "127.0.0.1"
FIRST_PORT = 14880
_MOST_PORT = 65535


@dataclass(frozen=True)
class Address:
    """Where one instrument of a served bench is reached.

    Attributes
    ----------
    name, model, bench_address
        As in the bench file.
    hislip, socket
        VISA resource names.
    host, hislip_port, socket_port
        The same for whoever needs no VISA.
    """

    name: str
    model: str
    bench_address: str
    hislip: str
    socket: str
    host: str
    hislip_port: int
    socket_port: int


class ServedBench:
    """All instruments of a bench file on TCP ports of this computer, until :meth:`stop`.

    Parameters
    ----------
    path
        The bench file.
    bind
        Address of this computer to listen on.
    first_port
        Port of the first instrument's HiSLIP server; its socket server has the next, and so on.
        0 takes free ones.
    real_time
        Whether bench time passes at the speed of the wall clock.
    exposed
        Whether other computers may reach the bench: needed where ``bind`` is not loopback, for
        nobody is asked for a password.

    Raises
    ------
    BenchFileError
        Where the bench file is not good.
    LimitError
        Where ``bind`` is not loopback and ``exposed`` not set, or a port number is too large.
    LabctlError
        Where an address is not this computer's, or a port is taken.
    """

    def __init__(
        self,
        path: str | Path,
        bind: str = LOOPBACK,
        first_port: int = FIRST_PORT,
        real_time: bool = False,
        exposed: bool = False,
    ) -> None:
        if not exposed and not is_loopback(bind):
            raise LimitError(
                f"Serving on {bind} would open the simulated bench to other computers, and nobody "
                "is asked for a password. If that is meant, say so with --bind."
            )
        hookup = read_hookup(path)
        last = first_port + 2 * len(hookup.boxes) - 1
        if first_port and last > _MOST_PORT:
            raise LimitError(
                f"{len(hookup.boxes)} instruments need the ports {first_port} to {last}; the last "
                f"there is has number {_MOST_PORT}. Choose a lower --port."
            )
        clock = PacedClock() if real_time else VirtualClock()
        self.world = World(hookup, clock)
        if isinstance(clock, PacedClock):
            clock.share(self.world.lock)
        self.stations = {
            plan.name: Station(self.world, plan.name, plan.model) for plan in hookup.boxes
        }
        self._listener = Listener()
        self.addresses: list[Address] = []
        port = first_port
        try:
            for plan in hookup.boxes:
                self._listen(plan.name, plan.model, plan.address, bind, port)
                port += 2 if port else 0
        except OSError as error:
            self._listener.stop()
            raise LabctlError(
                f"The instrument {plan.name} cannot be served on {bind}, ports {port} and "
                f"{port + 1}: {error.strerror or error}. Choose another --port (0: any free "
                "ones), or another --bind."
            ) from error
        self._listener.start()

    def _listen(self, name: str, model: str, bench_address: str, bind: str, port: int) -> None:
        station = self.stations[name]
        add = self._listener.add
        hislip = add(f"{name} hislip", bind, port, HislipServer(station).talk)
        plain = add(f"{name} socket", bind, port and port + 1, partial(raw.talk, station))
        host = _reached_at(bind)
        self.addresses.append(
            Address(
                name=name,
                model=model,
                bench_address=bench_address,
                hislip=f"TCPIP0::{host}::hislip0,{hislip}::INSTR",
                socket=f"TCPIP0::{host}::{plain}::SOCKET",
                host=host,
                hislip_port=hislip,
                socket_port=plain,
            )
        )

    @property
    def connections(self) -> int:
        """Number of connections that are served now."""
        return self._listener.connections

    def stop(self) -> None:
        """End all connections, free the ports and keep the chip where the bench file says."""
        for station in self.stations.values():
            station.close()
        self._listener.stop()
        self.world.save()

    def __enter__(self) -> ServedBench:
        """Return the bench, which is being served already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop serving."""
        self.stop()


def is_loopback(address: str) -> bool:
    """Tell whether an address, or every address of a name, is of this computer only."""
    try:
        found = {item[4][0] for item in socket.getaddrinfo(address, None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(str(each).split("%")[0]).is_loopback for each in found)


def _reached_at(bind: str) -> str:
    """Return under which name clients reach what is bound to an address."""
    try:
        everywhere = ipaddress.ip_address(bind).is_unspecified
    except ValueError:
        everywhere = False
    return socket.gethostname() if everywhere else bind
