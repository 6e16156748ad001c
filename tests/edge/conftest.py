"""Gateways with an edge, and clients who come from where the test says: all of 127.0.0.0/8 is loopback on Linux."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.app.conftest import gateway, issuer, start  # noqa: F401  # fixtures
from tests.app.process import Process

TRUSTED, STRANGER = "127.0.0.2", "127.0.0.3"
Come = Callable[[Process, str], httpx.Client]


@pytest.fixture
def come() -> Iterator[Come]:
    """A client of a gateway whose connections come from an address."""
    made: list[httpx.Client] = []

    def client(process: Process, source: str) -> httpx.Client:
        transport = httpx.HTTPTransport(local_address=source)
        made.append(httpx.Client(base_url=process.url, transport=transport, timeout=30, trust_env=False))
        return made[-1]

    yield client
    for one in made:
        one.close()
