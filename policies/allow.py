"""What a front end may write: exact node classes and their arguments, by allow-list.

Front ends build selects from a catalog and are trusted to be well-meant, not to be right. Anything not listed here is
refused before the gate looks at a single name (docs/architecture.md, "The gate").
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from policies.lookup import behind, check_lookup, looks_up
from policies.privacy import ENTITY
from schema.errors import Refusal
from schema.query import Block, Gathering, Slot
from schema.trees import preorder

_NODES: dict[type[exp.Expr], frozenset[str]] = {
    exp.Select: frozenset({"expressions", "from_", "where", "group", "having", "order", "limit", "offset"}),
    exp.From: frozenset({"this"}),
    exp.Table: frozenset({"this", "db", "alias"}),
    exp.TableAlias: frozenset({"this"}),
    exp.Identifier: frozenset({"this", "quoted"}),
    exp.Column: frozenset({"this", "table"}),
    exp.Alias: frozenset({"this", "alias"}),
    exp.Placeholder: frozenset({"this"}),
    exp.Where: frozenset({"this"}),
    exp.Group: frozenset({"expressions"}),
    exp.Having: frozenset({"this"}),
    exp.Order: frozenset({"expressions"}),
    exp.Ordered: frozenset({"this", "desc", "nulls_first"}),
    exp.Limit: frozenset({"expression"}),
    exp.Offset: frozenset({"expression"}),
    exp.Exists: frozenset({"this"}),
    exp.Paren: frozenset({"this"}),
    exp.And: frozenset({"this", "expression"}),
    exp.Or: frozenset({"this", "expression"}),
    exp.Not: frozenset({"this"}),
    exp.EQ: frozenset({"this", "expression"}),
    exp.NEQ: frozenset({"this", "expression"}),
    exp.GT: frozenset({"this", "expression"}),
    exp.GTE: frozenset({"this", "expression"}),
    exp.LT: frozenset({"this", "expression"}),
    exp.LTE: frozenset({"this", "expression"}),
    exp.Add: frozenset({"this", "expression"}),
    exp.Is: frozenset({"this", "expression"}),
    exp.Null: frozenset(),
    exp.Boolean: frozenset({"this"}),
    exp.Literal: frozenset({"this", "is_string"}),
    exp.Case: frozenset({"ifs", "default"}),
    exp.If: frozenset({"this", "true"}),
    exp.Coalesce: frozenset({"this", "expressions"}),
    exp.Count: frozenset({"this", "big_int"}),
    exp.Distinct: frozenset({"expressions"}),
    exp.Min: frozenset({"this"}),
    exp.Max: frozenset({"this"}),
    exp.Star: frozenset(),
    exp.Anonymous: frozenset({"this", "expressions"}),
}

LOGICAL_FUNCTIONS = frozenset(
    {
        "CH_IN",
        "CH_TEXT",
        "CH_CONTAINS",
        "CH_ICONTAINS",
        "CH_HAS",
        "CH_TRUNCATE",
        "CH_SUM",
        "CH_AVG",
        "CH_STDDEV",
        "CH_PERCENTILE",
        "CH_TOKEN",
        "CH_BOUND",
    }
)


_OWN = frozenset({"constant", "variable", "list", "cursor", "node", "gathered"})
"""Where the values of a front end's binds may come from; what was gathered comes from governed rows. Claims, secrets
and entitlements belong to the policies."""


def check_block(block: Block, slots: Mapping[str, Slot]) -> None:
    """Raise `Refusal` CH450 unless the block's select has the form of `schema.query`. A look-up by token stands alone:
    beside related rows it would tell which of them hold the value."""
    check_select(block.select, slots)
    if looks_up(block.select) and (block.relationship or block.children or not block.one or block.aggregate):
        raise refused("a look-up stands beside other rows")


def check_gathered(gatherings: tuple[Gathering, ...], slots: Mapping[str, Slot]) -> None:
    """Raise `Refusal` CH450 unless every list that links are compared to holds links of the same relationship. Any
    other list, of values that the caller chose or sees, would be a test of raw keys."""
    by_name = {gathering.name: gathering for gathering in gatherings}
    for slot in slots.values():
        if slot.origin == "gathered" and slot.seal:
            gathering = by_name.get(str(slot.path[0]))
            if gathering is None or slot.path[1:] != ("members",) or _gathers(gathering) != slot.seal:
                raise refused("a list of links is gathered from something else")


def _gathers(gathering: Gathering) -> str | None:
    """The relationship whose links a gathering gives."""
    if gathering.kind == "links":
        return gathering.block.relationship
    children = {child.name: child.relationship for child in gathering.block.children}
    return children.get(gathering.child) if gathering.kind == "matches" and not gathering.identified else None


def check_select(select: exp.Expression, slots: Mapping[str, Slot]) -> None:
    """Raise `Refusal` CH450 unless the select has the form of `schema.query`. ``slots`` are the query's binds."""
    if not isinstance(select, exp.Select):
        raise refused("the root is not a SELECT")
    if not isinstance(select.args.get("from_"), exp.From) or not isinstance(select.args["from_"].this, exp.Table):
        raise refused("a select reads one relation")
    binds = {name for name, slot in slots.items() if _is_own(slot)}
    aliases: set[str] = set()
    for node in preorder(select):
        allowed = _NODES.get(type(node))
        if allowed is None:
            raise refused(f"{type(node).__name__} is not on the list")
        extra = {name for name, value in node.args.items() if value} - allowed
        if extra:
            raise refused(f"{type(node).__name__} with {', '.join(sorted(extra))} is not on the list")
        if isinstance(node, exp.Anonymous) and node.name not in LOGICAL_FUNCTIONS:
            raise refused(f"function {node.name} is not on the list")
        if isinstance(node, exp.Select) and node is not select:
            _check_exists(node)
        if isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count):
            raise refused("a star stands outside COUNT(*)")
        if isinstance(node, exp.Placeholder) and node.name not in binds:
            raise refused("a bind is none of the query's own")
        if isinstance(node, exp.Table):
            _check_table(node, aliases)
        if isinstance(node, exp.Column):
            _check_column(node, slots)
    fault = check_lookup(select) if looks_up(select) else None
    if fault is not None:
        raise refused(fault)


