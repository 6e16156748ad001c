"""Costed: a schema's text with what its fields cost, as the IBM draft of GraphQL cost directives spells it.

``@cost`` stands where the weight is not the draft's own (0 for values, 1 for objects), ``@listSize`` at every list
whose length arguments or pages decide. Clients and gateways that know the draft can tell from it what a query may cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from graphql import (
    ConstDirectiveNode,
    DefinitionNode,
    DocumentNode,
    FieldDefinitionNode,
    ObjectTypeDefinitionNode,
    parse,
    parse_const_value,
    print_ast,
)
from graphql.language.ast import ConstArgumentNode, NameNode

from schema.graphql.definitions import FieldDef
from schema.graphql.vocabulary import Vocabulary


def costed(text: str, vocabulary: Vocabulary) -> str:
    """The text of a schema of this vocabulary, with its costs."""
    document = parse(text, no_location=True)
    definitions = tuple(_definition(node, vocabulary) for node in document.definitions)
    return print_ast(DocumentNode(definitions=definitions)) + "\n"


def _definition(node: DefinitionNode, vocabulary: Vocabulary) -> DefinitionNode:
    if not isinstance(node, ObjectTypeDefinitionNode):
        return node
    type_ = vocabulary.type(node.name.value)
    if type_ is None:
        return node
    fields = tuple(_field(field, type_.fields.get(field.name.value)) for field in node.fields or ())
    more = () if type_.weight is None else (_cost(type_.weight),)
    return replace(node, fields=fields, directives=(*(node.directives or ()), *more))


def _field(node: FieldDefinitionNode, field: FieldDef | None) -> FieldDefinitionNode:
    if field is None or (field.weight is None and field.size is None):
        return node
    more = [] if field.weight is None else [_cost(field.weight)]
    if field.size is not None:
        size = {"assumedSize": str(field.size.assumed), "slicingArguments": _list(field.size.arguments)}
        sized = {"sizedFields": _list(field.size.fields)} if field.size.fields else {}
        more.append(_directive("listSize", {**size, **sized, "requireOneSlicingArgument": "false"}))
    return replace(node, directives=(*(node.directives or ()), *more))


def _cost(weight: int) -> ConstDirectiveNode:
    return _directive("cost", {"weight": f'"{weight}"'})


def _directive(name: str, arguments: Mapping[str, str]) -> ConstDirectiveNode:
    given = tuple(
        ConstArgumentNode(name=NameNode(value=word), value=parse_const_value(value))
        for word, value in arguments.items()
    )
    return ConstDirectiveNode(name=NameNode(value=name), arguments=given)


def _list(words: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"
