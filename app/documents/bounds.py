"""Bounds: what a registered document's variables may be, read from directives, and asked of every request's values.

    $carrier: String! @length(max: 2), $first: Int = 20 @range(min: 1, max: 100), $ids: [ID!]! @items(max: 50)

Without them a text has 256 characters and a list 100 items, and everything inside counts: the texts and lists of input
objects, the items of lists in lists. What a value's type allows is asked by the front end, afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from graphql import ConstValueNode, FloatValueNode, IntValueNode, VariableDefinitionNode
from graphql.language.ast import DirectiveNode

from app.documents.registry import Bounds, Variable
from resolvers.frontends.graphql.places import locations
from schema.errors import LoadError, Place, Refusal

DIRECTIVES: Mapping[str, tuple[str, ...]] = {"length": ("max",), "items": ("max",), "range": ("min", "max")}
"""The directives of variables that are ours, with their arguments."""

MEMBERS = 100
_NUMBER = re.compile(r"-?\d{1,256}(\.\d{1,256})?", re.ASCII)
_SHOWN = 80


def place_of(node: DirectiveNode | VariableDefinitionNode | ConstValueNode, file: str) -> Place:
    """Where a node stands in its file."""
    found = locations(node)
    return Place(file, *found[0]) if found else Place(file)


def ours(node: VariableDefinitionNode) -> list[DirectiveNode]:
    """The directives of a variable that say its bounds."""
    return [directive for directive in node.directives or () if directive.name.value in DIRECTIVES]


def read_bounds(node: VariableDefinitionNode, file: str, errors: list[LoadError]) -> Bounds:
    """The bounds of a variable. What is wrong with them goes to ``errors`` (CH250)."""
    bounds, seen = Bounds(), set[str]()
    for directive in ours(node):
        name = directive.name.value
        known = DIRECTIVES[name]
        given = {argument.name.value: argument.value for argument in directive.arguments or ()}
        numbers = {word: _number(value, name) for word, value in given.items()}
        if name in seen or not given or given.keys() - set(known) or None in numbers.values():
            errors.append(_misspelt(directive, file))
            continue
        seen.add(name)
        least, most = numbers.get("min"), numbers.get("max")
        if least is not None and most is not None and least > most:
            errors.append(_misspelt(directive, file))
        elif name == "range":
            bounds = replace(bounds, least=least, most=most)
        elif most is not None:
            bounds = replace(bounds, **{name: int(most)})
    return bounds


def _number(value: object, directive: str) -> float | None:
    if isinstance(value, IntValueNode):
        found = int(value.value) if len(value.value) <= _SHOWN else None
        return found if found is None or directive == "range" or found >= 0 else None
    if isinstance(value, FloatValueNode) and directive == "range":
        return float(value.value)
    return None


def _misspelt(directive: DirectiveNode, file: str) -> LoadError:
    sentence = f"The bound '@{directive.name.value}' is not written as it should be."
    hint = "Write, each once: @length(max: 2), @items(max: 50), @range(min: 1, max: 100)."
    return LoadError(place_of(directive, file), "CH250", sentence, hint)


def check(variables: Sequence[Variable], values: Mapping[str, object]) -> None:
    """Raise `Refusal` CH171 where a value is out of its variable's bounds, or is no variable's. Names the variable and
    the bound, never the value."""
    known = {variable.name for variable in variables}
    for name in values:
        if name not in known:
            raise _out(name, "is not one of this document")
    for variable in variables:
        if variable.name in values:
            _Walk(variable).value(values[variable.name], variable.name)


class _Walk:
    """One look over everything inside a variable's value."""

    def __init__(self, variable: Variable) -> None:
        self._bounds, self._items = variable.bounds, 0
        self._ranged = variable.bounds.least is not None or variable.bounds.most is not None

    def value(self, value: object, path: str) -> None:
        if isinstance(value, str):
            self._text(value, path)
        elif isinstance(value, list):
            self._items += len(value)
            if self._items > self._bounds.items:
                raise _out(path, f"has more than {self._bounds.items} items")
            for at, item in enumerate(value):
                self.value(item, f"{path}[{at}]")
        elif isinstance(value, dict):
            if len(value) > MEMBERS:
                raise _out(path, f"has more than {MEMBERS} members")
            for name, item in value.items():
                self._text(name, path)
                self.value(item, f"{path}.{name}")
        elif self._ranged and isinstance(value, int | float) and not isinstance(value, bool):
            self._number(value, path)

    def _text(self, value: str, path: str) -> None:
        if len(value) > self._bounds.length:
            raise _out(path, f"is longer than {self._bounds.length} characters")
        if self._ranged and _NUMBER.fullmatch(value):  # a BigInt or a Decimal; another text is none, for the front end
            self._number(Decimal(value), path)

    def _number(self, value: float | Decimal, path: str) -> None:
        bounds = self._bounds
        if bounds.least is not None and value < bounds.least:
            raise _out(path, f"is less than {bounds.least}")
        if bounds.most is not None and value > bounds.most:
            raise _out(path, f"is more than {bounds.most}")


def _out(path: str, what: str) -> Refusal:
    return Refusal("CH171", f"Variable '${path[:_SHOWN]}' {what}.", "Stay within the document's bounds.")
