"""Relationships: ways between products, checked on both sides, with the inverses they declare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from schema.catalog import Cardinality, Product, Relationship
from schema.errors import LoadError, Place
from schema.load_shape import unknown
from schema.names import camel
from schema.types import Kind, Type
from schema.yaml_source import Entries, Scalar

_WHOLE = frozenset({Kind.INTEGER, Kind.BIGINT})
_UNFIT = frozenset({Kind.JSON, Kind.ARRAY, Kind.STRUCT, Kind.FLOAT, Kind.INTERVAL, Kind.BYTES})


def read_relationships(
    products: Mapping[str, Product], nodes: Mapping[str, Entries], errors: list[LoadError]
) -> dict[str, Product]:
    """The products with their relationships. Inverses come after those a product declares itself."""
    found: dict[str, dict[str, Relationship]] = {id_: {} for id_ in products}
    inverses = []
    for id_, product in products.items():
        for name, place, node in nodes[id_].map("relationships").maps():
            relationship = _read(product, name, place, node, products, errors)
            if relationship is not None:
                found[id_][name] = relationship
                if node.has("inverse"):
                    inverses.append(_inverse(relationship, node, product))
    for inverse in inverses:
        known = found[inverse.owner].get(inverse.name)
        if known is not None:
            sentence = f"The inverse '{inverse.id}' is declared already at {known.place}."
            errors.append(LoadError(inverse.place, "CH204", sentence, "Choose another name, or remove one of the two."))
        else:
            found[inverse.owner][inverse.name] = inverse
    return {id_: replace(product, relationships=found[id_]) for id_, product in products.items()}


def _read(
    product: Product,
    name: str,
    place: Place,
    node: Entries,
    products: Mapping[str, Product],
    errors: list[LoadError],
) -> Relationship | None:
    to = node.text("to")
    if to is None:
        return None
    target = products.get(to)
    if target is None:
        errors.append(unknown(node.at("to"), "product", to, products))
        return None
    pairs, paths = [], []
    for here, entry in node.map("on").entries.items():
        there = entry.value
        if not isinstance(there, Scalar) or not isinstance(there.value, str):
            continue
        left, right = product.columns.get(here), target.columns.get(there.value)
        if target.model is not None:
            if right is None or there.value not in target.model.inputs:
                errors.append(unknown(there.place, "input", there.value, target.model.inputs, f" of '{target.id}'"))
            elif "." in here:
                paths.append((tuple(here.split(".")), there.value))
            elif left is None:
                errors.append(unknown(entry.place, "column", here, product.columns, f" in '{product.id}'"))
            else:
                pairs.append((here, there.value))
            continue
        if left is None:
            errors.append(unknown(entry.place, "column", here, product.columns, f" in '{product.id}'"))
        if right is None:
            errors.append(unknown(there.place, "column", there.value, target.columns, f" in '{target.id}'"))
        if left is not None and right is not None:
            _match(product.id, name, (here, left.type), (f"{target.id}.{there.value}", right.type), entry.place, errors)
            pairs.append((here, there.value))
    return Relationship(
        id=f"{product.id}.{name}",
        name=name,
        field=node.text("graphql") or camel(name),
        owner=product.id,
        target=target.id,
        cardinality="many" if node.flag("many", False) else "one",
        pairs=tuple(pairs),
        place=place,
        description=node.text("description") or "",
        traverse_masked=node.map("traverse_masked").text("reason"),
        calls=target.model is not None,
        paths=tuple(paths),
        cost=node.whole_if_said("cost"),
    )


def _match(
    product: str, name: str, left: tuple[str, Type], right: tuple[str, Type], place: Place, errors: list[LoadError]
) -> None:
    kinds = {left[1].kind, right[1].kind}
    if kinds & _UNFIT or (len(kinds) > 1 and not kinds <= _WHOLE):
        sentence = f"The relationship '{product}.{name}' joins {left[1]} '{left[0]}' to {right[1]} '{right[0]}'."
        if kinds & _UNFIT:
            hint = "Join columns of text, whole numbers, decimals, dates, times, booleans or uuids."
        else:
            hint = "Join columns of one type; a derived column can cast one of them."
        errors.append(LoadError(place, "CH214", sentence, hint))


def _inverse(relationship: Relationship, node: Entries, product: Product) -> Relationship:
    """The way back. It leads to many rows, unless the way there leads to many from a whole key: then to one.

    ``traverse_masked`` is not taken over: the way back gathers rows by the masked key, which discloses more.
    """
    entry = node.get("inverse")
    details = node.map("inverse")
    name = details.text("name") or node.text("inverse") or ""
    here = {left for left, _ in relationship.pairs}
    one = relationship.cardinality == "many" and bool(product.key) and here >= set(product.key)
    cardinality: Cardinality = "one" if one else "many"
    return Relationship(
        id=f"{relationship.target}.{name}",
        name=name,
        field=details.text("graphql") or camel(name),
        owner=relationship.target,
        target=relationship.owner,
        cardinality=cardinality,
        pairs=tuple((there, left) for left, there in relationship.pairs),
        place=node.place if entry is None else entry.place,
        description=details.text("description") or "",
        traverse_masked=details.map("traverse_masked").text("reason"),
        cost=details.whole_if_said("cost"),
    )
