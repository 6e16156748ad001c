"""A stream of many rows through one writer: seconds, bytes, peak memory in MiB, and what there was before it began.

The rows that it repeats come in Arrow on standard input: reading them from a file would cost more memory than writing.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pyarrow as pa

from resolvers.backends.backend import Bounds
from resolvers.formats.choose import by_name, writer_of
from resolvers.formats.column import columns
from resolvers.formats.encode import encoded

FLIGHTS = Path(__file__).parents[1] / "examples" / "flights" / "data" / "flights.parquet"
CHOSEN = ["year", "month", "day", "dep_time", "dep_delay", "carrier", "tailnum", "distance", "time_hour"]
_BATCH = 20_000


def asked(table: pa.Table, rows: int) -> pa.Table:
    """As an engine hands it over: the small integers as 32 bits."""
    small = {"year", "month", "day"}
    fields = [pa.field(field.name, pa.int32()) if field.name in small else field for field in table.schema]
    return table.slice(0, rows).cast(pa.schema(fields)).combine_chunks()


class Repeated:
    """A table's batches again and again until there were so many rows."""

    def __init__(self, table: pa.Table, rows: int) -> None:
        self.schema = table.schema
        self.bounds = Bounds(rows, 1 << 50)
        self._batches, self._rows = table.to_batches(max_chunksize=_BATCH), rows

    async def __aiter__(self) -> AsyncIterator[pa.RecordBatch]:
        left = self._rows
        while left:
            for batch in self._batches:
                given = batch.slice(0, min(left, batch.num_rows))
                left -= given.num_rows
                if given.num_rows:
                    yield given

    async def aclose(self) -> None:
        pass


async def streamed(table: pa.Table, name: str, rows: int) -> str:
    format_ = by_name(name) or "json"
    made = writer_of(format_, table.schema, columns(table.schema, [None] * len(table.schema)))
    stream, size = Repeated(table, rows), 0
    before, begun = _peak(), time.perf_counter()
    async for piece in encoded(stream, made, stream.bounds):
        size += len(piece)
    return f"{time.perf_counter() - begun} {size} {_peak()} {before}"


def _peak() -> float:
    """From /proc: what `getrusage` says begins with the memory of the process that started this one."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


if __name__ == "__main__":
    given = pa.ipc.open_stream(sys.stdin.buffer).read_all()
    print(asyncio.run(streamed(given, sys.argv[1], int(sys.argv[2]))))
