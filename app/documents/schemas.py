"""Schemas: JSON Schema (2020-12) of what a document's variables take and of what its answer holds.

From GraphQL types as one caller knows them, so nothing stands in it that the caller could not name. An answer's schema
follows the selection: a field under @include, @skip or a fragment of one of several types may be absent, all others are
there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_required_input_field,
)
from graphql.type import GraphQLNamedType

from app.documents.registry import Bounds

Json = dict[str, object]
REF = "#/components/schemas/"
_INT = {"minimum": -(2**31), "maximum": 2**31 - 1}
_SCALARS: Mapping[str, Json] = {
    "Boolean": {"type": "boolean"},
    "String": {"type": "string"},
    "ID": {"type": "string"},
    "Int": {"type": "integer", **_INT},
    "Long": {"type": "integer"},
    "Float": {"type": "number"},
    "Fraction": {"type": "number", "minimum": 0, "maximum": 1},
    "BigInt": {"type": "string", "pattern": r"^-?\d{1,19}$"},
    "Decimal": {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"},
    "Date": {"type": "string", "format": "date"},
    "Time": {"type": "string", "pattern": r"^\d{2}:\d{2}:\d{2}(\.\d{1,6})?$"},
    "DateTime": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?$"},
    "Timestamp": {"type": "string", "format": "date-time"},
    "Duration": {"type": "string", "format": "duration"},
    "UUID": {"type": "string", "format": "uuid"},
    "Base64": {"type": "string", "contentEncoding": "base64"},
    "JSON": {},
}
_NUMBERS = frozenset({"integer", "number"})


def scalar(type_: GraphQLNamedType) -> Json:
    """A scalar or enum, as it stands in JSON."""
    if isinstance(type_, GraphQLEnumType):
        return {"type": "string", "enum": list(type_.values)}
    return dict(_SCALARS[type_.name])


def nullable(schema: Json) -> Json:
    """The same, or null."""
    if "anyOf" in schema:
        return {"anyOf": [*_list(schema["anyOf"]), {"type": "null"}]}
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    if "type" not in schema:
        return schema
    made: Json = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        made["enum"] = [*_list(schema["enum"]), None]
    return made


def bounded(schema: Json, bounds: Bounds) -> Json:
    """A value, or a list of values, within a variable's bounds. Of numbers that are written as text, and of what input
    objects hold, nothing is said: the gateway looks at that."""
    said = schema.get("type")
    kinds = {said} if isinstance(said, str) else set(_list(said))
    items = schema.get("items")
    if "array" in kinds and isinstance(items, dict):
        return {**schema, "items": bounded(items, bounds), "maxItems": bounds.items}
    if kinds & _NUMBERS:
        least = {} if bounds.least is None else {"minimum": _number(bounds.least)}
        return {**schema, **least, **({} if bounds.most is None else {"maximum": _number(bounds.most)})}
    if "string" in kinds and "enum" not in schema and "format" not in schema:
        return {**schema, "maxLength": bounds.length}
    return schema


def _number(value: float) -> float:
    return int(value) if float(value).is_integer() else value


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []


@dataclass(slots=True)
class Inputs:
    """Schemas of input types. Input objects are named, since they may hold themselves: they gather in ``named``."""

    named: dict[str, Json] = field(default_factory=dict)

    def of(self, type_: GraphQLInputType) -> Json:
        """A value that is there: whether null may stand for it is not said."""
        if isinstance(type_, GraphQLNonNull):
            return self.of(type_.of_type)
        if isinstance(type_, GraphQLList):
            inner = type_.of_type
            item = self.of(inner)
            return {"type": "array", "items": item if isinstance(inner, GraphQLNonNull) else nullable(item)}
        if isinstance(type_, GraphQLInputObjectType):
            return self._object(type_)
        return scalar(get_named_type(type_))

    def _object(self, type_: GraphQLInputObjectType) -> Json:
        if type_.name not in self.named:
            made: Json = {"type": "object", "additionalProperties": False}
            self.named[type_.name] = made  # before its fields, which may lead back to it
            made["properties"] = {
                name: self.of(one.type) if isinstance(one.type, GraphQLNonNull) else nullable(self.of(one.type))
                for name, one in type_.fields.items()
            }
            needed = [name for name, one in type_.fields.items() if is_required_input_field(one)]
            if needed:
                made["required"] = needed
            if type_.is_one_of:
                made |= {"minProperties": 1, "maxProperties": 1}
        return {"$ref": REF + type_.name}


@dataclass(frozen=True, slots=True)
class _Asked:
    """A field where it is asked: of which type, and whether it is always there."""

    node: FieldNode
    parent: GraphQLObjectType | GraphQLInterfaceType
    sure: bool


def answer_of(document: DocumentNode, schema: GraphQLSchema) -> Json:
    """The schema of ``data``. The document is valid and holds one operation."""
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    query = schema.query_type
    if query is None:
        raise ValueError("a schema without a Query")
    return _Answers(document, schema).object([(operations[0].selection_set, query)], query)


class _Answers:
    def __init__(self, document: DocumentNode, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }

    def object(
        self, sets: Iterable[tuple[SelectionSetNode, GraphQLNamedType]], type_: GraphQLObjectType | GraphQLInterfaceType
    ) -> Json:
        """What several selections of one value give together."""
        found: dict[str, list[_Asked]] = {}
        for selections, parent in sets:
            if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
                self._collect(selections, parent, True, found)
        return {
            "type": "object",
            "properties": {key: self._field(asked) for key, asked in found.items()},
            "required": [key for key, asked in found.items() if any(one.sure for one in asked)],
            "additionalProperties": False,
        }

    def _collect(
        self,
        selections: SelectionSetNode,
        parent: GraphQLObjectType | GraphQLInterfaceType,
        sure: bool,
        found: dict[str, list[_Asked]],
    ) -> None:
        for node in selections.selections:
            always = sure and not any(one.name.value in ("include", "skip") for one in node.directives or ())
            if isinstance(node, FieldNode):
                key = node.alias.value if node.alias is not None else node.name.value
                found.setdefault(key, []).append(_Asked(node, parent, always))
                continue
            inner: FragmentDefinitionNode | InlineFragmentNode | None = None
            if isinstance(node, FragmentSpreadNode):
                inner = self._fragments[node.name.value]
            elif isinstance(node, InlineFragmentNode):
                inner = node
            if inner is None:
                continue
            on = parent if inner.type_condition is None else self._schema.get_type(inner.type_condition.name.value)
            if isinstance(on, GraphQLObjectType | GraphQLInterfaceType):
                # Inside a fragment on an interface the value is still of the outer type.
                narrow = on if isinstance(parent, GraphQLInterfaceType) else parent
                self._collect(inner.selection_set, narrow, always and (on is parent or narrow is parent), found)

    def _field(self, asked: Sequence[_Asked]) -> Json:
        by_type: dict[str, list[_Asked]] = {}
        for one in asked:
            by_type.setdefault(one.parent.name, []).append(one)
        made: list[Json] = []
        for group in by_type.values():
            schema = self._of(group)
            if schema not in made:
                made.append(schema)
        return made[0] if len(made) == 1 else {"anyOf": [*made]}

    def _of(self, group: Sequence[_Asked]) -> Json:
        """One field of one type, asked once or several times."""
        name, parent = group[0].node.name.value, group[0].parent
        if name == "__typename":
            return {"type": "string", **({"const": parent.name} if isinstance(parent, GraphQLObjectType) else {})}
        field_ = parent.fields[name]
        described: Json = {} if not field_.description else {"description": field_.description}
        return {**self._typed(field_.type, group), **described}

    def _typed(self, type_: GraphQLOutputType, group: Sequence[_Asked]) -> Json:
        if isinstance(type_, GraphQLNonNull):
            return self._present(type_.of_type, group)
        return nullable(self._present(type_, group))

    def _present(self, type_: GraphQLOutputType, group: Sequence[_Asked]) -> Json:
        if isinstance(type_, GraphQLList):
            return {"type": "array", "items": self._typed(type_.of_type, group)}
        named = get_named_type(type_)
        if isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
            sets = [(one.node.selection_set, named) for one in group if one.node.selection_set is not None]
            return self.object(sets, named)
        return scalar(named)
