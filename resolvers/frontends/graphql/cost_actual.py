"""Actual cost: what an answer did cost, by the weights of its estimate, counted in what it holds.

A null costs nothing, and neither do rows that a page might have had. Only counted where somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphql import FieldNode, FragmentDefinitionNode, OperationDefinitionNode, SelectionSetNode
from graphql.language.ast import FragmentSpreadNode, InlineFragmentNode

from resolvers.frontends.graphql.collecting import Collector, Groups
from resolvers.frontends.graphql.cost import QUERY, weight
from schema.graphql import View

_NODE = "Node"


@dataclass(frozen=True, slots=True)
class _Object:
    """What of an object costs something: response keys with the weight of the field, and what its objects hold, as any
    of several types where more than one is possible. ``keys`` are all that it has."""

    keys: frozenset[str]
    parts: tuple[tuple[str, int, tuple[_Object, ...]], ...]


def actual(
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    view: View,
    values: Mapping[str, object],
    data: object,
) -> int:
    """What the ``data`` of an answer did cost."""
    reader = _Reader(view, Collector(fragments, values))
    return _cost(reader.object(QUERY, reader.collector.sets([operation.selection_set], frozenset({QUERY}))), data)


class _Reader:
    def __init__(self, view: View, collector: Collector) -> None:
        self._view, self.collector = view, collector

    def object(self, type_: str, groups: Groups) -> _Object:
        parts = tuple(self._part(type_, key, nodes) for key, nodes in groups.items())
        return _Object(frozenset(groups), tuple(part for part in parts if part[1] or part[2]))

    def _part(self, type_: str, key: str, nodes: tuple[FieldNode, ...]) -> tuple[str, int, tuple[_Object, ...]]:
        name = nodes[0].name.value
        if name.startswith("__"):
            return key, 0, ()
        field = self._view.field(type_, name)
        inner: tuple[_Object, ...] = ()
        if nodes[0].selection_set is not None:
            inner = tuple(self._inner(field.type.leaf, nodes))
        return key, weight(field, self._view), inner

    def _inner(self, type_: str, nodes: tuple[FieldNode, ...]) -> Iterator[_Object]:
        if type_ != _NODE:
            yield self.object(type_, self.collector.fields(nodes, frozenset({type_, _NODE})))
            return
        sets = [node.selection_set for node in nodes if node.selection_set is not None]
        for name in {_NODE, *self._conditions(sets)}:
            yield self.object(name, self.collector.fields(nodes, frozenset({name, _NODE})))

    def _conditions(self, sets: list[SelectionSetNode]) -> set[str]:
        """The types that an object may be taken to be."""
        found: set[str] = set()
        waiting, spread = list(sets), set[str]()
        while waiting:
            for selection in waiting.pop().selections:
                if isinstance(selection, InlineFragmentNode):
                    waiting.append(selection.selection_set)
                    if selection.type_condition is not None:
                        found.add(selection.type_condition.name.value)
                elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in spread:
                    spread.add(selection.name.value)
                    fragment = self.collector.fragments[selection.name.value]
                    found.add(fragment.type_condition.name.value)
                    waiting.append(fragment.selection_set)
        return found


def _cost(type_: _Object, value: object) -> int:
    """The cost of an object's fields."""
    if not isinstance(value, dict):
        return 0
    total = 0
    for key, each, inner in type_.parts:
        found = value.get(key)
        if found is None:
            continue
        if not inner:
            total += each  # a value, however long a list it is
            continue
        for item in found if isinstance(found, list) else (found,):
            if item is not None:
                total += each + _best(inner, item)
    return total


def _best(types: tuple[_Object, ...], value: object) -> int:
    if len(types) == 1:
        return _cost(types[0], value)
    keys = value.keys() if isinstance(value, dict) else ()
    return max((_cost(one, value) for one in types if one.keys == keys), default=0)
