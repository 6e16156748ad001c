"""Fit: whether a document is valid against the whole schema of a zone, and what its variables then are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLNonNull,
    GraphQLScalarType,
    VariableDefinitionNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
    print_ast,
    value_from_ast_untyped,
)

from app.documents.bounds import check, ours, place_of
from app.documents.registry import Form, Variable
from app.documents.source import Source
from policies.rules import PolicySet
from policies.visible import detokenizable
from resolvers.frontends.graphql.coercion import variable_type
from resolvers.frontends.graphql.reading import read_document
from schema.catalog import Catalog
from schema.errors import LoadError, LoadErrors, Place, Refusal, Refusals
from schema.graphql import View, build
from schema.graphql.vocabulary import everything

_FORMS: Mapping[str, Form] = {
    **dict.fromkeys(("Int", "Float", "Long", "Fraction"), "number"),
    "Boolean": "flag",
    "JSON": "json",
}
_NUMBERS = frozenset({"Int", "Float", "Long", "Fraction", "BigInt", "Decimal"})


def whole_view(catalog: Catalog, policies: PolicySet, zone: str) -> View:
    """All that a zone's schema holds, each type made when it is named. Catalog and policies are as the zone sees
    them."""
    names = detokenizable(policies, zone)
    return build(catalog, zone).view(replace(everything(catalog, zone), detokenizable=names))


def fit(source: Source, view: View, code: str) -> tuple[Variable, ...]:
    """The variables of a document. Raises LoadErrors, of this code where the schema does not have what the document
    asks for, CH250 where a bound does not suit its variable."""
    try:
        read_document(source.plain, None, view, view.vocabulary.limits)
    except (Refusal, Refusals) as refused:
        found = refused.errors if isinstance(refused, Refusals) else (refused,)
        raise LoadErrors([_said(one, source, code) for one in found]) from None
    errors: list[LoadError] = []
    nodes = source.operation.variable_definitions or ()
    variables = tuple(_variable(node, variable_type(view, node), source, errors) for node in nodes)
    if errors:
        raise LoadErrors(errors)
    return variables


def _said(refused: Refusal, source: Source, code: str) -> LoadError:
    place = Place(source.file, *refused.locations[0]) if refused.locations else Place(source.file)
    hint = refused.hint if code == "CH250" else _MEND
    return LoadError(place, code, f"'{source.name}': {refused.message}", hint)


def _variable(
    node: VariableDefinitionNode, type_: GraphQLInputType, source: Source, errors: list[LoadError]
) -> Variable:
    named = get_named_type(type_)
    form: Form = "json" if isinstance(named, GraphQLInputObjectType) else _FORMS.get(named.name, "text")
    variable = Variable(
        name=node.variable.name.value,
        type=print_ast(node.type),
        required=isinstance(type_, GraphQLNonNull) and node.default_value is None,
        bounds=source.bounds[node.variable.name.value],
        description=node.description.value if node.description is not None else "",
        form=form,
        default=None if node.default_value is None else print_ast(node.default_value),
    )
    many = is_list_type(get_nullable_type(type_))
    for directive in ours(node):
        what = {
            "range": isinstance(named, GraphQLScalarType) and named.name in _NUMBERS,
            "length": form in ("text", "json"),
            "items": many or form == "json",
        }
        if not what[directive.name.value]:
            sentence = f"The bound '@{directive.name.value}' does not suit the type {variable.type}."
            errors.append(LoadError(place_of(directive, source.file), "CH250", sentence, _SUITS))
    if node.default_value is not None:
        try:
            check((variable,), {variable.name: value_from_ast_untyped(node.default_value)})
        except Refusal as refused:
            sentence = f"The default is out of bounds. {refused.message}"
            errors.append(LoadError(place_of(node.default_value, source.file), "CH250", sentence))
    return variable


_MEND = "Change it and register it anew, or take it out: customhouse documents remove HASH."
_SUITS = "@range suits numbers, @length texts and input objects, @items lists and input objects."
