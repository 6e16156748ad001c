"""Limits: the size of a document, measured before anything that costs more than reading it once.

One pass, every fragment measured once however often it is spread, so a document of fragments that spread each other
costs its own length and not what it would expand to. Counts are those of the expanded operation. Later passes may walk
the expansion, because it is bounded here.

Does not promise: that the answer is small (page sizes) or cheap to get (`cost`).
"""

from __future__ import annotations

from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    ListValueNode,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
)
from graphql.language.ast import (
    DirectiveNode,
    FloatValueNode,
    InlineFragmentNode,
    IntValueNode,
)

from resolvers.frontends.graphql.places import locations
from schema.errors import Refusal
from schema.graphql.scalars import LONGEST
from schema.limits import Limits

_INTROSPECTION = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True)
class Size:
    """What a selection set expands to."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    top: int = 0


def measure(document: DocumentNode, limits: Limits) -> int:
    """Raise `Refusal` CH103 where a limit is passed, CH106 for a cycle of fragments. Returns how many nodes it saw."""
    meter = _Meter(document, limits)
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            meter.fragment(definition.name.value)
        elif isinstance(definition, OperationDefinitionNode):
            meter.operation(definition)
    return meter.steps


class _Meter:
    def __init__(self, document: DocumentNode, limits: Limits) -> None:
        self._limits, self.steps = limits, 0
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._sizes: dict[str, Size | None] = {}
        operations = sum(isinstance(d, OperationDefinitionNode) for d in document.definitions)
        self._most("operations", operations, limits.operations, document)
        fragments = sum(isinstance(d, FragmentDefinitionNode) for d in document.definitions)
        self._most("fragments", fragments, limits.fragments, document)

    def operation(self, node: OperationDefinitionNode) -> None:
        size = self._selections(node.selection_set, 1)
        directives = size.directives + self._directives(node.directives)
        for variable in node.variable_definitions or ():
            directives += self._directives(variable.directives)
            if variable.default_value is not None:
                self._value(variable.default_value, 1)
        limits = self._limits
        self._most("levels of fields", size.depth, limits.depth, node)
        self._most("fields, fragments written out", size.fields, limits.fields, node)
        self._most("aliases", size.aliases, limits.aliases, node)
        self._most("root fields", size.top, limits.root_fields, node)
        self._most("directives", directives, limits.directives, node)

    def fragment(self, name: str) -> Size:
        """The size of a fragment, measured once. A cycle is refused here, since it would expand without end."""
        if name in self._sizes:
            known = self._sizes[name]
            if known is None:
                raise Refusal(
                    "CH106",
                    f"Fragment '{name}' spreads itself.",
                    "Take the cycle out.",
                    locations=locations(self._fragments[name]),
                )
            return known
        definition = self._fragments.get(name)
        if definition is None:
            return Size()
        self._sizes[name] = None
        directives = self._directives(definition.directives)
        size = _plus(self._selections(definition.selection_set, 1), Size(directives=directives))
        self._sizes[name] = size
        return size

    def _selections(self, node: SelectionSetNode, nesting: int) -> Size:
        if nesting > self._limits.nesting:
            raise self._refusal("levels of nesting", self._limits.nesting, node)
        total = Size()
        for selection in node.selections:
            self.steps += 1
            total = _plus(total, self._selection(selection, nesting))
        return total

    def _selection(self, node: SelectionNode, nesting: int) -> Size:
        directives = Size(directives=self._directives(node.directives))
        if isinstance(node, FieldNode):
            return _plus(directives, self._field(node, nesting))
        if isinstance(node, FragmentSpreadNode):
            return _plus(directives, self.fragment(node.name.value))
        if isinstance(node, InlineFragmentNode):
            return _plus(directives, self._selections(node.selection_set, nesting + 1))
        raise TypeError(f"no such selection: {node.kind}")

    def _field(self, node: FieldNode, nesting: int) -> Size:
        for argument in node.arguments or ():
            self._value(argument.value, 1)
        inner = self._selections(node.selection_set, nesting + 1) if node.selection_set else Size()
        depth = inner.depth
        if node.name.value in _INTROSPECTION:
            self._most("levels of introspection", depth, self._limits.introspection_depth, node)
            depth = 0
        return Size(depth + 1, inner.fields + 1, inner.aliases + (node.alias is not None), inner.directives, 1)

    def _directives(self, nodes: tuple[DirectiveNode, ...] | None) -> int:
        nodes = nodes or ()
        if len(nodes) > self._limits.directives_at_one_place:
            raise self._refusal("directives at one place", self._limits.directives_at_one_place, nodes[0])
        return len(nodes)

    def _value(self, node: ValueNode | VariableNode, depth: int) -> None:
        self.steps += 1
        if depth > self._limits.input_depth:
            raise self._refusal("levels in an argument", self._limits.input_depth, node)
        if isinstance(node, ObjectValueNode):
            for field in node.fields:
                self._value(field.value, depth + 1)
        elif isinstance(node, ListValueNode):
            for item in node.values:
                self._value(item, depth + 1)
        elif isinstance(node, IntValueNode | FloatValueNode) and len(node.value) > LONGEST:
            raise self._refusal("digits in a number", LONGEST, node)

    def _most(self, what: str, found: int, most: int, node: Node) -> None:
        if found > most:
            raise self._refusal(what, most, node)

    def _refusal(self, what: str, most: int, node: Node) -> Refusal:
        return Refusal(
            "CH103",
            f"The query has more than {most} {what}.",
            "Ask for less at once, in several requests.",
            locations=locations(node),
        )


def _plus(one: Size, other: Size) -> Size:
    """Two selections side by side."""
    return Size(
        max(one.depth, other.depth),
        one.fields + other.fields,
        one.aliases + other.aliases,
        one.directives + other.directives,
        one.top + other.top,
    )
