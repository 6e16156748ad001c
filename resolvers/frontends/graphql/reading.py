"""Reading: a text to a valid document and the operation that was meant, or the reason why not.

1. Parse, with the parser's own limits on characters and tokens (CH101, CH102).
2. Measure (`limits`, CH103).
3. Look for names the caller does not have (`names`, CH205); that error stands alone.
4. Pick the operation (CH104, CH105).
5. Validate against the caller's view (CH106).
"""

from __future__ import annotations

from collections.abc import Mapping

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    parse,
    validate,
)

from resolvers.frontends.graphql.limits import measure
from resolvers.frontends.graphql.merging import check_merging
from resolvers.frontends.graphql.names import check_names
from resolvers.frontends.graphql.places import locations
from resolvers.frontends.graphql.rules import Together
from schema.errors import Refusal, Refusals
from schema.graphql import View
from schema.limits import Limits

MOST_ERRORS = 10
_AT_LENGTH = 300

Read = tuple[OperationDefinitionNode, Mapping[str, FragmentDefinitionNode]]


def read_document(text: str, name: str | None, view: View, limits: Limits) -> Read:
    """The operation and the fragments of a document. Raises `Refusal` or `Refusals`."""
    document = _parse(text, limits)
    measure(document, limits)
    check_names(document, view)
    operation = _operation(document, name)
    _validate(document, view)
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    check_merging(view.schema, operation, fragments)
    return operation, fragments


def _parse(text: str, limits: Limits) -> DocumentNode:
    if len(text) > limits.characters:
        raise _too_long(f"{limits.characters} characters")
    try:
        return parse(
            text,
            max_lexical_tokens=limits.tokens,
            max_comments=limits.tokens,
            max_source_length=limits.characters,
            allow_empty_selection_sets=False,
        )
    except GraphQLSyntaxError as error:
        if "nested too deeply" in error.message:
            raise _too_deep() from error
        if "Parsing aborted" in error.message:
            raise _too_long(f"{limits.tokens} tokens") from error
        places = tuple((place.line, place.column) for place in error.locations or ())
        raise Refusal("CH101", error.message[:_AT_LENGTH], "Correct the query's text.", locations=places) from error
    except GraphQLError as error:
        raise _too_deep() from error


def _too_long(most: str) -> Refusal:
    return Refusal("CH102", f"The query is longer than {most}.", "Put values into variables, or ask in parts.")


def _too_deep() -> Refusal:
    return Refusal("CH103", "The query is nested too deeply.", "Nest less.")


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    chosen = [d for d in operations if name is None or (d.name is not None and d.name.value == name)]
    if not operations:
        raise Refusal("CH104", "The document has no operation.", "Write a query, such as { __typename }.")
    if not chosen:
        raise Refusal("CH104", "No operation of the document has the given operationName.", "Name one that is there.")
    if len(chosen) > 1:
        raise Refusal(
            "CH104",
            "The document has several operations.",
            "Say which with operationName.",
            locations=locations(*chosen),
        )
    if chosen[0].operation is not OperationType.QUERY:
        raise Refusal(
            "CH105",
            f"A {chosen[0].operation.value} cannot be answered: this gateway serves queries only.",
            "Write a query.",
            locations=locations(chosen[0]),
        )
    return chosen[0]


def _validate(document: DocumentNode, view: View) -> None:
    errors = validate(view.schema, document, [Together], max_errors=MOST_ERRORS, hide_suggestions=True)
    found = [_refusal(error, view.suggests) for error in errors[:MOST_ERRORS]]
    if len(found) == 1:
        raise found[0]
    if found:
        raise Refusals(tuple(found))


def _refusal(error: GraphQLError, suggests: bool) -> Refusal:
    message = error.message if suggests else error.message.partition(" Did you mean ")[0]
    places = tuple((place.line, place.column) for place in error.locations or ())
    return Refusal("CH106", message[:_AT_LENGTH], "Compare the query with the schema.", locations=places)
