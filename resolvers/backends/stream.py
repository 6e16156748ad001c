"""A result that arrives as Arrow record batches."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa


class ArrowStream(Protocol):
    """A schema, the record batches one after another, and an end that may be called at any time, also twice."""

    schema: pa.Schema

    def __aiter__(self) -> AsyncIterator[pa.RecordBatch]: ...

    async def aclose(self) -> None: ...
