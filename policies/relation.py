"""Relation: the one sub-select that stands for a product, with only what this caller may see of it.

    (SELECT <cell> AS "tailnum", <link> AS "~operations.flights.plane.0", <identity> AS "~key.0"
     FROM "flights" AS "s" WHERE <visible rows>) AS "t0"

On the far side of a relationship the same link column is called ``~>operations.flights.plane.0``, so that a product may
be related to itself.

All masks sit in this one projection over raw columns, so every use outside (filter, sort, group, join, cursor) meets
governed values. Link columns carry raw keys, but only where the caller may traverse; the gate lets nobody select them.
``~raw.`` and ``~token.`` columns are there for look-ups by token alone (`policies.lookup`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from policies.decide import CellDecision, TableDecision
from policies.logic import Formula, conjunction
from policies.lookup import behind, lookup_value
from policies.privacy import ENTITY, strongest
from policies.raw import RawTable
from schema.catalog import Catalog, Product, Relationship
from schema.sql.joinkeys import link, pair_order, same_link
from schema.sqltype import data_type
from schema.statement import FAR_JOIN, JOIN
from schema.trees import copied
from schema.types import STRING, Type

KEY = "~key."
FAR = "~>"
NOTHING = "~one"
"""What stands in a relation of which no column is asked."""
_NO_OTHERS: Mapping[str, TableDecision] = {}
_NOT_GIVEN: Mapping[str, Formula] = {}


def link_columns(relationship: Relationship, far: bool) -> tuple[str, ...]:
    """The names of a relationship's link columns on its owner's side, or on the far side."""
    mark = FAR if far else "~"
    return tuple(f"{mark}{relationship.id}.{index}" for index in range(len(relationship.pairs)))


def is_link(name: str) -> bool:
    """Whether a name is a link column's, on either side."""
    return name.startswith("~") and not name.startswith((ENTITY, KEY, JOIN)) and behind(name) is None


def behind_join(catalog: Catalog, name: str) -> tuple[str, ...]:
    """The link columns that a join key column is made of, in the one order that both ends have."""
    far = name.startswith(FAR_JOIN)
    way = catalog.relationship(name.removeprefix(FAR_JOIN).removeprefix(JOIN))
    columns = link_columns(way, far)
    return tuple(columns[at] for at in pair_order(way))


@dataclass(frozen=True, slots=True)
class GovernedRelation:
    """The sub-select, and the types of the identity columns (string where the key is masked)."""

    select: exp.Select
    identity: tuple[Type, ...]


def governed_relation(
    catalog: Catalog,
    raw: RawTable,
    decision: TableDecision,
    wanted: Iterable[str],
    others: Mapping[str, TableDecision] = _NO_OTHERS,
    given: Mapping[str, Formula] = _NOT_GIVEN,
) -> GovernedRelation:
    """Build it for the logical columns and the ``~`` columns in ``wanted``. ``others`` decides, by product id, on the
    other ends of its links; ``given`` says, by column, on which rows a model that gets raw inputs may be given it."""
    product = raw.product
    identity = identity_types(product, decision)
    items: list[exp.Expression] = []
    for name in sorted(set(wanted)):
        if name.startswith(ENTITY):
            value = _entity(raw, decision, int(name.removeprefix(ENTITY)))
        elif name.startswith(KEY):
            value = _identity(raw, decision, int(name.removeprefix(KEY)))
        elif (looked_up := behind(name)) is not None:
            value = _looked_up(raw, decision, name, looked_up)
        elif name.startswith(JOIN):
            value = _join_key(catalog, raw, decision, name, others)
        elif name.startswith("~"):
            value = _link(catalog, raw, decision, name, others, given)
        else:
            value = cell(raw, name, decision.cells[name])
        items.append(_item(value, name))
    items = items or [_item(exp.Literal.number(1), NOTHING)]
    select = exp.Select(expressions=items, from_=exp.From(this=raw.source()))
    if isinstance(decision.rows, exp.Expression):
        select = select.where(raw.place(decision.rows), copy=False)
    elif decision.rows is False:
        select = select.where(exp.false(), copy=False)
    return GovernedRelation(select, identity)


def cell(raw: RawTable, name: str, decision: CellDecision) -> exp.Expression:
    """The governed value of a column: raw where clear, masked where masked, else NULL."""
    column = raw.product.columns[name]
    value = raw.column(name)
    null = exp.Cast(this=exp.Null(), to=data_type(column.type))
    if decision.visible is False:
        return null
    if decision.clear is True:
        return value
    if not decision.masks:
        return _case([(decision.clear, value)], null, raw)
    masked = _masked(raw, decision, value, column.type)
    if decision.clear is False and decision.visible is True:
        return masked
    if decision.visible is True:
        return _case([(decision.clear, value)], masked, raw)
    return _case([(decision.clear, value), (decision.visible, masked)], null, raw)


