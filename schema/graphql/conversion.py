"""Conversion: a vocabulary as strawberry types, and those as graphql-core types.

Resolvers are never attached: data does not go through graphql-core's executor.
"""

from __future__ import annotations

import enum
from typing import cast

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLOutputType,
)
from strawberry import ID
from strawberry.annotation import StrawberryAnnotation
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.schema.types.concrete_type import ConcreteType
from strawberry.schema_directives import OneOf
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import StrawberryList, StrawberryObjectDefinition, StrawberryOptional, StrawberryType
from strawberry.types.enum import EnumValue, StrawberryEnumDefinition
from strawberry.types.field import StrawberryField

from schema.graphql.definitions import BULK, ArgumentDef, FieldDef, Ref, TypeDef
from schema.graphql.scalars import SCALARS, definitions
from schema.graphql.vocabulary import Vocabulary

_PYTHON: dict[str, object] = {"Int": int, "Float": float, "String": str, "Boolean": bool, "ID": ID}


def config() -> StrawberryConfig:
    """Names are spelt as given; the scalars are ours."""
    return StrawberryConfig(auto_camel_case=False, scalar_map=definitions())


class Classes:
    """The strawberry class or enum of every type of a vocabulary. Fields are made apart, when asked for."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._classes: dict[str, type] = {}
        self._enums: dict[str, StrawberryEnumDefinition] = {}
        self._annotations: dict[Ref, StrawberryAnnotation] = {}

    def named(self, name: str) -> object:
        """What strawberry knows a type by. Raises KeyError for a name the vocabulary does not have."""
        if name in _PYTHON:
            return _PYTHON[name]
        if name in SCALARS:
            return SCALARS[name].marker
        type_ = self._vocabulary.type(name)
        if type_ is None:
            raise KeyError(name)
        return self._enum(type_) if type_.form == "enum" else self.cls(type_)

    def cls(self, type_: TypeDef) -> type:
        """The class of an object, interface or input."""
        if type_.name not in self._classes:
            self._classes[type_.name] = self._class(type_)
        return self._classes[type_.name]

    def fields(self, name: str) -> list[StrawberryField]:
        """The strawberry fields of a type."""
        type_ = self._vocabulary.type(name)
        return [self.field(word, field) for word, field in type_.fields.items()] if type_ else []

    def bulk(self, name: str) -> bool:
        type_ = self._vocabulary.type(name)
        return type_ is not None and type_.bulk

    def _class(self, type_: TypeDef) -> type:
        cls = type(type_.name, (), {})
        node = self._vocabulary.type("Node") if type_.node else None
        definition = StrawberryObjectDefinition(
            name=type_.name,
            is_input=type_.form == "input",
            is_interface=type_.form == "interface",
            origin=cls,
            description=type_.description or None,
            interfaces=[definition_of(self.cls(node))] if node else [],
            extend=False,
            directives=(OneOf(),) if type_.one_of else (),
            is_type_of=None,
            resolve_type=None,
            fields=[],
        )
        cls.__strawberry_definition__ = definition  # type: ignore[attr-defined]
        return cls

    def _enum(self, type_: TypeDef) -> StrawberryEnumDefinition:
        if type_.name not in self._enums:
            members = enum.Enum(type_.name, {word: word for word in type_.fields})  # type: ignore[misc]
            values = [
                EnumValue(word, word, description=field.description or None) for word, field in type_.fields.items()
            ]
            self._enums[type_.name] = StrawberryEnumDefinition(members, type_.name, values, type_.description or None)
        return self._enums[type_.name]

    def field(self, name: str, field: FieldDef) -> StrawberryField:
        """One strawberry field."""
        made = StrawberryField(
            python_name=name,
            graphql_name=name,
            type_annotation=self._annotation(field.type),
            description=field.description or None,
        )
        made.arguments = [self._argument(word, argument) for word, argument in field.arguments.items()]
        return made

    def _argument(self, name: str, argument: ArgumentDef) -> StrawberryArgument:
        annotation = self._annotation(argument.type)
        return StrawberryArgument(name, name, annotation, description=argument.description or None)

    def _annotation(self, wanted: Ref) -> StrawberryAnnotation:
        """One annotation per reference: strawberry resolves it once for all fields that have it."""
        if wanted not in self._annotations:
            self._annotations[wanted] = StrawberryAnnotation(self._spelt(wanted))
        return self._annotations[wanted]

    def _spelt(self, wanted: Ref) -> object:
        inner: object = self.named(wanted.name) if wanted.item is None else _list(self._spelt(wanted.item))
        return inner if wanted.required else _optional(inner)


def _list(item: object) -> StrawberryType:
    return StrawberryList(item)  # type: ignore[arg-type]


def _optional(inner: object) -> StrawberryType:
    return StrawberryOptional(inner)  # type: ignore[arg-type]


def definition_of(cls: type) -> StrawberryObjectDefinition:
    """The strawberry definition a class was given."""
    found = cls.__strawberry_definition__  # type: ignore[attr-defined]
    if not isinstance(found, StrawberryObjectDefinition):
        raise TypeError(f"{cls.__name__} is not a strawberry type")
    return found


class Converter(GraphQLCoreConverter):
    """strawberry's converter without resolvers. Enum values are plain strings; oneOf is graphql-core's own check."""

    def __init__(self, classes: Classes) -> None:
        settings = config()
        super().__init__(
            settings,
            scalar_overrides={},
            scalar_map=settings.scalar_map,
            get_fields=lambda definition: classes.fields(definition.name),
        )

        self._types: dict[int, GraphQLOutputType | GraphQLInputType] = {}
        self._bulk = classes.bulk

    def from_field(
        self, field: StrawberryField, *, type_definition: StrawberryObjectDefinition | None = None
    ) -> GraphQLField:
        arguments = {argument.python_name: self.from_argument(argument) for argument in field.arguments}
        made = cast("GraphQLOutputType", self._type(field.type_annotation))
        return GraphQLField(made, arguments, description=field.description)

    def from_input_field(
        self, field: StrawberryField, *, type_definition: StrawberryObjectDefinition | None = None
    ) -> GraphQLInputField:
        made = cast("GraphQLInputType", self._type(field.type_annotation))
        return GraphQLInputField(made, description=field.description)

    def from_argument(self, argument: StrawberryArgument) -> GraphQLArgument:
        made = cast("GraphQLInputType", self._type(argument.type_annotation))
        return GraphQLArgument(made, description=argument.description)

    def _type(self, annotation: StrawberryAnnotation | None) -> GraphQLOutputType | GraphQLInputType:
        """The type of an annotation, converted once: `Classes` keeps one annotation per reference."""
        if annotation is None:
            raise TypeError("every field of a catalog's types has a type")
        if id(annotation) not in self._types:
            self._types[id(annotation)] = self.from_maybe_optional(annotation.resolve())
        return self._types[id(annotation)]

    def from_enum(self, enum: StrawberryEnumDefinition) -> GraphQLEnumType:  # type: ignore[override]
        known = self.type_map.get(enum.name)
        if known is not None and isinstance(known.implementation, GraphQLEnumType):
            return known.implementation
        values = {value.name: GraphQLEnumValue(value.name, description=value.description) for value in enum.values}
        made = GraphQLEnumType(enum.name, values, description=enum.description)
        self.type_map[enum.name] = ConcreteType(definition=enum, implementation=made)
        return made

    def from_input_object(self, object_type: type) -> GraphQLInputObjectType:
        definition = definition_of(object_type)
        known = self.type_map.get(definition.name)
        if known is not None and isinstance(known.implementation, GraphQLInputObjectType):
            return known.implementation
        made = GraphQLInputObjectType(
            name=definition.name,
            fields=lambda: self.get_graphql_input_fields(definition),
            description=definition.description,
            is_one_of=any(isinstance(directive, OneOf) for directive in definition.directives or ()),
            extensions={BULK: True} if self._bulk(definition.name) else None,
        )
        self.type_map[definition.name] = ConcreteType(definition=definition, implementation=made)
        return made
