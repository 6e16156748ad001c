"""Merging: may fields with the same response key stand together? In place of graphql-core's rule, which is quadratic.

The rule of the GraphQL specification (section 5.3.2, Field Selection Merging), over the expanded operation, whose size
`limits` has bounded. Every field is compared to the first of its group only:

1. group the selected fields of all merged selection sets by response key;
2. all of a group have one shape: the same lists and nulls, the same leaf type, or all objects;
3. those that may meet on one object (same parent type, or one of them on Node) have one name and the same arguments;
4. go on with the sub-selections of the group, merged.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLCompositeType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    print_ast,
)
from graphql.language.ast import FragmentSpreadNode

from resolvers.frontends.graphql.places import locations
from schema.errors import Refusal

Selected = tuple[GraphQLCompositeType, FieldNode]
Fragments = Mapping[str, FragmentDefinitionNode]


def check_merging(schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Fragments) -> None:
    """Raise `Refusal` CH106 for the first two fields that cannot be one. The operation has been validated otherwise."""
    if schema.query_type is not None:
        _Merging(schema, fragments).check([(schema.query_type, operation.selection_set)])


class _Merging:
    def __init__(self, schema: GraphQLSchema, fragments: Fragments) -> None:
        self._schema, self._fragments = schema, fragments

    def check(self, sets: list[tuple[GraphQLCompositeType, SelectionSetNode]]) -> None:
        groups: dict[str, list[Selected]] = {}
        seen: set[tuple[str, str]] = set()
        for parent, node in sets:
            self._collect(parent, node, groups, seen)
        for key, fields in groups.items():
            self._group(key, fields)

    def _collect(
        self,
        parent: GraphQLCompositeType,
        node: SelectionSetNode,
        groups: dict[str, list[Selected]],
        seen: set[tuple[str, str]],
    ) -> None:
        for selection in node.selections:
            if isinstance(selection, FieldNode):
                key = (selection.alias or selection.name).value
                groups.setdefault(key, []).append((parent, selection))
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                inner = self._type(condition.name.value, parent) if condition else parent
                self._collect(inner, selection.selection_set, groups, seen)
            elif isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                if (name, parent.name) not in seen and name in self._fragments:
                    seen.add((name, parent.name))
                    fragment = self._fragments[name]
                    inner = self._type(fragment.type_condition.name.value, parent)
                    self._collect(inner, fragment.selection_set, groups, seen)

    def _group(self, key: str, fields: list[Selected]) -> None:
        first_parent, first = fields[0]
        shape = self._output(first_parent, first)
        meeting: dict[str, FieldNode] = {}
        for parent, node in fields:
            if not _same_shape(shape, self._output(parent, node)):
                raise _conflict(key, "they have different types", first, node)
            for other in _may_meet(parent, meeting):
                if other.name.value != node.name.value:
                    raise _conflict(key, "they are different fields", other, node)
                if _arguments(other) != _arguments(node):
                    raise _conflict(key, "they have different arguments", other, node)
            meeting.setdefault("*" if is_abstract_type(parent) else parent.name, node)
        inner = [
            (named, node.selection_set)
            for parent, node in fields
            if node.selection_set and is_composite_type(named := get_named_type(self._output(parent, node)))
        ]
        if inner:
            self.check(inner)

    def _output(self, parent: GraphQLCompositeType, node: FieldNode) -> GraphQLOutputType:
        field = self._schema.get_field(parent, node.name.value)
        if field is None:
            raise KeyError(node.name.value)
        return field.type

    def _type(self, name: str, parent: GraphQLCompositeType) -> GraphQLCompositeType:
        found = self._schema.get_type(name)
        return found if is_composite_type(found) else parent


def _may_meet(parent: GraphQLCompositeType, meeting: Mapping[str, FieldNode]) -> list[FieldNode]:
    if is_abstract_type(parent):
        return list(meeting.values())
    return [meeting[name] for name in (parent.name, "*") if name in meeting]


def _same_shape(one: GraphQLOutputType, other: GraphQLOutputType) -> bool:
    for wraps in (is_non_null_type, is_list_type):
        if wraps(one) or wraps(other):
            return bool(wraps(one) and wraps(other)) and _same_shape(one.of_type, other.of_type)  # type: ignore[union-attr]
    if is_leaf_type(one) or is_leaf_type(other):
        return one is other
    return True


def _arguments(node: FieldNode) -> dict[str, str]:
    return {argument.name.value: print_ast(argument.value) for argument in node.arguments or ()}


def _conflict(key: str, why: str, one: FieldNode, other: FieldNode) -> Refusal:
    return Refusal(
        "CH106",
        f"Two fields cannot both be answered as '{key}': {why}.",
        "Give one of them an alias.",
        locations=locations(one, other),
    )
