"""Arrow: an IPC stream, the batches as they come. Values keep their Arrow types; each field also says its logical type.

Buffers leave as they are, so what an engine left under a NULL is taken out first.

An answer that broke off cannot say so: the end-of-stream mark is missing, and the body must not be ended.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from resolvers.formats.choose import MEDIA
from resolvers.formats.column import ResultColumn
from resolvers.formats.hidden import scrubbed
from resolvers.formats.public import clothed, public
from resolvers.formats.writer import Bytes
from schema.errors import Refusal

_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"


class ArrowWriter:
    media = MEDIA["arrow"]

    def __init__(self, schema: pa.Schema, columns: Sequence[ResultColumn]) -> None:
        self._schema = public(schema, columns)

    def start(self) -> Bytes:
        return memoryview(self._schema.serialize())

    def batch(self, batch: pa.RecordBatch) -> Bytes:
        clean = pa.RecordBatch.from_arrays([scrubbed(array) for array in batch.columns], schema=batch.schema)
        return memoryview(clothed(clean, self._schema).serialize())

    def end(self) -> Bytes:
        return _END

    def fail(self, refusal: Refusal, request_id: str) -> Bytes | None:
        return None
