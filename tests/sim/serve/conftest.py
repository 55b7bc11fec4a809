from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labctl.sim.serve.bench import Address, ServedBench
from tests.sim.rig import TEXT
from tests.sim.serve.client import Client

MakeServed = Callable[..., ServedBench]


@pytest.fixture
def make_served(tmp_path: Path) -> Iterator[MakeServed]:
    benches: list[ServedBench] = []

    def make(more: str = "", **options: object) -> ServedBench:
        path = tmp_path / f"bench{len(benches)}.toml"
        path.write_text(TEXT + more, encoding="utf-8")
        benches.append(ServedBench(path, first_port=0, **options))  # type: ignore[arg-type]
        return benches[-1]

    yield make
    for bench in benches:
        bench.stop()
        assert bench.connections == 0


@pytest.fixture
def served(make_served: MakeServed) -> ServedBench:
    return make_served()


@pytest.fixture
def smu(served: ServedBench) -> Address:
    return served.addresses[0]


@pytest.fixture
def connect(served: ServedBench) -> Iterator[Callable[..., Client]]:
    clients: list[Client] = []

    def open_session(number: int = 0, **options: object) -> Client:
        port = served.addresses[number].hislip_port
        clients.append(Client(port, **options))  # type: ignore[arg-type]
        return clients[-1]

    yield open_session
    for client in clients:
        client.close()


@pytest.fixture
def client(connect: Callable[..., Client]) -> Client:
    return connect()
