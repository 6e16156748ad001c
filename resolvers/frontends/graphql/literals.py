"""Literals: a client that writes its values into the text gets the plan of one that sends variables.

1. `spell` takes the scalar literals out of a text with one regular expression, so that texts which differ in nothing
   else are one `Spelling`. What it is not sure about it leaves in: comments, escapes, block strings, page sizes (they
   decide how a list is fetched), and texts that are long or hold many literals.
2. On a miss the whole text is read and validated as ever; `parametrise` then puts a variable in place of each literal
   that was taken out, found by its position in the text.
3. On a hit each literal is read for the type of its place, by the reading that step 2 would have used.

Does not promise: an error. Whatever is refused on this way is asked again with its exact text, which words the refusal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLString,
    GraphQLType,
    OperationDefinitionNode,
    SelectionSetNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    value_from_ast,
)
from graphql.language.ast import (
    ArgumentNode,
    FloatValueNode,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NameNode,
    ObjectFieldNode,
    ObjectValueNode,
    SelectionNode,
    StringValueNode,
)

from schema.graphql import View

LONGEST_TEXT, MOST_LITERALS, LONGEST_NUMBER = 16_384, 100, 20
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![_0-9A-Za-z.])"
_TEXT = r'"[^"\\\x00-\x08\x0a-\x1f]*"'
_ONE = rf"(?:{_NUMBER}|{_TEXT})"
_LITERAL = re.compile(
    rf"(?P<stays>\b(?:(?:first|last)\s*:\s*-?[0-9]+|offset\s*:\s*0)(?![_0-9A-Za-z.]))"
    rf"|(?P<list>\[[\s,]*{_ONE}(?:[\s,]+{_ONE})*[\s,]*\])|(?P<text>{_TEXT})|(?<![_0-9A-Za-z$.])(?P<number>{_NUMBER})"
)
_ITEM = re.compile(_ONE)
_UNSURE = ("\\", "#", '"""', "\x01")
_VARIABLE = "_literal"


@dataclass(frozen=True, slots=True)
class Spelling:
    """A text without its literals, and what was taken out, in order: (where it began, its text)."""

    text: str
    taken: tuple[tuple[int, str], ...]


def spell(text: str) -> Spelling | None:
    """None where nothing can be taken out with certainty."""
    if len(text) > LONGEST_TEXT or any(mark in text for mark in _UNSURE):
        return None
    taken: list[tuple[int, str]] = []

    def take(match: re.Match[str]) -> str:
        kind = match.lastgroup
        if kind == "stays":
            return match[0]
        taken.append((match.start(), match[0]))
        return f"\x01{_kind(match[0], kind or '')}"

    left = _LITERAL.sub(take, text)
    return Spelling(left, tuple(taken)) if taken and _modest(taken) else None


def _kind(text: str, group: str) -> str:
    """Literals of different kinds are different spellings: an integer where a text is wanted stays an error."""
    if group == "list":
        return "[" + "".join(sorted({_kind(item, "") for item in _ITEM.findall(text)})) + "]"
    if text[0] == '"':
        return "s"
    return "f" if "." in text or "e" in text or "E" in text else "i"


def _modest(taken: list[tuple[int, str]]) -> bool:
    found = [item for _, text in taken for item in (_ITEM.findall(text) if text[0] == "[" else (text,))]
    return len(found) <= MOST_LITERALS and all(item[0] == '"' or len(item) <= LONGEST_NUMBER for item in found)


Reading = Callable[[str], object]
"""A literal's text to its value. Raises ValueError where it is none of its type."""


@dataclass(frozen=True, slots=True)
class Parametrised:
    """An operation with a variable in place of each literal that was taken out; ``readings`` by the variable's name."""

    operation: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    readings: tuple[tuple[str, Reading], ...]

    def values(self, spelling: Spelling) -> dict[str, object]:
        """The literals of another text with the same spelling. Raises ValueError."""
        return {name: read(text) for (name, read), (_, text) in zip(self.readings, spelling.taken, strict=True)}


def parametrise(
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    view: View,
    spelling: Spelling,
) -> Parametrised | None:
    """None where a literal stands outside the arguments of fields (a default value, a directive), or where two fields
    may be merged: they are one only while their literals are the same."""
    places = {start: f"{_VARIABLE}{index}" for index, (start, _) in enumerate(spelling.taken)}
    rewriting = _Rewriting(view, places)
    rewritten = rewriting.operation(operation)
    spread = {name: rewriting.fragment(node) for name, node in fragments.items()}
    if len(rewriting.readings) != len(places) or rewriting.merging:
        return None
    return Parametrised(rewritten, spread, tuple((name, rewriting.readings[name]) for name in places.values()))


