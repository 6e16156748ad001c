"""The GraphQL front end: a text to a `Document` as one caller may ask it, and that to a `LogicalQuery`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from graphql import FieldNode, FragmentDefinitionNode, OperationDefinitionNode, Visitor, visit

from resolvers.backends.dialect import Capabilities
from resolvers.cache import Bounded
from resolvers.frontends.graphql.compile.operation import META
from resolvers.frontends.graphql.compile.seals import Opener
from resolvers.frontends.graphql.document import Document
from resolvers.frontends.graphql.limits import Limits
from resolvers.frontends.graphql.reading import read_document
from schema.catalog import Catalog
from schema.graphql import build
from schema.query import LogicalQuery
from schema.visible import VisibleSet

DOCUMENTS = 500
KEPT_LENGTH = 16_384
"""Documents kept, and the longest text that is: a syntax tree takes some fifty times the text's memory."""

_SEALED = frozenset({"after", "before"})


class GraphQLFrontEnd:
    """Reads and compiles GraphQL for one zone. ``capabilities`` by source name, where they are known."""

    def __init__(
        self,
        catalog: Catalog,
        zone: str,
        capabilities: Mapping[str, Capabilities] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.schema = build(catalog, zone, _without(capabilities or {}))
        self._catalog, self._limits = catalog, limits or Limits()
        self._documents: Bounded[Document] = Bounded(DOCUMENTS)

    def read(self, text: str, operation_name: str | None, visible: VisibleSet) -> Document:
        """Parse, bound and validate a text. Raises `Refusal` (CH101 to CH106, CH205) or `Refusals`."""
        key = _key(text, operation_name, self.schema.zone, visible.digest)
        if len(text) > KEPT_LENGTH:
            return self._read(key, text, operation_name, visible)
        return self._documents.get(key, lambda: self._read(key, text, operation_name, visible))

    def compile(self, document: Document, values: Mapping[str, object], opener: Opener) -> LogicalQuery:
        """The document under coerced values; ``opener`` opens cursors and node ids sealed for the caller."""
        return document.compile(values, opener)

    def _read(self, key: str, text: str, operation_name: str | None, visible: VisibleSet) -> Document:
        view = self.schema.view(visible)
        operation, fragments = read_document(text, operation_name, view, self._limits)
        seen = _seen(operation, fragments)
        return Document(
            key,
            operation,
            fragments,
            view,
            self._catalog,
            self.schema.zone,
            self._limits,
            sealed=seen.sealed,
            introspects=seen.introspects,
        )


def _key(*parts: str | None) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _without(capabilities: Mapping[str, Capabilities]) -> Mapping[str, frozenset[str]]:
    """The figures that a source's engine cannot give: they are left out of the schema."""
    return {
        source: frozenset(word for word, there in (("percentile", can.percentile), ("stddev", can.stddev)) if not there)
        for source, can in capabilities.items()
    }


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
