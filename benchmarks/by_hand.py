"""The same page as `benchmarks.stitched` asks for, written by hand: what a careful team would write for this one
question, without policies. In batches as ours, or with one call for each row."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import onnxruntime
import orjson
from redis.asyncio import Redis

FEATURES = ("age", "flights", "mean_delay", "late_share", "seats")
SQL = """SELECT CAST(id AS TEXT), carrier, flight, tailnum, distance, hour, day_of_week,
CAST(15 * floor(dep_delay / 15.0) AS INTEGER) FROM flights
WHERE month = 12 AND list_contains(?, carrier) ORDER BY id LIMIT ?"""


class ByHand:
    """One connection to each source, as long as it lives. ``calls`` counts those to the store and to the model."""

    def __init__(self, warehouse: Path, store: str, model: Path, batch: int) -> None:
        self._database = duckdb.connect(str(warehouse), read_only=True)
        self._store = Redis.from_url(store, decode_responses=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._model = onnxruntime.InferenceSession(str(model), options)
        self._inputs = [(one.name, one.type) for one in self._model.get_inputs()]
        self._batch, self.calls = batch, 0

    async def page(self, carriers: list[str], size: int) -> bytes:
        """In batches: each key once, as many as fit into a call, calls side by side."""
        rows = await asyncio.to_thread(self._rows, carriers, size)
        keys = list(dict.fromkeys(row[3] for row in rows if row[3] is not None))
        parts = [keys[at : at + self._batch] for at in range(0, len(keys), self._batch)]
        found = [one for part in await asyncio.gather(*map(self._features, parts)) for one in part]
        features = dict(zip(keys, found, strict=True))
        inputs = [(*row[4:7], row[1], *_fed(features.get(row[3]))) for row in rows]
        different = list(dict.fromkeys(inputs))
        self.calls += 1
        scores = dict(zip(different, await asyncio.to_thread(self._score, different), strict=True))
        return self._written(rows, features, [scores[one] for one in inputs])

    async def page_by_rows(self, carriers: list[str], size: int) -> bytes:
        """One call for each row, as a resolver for each field would."""
        rows = await asyncio.to_thread(self._rows, carriers, size)
        features: dict[Any, Any] = {}
        scores = []
        for row in rows:
            if row[3] is not None:
                (features[row[3]],) = await self._features([row[3]])
            self.calls += 1
            scores += await asyncio.to_thread(self._score, [(*row[4:7], row[1], *_fed(features.get(row[3])))])
        return self._written(rows, features, scores)

    async def close(self) -> None:
        await self._store.aclose()
        self._database.close()

    def _rows(self, carriers: list[str], size: int) -> list[Any]:
        return self._database.cursor().execute(SQL, [carriers, size]).fetchall()

    async def _features(self, keys: Sequence[str]) -> list[list[str | None]]:
        self.calls += 1
        pipe = self._store.pipeline(transaction=False)
        for key in keys:
            pipe.hmget(f"aircraft:{key}", *FEATURES)
        found: list[list[str | None]] = await pipe.execute()
        return found

    def _score(self, inputs: Sequence[tuple[Any, ...]]) -> list[tuple[float, str]]:
        columns = list(zip(*inputs, strict=True))
        fed = {name: _tensor(values, type_) for (name, type_), values in zip(self._inputs, columns, strict=True)}
        outputs = dict(zip((one.name for one in self._model.get_outputs()), self._model.run(None, fed), strict=True))
        return list(zip(outputs["probability"].ravel().tolist(), outputs["label"].ravel().tolist(), strict=True))

    def _written(self, rows: list[Any], features: dict[Any, Any], scores: list[tuple[float, str]]) -> bytes:
        nodes = [
            {
                "id": row[0],
                "carrier": row[1],
                "flight": row[2],
                "tailnum": row[3],
                "depDelay": row[7],
                "aircraft": _shown(features.get(row[3])),
                "risk": {"probability": score[0], "label": score[1]},
            }
            for row, score in zip(rows, scores, strict=True)
        ]
        return orjson.dumps({"data": {"flights": {"nodes": nodes}}})


def _fed(found: list[str | None] | None) -> tuple[float | None, ...]:
    age, _, mean, late, _ = found or [None] * 5
    return tuple(None if value is None else float(value) for value in (mean, late, age))


def _shown(found: list[str | None] | None) -> dict[str, Any]:
    age, flights, mean, late, seats = found or [None] * 5
    whole = {"age": age, "flights": flights, "seats": seats}
    return {
        "status": "MISSING" if all(value is None for value in (age, flights, mean, late, seats)) else "PRESENT",
        **{name: None if value is None else int(value) for name, value in whole.items()},
        "meanDelay": None if mean is None else float(mean),
        "lateShare": None if late is None else float(late),
    }


def _tensor(values: Sequence[Any], type_: str) -> Any:
    if type_ == "tensor(string)":
        return np.array([value or "" for value in values], dtype=object).reshape(-1, 1)
    kind = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(int32)": np.int32}[type_]
    return np.array([np.nan if value is None else value for value in values], dtype=kind).reshape(-1, 1)
