"""The servers ours is compared with: their letters in tables, ports, query sets and how each is started."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.postgraphile import postgraphile
from benchmarks.processes import Server, python_peer

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Peer:
    """``letter`` stands for it in tables and on the command line; ``port`` is where it listens when run alone."""

    letter: str
    said: str
    port: int
    server: Callable[[int], Server]
    queries: Path


PEERS = {
    "D": Peer(
        "D",
        "the ceiling: a bare ASGI app, SQL by hand, bytes passed through",
        18004,
        lambda port: python_peer("ceiling", port),
        FOLDER / "ceiling.json",
    ),
    "A": Peer(
        "A",
        "PostGraphile 5 in its production settings",
        18001,
        postgraphile,
        FOLDER / "postgraphile.json",
    ),
    "B": Peer(
        "B",
        "strawberry, FastAPI, SQLAlchemy's ORM and data loaders, as a careful team writes it",
        18002,
        lambda port: python_peer("strawberry_orm", port),
        FOLDER / "strawberry_orm.json",
    ),
}
