"""What a registered document may cost, its variables left to their defaults."""

from __future__ import annotations

from graphql import FragmentDefinitionNode, OperationDefinitionNode, parse, value_from_ast_untyped

from app.documents.registry import Registered
from resolvers.frontends.graphql.cost import Estimate
from schema.graphql import View


def cost(document: Registered, view: View) -> int:
    """Of a document that is valid for the view."""
    definitions = parse(document.text, no_location=True).definitions
    (operation,) = (node for node in definitions if isinstance(node, OperationDefinitionNode))
    fragments = {node.name.value: node for node in definitions if isinstance(node, FragmentDefinitionNode)}
    defaults = {
        node.variable.name.value: value_from_ast_untyped(node.default_value)
        for node in operation.variable_definitions or ()
        if node.default_value is not None
    }
    return Estimate(operation, fragments, view).of(defaults)
