"""Known: the relations and columns that a caller may name in SQL, of the catalog and their visible set."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from schema.catalog import Catalog
from schema.names import did_you_mean
from schema.sql.information import virtual_columns, virtual_tables
from schema.sql.joinkeys import JoinKey, join_keys
from schema.sqltype import WORDS
from schema.statement import FAR_JOIN, JOIN
from schema.types import STRING, Kind, Type
from schema.visible import VisibleSet


class Known:
    """Names are ``domain.product``, or ``schema.table`` of a virtual one."""

    def __init__(self, catalog: Catalog, visible: VisibleSet) -> None:
        self._catalog, self._visible = catalog, visible
        self._joins: dict[str, dict[str, JoinKey]] = {}
        self.joined: set[str] = set()
        """The products at the ends of the join keys that were spelt."""

    def has(self, name: str) -> bool:
        return self._visible.product(name) or self.virtual(name)

    def virtual(self, name: str) -> bool:
        return virtual_columns(name) is not None

    def tables(self) -> Iterable[str]:
        """All that may be named."""
        return [*self._visible.columns, *virtual_tables()]

    def near(self, name: str, others: Iterable[str]) -> str | None:
        """A hint that names the nearest of these, where callers are given such hints."""
        return did_you_mean(name, others) if self._visible.suggests else None

    def types(self, name: str) -> dict[str, str]:
        """The columns of a relation with sqlglot's types, in their order; join keys last."""
        return {column: spelt(type_) for column, type_ in self._columns(name).items()}

    def column(self, name: str, column: str) -> Type | None:
        return self._columns(name).get(column)

    def names(self, relations: Iterable[str]) -> frozenset[str]:
        """Every name that stands in these relations, and their own."""
        found = {part for relation in relations for part in relation.split(".")}
        return frozenset(found.union(*(self._columns(relation) for relation in relations)))

    def is_join_key(self, name: str, column: str) -> bool:
        return column in self._join_keys(name)

    def spell(self, name: str, column: exp.Column) -> None:
        """Mark a column with its logical type; a join key gets the name that the gate knows it by."""
        column.meta["logical"] = self._columns(name)[column.name]
        key = self._join_keys(name).get(column.name)
        if key is not None:
            way = self._catalog.relationship(key.relationship)
            self.joined |= {way.owner, way.target}
            mark = FAR_JOIN if key.far else JOIN
            column.set("this", exp.to_identifier(f"{mark}{key.relationship}", quoted=True))

    def _columns(self, name: str) -> dict[str, Type]:
        virtual = virtual_columns(name)
        if virtual is not None:
            return dict(virtual)
        product = self._catalog.products.get(name)
        if product is None or not self._visible.product(name):
            return {}
        found = {c: column.type for c, column in product.columns.items() if self._visible.column(name, c)}
        return found | dict.fromkeys(self._join_keys(name), STRING)

    def _join_keys(self, name: str) -> dict[str, JoinKey]:
        found = self._joins.get(name)
        if found is None:
            product = self._catalog.products.get(name)
            keys = [] if product is None else join_keys(self._catalog, self._visible, product)
            found = self._joins[name] = {key.name: key for key in keys}
        return found


def spelt(type_: Type) -> str:
    """A logical type as sqlglot reads it in a schema."""
    if type_.kind is Kind.ARRAY and type_.item is not None:
        return f"ARRAY<{spelt(type_.item)}>"
    if type_.kind is Kind.STRUCT:
        return "JSON"
    return "DECIMAL" if type_.kind is Kind.DECIMAL else WORDS[type_.kind]
