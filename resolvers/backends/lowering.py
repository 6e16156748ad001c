"""Lowering: from the planner's logical SQL to one engine's words. Shared by all dialects.

1. Copy the tree; nodes that a rule wants to spell itself (keys, patterns, list binds) are held back.
2. Visit every node once, children first: logical functions, placeholders, casts and orderings are replaced by what the
   dialect says. What a rule makes is final.
3. Write the text: identifiers quoted, no comments, anything the engine cannot say is an error.

Deterministic: the same tree gives the same text, and binds are numbered in the order they are met.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property

from sqlglot import ErrorLevel, exp

from resolvers.backends.dialect import Capabilities, Statement
from resolvers.backends.free import FREE, spelt_freely
from resolvers.backends.logical_types import type_of
from resolvers.backends.spelling import call, cast, concat, over, text
from schema.query import SEPARATOR, Slot
from schema.trees import copied, preorder
from schema.types import Kind, Type, parse_type

Args = list[exp.Expression]
_HELD = {"CH_HMAC": (0,), "CH_HMAC_INT": (0,), "CH_REGEX_REPLACE": (1, 2), "CH_FLOOR_TO": (1,), "CH_IN": (1,)}
_AGGREGATE = "logical_aggregate"


class Binds:
    """The parameters of one statement: slots in the order of their first use."""

    def __init__(self, slots: Mapping[str, Slot]) -> None:
        self._slots = slots
        self._at: dict[tuple[str, str | None], int] = {}
        self.slots: list[Slot] = []

    def slot(self, placeholder: exp.Placeholder) -> Slot:
        return self._slots[placeholder.name]

    def at(self, slot: Slot) -> int:
        """The position of a slot, from 0."""
        key = (slot.name, slot.transform)
        if key not in self._at:
            self._at[key] = len(self.slots)
            self.slots.append(slot)
        return self._at[key]


class Lowering(ABC):
    """The dialect contract but for what differs between engines, which is abstract here."""

    name: str
    sqlglot_name: str
    capabilities: Capabilities

    # --- logical SQL, as the planner builds it

    def wire(self, value: exp.Expression, type_: Type) -> exp.Expression:
        return call("CH_WIRE", copied(value), text(str(type_)))

    def column(self, value: exp.Expression, type_: Type) -> exp.Expression:
        return call("CH_COLUMN", copied(value), text(str(type_)))

    def cast(self, value: exp.Expression, type_: Type) -> exp.Expression:
        return call("CH_CAST", copied(value), text(str(type_)))

    def cell(self, value: exp.Expression, type_: Type) -> exp.Expression:
        return call("CH_CELL", value.copy(), text(str(type_)))

    def json_text(self, value: str) -> exp.Expression:
        return call("CH_CAST", text(value), text("string"))

    def json_one(self, select: exp.Select, items: list[tuple[str, exp.Expression]], name: str) -> exp.Select:
        if select.args.get("limit") is None:  # an aggregate: one row in any case
            select.set("expressions", [self.json_object(items)])
            return select
        select.set("expressions", [exp.alias_(self.json_object(items), "j")])
        inner = select.subquery(exp.to_identifier(name, quoted=True), copy=False)
        return exp.select(call("ANY_VALUE", _of(name, "j"))).from_(inner, copy=False)

    def json_list(
        self, select: exp.Select, items: list[tuple[str, exp.Expression]], name: str, order: exp.Expression | None
    ) -> exp.Select:
        if order is None:
            raise ValueError(f"{self.name} needs a row's number to put rows in order")
        select.set("expressions", [exp.alias_(self.json_object(items), "j"), exp.alias_(order, "n")])
        inner = select.subquery(exp.to_identifier(name, quoted=True), copy=False)
        rows = self.json_rows(_of(name, "j"), _of(name, "n"))
        return exp.select(rows).from_(inner, copy=False)

    def json_row(self, items: list[exp.Expression]) -> exp.Expression:
        return call("CH_JSON_ROW", *items)

    def json_object(self, items: list[tuple[str, exp.Expression]]) -> exp.Expression:
        return call("CH_JSON_OBJECT", *(part for name, value in items for part in (text(name), value)))

    def json_rows(self, item: exp.Expression, order: exp.Expression) -> exp.Expression:
        return call("CH_JSON_ROWS", item, order)

    def bind(self, slot: Slot) -> exp.Expression:
        return exp.Placeholder(this=slot.name)

    # --- rendering

    def render(self, query: exp.Expression, slots: Mapping[str, Slot]) -> Statement:
        tree = copied(query)
        binds = Binds(slots)
        document = _is_document(tree)
        nodes = [node for node in preorder(tree) if isinstance(node, exp.Expression)]
        held = {id(node) for node in nodes if isinstance(node, exp.Anonymous) for node in _held(node)}
        for node in reversed(nodes):
            if id(node) in held or (node._meta is not None and FREE in node._meta):
                continue
            lowered = self._lower(node, binds)
            if lowered is not node:
                node.replace(lowered)
        return Statement(self._written(tree), tuple(binds.slots), document)

    def _written(self, tree: exp.Expression) -> str:
        """The text of a tree that is nobody else's."""
        if tree._meta is not None and FREE in tree._meta:
            return spelt_freely(tree, self.sqlglot_name)
        return tree.sql(
            self.sqlglot_name, copy=False, comments=False, identify=True, unsupported_level=ErrorLevel.RAISE
        )

    def _lower(self, node: exp.Expression, binds: Binds) -> exp.Expression:
        if isinstance(node, exp.Anonymous):
            return self._function(node, binds)
        if isinstance(node, exp.Placeholder):
            return self._placed(binds.slot(node), binds, node)
        if isinstance(node, exp.Cast):
            return self._cast_node(node)
        if isinstance(node, exp.Concat):
            return concat(*node.expressions)
        if isinstance(node, exp.Ordered) and node.args.get("nulls_first") is None:
            node.set("nulls_first", False)
        if isinstance(node, exp.Filter | exp.Window):
            return self._around(node)
        return self.rewrite(node)

    def rewrite(self, node: exp.Expression) -> exp.Expression:
        """Any other node, its children already lowered. A result that wraps it is built from a new node."""
        return node

    def _placed(self, slot: Slot, binds: Binds, node: exp.Placeholder) -> exp.Expression:
        return self.list_bind(slot, binds.at(slot)) if slot.many else self.scalar(slot, binds.at(slot), node)

    def _cast_node(self, node: exp.Cast) -> exp.Expression:
        type_ = type_of(node.to)
        return node if type_ is None else self.convert(node.this, type_)

    def _function(self, node: exp.Anonymous, binds: Binds) -> exp.Expression:
        rule = self._rules.get(str(node.this))
        return node if rule is None else rule(list(node.expressions), binds)

    def _around(self, node: exp.Filter | exp.Window) -> exp.Expression:
        """FILTER or OVER around a lowered aggregate belongs to the engine's aggregates inside it."""
        inside = node.this
        found = [part for part in inside.find_all(exp.Expression) if part.meta.get(_AGGREGATE)]
        if not found:
            return self.rewrite(node)
        if found[0] is inside:
            inside.meta.pop(_AGGREGATE)
            node.meta[_AGGREGATE] = True
            return self.rewrite(node)
        for part in found:
            wrapped = copied(node)
            plain = copied(part)
            plain.meta.pop(_AGGREGATE)
            wrapped.set("this", plain)
            wrapped.meta[_AGGREGATE] = True
            part.replace(self.rewrite(wrapped))
        return exp.Paren(this=inside)

    @cached_property
    def _rules(self) -> Mapping[str, Callable[[Args, Binds], exp.Expression]]:
        return {
            "CH_WIRE": lambda args, binds: self.to_wire(args[0], _type(args[1])),
            "CH_CELL": lambda args, binds: self.to_cell(args[0], _type(args[1])),
            "CH_COLUMN": lambda args, binds: self.stored(args[0], _type(args[1])),
            "CH_CAST": lambda args, binds: self.convert(args[0], _type(args[1])),
            "CH_JSON_ROW": lambda args, binds: self.array_of(args),
            "CH_JSON_OBJECT": lambda args, binds: self.object_of(args),
            "CH_JSON_ROWS": lambda args, binds: self.rows_of(args[0], args[1]),
            "CH_IN": self._in,
            "CH_HAS": lambda args, binds: self.has(args[0], args[1]),
            "CH_TEXT": lambda args, binds: self.to_text(args[0], _type(args[1]) if len(args) > 1 else None),
            "CH_CONTAINS": lambda args, binds: self.like(args[0], args[1], ignore_case=False),
            "CH_ICONTAINS": lambda args, binds: self.like(args[0], args[1], ignore_case=True),
            "CH_TRUNCATE": lambda args, binds: self.truncate(args[0].name, args[1]),
            "CH_SUM": lambda args, binds: self.total(args[0]),
            "CH_AVG": lambda args, binds: self.average(args[0]),
            "CH_STDDEV": lambda args, binds: self.deviation(args[0]),
            "CH_PERCENTILE": lambda args, binds: self.percentile(args[0], args[1]),
            "CH_HMAC": self._hmac,
            "CH_HMAC_INT": lambda args, binds: self.first_63_bits(self._hmac(args, binds)),
            "CH_LEFT": lambda args, binds: self.left(args[0], args[1]),
            "CH_RIGHT": lambda args, binds: self.right(args[0], args[1]),
            "CH_LENGTH": lambda args, binds: self.length(args[0]),
            "CH_REPEAT": lambda args, binds: self.repeat(args[0], args[1]),
            "CH_REGEX_REPLACE": self._regex_replace,
            "CH_FLOOR_TO": self._floor_to,
            "CH_ROUND_TO": lambda args, binds: self.round_to(args[0], args[1]),
            "CH_TOKEN": lambda args, binds: concat(*[part for arg in args for part in (text(SEPARATOR), arg)][1:]),
            "CH_BOUND": lambda args, binds: self.bound(args[0], args[1], args[2]),
            "CH_SPLIT_PART": lambda args, binds: self.split_part(*args),
        }

    def _in(self, args: Args, binds: Binds) -> exp.Expression:
        value, listed = args
        if not isinstance(listed, exp.Placeholder):
            return self.has(listed, value)
        slot = binds.slot(listed)
        if not slot.many:
            return exp.Paren(this=exp.EQ(this=value, expression=self.scalar(slot, binds.at(slot), listed)))
        return self.member(value, self.list_bind(slot, binds.at(slot)), slot)

    def _hmac(self, args: Args, binds: Binds) -> exp.Expression:
        key, message = args
        if not isinstance(key, exp.Placeholder):
            raise TypeError("the key of CH_HMAC is a bind")
        secret = replace(binds.slot(key), type=Type(Kind.BYTES))
        pads = [replace(secret, transform=pad) for pad in ("hmac_ipad", "hmac_opad")]
        inner, outer = (self.scalar(pad, binds.at(pad), key) for pad in pads)
        return self.hmac(inner, outer, message)

    def _regex_replace(self, args: Args, binds: Binds) -> exp.Expression:
        value, pattern, replacement = args
        spelt = self._pattern(pattern, binds)
        if isinstance(replacement, exp.Placeholder):
            replacement = self._placed(binds.slot(replacement), binds, replacement)
        return self.regex_replace(value, spelt, replacement)

    def _pattern(self, pattern: exp.Expression, binds: Binds) -> exp.Expression:
        if isinstance(pattern, exp.Placeholder):
            slot = replace(binds.slot(pattern), transform=self.regex_transform)
            return self.scalar(slot, binds.at(slot), pattern)
        # Imported here because binding reads statements, which rendering makes.
        from resolvers.backends.binding import prepare

        return text(str(prepare(Slot("", _STRING, "constant", transform=self.regex_transform), pattern.name)))

    def _floor_to(self, args: Args, binds: Binds) -> exp.Expression:
        value, width = args
        real = False
        if isinstance(width, exp.Placeholder):
            slot = binds.slot(width)
            real = slot.type.kind is Kind.FLOAT
            width = self.scalar(slot, binds.at(slot), width)
        return self.floor_to(value, width, real)

    # --- what differs between engines

    regex_transform = "regex"

    @abstractmethod
    def scalar(self, slot: Slot, at: int, node: exp.Placeholder) -> exp.Expression:
        """The bind at a position, typed."""

    @abstractmethod
    def list_bind(self, slot: Slot, at: int) -> exp.Expression:
        """The list bind at a position."""

    @abstractmethod
    def member(self, value: exp.Expression, listed: exp.Expression, slot: Slot) -> exp.Expression: ...

    def bound(self, token: exp.Expression, keys: exp.Expression, values: exp.Expression) -> exp.Expression:
        """The value in the place of the token. Only where `Capabilities.arrays`."""
        raise TypeError(f"{self.name} takes no arrays")

    @abstractmethod
    def has(self, array: exp.Expression, value: exp.Expression) -> exp.Expression: ...

    @abstractmethod
    def to_wire(self, value: exp.Expression, type_: Type) -> exp.Expression: ...

    def to_cell(self, value: exp.Expression, type_: Type) -> exp.Expression:
        return self.to_wire(value, type_)

    @abstractmethod
    def stored(self, value: exp.Expression, type_: Type) -> exp.Expression: ...

    @abstractmethod
    def convert(self, value: exp.Expression, type_: Type) -> exp.Expression: ...

    @abstractmethod
    def to_text(self, value: exp.Expression, type_: Type | None) -> exp.Expression: ...

    @abstractmethod
    def like(self, value: exp.Expression, pattern: exp.Expression, ignore_case: bool) -> exp.Expression: ...

    @abstractmethod
    def truncate(self, unit: str, value: exp.Expression) -> exp.Expression: ...

    @abstractmethod
    def percentile(self, value: exp.Expression, at: exp.Expression) -> exp.Expression: ...

    @abstractmethod
    def deviation(self, value: exp.Expression) -> exp.Expression: ...

    @abstractmethod
    def hmac(self, inner: exp.Expression, outer: exp.Expression, message: exp.Expression) -> exp.Expression: ...

    @abstractmethod
    def first_63_bits(self, hexadecimal: exp.Expression) -> exp.Expression: ...

    @abstractmethod
    def regex_replace(
        self, value: exp.Expression, pattern: exp.Expression, replacement: exp.Expression
    ) -> exp.Expression: ...

    @abstractmethod
    def floor_to(self, value: exp.Expression, width: exp.Expression, real: bool) -> exp.Expression: ...

    @abstractmethod
    def round_to(self, value: exp.Expression, digits: exp.Expression) -> exp.Expression: ...

    @abstractmethod
    def split_part(self, value: exp.Expression, mark: exp.Expression, at: exp.Expression) -> exp.Expression: ...

    def array_of(self, items: Args) -> exp.Expression:
        raise ValueError(f"{self.name} builds no nested JSON")

    def object_of(self, items: Args) -> exp.Expression:
        raise ValueError(f"{self.name} builds no nested JSON")

    def rows_of(self, item: exp.Expression, order: exp.Expression) -> exp.Expression:
        raise ValueError(f"{self.name} builds no nested JSON")

    # --- what most engines say alike

    def real(self, value: exp.Expression) -> exp.Expression:
        return cast(value, "DOUBLE")

    def total(self, value: exp.Expression) -> exp.Expression:
        return aggregate("SUM", value)

    def average(self, value: exp.Expression) -> exp.Expression:
        """Exact sum over count, so that every engine rounds once, at the end."""
        return over(self.real(aggregate("SUM", value)), self.real(aggregate("COUNT", copied(value))))

    def left(self, value: exp.Expression, count: exp.Expression) -> exp.Expression:
        return call("LEFT", value, self.small(count))

    def right(self, value: exp.Expression, count: exp.Expression) -> exp.Expression:
        return call("RIGHT", value, self.small(count))

    def length(self, value: exp.Expression) -> exp.Expression:
        return call("LENGTH", value)

    def repeat(self, value: exp.Expression, count: exp.Expression) -> exp.Expression:
        return call("REPEAT", value, self.small(count))

    def small(self, count: exp.Expression) -> exp.Expression:
        """A count as the integer type that the engine's text functions take."""
        return count

    def floor_mod(self, value: exp.Expression, width: exp.Expression) -> exp.Expression:
        """``value - ((value % width) + width) % width``: the value's own type, also below zero."""
        rest = exp.Mod(this=exp.Paren(this=copied(value)), expression=width)
        again = exp.Mod(
            this=exp.Paren(this=exp.Add(this=exp.Paren(this=rest), expression=copied(width))), expression=copied(width)
        )
        return exp.Paren(this=exp.Sub(this=value, expression=exp.Paren(this=again)))

    def floor_real(self, value: exp.Expression, width: exp.Expression) -> exp.Expression:
        steps = call("FLOOR", over(self.real(value), width))
        return exp.Paren(this=exp.Mul(this=copied(width), expression=steps))


