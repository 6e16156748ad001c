"""BigQuery: the pages of a job's answer as Arrow batches, of a page at a time; and the stream of what gives batches.

Whole columns of text are converted at once, by Arrow. Types: bool, int64, float64, decimal128 (NUMERIC), string,
binary, date32, time64[us], timestamp[us], timestamp[us, UTC], list, struct; JSON, GEOGRAPHY, INTERVAL, RANGE and
BIGNUMERIC, which has more digits than decimal128, are text.

Two batches are held at most beside a page: the one that was given out, and the next, which is made meanwhile.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from resolvers.backends.bigquery_jobs import Begun
from resolvers.backends.threads import Job

PAGE, BATCH = 50_000, 16_384
"""Most rows of a page, of which the service sends no more than 10 MB, and of a batch."""
_INSTANT = pa.timestamp("us", tz="UTC")
_TYPES: Mapping[str, pa.DataType] = {
    "INTEGER": pa.int64(),
    "INT64": pa.int64(),
    "FLOAT": pa.float64(),
    "FLOAT64": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "BOOL": pa.bool_(),
    "BYTES": pa.binary(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "DATETIME": pa.timestamp("us"),
    "TIMESTAMP": _INSTANT,
}
_RECORDS = ("RECORD", "STRUCT")

Field = Mapping[str, Any]


class Batches(Protocol):
    """The rows of a job that is done, in their order."""

    schema: pa.Schema

    def next(self, job: Job) -> pa.RecordBatch | None: ...

    def close(self) -> None: ...


class Pages:
    """The pages of a job that is done, in their order. The first is there."""

    def __init__(self, begun: Begun, first: Mapping[str, Any]) -> None:
        self.begun, self._page = begun, first
        self._fields: Sequence[Field] = first.get("schema", {}).get("fields", ())
        self.schema = pa.schema([pa.field(field["name"], arrow_type(field)) for field in self._fields])
        self._at = 0

    def next(self, job: Job) -> pa.RecordBatch | None:
        """The next batch that has rows; None at the end."""
        while True:
            rows = self._page.get("rows", ())[self._at : self._at + BATCH]
            if rows:
                self._at += len(rows)
                return self._batch(rows)
            token = self._page.get("pageToken")
            if token is None:
                return None
            self._page, self._at = self.begun.page(token, PAGE, job), 0

    def close(self) -> None:
        """Nothing is held: the pages lie with the service."""

    def _batch(self, rows: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
        cells = zip(*[row["f"] for row in rows], strict=True)
        columns = [
            column(field, [cell["v"] for cell in found]) for field, found in zip(self._fields, cells, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


class BigQueryStream:
    """An `ArrowStream`. ``run`` runs what reads the next batch in a thread, until the deadline of the whole."""

    def __init__(
        self,
        batches: Batches,
        run: Callable[[Callable[[Job], pa.RecordBatch | None]], Awaitable[pa.RecordBatch | None]],
    ) -> None:
        self.schema: pa.Schema = batches.schema
        self._batches, self._run = batches, run
        self._next: asyncio.Future[pa.RecordBatch | None] | None = self._begun()

    def __aiter__(self) -> AsyncIterator[pa.RecordBatch]:
        return self

    async def __anext__(self) -> pa.RecordBatch:
        """Raises `Refusal` as `Backend.fetch` does."""
        if self._next is None:
            raise StopAsyncIteration
        try:
            found = await self._next
        except BaseException:
            await self.aclose()
            raise
        if found is None:
            self._next = None
            raise StopAsyncIteration
        self._next = self._begun()
        return found

    def _begun(self) -> asyncio.Future[pa.RecordBatch | None]:
        """The next batch, under way. How it ends is of no interest where nobody comes for it."""
        made = asyncio.ensure_future(self._run(self._batches.next))
        made.add_done_callback(lambda done: done.cancelled() or done.exception())
        return made

    async def aclose(self) -> None:
        """End it. The job is done by then: its rows lie with the service, and are no longer asked for."""
        self._batches.close()
        waiting, self._next = self._next, None
        if waiting is not None:
            waiting.cancel()
            with suppress(BaseException):
                await waiting


def arrow_type(field: Field) -> pa.DataType:
    if field.get("mode") == "REPEATED":
        return pa.list_(arrow_type({**field, "mode": "NULLABLE"}))
    kind = field["type"]
    if kind in _RECORDS:
        return pa.struct([pa.field(inner["name"], arrow_type(inner)) for inner in field["fields"]])
    if kind == "NUMERIC":
        precision = int(field.get("precision", 38))
        return pa.decimal128(precision, int(field.get("scale", 0 if "precision" in field else 9)))
    return _TYPES.get(kind, pa.string())


def column(field: Field, values: list[Any]) -> pa.Array:
    """The cells of one column."""
    if field.get("mode") == "REPEATED":
        return _list({**field, "mode": "NULLABLE"}, values)
    kind = field["type"]
    if kind in _RECORDS:
        return _struct(field, values)
    if kind == "BYTES":
        return pa.array([None if value is None else base64.b64decode(value) for value in values], pa.binary())
    texts = pa.array(values, pa.string())
    if kind == "TIMESTAMP":
        return texts.cast(pa.int64()).cast(_INSTANT)
    if kind == "TIME":  # Arrow reads no times, but moments
        return pc.binary_join_element_wise("2000-01-01", texts, "T").cast(pa.timestamp("us")).cast(pa.time64("us"))
    return texts.cast(arrow_type(field))


def _list(item: Field, values: list[Any]) -> pa.Array:
    offsets, cells = [0], []
    for value in values:
        cells += [cell["v"] for cell in value or ()]
        offsets.append(len(cells))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), column(item, cells))


def _struct(field: Field, values: list[Any]) -> pa.Array:
    inner = field["fields"]
    columns = [
        column(one, [None if value is None else value["f"][at]["v"] for value in values])
        for at, one in enumerate(inner)
    ]
    mask = pa.array([value is None for value in values], pa.bool_())
    return pa.StructArray.from_arrays(columns, fields=list(arrow_type(field)), mask=mask)
