"""Stream: the rows of one statement as they come, in Arrow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa


class ArrowStream(Protocol):
    """The rows of one statement as they come, in Arrow. ``schema`` is known before the first batch, and holds only the
    types of `arrow_types`. Raises `Refusal` CH501, CH502 or CH503 while it is iterated, once, by one task.

    ``aclose`` may be called again and again. It stops the statement at the engine where that still runs, and so does
    cancelling the task that iterates.
    """

    schema: pa.Schema

    def __aiter__(self) -> AsyncIterator[pa.RecordBatch]: ...

    async def aclose(self) -> None: ...
