"""Rows of a statement as a table for a terminal."""

from __future__ import annotations

from collections.abc import AsyncIterator

import orjson
import pyarrow as pa

from resolvers.backends.backend import Bounds
from resolvers.backends.stream import ArrowStream
from resolvers.formats.choose import writer_of
from resolvers.formats.column import columns
from resolvers.formats.encode import encoded
from resolvers.statements.engine import Result

_WIDEST = 60
_BYTES = 64 * 1024 * 1024


async def rows_text(result: Result, most: int) -> str:
    """The first rows under the names of their columns, and how many there are, or that there are more. Raises
    `Refusal`."""
    shown = _First(result.stream, most + 1)
    writer = writer_of("json", shown.schema, columns(shown.schema, result.types))
    body = b"".join([piece async for piece in encoded(shown, writer, Bounds(most + 1, _BYTES))])
    answer = orjson.loads(body)
    names = [str(column["name"]) for column in answer["columns"]]
    rows = [[_cell(value) for value in row] for row in answer["rows"]]
    more = len(rows) > most
    rows = rows[:most]
    widths = [max(len(line[at]) for line in [names, *rows]) for at in range(len(names))]
    lines = [_line(names, widths), "-+-".join("-" * width for width in widths)]
    lines += [_line(row, widths) for row in rows]
    count = f"more than {most} rows; these are the first" if more else f"{len(rows)} row{'s' if len(rows) != 1 else ''}"
    if "error" in answer:
        count = f"broken off: {answer['error']['code']} {answer['error']['message']}"
    return "\n".join([*lines, f"({count})"])


class _First:
    """The first rows of a stream."""

    def __init__(self, stream: ArrowStream, most: int) -> None:
        self._stream, self._most = stream, most
        self.schema = stream.schema

    async def __aiter__(self) -> AsyncIterator[pa.RecordBatch]:
        left = self._most
        async for batch in self._stream:
            yield batch.slice(0, left)
            left -= batch.num_rows
            if left <= 0:
                return

    async def aclose(self) -> None:
        await self._stream.aclose()


def _line(cells: list[str], widths: list[int]) -> str:
    return " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _cell(value: object) -> str:
    text = "" if value is None else value if isinstance(value, str) else orjson.dumps(value).decode()
    flat = " ".join(text.split("\n"))
    return flat if len(flat) <= _WIDEST else flat[: _WIDEST - 1] + "…"
