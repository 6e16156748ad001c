"""Introspection: answered by graphql-core from the caller's own view, so that nothing hidden can be in it."""

from __future__ import annotations

from collections.abc import Iterable

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    Node,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    Visitor,
    execute_sync,
    visit,
)

from resolvers.frontends.graphql.collecting import Collector
from schema.errors import Refusal
from schema.graphql import View


def introspect(
    view: View, key: str, nodes: tuple[FieldNode, ...], operation: OperationDefinitionNode, collector: Collector
) -> object:
    """The answer of a ``__schema`` or ``__type`` field."""
    used = _Used(collector)
    used.look(nodes)
    asked = OperationDefinitionNode(
        operation=OperationType.QUERY,
        variable_definitions=tuple(
            v for v in operation.variable_definitions or () if v.variable.name.value in used.variables
        ),
        directives=(),
        selection_set=SelectionSetNode(selections=nodes),
    )
    values = {name: collector.values[name] for name in used.variables if name in collector.values}
    document = DocumentNode(definitions=(asked, *used.fragments.values()))
    result = execute_sync(view.whole, document, variable_values=values)
    if result.errors or result.data is None:
        raise Refusal("CH106", "This introspection cannot be answered.", "Compare the query with the specification.")
    return result.data[key]


class _Used(Visitor):
    """The fragments and variables that nodes make use of."""

    def __init__(self, collector: Collector) -> None:
        super().__init__()
        self._collector = collector
        self.fragments: dict[str, FragmentDefinitionNode] = {}
        self.variables: set[str] = set()

    def look(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            visit(node, self)

    def enter_variable(self, node: VariableNode, *_: object) -> None:
        self.variables.add(node.name.value)

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
        name = node.name.value
        if name not in self.fragments:
            self.fragments[name] = self._collector.fragments[name]
            visit(self.fragments[name], self)
