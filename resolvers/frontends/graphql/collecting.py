"""Collecting: the fields of an object in response order, fragments spread, conditions decided (specification 6.3.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from graphql import FieldNode, FragmentDefinitionNode, SelectionNode, SelectionSetNode, VariableNode
from graphql.language.ast import BooleanValueNode, DirectiveNode, FragmentSpreadNode, InlineFragmentNode

Groups = Mapping[str, tuple[FieldNode, ...]]
"""The field nodes of each response key."""


@dataclass(frozen=True, slots=True)
class Collector:
    """Fragments and variable values of one request."""

    fragments: Mapping[str, FragmentDefinitionNode]
    values: Mapping[str, object]

    def fields(self, nodes: Iterable[FieldNode], types: frozenset[str]) -> Groups:
        """The merged sub-selections of fields, for an object whose type goes by any of these names."""
        return self.sets([node.selection_set for node in nodes if node.selection_set is not None], types)

    def sets(self, sets: Iterable[SelectionSetNode], types: frozenset[str]) -> Groups:
        groups: dict[str, list[FieldNode]] = {}
        spread: set[str] = set()
        for node in sets:
            self._collect(node, types, groups, spread)
        return {key: tuple(nodes) for key, nodes in groups.items()}

    def _collect(
        self, node: SelectionSetNode, types: frozenset[str], groups: dict[str, list[FieldNode]], spread: set[str]
    ) -> None:
        for selection in node.selections:
            if not self._wanted(selection):
                continue
            if isinstance(selection, FieldNode):
                groups.setdefault((selection.alias or selection.name).value, []).append(selection)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                if condition is None or condition.name.value in types:
                    self._collect(selection.selection_set, types, groups, spread)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in spread:
                spread.add(selection.name.value)
                fragment = self.fragments[selection.name.value]
                if fragment.type_condition.name.value in types:
                    self._collect(fragment.selection_set, types, groups, spread)

    def _wanted(self, node: SelectionNode) -> bool:
        for directive in node.directives or ():
            name = directive.name.value
            if name in ("skip", "include") and self._condition(directive) is (name == "skip"):
                return False
        return True

    def _condition(self, directive: DirectiveNode) -> bool:
        node = next(argument.value for argument in directive.arguments or ())
        if isinstance(node, VariableNode):
            return self.values.get(node.name.value) is True
        return isinstance(node, BooleanValueNode) and node.value
