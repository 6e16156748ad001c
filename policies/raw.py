"""The raw side of a product inside its governed relation: physical names, derived columns, views, related rows.

Nothing here decides anything; it spells what `policies.relation` asks for over the source's own tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from schema.catalog import Catalog, Product
from schema.sqltype import data_type
from schema.trees import copied
from schema.types import Type

ALIAS = "s"
_RANK = "~latest"

ViewRelation = Callable[[Product], exp.Select]
"""Gives the rows of a product that a view may read: row filters and denies applied, no masks."""


@dataclass(frozen=True, slots=True)
class RawTable:
    """A product's table or view as the source has it, under the alias ``s``.

    ``derived`` are the parsed expressions of derived columns; ``view`` is the steward's SELECT over product names.
    """

    product: Product
    catalog: Catalog
    derived: Mapping[str, exp.Expression]
    view: exp.Select | None
    inside: ViewRelation

    def column(self, name: str) -> exp.Expression:
        """The raw value of a logical column."""
        return _column(self.product, self.derived, name, ALIAS)

    def key_type(self, index: int) -> Type:
        return self.product.columns[self.product.key[index]].type

    def place(self, formula: exp.Expression) -> exp.Expression:
        """A policy's formula over logical columns, spelt over this table. Paths to related rows become sub-selects."""
        return place(copied(formula), self.product, self.derived, self.catalog)

    def source(self) -> exp.Expression:
        """What stands behind FROM."""
        found = self._rows()
        features = self.product.features
        return found if features is None or features.event_time is None else self._latest(found, features.event_time)

    def _latest(self, rows: exp.Expression, event_time: str) -> exp.Expression:
        """The latest row of each entity."""
        columns = self.product.columns
        names = [column.physical for column in columns.values() if column.expression is None]
        newest = exp.Ordered(this=self.column(event_time), desc=True, nulls_first=False)
        number = exp.Window(
            this=exp.RowNumber(),
            partition_by=[self.column(name) for name in self.product.key],
            order=exp.Order(expressions=[newest]),
        )
        items: list[exp.Expression] = [exp.Column(this=_name(name), table=_name(ALIAS)) for name in names]
        named = [exp.Alias(this=copied(item), alias=_name(item.name)) for item in items]
        ranked = exp.select(*named, exp.Alias(this=number, alias=_name(_RANK)), copy=False).from_(rows, copy=False)
        inner = ranked.subquery(_name(ALIAS), copy=False)
        first = exp.EQ(this=exp.Column(this=_name(_RANK), table=_name(ALIAS)), expression=exp.Literal.number(1))
        kept = exp.select(*(copied(item) for item in items), copy=False).from_(inner, copy=False)
        return kept.where(first, copy=False).subquery(_name(ALIAS), copy=False)

    def _rows(self) -> exp.Expression:
        if self.view is None:
            return table(self.product, ALIAS)
        view = copied(self.view)
        for node in list(view.find_all(exp.Table)):
            inner = self.catalog.products[f"{node.db}.{node.name}"]
            alias = node.alias or node.name
            node.replace(self.inside(inner).subquery(exp.to_identifier(alias, quoted=True)))
        return view.subquery(exp.to_identifier(ALIAS, quoted=True))


def table(product: Product, alias: str) -> exp.Table:
    """The physical table of a product."""
    *outer, name = (exp.to_identifier(part, quoted=True) for part in product.physical)
    parts = dict(zip(("db", "catalog"), reversed(outer), strict=False))
    return exp.Table(this=name, **parts, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))


def place(
    formula: exp.Expression, product: Product, derived: Mapping[str, exp.Expression], catalog: Catalog
) -> exp.Expression:
    """Spell a formula's bare columns over the raw table ``s``; leave sub-selects (already qualified) to `_related`."""

    def spell(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Subquery):
            return _related(node, product, catalog)
        if isinstance(node, exp.Column) and not node.table:
            return _column(product, derived, node.name, ALIAS)
        return node

    return formula.transform(spell)


def _related(subquery: exp.Subquery, product: Product, catalog: Catalog) -> exp.Expression:
    """A path to a related row: bare columns are the outer row's, qualified ones the inner table's logical columns."""
    aliases = {node.alias_or_name: catalog.products[f"{node.db}.{node.name}"] for node in subquery.find_all(exp.Table)}

    def spell(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Table):
            return table(catalog.products[f"{node.db}.{node.name}"], node.alias_or_name)
        if isinstance(node, exp.Column):
            owner = aliases.get(node.table)
            if owner is None:
                return _column(product, {}, node.name, ALIAS)
            return _column(owner, {}, node.name, node.table)
        return node

    return copied(subquery).transform(spell)


def _column(product: Product, derived: Mapping[str, exp.Expression], name: str, alias: str) -> exp.Expression:
    column = product.columns[name]
    if column.expression is None:
        return exp.Column(this=_name(column.physical), table=_name(alias))
    spelt = copied(derived[name]).transform(
        lambda node: _column(product, derived, node.name, alias) if isinstance(node, exp.Column) else node
    )
    return exp.Cast(this=exp.Paren(this=spelt), to=data_type(column.type))


def _name(name: str) -> exp.Identifier:
    return exp.Identifier(this=name, quoted=True)
