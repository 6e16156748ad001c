"""Encode: a stream of Arrow batches becomes pieces of an answer's body.

1. Wait for the first rows: what is refused until then has no byte before it and is raised as it is.
2. Count rows and bytes (Arrow's own, so that the format does not matter) against the bounds, before they are written.
3. Write the batch in slices and compress them, in a thread unless it is small.
4. Give the first bytes at once, later ones in pieces, held back no longer than a moment while batches come.
5. A refusal on the way is told in the format, or raised as `BrokenOff` where it has no place for it.

The stream is closed whatever happens. Does not promise that a consumer hears of an early end in any other way: it must
break the connection off at `BrokenOff` and at every other exception, never end the body.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass

import pyarrow as pa

from resolvers.backends.backend import Bounds
from resolvers.backends.failures import too_many_bytes, too_many_rows
from resolvers.backends.stream import ArrowStream
from resolvers.formats.broken import BrokenOff
from resolvers.formats.compress import Compression, Compressor, compressor
from resolvers.formats.writer import Bytes, Writer
from schema.errors import Refusal

PIECE_LEAST, PIECE_MOST = 64 << 10, 256 << 10
SLICE_ROWS, SLICE_BYTES = 16_384, 1 << 20
_IN_THREAD = 32 << 10
_PATIENCE = 0.1
FEWER_ROWS = "Ask for fewer rows: a narrower WHERE, a LIMIT, or an aggregate."
FEWER_BYTES = "Ask for fewer rows, or for fewer or shorter columns."


@dataclass(slots=True)
class Tally:
    """What went into an answer so far, for logs and metrics, and why it ended early if it did."""

    rows: int = 0
    bytes: int = 0
    refusal: Refusal | None = None

    def add(self, batch: pa.RecordBatch, bounds: Bounds) -> None:
        """Count a batch. Raises `Refusal` CH601 or CH602."""
        self.rows += batch.num_rows
        self.bytes += batch.nbytes
        if self.rows > bounds.rows:
            raise too_many_rows(bounds.rows, FEWER_ROWS)
        if self.bytes > bounds.bytes:
            raise too_many_bytes(bounds.bytes, FEWER_BYTES)


async def encoded(
    stream: ArrowStream,
    writer: Writer,
    bounds: Bounds,
    compression: Compression = "identity",
    *,
    request_id: str = "",
    hints: bool = True,
    tally: Tally | None = None,
) -> AsyncGenerator[bytes, None]:
    """The pieces of a body. Raises `Refusal` before the first of them, `BrokenOff` after it. ``hints``: whether a
    refusal on the way is told with its hint."""
    tally = Tally() if tally is None else tally
    out = _Out(writer, compressor(compression))
    try:
        try:
            out.add(writer.start())  # and held until the first rows are there
            async for batch in stream:
                tally.add(batch, bounds)
                for part in _slices(batch):
                    await out.write(part)
                    for piece in out.ready():
                        yield piece
            await out.end()
        except Refusal as refusal:
            tally.refusal = refusal
            if not out.begun:
                raise
            said = writer.fail(refusal if hints else Refusal(refusal.code, refusal.message), request_id)
            if said is None:
                raise BrokenOff(refusal) from None
            out.add(said)
        for piece in out.rest():
            yield piece
    finally:
        await stream.aclose()


def _slices(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Parts of a batch whose texts stay small, whatever size the engine hands over."""
    rows = max(1, min(SLICE_ROWS, batch.num_rows * SLICE_BYTES // max(batch.nbytes, 1)))
    for at in range(0, batch.num_rows, rows):
        yield batch.slice(at, rows)


class _Out:
    """Bytes on their way out: written, compressed, cut into pieces. ``begun`` once the first has been given."""

    def __init__(self, writer: Writer, compressor: Compressor) -> None:
        self._writer, self._compressor = writer, compressor
        self._waiting: list[Bytes] = []
        self._size = 0
        self._last = 0.0
        self._held = False  # the compressor holds something that a flush would bring out
        self.begun = False

    def add(self, data: Bytes) -> None:
        self._take(self._compressed(data))

    async def write(self, batch: pa.RecordBatch) -> None:
        """Encode a batch; a thread that is left behind by a cancelled caller touches nothing but the writer."""
        if batch.nbytes < _IN_THREAD:
            self._take(self._encode(batch))
        else:
            self._take(await asyncio.to_thread(self._encode, batch))

    async def end(self) -> None:
        """What the writer held back: perhaps the whole answer."""
        self._take(await asyncio.to_thread(lambda: self._compressed(self._writer.end())))

    def ready(self) -> Iterator[bytes]:
        """The pieces that should leave now."""
        late = time.monotonic() - self._last > _PATIENCE
        if late and self._held:
            self._take(self._compressor.flush())
            self._held = False
        if self._size and (late or self._size >= PIECE_LEAST):
            yield from self._pieces()

    def rest(self) -> Iterator[bytes]:
        self._take(self._compressor.end())
        yield from self._pieces()

    def _encode(self, batch: pa.RecordBatch) -> Bytes:
        return self._compressed(self._writer.batch(batch))

    def _compressed(self, data: Bytes) -> Bytes:
        if not len(data):
            return b""
        self._held = True
        return self._compressor.add(data)

    def _take(self, data: Bytes) -> None:
        if len(data):
            self._waiting.append(data)
            self._size += len(data)

    def _pieces(self) -> Iterator[bytes]:
        whole = memoryview(b"".join(self._waiting) if len(self._waiting) != 1 else self._waiting[0])
        self._waiting, self._size = [], 0
        self._last = time.monotonic()
        for at in range(0, len(whole), PIECE_MOST):
            self.begun = True
            yield bytes(whole[at : at + PIECE_MOST])
