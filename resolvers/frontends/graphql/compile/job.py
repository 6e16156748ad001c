"""What one compilation gathers: binds, page limits, products, and fresh names for tables and blocks."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from graphql import FieldNode, GraphQLInterfaceType, GraphQLObjectType
from sqlglot import exp

from resolvers.frontends.graphql.collecting import Collector
from resolvers.frontends.graphql.compile.seals import Seals
from resolvers.frontends.graphql.given import Given, Null, Value, Values, given
from schema.catalog import Catalog, Product
from schema.graphql import View
from schema.graphql.definitions import FieldDef
from schema.query import Block, Feed, Gathering, Limit, Origin, Output, Slot
from schema.trees import copied, key
from schema.types import DECIMAL, INTEGER, STRING, Kind, Type
from schema.zone import Zone


@dataclass(slots=True)
class Job:
    """The state of one compilation. Everything that ends up in the query passes through here."""

    view: View
    catalog: Catalog
    zone: Zone
    collector: Collector
    seals: Seals
    slots: dict[str, Slot] = field(default_factory=dict)
    limits: list[Limit] = field(default_factory=list)
    products: set[str] = field(default_factory=set)
    gatherings: list[Gathering] = field(default_factory=list)
    tables: int = 0
    blocks: int = 0

    def table(self, product: Product) -> tuple[exp.Table, str]:
        """A relation under a fresh alias."""
        alias = f"t{self.tables}"
        self.tables += 1
        self.products.add(product.id)
        table = exp.Table(this=_name(product.name), db=_name(product.domain), alias=exp.TableAlias(this=_name(alias)))
        return table, alias

    def draft(self, product: Product) -> Draft:
        """A block about to be written."""
        table, alias = self.table(product)
        name = f"b{self.blocks}"
        self.blocks += 1
        return Draft(name, product, table, alias)

    def bind(self, type_: Type, value: Value | Values, transform: str | None = None) -> exp.Placeholder:
        """A slot for a value: a variable where it has a path, else a constant."""
        origin: Origin = "constant" if value.path is None else "variable"
        many = isinstance(value, Values)
        constant = (value.values if isinstance(value, Values) else value.value) if origin == "constant" else None
        slot = Slot(
            "", comparable(type_), origin, many=many, path=value.path or (), value=constant, transform=transform
        )
        return self.slot(slot)

    def sealed(self, type_: Type, origin: Origin, value: Value, index: int, seal: str) -> exp.Placeholder:
        """A slot for one part of a sealed cursor or node id."""
        text = value.value if value.path is None else None
        return self.slot(Slot("", type_, origin, path=value.path or (), value=text, index=index, seal=seal))

    def slot(self, slot: Slot) -> exp.Placeholder:
        name = f"s{len(self.slots)}"
        self.slots[name] = replace(slot, name=name)
        return exp.Placeholder(this=name)

    def elsewhere(self, product: Product, target: Product) -> bool:
        """Whether another source than a product's own answers for the target, so that one must be asked first."""
        return target.source != product.source or self.catalog.keyed(target.id)

    def gathered(self, name: str, list_: str, type_: Type, seal: str = "") -> exp.Placeholder:
        """A slot for one of a gathering's lists."""
        return self.slot(Slot("", type_, "gathered", many=True, path=(name, list_), seal=seal))

    def arguments(self, parent: str, node: FieldNode) -> dict[str, Given]:
        """The arguments a field was given. One that is null, or a variable without a value, counts as not given."""
        type_ = self.view.schema.get_type(parent)
        if not isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            raise KeyError(parent)
        defined = type_.fields[node.name.value].args
        found: dict[str, Given] = {}
        for argument in node.arguments or ():
            name = argument.name.value
            value = given(argument.value, defined[name].type, self.collector.values)
            if value is not None and not isinstance(value, Null):
                found[name] = value
        return found

    def field(self, parent: str, node: FieldNode) -> FieldDef:
        return self.view.field(parent, node.name.value)


@dataclass(slots=True)
class Draft:
    """A block being written: its relation, its outputs (each expression once) and its children."""

    name: str
    product: Product
    table: exp.Table
    alias: str
    items: list[tuple[exp.Expr, Type]] = field(default_factory=list)
    known: dict[Hashable, int] = field(default_factory=dict)
    children: list[Block] = field(default_factory=list)
    feeds: tuple[Feed, ...] = ()

    def output(self, value: exp.Expr, type_: Type) -> int:
        """The index of an output, added unless it is there."""
        written = key(value)
        if written not in self.known:
            self.known[written] = len(self.items)
            self.items.append((value, type_))
        return self.known[written]

    def key_outputs(self) -> tuple[int, ...]:
        """The row's identity as text."""
        return tuple(self.output(call("CH_TEXT", part), STRING) for part in keys(self.product, self.alias))

    def select(self) -> exp.Select:
        """SELECT the outputs FROM the relation. A block that needs none selects a 1, so that its rows are there."""
        items = self.items or [(exp.Literal.number(1), INTEGER)]
        self.items = items
        spelt = [exp.Alias(this=copied(value), alias=_name(f"c{index}")) for index, (value, _) in enumerate(items)]
        return exp.Select(expressions=spelt, from_=exp.From(this=self.table))

    def outputs(self) -> tuple[Output, ...]:
        return tuple(Output(f"c{index}", type_) for index, (_, type_) in enumerate(self.items))


def column(alias: str, name: str) -> exp.Column:
    """``"t0"."dep_delay"``."""
    return exp.Column(this=_name(name), table=_name(alias))


def _name(name: str) -> exp.Identifier:
    return exp.Identifier(this=name, quoted=True)


def keys(product: Product, alias: str) -> list[exp.Column]:
    """The row's identity columns."""
    return [column(alias, f"~key.{index}") for index in range(len(product.key))]


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """A logical function."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def text_of(value: exp.Expr, type_: Type) -> exp.Anonymous:
    """A value of this type in its wire form."""
    return call("CH_TEXT", value, exp.Literal.string(str(type_)))


def comparable(type_: Type) -> Type:
    """The type a value is bound as: a decimal keeps all its digits, whatever the column's scale."""
    return DECIMAL if type_.kind is Kind.DECIMAL else type_


def where_all(conditions: list[exp.Expr | None]) -> exp.Expr | None:
    """All of them; None stands for a condition that always holds."""
    held = [condition for condition in conditions if condition is not None]
    return exp.and_(*held, copy=False) if held else None


def token(*parts: exp.Expr) -> exp.Expr:
    """Texts as one, by which rows are told apart."""
    return parts[0] if len(parts) == 1 else call("CH_TOKEN", *parts)


def identity(product: Product, alias: str) -> exp.Expr:
    """The row's identity as one text."""
    return token(*(call("CH_TEXT", part) for part in keys(product, alias)))


def block(
    draft: Draft,
    select: exp.Select,
    *,
    relationship: str | None = None,
    one: bool = False,
    exact: bool = False,
    aggregate: bool = False,
    probe: bool = False,
    reverse: bool = False,
    keys: tuple[str, ...] = (),
    match: tuple[int, ...] = (),
    listed: bool = False,
) -> Block:
    """The finished block of a draft."""
    return Block(
        name=draft.name,
        product=draft.product.id,
        select=select,
        outputs=draft.outputs(),
        children=tuple(draft.children),
        relationship=relationship,
        one=one,
        exact=exact,
        aggregate=aggregate,
        probe=probe,
        reverse=reverse,
        entity=draft.product.features is not None and (one or listed),
        feeds=draft.feeds,
        keys=keys,
        match=match,
        listed=listed,
    )
