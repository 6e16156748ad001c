"""The GraphQL front end: a text to a `Document` as one caller may ask it, and that to a `LogicalQuery`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from graphql import FieldNode, FragmentDefinitionNode, OperationDefinitionNode, Visitor, visit

from resolvers.frontends.graphql.compile.operation import META
from resolvers.frontends.graphql.compile.seals import Opener
from resolvers.frontends.graphql.document import Document
from resolvers.frontends.graphql.limits import Limits
from resolvers.frontends.graphql.reading import read_document
from schema.catalog import Catalog
from schema.graphql import ZoneSchema
from schema.query import LogicalQuery
from schema.visible import VisibleSet

_SEALED = frozenset({"after", "before"})


class GraphQLFrontEnd:
    """Reads and compiles GraphQL for one zone. Holds no state but the zone's schema."""

    def __init__(self, schema: ZoneSchema, catalog: Catalog, limits: Limits | None = None) -> None:
        self._schema, self._catalog, self._limits = schema, catalog, limits or Limits()

    def read(self, text: str, operation_name: str | None, visible: VisibleSet) -> Document:
        """Parse, bound and validate a text. Raises `Refusal` (CH101 to CH106, CH205) or `Refusals`."""
        view = self._schema.view(visible)
        operation, fragments = read_document(text, operation_name, view, self._limits)
        seen = _seen(operation, fragments)
        return Document(
            hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
            operation_name,
            operation,
            fragments,
            view,
            self._catalog,
            self._schema.zone,
            self._limits,
            sealed=seen.sealed,
            introspects=seen.introspects,
        )

    def compile(self, document: Document, values: Mapping[str, object], opener: Opener) -> LogicalQuery:
        """The document under coerced values; ``opener`` opens cursors and node ids sealed for the caller."""
        return document.compile(values, opener)


class _Seen(Visitor):
    """Whether an operation may take sealed texts or ask for the schema. Names alone decide, so it may err on yes."""

    def __init__(self) -> None:
        super().__init__()
        self.sealed = self.introspects = False

    def enter_field(self, node: FieldNode, *_: object) -> None:
        if node.name.value in META:
            self.introspects = True
        if node.name.value == "node" or any(argument.name.value in _SEALED for argument in node.arguments or ()):
            self.sealed = True


def _seen(operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]) -> _Seen:
    seen = _Seen()
    for node in (operation, *fragments.values()):
        visit(node, seen)
    return seen