def _check_exists(select: exp.Select) -> None:
    """A select inside another only asks whether rows are there."""
    parts = {name for name, value in select.args.items() if value}
    if not isinstance(select.parent, exp.Exists) or parts != {"expressions", "from_", "where"}:
        raise refused("a select stands inside another, but not as EXISTS(SELECT 1 FROM .. WHERE ..)")
    if not all(isinstance(item, exp.Literal) for item in select.expressions):
        raise refused("EXISTS selects a 1")
    if not isinstance(select.args["from_"].this, exp.Table):
        raise refused("a select reads one relation")


def _check_table(table: exp.Table, aliases: set[str]) -> None:
    if not isinstance(table.this, exp.Identifier) or not table.db or not table.alias:
        raise refused("a relation is written domain.product AS alias")
    if table.alias in aliases:
        raise refused(f"alias {table.alias} stands twice")
    aliases.add(table.alias)


def _is_own(slot: Slot) -> bool:
    if slot.origin == "list":
        return isinstance(slot.value, tuple) and all(isinstance(part, Slot) and _is_own(part) for part in slot.value)
    return slot.origin in _OWN


def _check_column(column: exp.Column, slots: Mapping[str, Slot]) -> None:
    """Link columns may only be compared to link columns, or to those that were gathered from the relationship's other
    side: their raw keys reach no output, filter or order.

    Look-up columns are checked with the whole select (`policies.lookup.check_lookup`)."""
    if not column.table or not isinstance(column.this, exp.Identifier):
        raise refused(f"column {column.name} is not qualified")
    if column.name.startswith(ENTITY):
        raise refused("the entities of a minimum group belong to the gate")
    if column.name.startswith("~") and not column.name.startswith("~key.") and behind(column.name) is None:
        comparison = column.parent
        other = None
        if isinstance(comparison, exp.EQ):
            other = comparison.right if comparison.left is column else comparison.left
        if isinstance(other, exp.Column) and other.name == column.name and other.table != column.table:
            return
        if not _is_gathered(column, slots):
            raise refused("a link column stands outside a link")


def _is_gathered(column: exp.Column, slots: Mapping[str, Slot]) -> bool:
    """``CH_IN(link, :members)``, or ``CH_IN(CH_TOKEN(CH_TEXT(link, ..), ..), :members)``, of this relationship."""
    node: exp.Expr | None = column
    for function in ("CH_TEXT", "CH_TOKEN"):
        if isinstance(node, exp.Expr) and isinstance(node.parent, exp.Anonymous) and node.parent.name == function:
            node = node.parent
    within = node.parent if node is not None else None
    if not isinstance(within, exp.Anonymous) or within.name != "CH_IN" or within.expressions[0] is not node:
        return False
    slot = slots.get(within.expressions[1].name)
    way = column.name.removeprefix("~").rpartition(".")[0]
    return slot is not None and slot.origin == "gathered" and slot.seal == way


def refused(what: str) -> Refusal:
    return Refusal("CH450", f"The gate refused the query: {what}.", "This is a defect of the front end.", status=500)
