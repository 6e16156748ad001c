"""Cost: what an operation may cost, estimated before it runs, and what its answer did cost.

An operation costs the sum over its fields: so many times as a field is answered, its weight and what is selected in it
(`schema.graphql.weights`). The estimate takes a list to be as long as its arguments say, or as long as a page is; the
actual cost counts what the answer holds. So the estimate is never less.

The estimate is one pass over the document, each fragment once however often it is spread: what stands in a connection
costs so much whatever its size, and so much for each row. It is made again only for other sizes, and conditions, of the
same document.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import NamedTuple

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
)
from graphql.language.ast import BooleanValueNode, DirectiveNode, InlineFragmentNode

from resolvers.cache import Bounded
from schema.errors import Refusal
from schema.graphql import View
from schema.graphql.definitions import FieldDef, ListSize
from schema.graphql.weights import OBJECT, VALUE

QUERY = "Query"
_KEPT = 64


class Part(NamedTuple):
    """What a selection costs: ``fixed``, and ``each`` for every row of the connection that it stands in."""

    fixed: int = 0
    each: int = 0


class Estimate:
    """The estimates of one valid operation, by what of its variables decides them."""

    def __init__(
        self, operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode], view: View
    ) -> None:
        self._operation, self._fragments, self._view = operation, fragments, view
        walk = Walk(fragments, view, {})
        cost = walk.operation(operation)
        self.names = tuple(walk.names)
        """The variables that decide it."""
        self.fixed = None if self.names else cost
        """What it always costs, if that is known."""
        self._kept: Bounded[int] = Bounded(_KEPT)

    def of(self, values: Mapping[str, object]) -> int:
        """What it costs with coerced variables."""
        if self.fixed is not None:
            return self.fixed
        key: Hashable = tuple([_decides(values.get(name)) for name in self.names])
        found = self._kept.known(key)
        if found is None:
            found = self._kept.keep(key, Walk(self._fragments, self._view, values).operation(self._operation))
        return found


def _decides(value: object) -> Hashable:
    """What of a value says how long a list is, or whether something is asked."""
    if isinstance(value, list):
        return ("list", len(value))
    return value if isinstance(value, int) else "one" if isinstance(value, dict) else None


class Walk:
    """One pass. ``visits`` counts the selections it saw, ``names`` are the variables that decide the cost."""

    def __init__(
        self, fragments: Mapping[str, FragmentDefinitionNode], view: View, values: Mapping[str, object]
    ) -> None:
        self._fragments, self._view, self._values = fragments, view, values
        self._parts: dict[str, Part] = {}
        self.visits = 0
        self.names: dict[str, None] = {}

    def operation(self, node: OperationDefinitionNode) -> int:
        return self._selections(node.selection_set, QUERY).fixed

    def _selections(self, node: SelectionSetNode, type_: str) -> Part:
        fixed = each = 0
        for selection in node.selections:
            self.visits += 1
            wanted = self._wanted(selection.directives or ())
            part = self._selection(selection, type_)  # also of what is not wanted: other values may want it
            if wanted:
                fixed, each = fixed + part.fixed, each + part.each
        return Part(fixed, each)

    def _selection(self, node: SelectionNode, type_: str) -> Part:
        if isinstance(node, FieldNode):
            return self._field(node, type_)
        if isinstance(node, InlineFragmentNode):
            condition = node.type_condition
            return self._selections(node.selection_set, type_ if condition is None else condition.name.value)
        if isinstance(node, FragmentSpreadNode):
            return self._fragment(node.name.value)
        raise TypeError(f"no such selection: {node.kind}")

    def _fragment(self, name: str) -> Part:
        if name not in self._parts:
            node = self._fragments[name]
            self._parts[name] = self._selections(node.selection_set, node.type_condition.name.value)
        return self._parts[name]

    def _field(self, node: FieldNode, type_: str) -> Part:
        if node.name.value.startswith("__"):
            return Part()
        field = self._view.field(type_, node.name.value)
        cost, inner = weight(field, self._view), Part()
        if node.selection_set is not None:
            inner = self._selections(node.selection_set, field.type.leaf)
        size = field.size
        if size is None:
            whole = cost + inner.fixed
            return Part(0, whole) if field.type.item is not None and node.selection_set is not None else Part(whole)
        length = self._length(node, size)
        if size.fields:
            return Part(cost + inner.fixed + length * inner.each)
        return Part(length * (cost + inner.fixed))

    def _length(self, node: FieldNode, size: ListSize) -> int:
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        said = [self._said(given[name]) for name in size.arguments if name in given]
        lengths = [length for length in said if length is not None]
        return min(max(*lengths, 0), size.most) if lengths else size.assumed

    def _said(self, node: ValueNode | VariableNode) -> int | None:
        """How long a list an argument asks for; None where it says nothing."""
        if isinstance(node, VariableNode):
            self.names[node.name.value] = None
            value = self._values.get(node.name.value)
            if isinstance(value, list):
                return len(value)
            return value if isinstance(value, int) else None if value is None else 1
        if isinstance(node, IntValueNode):
            return int(node.value)
        if isinstance(node, ListValueNode):
            return len(node.values)
        return None if isinstance(node, NullValueNode) else 1  # one thing stands for a list of it

    def _wanted(self, directives: tuple[DirectiveNode, ...]) -> bool:
        return all(self._passes(directive) for directive in directives)

    def _passes(self, directive: DirectiveNode) -> bool:
        if directive.name.value not in ("skip", "include"):
            return True
        node = next(argument.value for argument in directive.arguments or ())
        if isinstance(node, VariableNode):
            self.names[node.name.value] = None
            said = self._values.get(node.name.value) is True
        else:
            said = isinstance(node, BooleanValueNode) and node.value
        return said is (directive.name.value == "include")


def weight(field: FieldDef, view: View) -> int:
    """What a field costs each time, without what is selected in it."""
    if field.weight is not None:
        return field.weight
    type_ = view.type(field.type.leaf)
    if type_ is None or type_.form == "enum":
        return VALUE
    return OBJECT if type_.weight is None else type_.weight


def too_costly(cost: int, most: int) -> Refusal:
    return Refusal(
        "CH624",
        f"The query may cost {cost}, which is more than {most}.",
        "Ask for shorter pages ('first'), for fewer lists in lists, or in several requests.",
    )
