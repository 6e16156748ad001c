"""Sources that answer by key, in this process: rows of a dictionary, scores of a function.

They stand in for stores and model servers where a test counts calls, breaks them, or compares what callers see. The
real ones have suites of their own (tests/keyed, tests/keyed_http, tests/keyed_onnx).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from resolvers.backends.failures import down
from resolvers.backends.keyed.keyed import Call, Key, Row
from resolvers.backends.places import Places
from schema.catalog import Product

Score = Callable[[Mapping[str, object]], Mapping[str, object]]


@dataclass
class Shelf:
    """``rows`` by product and key, ``scores`` by product. ``calls`` are what was asked. ``broken``: products whose
    calls fail; ``gate``: calls wait for it."""

    name: str
    rows: dict[str, dict[Key, Row]] = field(default_factory=dict)
    scores: dict[str, Score] = field(default_factory=dict)
    calls: list[tuple[str, tuple[Key, ...], Call]] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    gate: asyncio.Event | None = None
    cancelled: int = 0
    size: int = 3

    def batch(self, product: Product) -> int:
        return product.model.batch or self.size if product.model is not None else self.size

    def fit(self, product: Product) -> None: ...

    async def find(self, product: Product, keys: Sequence[Key], columns: Sequence[str], call: Call) -> list[Row | None]:
        self.calls.append((product.id, tuple(keys), call))
        try:
            await (self.gate.wait() if self.gate is not None else asyncio.sleep(0))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if product.id in self.broken:
            raise down(self.name)
        if product.model is not None:
            score = self.scores[product.id]
            return [score(dict(zip(product.key, key, strict=True))) for key in keys]
        kept = self.rows.get(product.id, {})
        return [None if (row := kept.get(key)) is None else {name: row.get(name) for name in columns} for key in keys]

    def asked(self, product: str) -> list[tuple[Key, ...]]:
        return [keys for id_, keys, _ in self.calls if id_ == product]

    async def check(self) -> None: ...

    def places(self) -> list[Places]:
        return []

    async def close(self) -> None: ...
