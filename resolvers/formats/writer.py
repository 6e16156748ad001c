"""What writes an answer in one format, batch by batch; and how a format that can tells that the answer broke off.

An answer that ends early must be seen to end early. JSON closes with an ``error`` and without ``row_count``; NDJSON
ends with a line ``{"error": ..}``. CSV, Arrow and Parquet have no place for that: whoever sends them breaks the
connection off instead of ending the body, and Arrow then lacks its end-of-stream mark, Parquet its footer.
"""

from __future__ import annotations

from typing import Protocol

import orjson
import pyarrow as pa

from schema.errors import Refusal

Bytes = bytes | memoryview


class Writer(Protocol):
    """Writes one answer and is then done with. Each method gives the next bytes, which may be none."""

    media: str

    def start(self) -> Bytes: ...

    def batch(self, batch: pa.RecordBatch) -> Bytes: ...

    def end(self) -> Bytes: ...

    def fail(self, refusal: Refusal, request_id: str) -> Bytes | None:
        """What tells a reader that the rest is missing; None where the format cannot, and the body must not end."""


def error_of(refusal: Refusal, request_id: str) -> bytes:
    """``{"code", "message", "hint", "request_id"}``."""
    said = {"code": refusal.code, "message": refusal.message, "hint": refusal.hint, "request_id": request_id}
    return orjson.dumps(said)
