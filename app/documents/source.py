"""Source: a .graphql file to the one operation in it, with its fragments, bounds and hash.

Names are looked at by `app.documents.fit`, against the schema of a zone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSyntaxError,
    Node,
    OperationDefinitionNode,
    OperationType,
    VariableDefinitionNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

from app.documents.bounds import ours, read_bounds
from app.documents.registry import Bounds
from resolvers.frontends.graphql.places import locations
from schema.errors import LoadError, LoadErrors, Place
from schema.limits import WRITTEN

HASH = re.compile(r"[0-9a-f]{64}")
_CHARACTERS, _TOKENS = WRITTEN["characters"].most, WRITTEN["tokens"].most
"""What any zone may allow; what this one does is asked when the document is held to its schema (`fit`)."""
_INTROSPECTION = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True)
class Source:
    """A document as it is written. ``text`` is what is served and hashed; ``whole`` has bounds and descriptions too;
    ``plain`` is the file's text with blanks in their place, so that what is found in it stands where the file has
    it."""

    file: str
    name: str
    hash: str
    text: str
    whole: str
    plain: str
    operation: OperationDefinitionNode
    bounds: dict[str, Bounds]
    description: str = ""


def read_source(data: bytes, file: str) -> Source:
    """The document in a file. Raises LoadErrors (CH250)."""
    written = _decoded(data, file)
    document = _parsed(written, file)
    operation = _one(document, file)
    errors: list[LoadError] = []
    bounds = {
        node.variable.name.value: read_bounds(node, file, errors) for node in operation.variable_definitions or ()
    }
    asked = _Introspection()
    visit(document, asked)
    for field in asked.found:
        sentence = f"A registered document may not ask for '{field.name.value}'."
        errors.append(_wrong(field, file, sentence, "The schema is told by 'customhouse schema'."))
    if errors:
        raise LoadErrors(errors)
    plain = _blanked(written, _extra(document))
    text = print_ast(parse(plain, no_location=True))
    return Source(
        file=file,
        name=operation.name.value if operation.name is not None else "",
        hash=sha256(text),
        text=text,
        whole=print_ast(document) + "\n",
        plain=plain,
        operation=operation,
        bounds=bounds,
        description=operation.description.value if operation.description is not None else "",
    )


def sha256(text: str) -> str:
    """The hash that a text is known by."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _decoded(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise LoadErrors([LoadError(Place(file), "CH250", "The document is not UTF-8 text.", "Save it so.")]) from None


def _parsed(text: str, file: str) -> DocumentNode:
    most = _CHARACTERS
    if len(text) > most:
        raise LoadErrors([LoadError(Place(file), "CH250", f"The document is longer than {most} characters.")])
    try:
        return parse(text, max_lexical_tokens=_TOKENS, max_source_length=most)
    except GraphQLSyntaxError as error:
        at = error.locations[0] if error.locations else None
        place = Place(file) if at is None else Place(file, at.line, at.column)
        raise LoadErrors([LoadError(place, "CH250", f"The document cannot be read: {error.message}")]) from None
    except (GraphQLError, RecursionError):
        raise LoadErrors([LoadError(Place(file), "CH250", "The document is too long or nested too deeply.")]) from None


def _one(document: DocumentNode, file: str) -> OperationDefinitionNode:
    """The one query of a document, which has a name."""
    errors = []
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    for node in document.definitions:
        if not isinstance(node, OperationDefinitionNode | FragmentDefinitionNode):
            errors.append(_wrong(node, file, "A document holds an operation and its fragments, and no types."))
    for node in operations[1:]:
        errors.append(_wrong(node, file, "The file has a second operation.", "Put each in a file of its own."))
    if not operations:
        errors.append(LoadError(Place(file), "CH250", "The file has no operation.", "Write a query with a name."))
        raise LoadErrors(errors)
    one = operations[0]
    if one.operation is not OperationType.QUERY:
        errors.append(_wrong(one, file, f"A {one.operation.value} cannot be registered.", "Write a query."))
    if one.name is None:
        errors.append(_wrong(one, file, "The operation has no name.", "Name it: query FlightsOfDay { .. }."))
    elif HASH.fullmatch(one.name.value.lower()):
        errors.append(_wrong(one.name, file, "The operation's name looks like a hash.", "Give it another."))
    if errors:
        raise LoadErrors(errors)
    return one


def _wrong(node: Node, file: str, sentence: str, hint: str | None = None) -> LoadError:
    found = locations(node)
    return LoadError(Place(file, *found[0]) if found else Place(file), "CH250", sentence, hint)


def _extra(document: DocumentNode) -> Iterable[Node]:
    """What is not served: bounds and descriptions."""
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode | FragmentDefinitionNode) and node.description is not None:
            yield node.description
        if isinstance(node, OperationDefinitionNode):
            for variable in node.variable_definitions or ():
                yield from _extra_of(variable)


def _extra_of(variable: VariableDefinitionNode) -> Iterable[Node]:
    if variable.description is not None:
        yield variable.description
    yield from ours(variable)


def _blanked(text: str, nodes: Iterable[Node]) -> str:
    for node in nodes:
        if node.loc is not None:
            piece = text[node.loc.start : node.loc.end]
            blank = "".join("\n" if sign == "\n" else " " for sign in piece)
            text = text[: node.loc.start] + blank + text[node.loc.end :]
    return text


class _Introspection(Visitor):
    """Finds the fields that ask for the schema."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[FieldNode] = []

    def enter_field(self, node: FieldNode, *_: object) -> None:
        if node.name.value in _INTROSPECTION:
            self.found.append(node)