def identity_types(product: Product, decision: TableDecision) -> tuple[Type, ...]:
    """The types of ``~key.0`` ..: the key's own where the caller sees it clear on every row, else string."""
    own = _key_is_clear(product, decision)
    return tuple(product.columns[name].type if own else STRING for name in product.key)


def _masked(raw: RawTable, decision: CellDecision, value: exp.Expression, type_: Type) -> exp.Expression:
    """The most specific mask that is not revealed on the row."""
    *specific, (_, last) = decision.masks
    result: exp.Expression = exp.cast(last.mask.sql(value, type_), data_type(type_))
    for reveal, rule in reversed(specific):
        masked = exp.cast(rule.mask.sql(value, type_), data_type(type_))
        result = masked if reveal is False else _case([(reveal, result)], masked, raw)
    return result


def _looked_up(raw: RawTable, decision: TableDecision, name: str, column: str) -> exp.Expression:
    tokens = decision.cells[column].tokens
    if tokens is None:
        raise ValueError(f"{raw.product.id}.{column} has no tokens for this caller")
    return lookup_value(raw, name, tokens)


def _link(
    catalog: Catalog,
    raw: RawTable,
    decision: TableDecision,
    name: str,
    others: Mapping[str, TableDecision],
    given: Mapping[str, Formula],
) -> exp.Expression:
    relationship, index, names = _ends(catalog, name)
    if relationship.calls:
        return _input(catalog, raw, decision, relationship, names[index], given)
    product, theirs = other_end(catalog, name)
    allowed = conjunction(
        _traversable(relationship, decision.cells[here], others[product].cells[there])
        for here, there in zip(names, theirs, strict=True)
    )
    value = raw.column(names[index])
    if allowed is True:
        return value
    null = exp.Cast(this=exp.Null(), to=data_type(raw.product.columns[names[index]].type))
    return null if allowed is False else _case([(allowed, value)], null, raw)


def _join_key(
    catalog: Catalog, raw: RawTable, decision: TableDecision, name: str, others: Mapping[str, TableDecision]
) -> exp.Expression:
    """A keyed hash of the link: equal on both its ends, on no other link, and NULL where it may not be followed.

    Rows that are joined are joined from both ends, so what lets a link be followed one way lets it be joined over.
    """
    own = catalog.relationship(name.removeprefix(FAR_JOIN).removeprefix(JOIN))
    way = next((one for one in same_link(catalog, own) if one.traverse_masked is not None), own)
    columns = behind_join(catalog, name)
    product, theirs = other_end(catalog, columns[0])
    _, _, names = _ends(catalog, columns[0])
    allowed = conjunction(
        _traversable(way, decision.cells[here], others[product].cells[there])
        for here, there in zip(names, theirs, strict=True)
    )
    texts: list[exp.Expression] = [exp.Literal.string(link(own))]
    for at in pair_order(own):
        type_ = exp.Literal.string(str(raw.product.columns[names[at]].type))
        texts.append(exp.Anonymous(this="CH_TEXT", expressions=[raw.column(names[at]), type_]))
    token = exp.Anonymous(this="CH_TOKEN", expressions=texts)
    value = exp.Anonymous(this="CH_HMAC", expressions=[exp.Placeholder(this="secret:key"), token])
    if allowed is True:
        return value
    null = exp.Cast(this=exp.Null(), to=data_type(STRING))
    return null if allowed is False else _case([(allowed, value)], null, raw)


def _input(
    catalog: Catalog,
    raw: RawTable,
    decision: TableDecision,
    relationship: Relationship,
    name: str,
    given: Mapping[str, Formula],
) -> exp.Expression:
    """What a model is given of a column: what the caller sees of it, or for the purpose that the model names the raw
    value, where nothing denies it."""
    shown = cell(raw, name, decision.cells[name])
    model = catalog.products[relationship.target].model
    if model is None or model.raw is None:
        return shown
    purpose = exp.EQ(this=exp.Placeholder(this="request:purpose"), expression=exp.Literal.string(model.raw.purpose))
    allowed = given.get(name, False)
    value: exp.Expression = exp.Cast(this=exp.Null(), to=data_type(raw.product.columns[name].type))
    if allowed is not False:
        value = raw.column(name) if allowed is True else _case([(allowed, raw.column(name))], value, raw)
    return exp.Case(ifs=[exp.If(this=purpose, true=value)], default=copied(shown))


