"""Feature views and models: what they declare beside a table, and what a source that answers by key cannot have.

A model declares its signature; its columns are its inputs and outputs, and its key the inputs. Sources without SQL are
asked by key alone, so their products have no view, no derived columns and no relationships of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from schema.catalog import SCORERS, STORES, Column, FeatureView, Model, ModelCard, Product, RawInputs, Source
from schema.errors import LoadError, Place
from schema.load_columns import read_columns
from schema.load_partitions import check_partition
from schema.load_shape import unknown
from schema.load_units import seconds
from schema.types import Kind
from schema.yaml_source import Entries, Entry, Scalar, plain

_MOMENTS = frozenset({Kind.TIMESTAMP, Kind.DATETIME, Kind.DATE})
_INPUTS = frozenset(Kind) - {Kind.ARRAY, Kind.STRUCT, Kind.JSON, Kind.BYTES, Kind.INTERVAL}


def signature(node: Entries) -> Entries:
    """A model's inputs and outputs as the columns of a product."""
    model = node.map("model")
    entries = {**model.map("inputs").entries, **model.map("outputs").entries}
    return Entries(model.place, {name: Entry(entry.place, _bare(entry)) for name, entry in entries.items()})


def _bare(entry: Entry) -> Entries | Scalar:
    """An entry without what only inputs have."""
    if isinstance(entry.value, Entries):
        kept = {key: inner for key, inner in entry.value.entries.items() if key != "nullable"}
        return Entries(entry.value.place, kept)
    return entry.value if isinstance(entry.value, Scalar) else Scalar(entry.place, None)


def read_columns_of(id_: str, node: Entries, tags: frozenset[str], errors: list[LoadError]) -> dict[str, Column]:
    """The columns of a product: declared, or for a model its signature."""
    if not node.has("model"):
        if not node.has("columns"):
            sentence = f"The product '{id_}' has no columns."
            errors.append(LoadError(node.place, "CH208", sentence, "Add 'columns:', or 'model:' with its signature."))
        return read_columns(id_, node.map("columns"), tags, errors, view=node.has("view"))
    for key in ("columns", "key", "table", "view", "features", "cache", "entitlement", "partition", "cluster"):
        if node.has(key):
            sentence = f"The model '{id_}' also says '{key}:'."
            hint = "Remove it: a model's columns are its inputs and outputs, and its key are the inputs."
            errors.append(LoadError(node.at(key), "CH247", sentence, hint))
    model = node.map("model")
    for name in model.map("inputs").entries.keys() & model.map("outputs").entries.keys():
        sentence = f"'{name}' is both an input and an output of the model '{id_}'."
        hint = "Give one of them another name, and 'column:' for what the model calls it."
        errors.append(LoadError(model.map("outputs").entries[name].place, "CH247", sentence, hint))
    return read_columns(id_, signature(node), tags, errors, made=True)


def read_keyed(product: Product, node: Entries, errors: list[LoadError]) -> Product:
    """The product with its ``features`` or ``model``."""
    if node.has("model"):
        return _model(product, node, node.map("model"), errors)
    return _features(product, node.map("features"), errors) if node.has("features") else product


def _features(product: Product, node: Entries, errors: list[LoadError]) -> Product:
    event_time, ttl = node.text("event_time"), node.text("ttl")
    if event_time is not None:
        column = product.columns.get(event_time)
        if column is None:
            errors.append(unknown(node.at("event_time"), "column", event_time, product.columns, f" in '{product.id}'"))
        elif column.type.kind not in _MOMENTS or column.expression is not None:
            sentence = f"The event time '{event_time}' of '{product.id}' is no stored date or time."
            errors.append(LoadError(node.at("event_time"), "CH247", sentence, "Use a timestamp, datetime or date."))
    elif ttl is not None:
        sentence = f"'{product.id}' has a 'ttl', but nothing says how old its rows are."
        errors.append(LoadError(node.at("ttl"), "CH247", sentence, "Add 'event_time:', or remove 'ttl:'."))
    options = plain(node.map("options"))
    found = FeatureView(event_time, None if ttl is None else seconds(ttl), options if isinstance(options, dict) else {})
    return replace(product, features=found)


