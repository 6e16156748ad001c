"""One gateway for each of the shop's zones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.project import load_project
from tests.app.process import Process, until
from tests.documents.place import bearer, parsed_texts, registered, serve, shop


@dataclass(frozen=True, slots=True)
class Shop:
    """A project that is served. ``parsed`` is where the closed zone's gateway writes what it parses, ``loaded``
    what it had parsed when it began to answer."""

    project: Path
    hashes: dict[str, str]
    clients: dict[str, httpx.Client]
    processes: dict[str, Process]
    parsed: Path
    texts: dict[str, str]
    loaded: frozenset[str]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    at = tmp_path_factory.mktemp("documents")
    project = shop(at)
    hashes = registered(project)
    loaded = load_project(project).documents
    texts = {one.name: one.text for zone in loaded.values() for one in zone.by_hash.values()}
    headers = bearer(project)
    processes = {zone: serve(project, zone, at / zone) for zone in ("internal", "closed")}
    clients = {
        zone: httpx.Client(base_url=process.url, headers=headers, trust_env=False, timeout=30)
        for zone, process in processes.items()
    }
    for client in clients.values():
        assert until(lambda client=client: client.get("/readyz").status_code == 200)  # type: ignore[misc]
    closed = at / "closed"
    yield Shop(project, hashes, clients, processes, closed, texts, frozenset(parsed_texts(closed)))
    for client in clients.values():
        client.close()
    for process in processes.values():
        assert process.stop() == 0
        assert process.errors == []
