"""What the types of a zone are made of, before strawberry: names, references, and what each field means.

A `Meaning` tells the compiler what a field or input field stands for in the catalog, so that it never takes a name
apart to find out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from schema.catalog import Column, Product, Relationship

BULK = "bulk"
"""In the extensions of an input type: lists of it are bound as a whole (`TypeDef.bulk`)."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to a type: ``[Flight!]!`` is a required list of required Flights."""

    name: str
    required: bool = False
    item: Ref | None = None

    @property
    def leaf(self) -> str:
        """The named type inside all lists."""
        return self.name if self.item is None else self.item.leaf


@cache
def ref(text: str) -> Ref:
    """Read a reference as GraphQL spells it."""
    if text.endswith("!"):
        inner = ref(text[:-1])
        return Ref(inner.name, True, inner.item)
    if text.startswith("["):
        return Ref("", False, ref(text[1:-1]))
    return Ref(text)


@dataclass(frozen=True, slots=True)
class OfColumn:
    """A column's value, filter, order, aggregate or enum value."""

    product: Product
    column: Column


@dataclass(frozen=True, slots=True)
class OfStruct:
    """A field of a struct: its name in the source's struct."""

    name: str


@dataclass(frozen=True, slots=True)
class OfRow:
    """The row's node id."""

    product: Product


@dataclass(frozen=True, slots=True)
class OfRelated:
    """A relationship: one object, a connection, an aggregate over it, or a filter through it."""

    relationship: Relationship
    target: Product
    form: Literal["one", "many", "aggregate"]


@dataclass(frozen=True, slots=True)
class OfRoot:
    """A root field of a product."""

    product: Product
    form: Literal["key", "keys", "list", "aggregate", "groups", "detokenize"]


@dataclass(frozen=True, slots=True)
class OfPart:
    """A fixed part: ``nodes``, ``pageInfo``, ``sum``, ``and``, ``gte``, ``node`` .."""

    word: str


@dataclass(frozen=True, slots=True)
class OfEntity:
    """What an answer says of a feature view's row or a model's scoring besides its values."""

    product: Product
    word: Literal["status", "asOf", "stale", "modelVersion"]


Meaning = OfColumn | OfStruct | OfRow | OfRelated | OfRoot | OfEntity | OfPart


@dataclass(frozen=True, slots=True)
class ArgumentDef:
    type: Ref
    description: str = ""


@dataclass(frozen=True, slots=True)
class ListSize:
    """How long a list is taken to be: as one of ``arguments`` says (a number, or a list by its length), and never
    longer than ``most``; else ``assumed``. ``fields``: it is the lists in these that are so long, not the field
    itself."""

    assumed: int
    most: int
    arguments: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldDef:
    """A field of an object or input type, or (without a type that matters) a value of an enum. ``weight`` is what it
    costs each time; None: as its type. A list without a ``size`` is as long as the field around it says."""

    type: Ref
    meaning: Meaning
    description: str = ""
    arguments: Mapping[str, ArgumentDef] = field(default_factory=dict)
    weight: int | None = None
    size: ListSize | None = None


@dataclass(frozen=True, slots=True)
class TypeDef:
    """A named type. ``node``: an object that implements Node. ``one_of``: an input of exactly one field. ``bulk``: an
    input whose lists are bound as a whole, however long they are. ``weight`` is what an object costs; None: as
    usual."""

    name: str
    form: Literal["object", "interface", "input", "enum"]
    fields: Mapping[str, FieldDef]
    description: str = ""
    node: bool = False
    one_of: bool = False
    bulk: bool = False
    weight: int | None = None