class _Rewriting:
    """One pass that builds the tree anew where a literal was, and keeps it everywhere else."""

    def __init__(self, view: View, places: Mapping[int, str]) -> None:
        self._schema, self._places = view.schema, places
        self.readings: dict[str, Reading] = {}
        self.merging = False
        self._keys: dict[str, bool] = {}

    def operation(self, node: OperationDefinitionNode) -> OperationDefinitionNode:
        return OperationDefinitionNode(
            operation=node.operation,
            name=node.name,
            variable_definitions=node.variable_definitions,
            directives=node.directives,
            selection_set=self._set(node.selection_set, self._schema.query_type),
            loc=node.loc,
        )

    def fragment(self, node: FragmentDefinitionNode) -> FragmentDefinitionNode:
        return FragmentDefinitionNode(
            name=node.name,
            type_condition=node.type_condition,
            directives=node.directives,
            selection_set=self._set(node.selection_set, self._schema.get_type(node.type_condition.name.value)),
            loc=node.loc,
        )

    def _set(self, node: SelectionSetNode, parent: GraphQLType | None) -> SelectionSetNode:
        return SelectionSetNode(selections=tuple(self._selection(one, parent) for one in node.selections), loc=node.loc)

    def _selection(self, node: SelectionNode, parent: GraphQLType | None) -> SelectionNode:
        if isinstance(node, FieldNode) and isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
            return self._field(node, parent)
        if isinstance(node, InlineFragmentNode):
            condition = node.type_condition
            inner = parent if condition is None else self._schema.get_type(condition.name.value)
            return InlineFragmentNode(
                type_condition=condition,
                directives=node.directives,
                selection_set=self._set(node.selection_set, inner),
                loc=node.loc,
            )
        return node

    def _field(self, node: FieldNode, parent: GraphQLObjectType | GraphQLInterfaceType) -> FieldNode:
        field = self._schema.get_field(parent, node.name.value)
        if field is None:  # not in a valid document
            return node
        key = (node.alias or node.name).value
        self.merging |= key in self._keys and (self._keys[key] or bool(node.arguments))
        self._keys[key] = self._keys.get(key, False) or bool(node.arguments)
        return FieldNode(
            alias=node.alias,
            name=node.name,
            arguments=tuple(
                ArgumentNode(
                    name=argument.name,
                    value=self._value(argument.value, field.args[argument.name.value].type),
                    loc=argument.loc,
                )
                for argument in node.arguments or ()
            ),
            directives=node.directives,
            selection_set=self._set(node.selection_set, get_named_type(field.type)) if node.selection_set else None,
            loc=node.loc,
        )

    def _value(self, node: ValueNode, type_: GraphQLInputType) -> ValueNode:
        name = self._places.get(node.loc.start) if node.loc is not None else None
        inner = get_nullable_type(type_)
        if name is not None:
            reading = _reading(node, inner)
            if reading is None:
                return node
            self.readings[name] = reading
            return VariableNode(name=NameNode(value=name), loc=node.loc)
        if isinstance(node, ListValueNode) and isinstance(inner, GraphQLList):
            return ListValueNode(values=tuple(self._value(item, inner.of_type) for item in node.values), loc=node.loc)
        if isinstance(node, ObjectValueNode) and isinstance(inner, GraphQLInputObjectType):
            fields = tuple(
                ObjectFieldNode(
                    name=field.name, value=self._value(field.value, inner.fields[field.name.value].type), loc=field.loc
                )
                for field in node.fields
            )
            return ObjectValueNode(fields=fields, loc=node.loc)
        return node


def _reading(node: ValueNode, type_: GraphQLType) -> Reading | None:
    """How a literal at a place of this type is read; None where it is not a scalar, or a list of them."""
    if isinstance(type_, GraphQLList):
        item: object = get_nullable_type(type_.of_type)
        if not isinstance(item, GraphQLScalarType):
            return None
        one = _scalar(item)
        return lambda text: [one(part) for part in (_ITEM.findall(text) if text[0] == "[" else (text,))]
    if isinstance(type_, GraphQLScalarType) and not isinstance(node, ListValueNode):
        return _scalar(type_)
    return None


def _scalar(type_: GraphQLScalarType) -> Reading:
    def read(text: str) -> object:
        if text[0] == '"':
            if type_ is GraphQLString:
                return text[1:-1]
            node: ValueNode = StringValueNode(value=text[1:-1])
        elif type_ is GraphQLInt and len(text) < 10 and text.isdigit():
            return int(text)
        else:
            whole = "." not in text and "e" not in text and "E" not in text
            node = IntValueNode(value=text) if whole else FloatValueNode(value=text)
        value = value_from_ast(node, type_)
        if value is Undefined:
            raise ValueError(f"not a {type_.name}")
        return value

    return read
