"""Partitions: how a product's source keeps its rows, as far as it says what a question costs.

A ``partition`` is the column that the source cuts the product by, ``cluster`` the columns that it sorts by inside.
"""

from __future__ import annotations

from dataclasses import replace

from schema.catalog import Partition, Product, Source
from schema.errors import LoadError, Place
from schema.load_shape import unknown
from schema.types import Kind
from schema.yaml_source import Entries

_PARTITIONS = frozenset({Kind.DATE, Kind.DATETIME, Kind.TIMESTAMP, Kind.INTEGER, Kind.BIGINT})
_CLUSTERS = frozenset(Kind) - {Kind.ARRAY, Kind.STRUCT, Kind.JSON, Kind.INTERVAL, Kind.FLOAT, Kind.TIME}


def read_partition(product: Product, node: Entries, errors: list[LoadError]) -> Product:
    """The product with its ``partition`` and ``cluster``."""
    partition = node.map("partition")
    found = None
    if node.has("partition") and (name := partition.text("column")) is not None:
        found = Partition(name, partition.flag("required", False))
        if _stored(product, name, partition.at("column"), _PARTITIONS, "partitioned", errors):
            _filterable(product, found, partition.at("required"), errors)
    cluster: list[str] = []
    for name, place in node.texts("cluster"):
        if name in cluster:
            sentence = f"'{product.id}' is clustered by '{name}' twice."
            errors.append(LoadError(place, "CH249", sentence, "Remove one."))
        else:
            _stored(product, name, place, _CLUSTERS, "clustered", errors)
        cluster.append(name)
    return replace(product, partition=found, cluster=tuple(cluster))


def _stored(
    product: Product, name: str, place: Place, kinds: frozenset[Kind], how: str, errors: list[LoadError]
) -> bool:
    column = product.columns.get(name)
    if column is None:
        errors.append(unknown(place, "column", name, product.columns, f" in '{product.id}'"))
        return False
    if column.expression is not None:
        sentence = f"'{product.id}' is {how} by '{name}', which is derived."
        errors.append(LoadError(place, "CH249", sentence, "Name a column that the source keeps."))
        return False
    if column.type.kind not in kinds:
        sentence = f"'{product.id}' is {how} by '{name}', whose type is {column.type}."
        words = ", ".join(sorted(kinds))
        errors.append(LoadError(place, "CH249", sentence, f"What a source can cut or sort by is one of: {words}."))
        return False
    return True


def _filterable(product: Product, partition: Partition, place: Place, errors: list[LoadError]) -> None:
    if partition.required and not product.columns[partition.column].filterable:
        sentence = f"'{product.id}' requires a filter on '{partition.column}', which cannot be filtered by."
        errors.append(LoadError(place, "CH249", sentence, "Remove 'filterable: false' or 'required: true'."))


def check_partition(product: Product, node: Entries, source: Source, errors: list[LoadError]) -> None:
    """What is found by key alone has neither."""
    for word in ("partition", "cluster"):
        if source.keyed and node.has(word):
            sentence = f"'{product.id}' says '{word}:', but is found by key alone."
            errors.append(LoadError(node.at(word), "CH249", sentence, "Remove it."))
