"""What writing an answer costs: 100,000 rows of nine columns of the flights in every format, and a stream of 5 million.

Ours is `encoded` with the writer of the format, from Arrow batches to pieces of bytes. The bare engine is DuckDB's COPY
of the same Arrow table to a file, and pyarrow's own writer where it has one, to memory. All are asked in turn, round by
round; the ratio is taken inside each round and the median reported. CPU is not, as all of them use several threads.
Peak memory is that of a process of its own, through which the stream goes.
"""

from __future__ import annotations

import asyncio
import io
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from benchmarks.formats_memory import CHOSEN, FLIGHTS, Repeated, asked
from benchmarks.place import Missing
from resolvers.formats.choose import MEDIA, Format, writer_of
from resolvers.formats.column import columns
from resolvers.formats.compress import Compression
from resolvers.formats.encode import encoded

ROWS, STREAMED, ROUNDS = 100_000, 5_000_000, 9
_COPIES: dict[Format, str] = {
    "json": "FORMAT json, ARRAY true",
    "ndjson": "FORMAT json",
    "csv": "FORMAT csv",
    "parquet": "FORMAT parquet, COMPRESSION zstd",
}
_CODED: tuple[Compression, ...] = ("gzip", "zstd")


def main() -> None:
    table = asked(pq.read_table(FLIGHTS, columns=CHOSEN), ROWS)
    with asyncio.Runner() as runner:  # one loop, whose threads stay, as a server has
        print("\n".join(_speed(table, runner)))
        print("\n".join(_coding(table, runner)))
    print("\n".join(_memory(table)))


def _speed(table: pa.Table, runner: asyncio.Runner) -> Iterator[str]:
    yield f"### {ROWS:,} rows of {len(CHOSEN)} columns\n"
    yield "| | ms | rows/s | MB | DuckDB ms | ours / DuckDB | pyarrow ms | ours / pyarrow |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("answer", table)
        for format_ in MEDIA:
            ways: list[Callable[[], object] | None] = [
                lambda format_=format_: written(runner, table, format_),  # type: ignore[misc]
                _copy(connection, Path(folder) / "answer", format_),
                _own(table, format_),
            ]
            ours, *others = _rounds(ways)
            size = written(runner, table, format_) / 1e6
            median = statistics.median(ours)
            cells = [f"{median * 1e3:.1f}", f"{ROWS / median:,.0f}", f"{size:.1f}"]
            for theirs in others:
                ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True)) if theirs else 0.0
                cells += [f"{statistics.median(theirs) * 1e3:.1f}", f"{ratio:.2f}"] if theirs else ["–", "–"]
            yield f"| {format_} | {' | '.join(cells)} |"


def _coding(table: pa.Table, runner: asyncio.Runner) -> Iterator[str]:
    yield "\n### With a content coding\n\n| | " + " | ".join(f"{coding} ms | {coding} MB" for coding in _CODED) + " |"
    yield "|---|" + "--:|--:|" * len(_CODED)
    for format_ in MEDIA:
        if format_ != "parquet":
            cells = []
            for coding in _CODED:
                (times,) = _rounds([lambda format_=format_, coding=coding: written(runner, table, format_, coding)])  # type: ignore[misc]
                cells += [
                    f"{statistics.median(times) * 1e3:.0f}",
                    f"{written(runner, table, format_, coding) / 1e6:.1f}",
                ]
            yield f"| {format_} | {' | '.join(cells)} |"


def _memory(table: pa.Table) -> Iterator[str]:
    yield f"\n### A stream of {STREAMED:,} rows\n\n| | seconds | GB | peak MiB | of which writing |"
    yield "|---|--:|--:|--:|--:|"
    given = io.BytesIO()
    with pa.ipc.new_stream(given, table.schema) as out:
        out.write_table(table)
    for format_ in MEDIA:
        command = [sys.executable, "-m", "benchmarks.formats_memory", format_, str(STREAMED)]
        done = subprocess.run(command, input=given.getvalue(), capture_output=True, timeout=600, check=False)
        if done.returncode:
            raise Missing(f"The stream failed: {done.stderr.decode().strip()[-1000:]}")
        seconds, size, peak, before = (float(word) for word in done.stdout.split())
        yield f"| {format_} | {seconds:.1f} | {size / 1e9:.2f} | {peak:.0f} | {peak - before:.0f} |"


def written(runner: asyncio.Runner, table: pa.Table, format_: Format, coding: Compression = "identity") -> int:
    """Write the table and throw the pieces away; how many bytes they were."""

    async def drain() -> int:
        made = writer_of(format_, table.schema, columns(table.schema, [None] * len(table.schema)))
        stream = Repeated(table, table.num_rows)
        return sum([len(piece) async for piece in encoded(stream, made, stream.bounds, coding)])

    return runner.run(drain())


def _copy(connection: duckdb.DuckDBPyConnection, file: Path, format_: Format) -> Callable[[], object] | None:
    if format_ not in _COPIES:
        return None
    return lambda: connection.execute(f"COPY answer TO '{file}' ({_COPIES[format_]})")


def _own(table: pa.Table, format_: Format) -> Callable[[], object] | None:
    def stream() -> None:
        with pa.ipc.new_stream(io.BytesIO(), table.schema) as out:
            out.write_table(table)

    own: dict[Format, Callable[[], object]] = {
        "csv": lambda: pacsv.write_csv(table, io.BytesIO()),
        "arrow": stream,
        "parquet": lambda: pq.write_table(table, io.BytesIO(), compression="zstd"),
    }
    return own.get(format_)


def _rounds(ways: list[Callable[[], object] | None]) -> list[list[float]]:
    """Seconds of each way by round, the first round not counted; none where there is no way."""
    found: list[list[float]] = [[] for _ in ways]
    for turn in range(ROUNDS + 1):
        for times, way in zip(found, ways, strict=True):
            if way is not None:
                begun = time.perf_counter()
                way()
                if turn:
                    times.append(time.perf_counter() - begun)
    return found