def meets_masked(relationship: Relationship, here: CellDecision, there: CellDecision) -> bool:
    """Whether a row may be reached over a key that the caller does not see clear."""
    return relationship.traverse_masked is not None or _equal_masks(here, there)


def _ends(catalog: Catalog, name: str) -> tuple[Relationship, int, list[str]]:
    """What a link column's name says: the relationship, which pair, and the key columns on this side."""
    far = name.startswith(FAR)
    id_, _, index = name.removeprefix(FAR).removeprefix("~").rpartition(".")
    relationship = catalog.relationship(id_)
    return relationship, int(index), [pair[1] if far else pair[0] for pair in relationship.pairs]


def other_end(catalog: Catalog, name: str) -> tuple[str, list[str]]:
    """The product on the other end of a link column, and the key columns there."""
    relationship, _, _ = _ends(catalog, name)
    if name.startswith(FAR):
        return relationship.owner, [here for here, _ in relationship.pairs]
    return relationship.target, [there for _, there in relationship.pairs]


def _traversable(relationship: Relationship, here: CellDecision, there: CellDecision) -> Formula:
    """Where the link may be followed from this end: where the key is clear, or where equal masks would meet anyway."""
    if here.masks and (relationship.traverse_masked is not None or _equal_masks(here, there)):
        return here.visible
    return here.clear


def _equal_masks(here: CellDecision, there: CellDecision) -> bool:
    """Whether both ends show the same mask of equal keys, on every row. A link from a masked key to a clear one would
    tell what the mask hides."""
    rules = [rule for cell in (here, there) for _, rule in cell.masks]
    alike = len({rule.mask.kind for rule in rules}) == 1 and all("equality" in rule.mask.preserves for rule in rules)
    return alike and bool(there.masks) and here.clear is False and there.clear is False


def _identity(raw: RawTable, decision: TableDecision, index: int) -> exp.Expression:
    value = raw.column(raw.product.key[index])
    if _key_is_clear(raw.product, decision):
        return value
    text = exp.Anonymous(this="CH_TEXT", expressions=[value, exp.Literal.string(str(raw.key_type(index)))])
    return exp.Anonymous(this="CH_HMAC", expressions=[exp.Placeholder(this="secret:key"), text])


def _entity(raw: RawTable, decision: TableDecision, index: int) -> exp.Expression:
    """What a minimum group counts: the raw value of one of its keys."""
    rule = strongest(decision)
    if rule is None:
        raise ValueError(f"{raw.product.id} has no minimum group")
    key = rule.keys[index]
    if len(key) == 1:
        return raw.column(key[0])
    parts = [
        exp.Anonymous(
            this="CH_TEXT", expressions=[raw.column(name), exp.Literal.string(str(raw.product.columns[name].type))]
        )
        for name in key
    ]
    return exp.Concat(expressions=[part for text in parts for part in (text, exp.Literal.string("\x1f"))])


def _key_is_clear(product: Product, decision: TableDecision) -> bool:
    return all(decision.cells[name].clear is True for name in product.key)


def _item(value: exp.Expression, name: str) -> exp.Expression:
    return exp.Alias(this=value, alias=exp.to_identifier(name, quoted=True))


def _case(branches: list[tuple[Formula, exp.Expression]], default: exp.Expression, raw: RawTable) -> exp.Expression:
    case = exp.Case(default=copied(default))
    for condition, value in branches:
        if condition is False:
            continue
        test = exp.true() if condition is True else raw.place(condition)
        case.append("ifs", exp.If(this=test, true=copied(value)))
    return case


def needed_columns(catalog: Catalog, product: Product, wanted: Iterable[str]) -> frozenset[str]:
    """The logical columns whose decisions `governed_relation` reads for these names."""
    return frozenset(product.key).union(*(columns_behind(catalog, name) for name in wanted))


def columns_behind(catalog: Catalog, name: str) -> frozenset[str]:
    """The logical columns behind a column of a governed relation, but for those behind its identity."""
    if name.startswith((ENTITY, KEY)):
        return frozenset()
    if name.startswith(JOIN):
        return frozenset(column for part in behind_join(catalog, name) for column in _ends(catalog, part)[2])
    looked_up = behind(name)
    if looked_up is not None:
        return frozenset({looked_up})
    return frozenset(_ends(catalog, name)[2]) if name.startswith("~") else frozenset({name})
