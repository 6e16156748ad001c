"""Names: one linear pass over a document, before validation, for names that this caller does not have.

It asks the caller's own view, in which a hidden name is not there; so unknown and hidden give the same error, the first
in the document, and no other beside it. Suggestions come from the view as well, where there are any.
"""

from __future__ import annotations

from collections.abc import Iterable

from graphql import (
    DocumentNode,
    EnumValueNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLType,
    InlineFragmentNode,
    ListTypeNode,
    ListValueNode,
    NamedTypeNode,
    Node,
    NonNullTypeNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    TypeNode,
    ValueNode,
    get_named_type,
    type_from_ast,
)

from resolvers.frontends.graphql.places import locations
from schema.errors import Refusal
from schema.graphql import View
from schema.names import did_you_mean


def unknown(what: str, known: Iterable[str] | None, name: str, *nodes: Node) -> Refusal:
    """The one error for a name that is not there, for whatever reason. ``known`` None: nothing is suggested."""
    hint = None if known is None else did_you_mean(name, known)
    return Refusal("CH205", what, hint, locations=locations(*nodes))


def check_names(document: DocumentNode, view: View) -> None:
    """Raise `Refusal` CH205 for the first name in the document that the view does not have."""
    names = _Names(view)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            names.operation(definition)
        elif isinstance(definition, FragmentDefinitionNode):
            names.condition(definition.type_condition)
            names.selections(definition.selection_set, view.schema.get_type(definition.type_condition.name.value))


class _Names:
    def __init__(self, view: View) -> None:
        self._view, self._schema = view, view.schema

    def operation(self, node: OperationDefinitionNode) -> None:
        for variable in node.variable_definitions or ():
            named = _named(variable.type)
            self.condition(named)
            if variable.default_value is not None:
                self._value(variable.default_value, type_from_ast(self._schema, variable.type))
        root = self._schema.query_type if node.operation is OperationType.QUERY else None
        self.selections(node.selection_set, root)

    def condition(self, node: NamedTypeNode) -> None:
        name = node.name.value
        if self._schema.get_type(name) is None:
            known = self._view.vocabulary.suggestions() if self._view.suggests else None
            raise unknown(f"No type '{name}' in this zone.", known, name, node)

    def selections(self, node: SelectionSetNode | None, parent: GraphQLType | None) -> None:
        for selection in node.selections if node else ():
            if isinstance(selection, FieldNode):
                self._field(selection, parent)
            elif isinstance(selection, InlineFragmentNode):
                inner = parent
                if selection.type_condition is not None:
                    self.condition(selection.type_condition)
                    inner = self._schema.get_type(selection.type_condition.name.value)
                self.selections(selection.selection_set, inner)

    def _field(self, node: FieldNode, parent: GraphQLType | None) -> None:
        if not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
            return
        name = node.name.value
        field = self._schema.get_field(parent, name)
        if field is None:
            where = "in this zone" if parent is self._schema.query_type else f"on '{parent.name}'"
            raise unknown(f"No field '{name}' {where}.", self._near(self._fields(parent)), name, node)
        for argument in node.arguments or ():
            word = argument.name.value
            if word not in field.args:
                raise unknown(
                    f"No argument '{word}' on '{parent.name}.{name}'.", self._near(field.args), word, argument
                )
            self._value(argument.value, field.args[word].type)
        self.selections(node.selection_set, get_named_type(field.type))

    def _fields(self, parent: GraphQLObjectType | GraphQLInterfaceType) -> Iterable[str]:
        """The names of a type's fields, without making the fields."""
        known = self._view.type(parent.name)
        return known.fields if known is not None else parent.fields

    def _value(self, node: ValueNode, type_: GraphQLType | None) -> None:
        named = get_named_type(type_)
        if isinstance(node, ListValueNode):
            for item in node.values:
                self._value(item, named)
        elif isinstance(node, ObjectValueNode) and isinstance(named, GraphQLInputObjectType):
            for field in node.fields:
                word = field.name.value
                if word not in named.fields:
                    known = self._near(named.fields)
                    raise unknown(f"No field '{word}' in '{named.name}'.", known, word, field)
                self._value(field.value, named.fields[word].type)
        elif isinstance(node, EnumValueNode) and isinstance(named, GraphQLEnumType) and node.value not in named.values:
            known = self._near(named.values)
            raise unknown(f"No value '{node.value}' in '{named.name}'.", known, node.value, node)

    def _near(self, known: Iterable[str]) -> Iterable[str] | None:
        return known if self._view.suggests else None


def _named(node: TypeNode) -> NamedTypeNode:
    while isinstance(node, ListTypeNode | NonNullTypeNode):
        node = node.type
    if not isinstance(node, NamedTypeNode):
        raise TypeError(f"no such type: {node.kind}")
    return node
