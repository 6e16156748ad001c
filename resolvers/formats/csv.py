"""CSV by RFC 4180: a header line, then a line per row.

NULL is an empty field, the empty string is ``""``. Values have their wire forms; arrays and structs are JSON text.
Lines end with ``\\n`` alone, as engines write and all readers take; there is no byte order mark. Names may repeat.

Data is never altered: a cell that a spreadsheet would take for a formula (``=``, ``+``, ``-``, ``@`` in front) stays as
it is. Whoever opens answers in a spreadsheet imports them as text. Of a single column, NULL is an empty line.

An answer that broke off cannot say so: the body must not be ended.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from resolvers.formats.choose import MEDIA
from resolvers.formats.column import ResultColumn
from resolvers.formats.escape import content, csv_quoted
from resolvers.formats.json_value import values
from resolvers.formats.text import text
from resolvers.formats.writer import Bytes
from schema.errors import Refusal
from schema.types import Kind, Type

_FREE = frozenset({Kind.STRING, Kind.UUID, Kind.JSON})
_NESTED = frozenset({Kind.ARRAY, Kind.STRUCT})


class CsvWriter:
    media = MEDIA["csv"] + "; charset=utf-8; header=present"

    def __init__(self, columns: Sequence[ResultColumn]) -> None:
        self._columns = columns

    def start(self) -> Bytes:
        names = csv_quoted(pa.array([column.name for column in self._columns], pa.string())).to_pylist()
        return (",".join(names) + "\n").encode()

    def batch(self, batch: pa.RecordBatch) -> Bytes:
        cells = [_cells(array, column.type) for array, column in zip(batch.columns, self._columns, strict=True)]
        last = pc.binary_join_element_wise(cells[-1], pa.scalar("\n"), "")
        return content(pc.binary_join_element_wise(*cells[:-1], last, ","))

    def end(self) -> Bytes:
        return b""

    def fail(self, refusal: Refusal, request_id: str) -> Bytes | None:
        return None


def _cells(array: pa.Array, type_: Type) -> pa.Array:
    if type_.kind in _NESTED:
        texts = csv_quoted(values(array, type_).texts)
    else:
        texts = text(array, type_)
        texts = csv_quoted(texts) if type_.kind in _FREE else texts
    return texts.fill_null("") if texts.null_count else texts