_STRING = Type(Kind.STRING)


def aggregate(name: str, *args: exp.Expression) -> exp.Expression:
    """An engine's aggregate that FILTER and OVER may be moved onto. ``SUM(DISTINCT x)`` has a Distinct argument."""
    made = call(name, *args)
    made.meta[_AGGREGATE] = True
    return made


def inside(value: exp.Expression, change: Callable[[exp.Expression], exp.Expression]) -> exp.Expression:
    """Change an aggregate's argument, inside its DISTINCT where it has one."""
    if isinstance(value, exp.Distinct):
        value.set("expressions", [change(copied(part)) for part in value.expressions])
        return value
    return change(value)


def _of(relation: str, column: str) -> exp.Column:
    return exp.column(column, table=exp.to_identifier(relation, quoted=True), quoted=True)


def _type(literal: exp.Expression) -> Type:
    return parse_type(literal.name)


def _held(node: exp.Anonymous) -> list[exp.Expression]:
    """The arguments that the function's rule spells itself."""
    found = node.expressions
    return [found[at] for at in _HELD.get(str(node.this), ()) if isinstance(found[at], exp.Placeholder)]


def _is_document(tree: exp.Expression) -> bool:
    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1:
        return False
    only = tree.expressions[0].unalias()
    return isinstance(only, exp.Anonymous) and str(only.this).startswith("CH_JSON_")
