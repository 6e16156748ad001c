"""Virtual: the tables of `schema.sql.information` as Arrow, for one caller's visible names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schema.catalog import Catalog
from schema.sql.information import virtual_columns, virtual_rows
from schema.statement import VIRTUAL_MARK
from schema.types import INTEGER
from schema.visible import VisibleSet

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Virtual:
    """What one caller may know, as tables."""

    catalog: Catalog
    visible: VisibleSet

    def table(self, name: str) -> pa.RecordBatch:
        """The rows of a virtual table by its name in a governed statement."""
        import pyarrow as pa

        known = name.removeprefix(VIRTUAL_MARK)
        columns = virtual_columns(known)
        if columns is None:
            raise ValueError(f"there is no virtual table {known}")
        rows = virtual_rows(known, self.catalog, self.visible)
        arrays = [
            pa.array([row[at] for row in rows], pa.int32() if type_ == INTEGER else pa.string())
            for at, type_ in enumerate(columns.values())
        ]
        return pa.RecordBatch.from_arrays(arrays, names=list(columns))


class Rows:
    """One batch as a stream."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch
        self.schema = batch.schema

    async def __aiter__(self) -> AsyncIterator[pa.RecordBatch]:
        yield self._batch

    async def aclose(self) -> None:
        """There is nothing to close."""
