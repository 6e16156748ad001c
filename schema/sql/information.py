"""Information: the virtual schemas, `information_schema` and `catalog`, made of what one caller may know.

Rows come from the catalog and a `VisibleSet` alone: no data, no rule. `information_schema` follows SQL:2023 part 11 as
far as tools read it; `catalog` says what it has no columns for: stewards, descriptions, tags.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from schema.catalog import Catalog, Product
from schema.sql.joinkeys import join_keys
from schema.types import INTEGER, STRING, Kind, Type
from schema.visible import VisibleSet

DATABASE = "customhouse"
Row = tuple[object, ...]
_SQL_NAMES = {
    Kind.BOOLEAN: "boolean",
    Kind.INTEGER: "integer",
    Kind.BIGINT: "bigint",
    Kind.DECIMAL: "numeric",
    Kind.FLOAT: "double precision",
    Kind.STRING: "text",
    Kind.DATE: "date",
    Kind.TIME: "time without time zone",
    Kind.DATETIME: "timestamp without time zone",
    Kind.TIMESTAMP: "timestamp with time zone",
    Kind.INTERVAL: "interval",
    Kind.UUID: "uuid",
    Kind.JSON: "jsonb",
    Kind.BYTES: "bytea",
    Kind.ARRAY: "ARRAY",
    Kind.STRUCT: "jsonb",
}
_COLUMNS: Mapping[str, Mapping[str, Type]] = {
    "information_schema.schemata": dict.fromkeys(("catalog_name", "schema_name", "schema_owner"), STRING),
    "information_schema.tables": dict.fromkeys(("table_catalog", "table_schema", "table_name", "table_type"), STRING),
    "information_schema.columns": {
        **dict.fromkeys(("table_catalog", "table_schema", "table_name", "column_name"), STRING),
        "ordinal_position": INTEGER,
        **dict.fromkeys(("column_default", "is_nullable", "data_type"), STRING),
        **dict.fromkeys(("character_maximum_length", "numeric_precision", "numeric_scale"), INTEGER),
    },
    "information_schema.table_constraints": dict.fromkeys(
        ("constraint_catalog", "constraint_schema", "constraint_name", "table_schema", "table_name", "constraint_type"),
        STRING,
    ),
    "information_schema.key_column_usage": {
        **dict.fromkeys(("constraint_schema", "constraint_name", "table_schema", "table_name", "column_name"), STRING),
        "ordinal_position": INTEGER,
    },
    "catalog.domains": dict.fromkeys(("domain", "description", "steward"), STRING),
    "catalog.products": dict.fromkeys(("domain", "product", "kind", "description", "owner"), STRING),
    "catalog.columns": {
        **dict.fromkeys(("domain", "product", "column_name"), STRING),
        "ordinal_position": INTEGER,
        **dict.fromkeys(("type", "description", "tags"), STRING),
    },
    "catalog.relationships": dict.fromkeys(
        "domain product relationship cardinality description join_column to_domain to_product to_join_column".split(),
        STRING,
    ),
}


def virtual_columns(table: str) -> Mapping[str, Type] | None:
    """The columns of a virtual table, ``schema.table``; None where there is none."""
    return _COLUMNS.get(table)


def virtual_tables() -> tuple[str, ...]:
    return tuple(_COLUMNS)


def virtual_rows(table: str, catalog: Catalog, visible: VisibleSet) -> list[Row]:
    """Its rows for whoever may know the names in ``visible``."""
    return list(_ROWS[table](catalog, visible))


def _products(catalog: Catalog, visible: VisibleSet) -> Iterator[Product]:
    for product in catalog.published(visible.zone):
        if visible.product(product.id):
            yield product


def _schemata(catalog: Catalog, visible: VisibleSet) -> Iterator[Row]:
    for name in [*dict.fromkeys(p.domain for p in _products(catalog, visible)), "catalog", "information_schema"]:
        yield DATABASE, name, DATABASE


def _tables(catalog: Catalog, visible: VisibleSet) -> Iterator[Row]:
    for product in _products(catalog, visible):
        yield DATABASE, product.domain, product.name, "BASE TABLE"
    for name in _COLUMNS:
        yield DATABASE, *name.split("."), "VIEW"


def _columns(catalog: Catalog, visible: VisibleSet) -> Iterator[Row]:
    for product in _products(catalog, visible):
        place = (DATABASE, product.domain, product.name)
        shown = [(name, column.type) for name, column in product.columns.items() if visible.column(product.id, name)]
        shown += [(key.name, STRING) for key in join_keys(catalog, visible, product)]
        for at, (name, type_) in enumerate(shown, 1):
            yield *place, name, at, None, "YES", _SQL_NAMES[type_.kind], None, type_.precision, type_.scale
    for table, columns in _COLUMNS.items():
        for at, (name, type_) in enumerate(columns.items(), 1):
            yield DATABASE, *table.split("."), name, at, None, "YES", _SQL_NAMES[type_.kind], None, None, None


def _keys(catalog: Catalog, visible: VisibleSet) -> Iterator[Product]:
    """The products whose whole key the caller may know."""
    for product in _products(catalog, visible):
        if product.key and all(visible.column(product.id, name) for name in product.key):
            yield product


def _constraints(catalog: Catalog, visible: VisibleSet) -> Iterator[Row]:
    for product in _keys(catalog, visible):
        name = f"{product.name}_pkey"
        yield DATABASE, product.domain, name, product.domain, product.name, "PRIMARY KEY"


def _key_columns(catalog: Catalog, visible: VisibleSet) -> Iterator[Row]:
    for product in _keys(catalog, visible):
        for at, column in enumerate(product.key, 1):
            yield product.domain, f"{product.name}_pkey", product.domain, product.name, column, at


def _domains(catalog: Catalog, visible: VisibleSet) -> Iterator[Row]:
    for name in dict.fromkeys(product.domain for product in _products(catalog, visible)):
        domain = catalog.domains[name]
        yield name, domain.description, domain.steward


def _catalog_products(catalog: Catalog, visible: VisibleSet) -> Iterator[Row]:
    for product in _products(catalog, visible):
        kind = "model" if product.model else "feature view" if product.features else "view" if product.view else "table"
        yield product.domain, product.name, kind, product.description, product.owner


def _catalog_columns(catalog: Catalog, visible: VisibleSet) -> Iterator[Row]:
    for product in _products(catalog, visible):
        shown = [column for name, column in product.columns.items() if visible.column(product.id, name)]
        for at, column in enumerate(shown, 1):
            tags = ", ".join(sorted(column.tags))
            yield product.domain, product.name, column.name, at, str(column.type), column.description, tags


def _relationships(catalog: Catalog, visible: VisibleSet) -> Iterator[Row]:
    for product in _products(catalog, visible):
        for key in join_keys(catalog, visible, product):
            if key.far:
                continue
            way = catalog.relationship(key.relationship)
            target = catalog.products[way.target]
            there = next((k for k in join_keys(catalog, visible, target) if k.mate(key)), None)
            if there is not None:
                yield (
                    *(product.domain, product.name, way.name, way.cardinality, way.description, key.name),
                    *(target.domain, target.name, there.name),
                )


_ROWS: Mapping[str, Callable[[Catalog, VisibleSet], Iterator[Row]]] = {
    "information_schema.schemata": _schemata,
    "information_schema.tables": _tables,
    "information_schema.columns": _columns,
    "information_schema.table_constraints": _constraints,
    "information_schema.key_column_usage": _key_columns,
    "catalog.domains": _domains,
    "catalog.products": _catalog_products,
    "catalog.columns": _catalog_columns,
    "catalog.relationships": _relationships,
}
