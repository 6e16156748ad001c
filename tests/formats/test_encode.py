"""A stream on its way out: the first bytes, limits, failures before and after them, the end of the stream, memory."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
from collections.abc import AsyncIterator
from contextlib import aclosing

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from resolvers.backends.backend import Bounds
from resolvers.backends.failures import timed_out
from resolvers.formats.choose import Format
from resolvers.formats.compress import Compression
from resolvers.formats.encode import PIECE_MOST, BrokenOff, Tally, encoded
from resolvers.formats.json_columns import JsonColumnsWriter
from schema.errors import Refusal
from tests.formats.asking import FORMATS, WIDE, Stream, body, writer

WORDS = pa.table({"n": list(range(40_000)), "word": [f"word {n * 7919 % 40_000}" for n in range(40_000)]})
SPEAKING: tuple[Format, ...] = ("json", "ndjson")
SILENT: tuple[Format, ...] = ("csv", "arrow", "parquet")


async def pieces(stream: Stream, format_: Format, bounds: Bounds = WIDE, tally: Tally | None = None) -> list[bytes]:
    made = writer(WORDS, format_)
    return [piece async for piece in encoded(stream, made, bounds, request_id="r1", tally=tally)]


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("error", [timed_out("s"), RuntimeError("bug")])
async def test_nothing_leaves_before_the_first_batch(format_: Format, error: Exception) -> None:
    """So an early refusal still has a status of its own."""
    stream = Stream(WORDS.slice(0, 0), error=error)
    with pytest.raises(type(error)) as raised:
        await pieces(stream, format_)
    assert raised.value is error
    assert stream.closed == 1


async def test_an_empty_batch_is_not_the_first() -> None:
    class Late(Stream):
        async def __aiter__(self) -> AsyncIterator[pa.RecordBatch]:
            yield pa.RecordBatch.from_pylist([], schema=WORDS.schema)
            raise timed_out("s")

    with pytest.raises(Refusal):
        await pieces(Late(WORDS), "json")


@pytest.mark.parametrize("format_", FORMATS)
async def test_too_many_rows_in_the_first_batch(format_: Format) -> None:
    stream, tally = Stream(WORDS, 1000), Tally()
    with pytest.raises(Refusal) as refused:
        await pieces(stream, format_, Bounds(999, 1 << 40), tally)
    assert (refused.value.code, refused.value.status, tally.refusal) == ("CH601", 422, refused.value)
    assert "WHERE" in str(refused.value.hint)
    assert (stream.given, stream.closed) == (1, 1)


@pytest.mark.parametrize("format_", FORMATS)
async def test_exactly_as_many_as_allowed(format_: Format) -> None:
    tally = Tally()
    await pieces(Stream(WORDS, 1000), format_, Bounds(40_000, WORDS.nbytes * 2), tally)
    assert (tally.rows, tally.refusal) == (40_000, None)
    assert 0 < tally.bytes < WORDS.nbytes * 2


BOUNDS = [("CH601", Bounds(5000, 1 << 40)), ("CH602", Bounds(1 << 40, 100_000))]


@pytest.mark.parametrize(("code", "bounds"), BOUNDS)
async def test_json_that_ends_early_says_so(code: str, bounds: Bounds) -> None:
    stream = Stream(WORDS, 1000)
    answer = json.loads(b"".join(await pieces(stream, "json", bounds)))
    assert list(answer) == ["columns", "rows", "error"]
    assert 0 < len(answer["rows"]) <= 5000
    assert list(answer["error"]) == ["code", "message", "hint", "request_id"]
    assert (answer["error"]["code"], answer["error"]["request_id"]) == (code, "r1")
    assert stream.closed == 1
    assert stream.given < 40


@pytest.mark.parametrize(("code", "bounds"), BOUNDS)
async def test_ndjson_that_ends_early_says_so(code: str, bounds: Bounds) -> None:
    *rows, last = b"".join(await pieces(Stream(WORDS, 1000), "ndjson", bounds)).splitlines()
    assert 0 < len(rows) <= 5000
    assert all(list(json.loads(row)) == ["n", "word"] for row in rows)
    assert json.loads(last)["error"]["code"] == code


@pytest.mark.parametrize("format_", SPEAKING)
async def test_a_source_that_fails_midway(format_: Format) -> None:
    stream, tally = Stream(WORDS, 1000, timed_out("s")), Tally()
    answer = b"".join(await pieces(stream, format_, tally=tally)).decode()
    assert '"code":"CH503"' in answer
    assert "row_count" not in answer
    assert tally.rows == 40_000
    assert tally.refusal is not None
    assert stream.closed == 1


def unread(format_: Format, sent: bytes) -> None:
    """Read what arrived as its reader does. Raises where the reader sees that something is missing."""
    if format_ == "parquet":
        pq.read_table(io.BytesIO(sent))
    elif not sent.endswith(b"\xff\xff\xff\xff\0\0\0\0"):
        raise pa.ArrowInvalid("no end-of-stream mark")


@pytest.mark.parametrize("format_", SILENT)
async def test_formats_that_cannot_say_so_are_broken_off(format_: Format) -> None:
    error = timed_out("s")
    stream, sent = Stream(WORDS, 1000, error), b""
    with pytest.raises(BrokenOff) as broken:
        async for piece in encoded(stream, writer(WORDS, format_), WIDE):
            sent += piece
    assert broken.value.refusal is error
    assert sent
    assert stream.closed == 1
    if format_ != "csv":
        with pytest.raises(pa.ArrowInvalid):
            unread(format_, sent)
        unread(format_, await body(WORDS, format_))


@pytest.mark.parametrize("format_", FORMATS)
async def test_a_bug_midway_is_not_an_end(format_: Format) -> None:
    stream = Stream(WORDS, 1000, RuntimeError("bug"))
    with pytest.raises(RuntimeError, match="bug"):
        await pieces(stream, format_)
    assert stream.closed == 1


async def test_json_by_column_is_bounded_and_refused_cleanly() -> None:
    made = writer(WORDS, "json", layout="columns")
    assert isinstance(made, JsonColumnsWriter)
    for most, error in ((100_000, None), (1 << 30, timed_out("s"))):
        small = JsonColumnsWriter(made._columns, most)
        for compression in ("identity", "gzip", "zstd"):
            stream = Stream(WORDS, 1000, error)
            with pytest.raises(Refusal) as refused:
                await anext(encoded(stream, small, WIDE, compression))  # type: ignore[arg-type]
            assert refused.value.code == ("CH602" if error is None else "CH503")
            assert stream.closed == 1


@pytest.mark.parametrize("format_", FORMATS)
async def test_the_first_bytes_do_not_wait_for_the_second_batch(format_: Format) -> None:
    stream = Stream(WORDS, 100)
    async with aclosing(encoded(stream, writer(WORDS, format_), WIDE)) as out:
        assert await anext(out)
        assert stream.given == 1
    assert stream.closed == 1


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
async def test_the_first_bytes_can_be_read_at_once(compression: Compression) -> None:
    stream = Stream(WORDS, 100)
    async with aclosing(encoded(stream, writer(WORDS, "ndjson"), WIDE, compression)) as out:
        first = await anext(out)
    assert opened(first, compression).read(19) == b'{"n":"0","word":"wo'


@pytest.mark.parametrize("compression", ["identity", "gzip", "zstd"])
@pytest.mark.parametrize("format_", FORMATS)
async def test_compression(format_: Format, compression: Compression) -> None:
    plain, coded = await body(WORDS, format_), await body(WORDS, format_, compression=compression)
    assert opened(coded, compression).read() == plain
    if compression != "identity" and format_ != "parquet":
        assert len(coded) < len(plain) / 2


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
async def test_compression_of_an_answer_that_is_held(compression: Compression) -> None:
    coded = await body(WORDS, "json", layout="columns", compression=compression)
    assert opened(coded, compression).read() == await body(WORDS, "json", layout="columns")


def opened(coded: bytes, compression: Compression) -> io.BufferedIOBase:
    match compression:
        case "identity":
            return io.BytesIO(coded)
        case "gzip":
            return gzip.GzipFile(fileobj=io.BytesIO(coded))
        case "zstd":
            return pa.CompressedInputStream(pa.BufferReader(coded), "zstd")  # type: ignore[no-any-return]


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
async def test_a_broken_off_compression_has_no_end(compression: Compression) -> None:
    sent = b""
    with pytest.raises(BrokenOff):
        async for piece in encoded(Stream(WORDS, 1000, timed_out("s")), writer(WORDS, "csv"), WIDE, compression):
            sent += piece
    with pytest.raises((EOFError, OSError)):
        opened(sent, compression).read()


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("rows", [10, 40_000])
async def test_pieces_are_of_bounded_size(format_: Format, rows: int) -> None:
    found = await pieces(Stream(WORDS, rows), format_)
    assert all(0 < len(piece) <= PIECE_MOST for piece in found)
    assert len(found) < 60


@pytest.mark.parametrize("format_", FORMATS)
async def test_batches_are_pulled_as_pieces_are_taken(format_: Format) -> None:
    """Memory is bounded by this: nothing is read ahead of what is written, but what a row group holds."""
    stream = Stream(pa.concat_tables([WORDS] * 20), 10_000)
    ahead, sent = 0, 0
    before = 0
    async with aclosing(encoded(stream, writer(WORDS, format_), WIDE)) as out:
        async for piece in out:
            ahead = max(ahead, stream.given - before)
            before, sent = stream.given, sent + len(piece)
    assert stream.given == 80
    assert ahead <= (14 if format_ == "parquet" else 2)


@pytest.mark.parametrize("after", [0, 1, 3])
async def test_a_consumer_that_stops(after: int) -> None:
    stream = Stream(WORDS, 1000)
    out = encoded(stream, writer(WORDS, "json"), WIDE)
    for _ in range(after):
        await anext(out)
    await out.aclose()  # type: ignore[attr-defined]
    assert stream.closed == (1 if after else 0)


async def test_a_consumer_that_is_cancelled() -> None:
    waiting = asyncio.Event()

    class Slow(Stream):
        async def __aiter__(self) -> AsyncIterator[pa.RecordBatch]:
            yield self._batches[0]
            waiting.set()
            await asyncio.Event().wait()

    stream = Slow(WORDS)
    task = asyncio.create_task(pieces(stream, "csv"))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stream.closed == 1