def _model(product: Product, whole: Entries, node: Entries, errors: list[LoadError]) -> Product:
    inputs, outputs = tuple(node.map("inputs").entries), tuple(node.map("outputs").entries)
    for name in inputs:
        column = product.columns.get(name)
        if column is not None and column.type.kind not in _INPUTS:
            sentence = (
                f"The input '{name}' of '{product.id}' has the type {column.type}, which no column is compared by."
            )
            errors.append(LoadError(column.place, "CH247", sentence, "Inputs are scalars."))
    nullable = frozenset(name for name, _, it in node.map("inputs").maps() if it.flag("nullable", False))
    deterministic, raw = node.flag("deterministic", False), node.map("raw")
    if whole.has("freshness") and not deterministic:
        sentence = f"The model '{product.id}' says how long outputs may be kept, but not that it is deterministic."
        errors.append(LoadError(whole.at("freshness"), "CH247", sentence, "Add 'deterministic: true', or remove it."))
    options, card = plain(node.map("options")), node.map("card")
    batch = node.scalar("batch")
    model = Model(
        version=node.text("version") or "",
        inputs=inputs,
        outputs=outputs,
        nullable=nullable,
        deterministic=deterministic,
        batch=batch.value if batch is not None and type(batch.value) is int else None,
        raw=RawInputs(raw.text("purpose") or "", raw.text("reason") or "") if node.has("raw") else None,
        card=_card(card),
        options=options if isinstance(options, dict) else {},
    )
    return replace(product, key=inputs, physical=(node.text("name") or product.name,), model=model)


def _card(node: Entries) -> ModelCard:
    metrics = {
        name: float(entry.value.value)
        for name, entry in node.map("metrics").entries.items()
        if isinstance(entry.value, Scalar) and isinstance(entry.value.value, int | float)
    }
    return ModelCard(
        node.text("training_data") or "", node.text("intended_use") or "", node.text("registry") or "", metrics
    )


def check_sources(
    products: Mapping[str, Product],
    nodes: Mapping[str, Entries],
    sources: Mapping[str, Source],
    errors: list[LoadError],
) -> None:
    """What a product asks of its source, and what a source without SQL cannot give it."""
    for product in products.values():
        source, node = sources.get(product.source), nodes[product.id]
        if source is None:
            continue
        if (product.model is not None) != (source.kind in SCORERS):
            what = "a model" if product.model is not None else "no model"
            sentence = f"'{product.id}' is {what}, but its source '{source.name}' is of the kind {source.kind}."
            hint = f"Models are served by: {', '.join(sorted(SCORERS))}."
            errors.append(LoadError(node.at("source"), "CH247", sentence, hint))
        elif source.kind in STORES and product.features is None:
            sentence = f"'{product.id}' is in the feature store '{source.name}', but is no feature view."
            errors.append(LoadError(node.at("source"), "CH247", sentence, "Add 'features:', which may be empty: {}."))
        elif source.keyed:
            _keyed(product, node, errors)
        if product.model is None:
            check_partition(product, node, source, errors)


def _keyed(product: Product, node: Entries, errors: list[LoadError]) -> None:
    def refuse(place: Place, what: str, hint: str) -> None:
        errors.append(LoadError(place, "CH247", f"'{product.id}' is found by key alone, but {what}.", hint))

    if product.view is not None:
        refuse(node.at("view"), "is a view", "Views are over sources that speak SQL.")
    for column in product.columns.values():
        if column.expression is not None:
            refuse(column.place, f"derives '{column.name}'", "Compute it where the row is written.")
    if node.has("relationships"):
        refuse(node.at("relationships"), "has relationships", "Declare them on the products that lead to it.")
    if product.entitlement:
        refuse(node.at("entitlement"), "is an entitlement", "Rights are looked up in sources that speak SQL.")
