"""The GraphQL front end: a text to a `Document` as one caller may ask it, and that to a `LogicalQuery`.

A text is looked up as it is, then without its literals (`literals`); only then is it parsed and validated. `known` does
the first two and never more, so that the event loop can ask it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from graphql import FieldNode, FragmentDefinitionNode, OperationDefinitionNode, Visitor, visit

from resolvers.backends.dialect import Capabilities
from resolvers.cache import Bounded
from resolvers.frontends.graphql.compile.operation import META
from resolvers.frontends.graphql.compile.seals import Opener
from resolvers.frontends.graphql.cost import Estimate
from resolvers.frontends.graphql.document import Document
from resolvers.frontends.graphql.literals import Parametrised, Spelling, parametrise, spell
from resolvers.frontends.graphql.reading import read_document
from schema.catalog import Catalog
from schema.graphql import View, build
from schema.limits import Limits
from schema.query import LogicalQuery
from schema.visible import VisibleSet

DOCUMENTS = 500
KEPT_LENGTH = 16_384
"""Documents kept, and the longest text that is: a syntax tree takes some fifty times the text's memory."""

_SEALED = frozenset({"after", "before"})


@dataclass(frozen=True, slots=True)
class Inlined:
    """A document that is shared by all texts with the same spelling, with the literals of one of them."""

    document: Document
    literals: Mapping[str, object]

    @property
    def key(self) -> str:
        return self.document.key

    @property
    def mark(self) -> str:
        return self.document.mark

    @property
    def fixed(self) -> bool:
        return self.document.fixed

    @property
    def estimate(self) -> Estimate:
        return self.document.estimate

    def cost(self, values: Mapping[str, object], data: object) -> int:
        return self.document.cost(values, data)

    def coerce(self, variables: Mapping[str, object]) -> dict[str, object]:
        return {**self.document.coerce(variables), **self.literals}

    def signature(self, values: Mapping[str, object], opener: Opener) -> Hashable:
        return self.document.signature(values, opener)

    def compile(self, values: Mapping[str, object], opener: Opener) -> LogicalQuery:
        return self.document.compile(values, opener)


Asked = Document | Inlined


@dataclass(frozen=True, slots=True)
class _Shared:
    """What is kept under a spelling."""

    document: Document
    parametrised: Parametrised


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
        self._catalog, self._limits = catalog, limits or catalog.zones[zone].limits
        self._documents: Bounded[Asked] = Bounded(DOCUMENTS)
        self._spellings: Bounded[_Shared] = Bounded(DOCUMENTS)

    def known(self, text: str, operation_name: str | None, visible: VisibleSet) -> Asked | None:
        """The document of a text that has been read before, or of one that differs in literals only."""
        found = self._documents.known((text, operation_name, visible.digest))
        if found is not None:
            return found
        spelling = spell(text)
        return None if spelling is None else self._inlined(spelling, text, operation_name, visible)

    def read(self, text: str, operation_name: str | None, visible: VisibleSet, exactly: bool = False) -> Asked:
        """Parse, bound and validate a text. Raises `Refusal` (CH101 to CH106, CH205) or `Refusals`. ``exactly``: its
        literals stay where they are."""
        if exactly or len(text) > KEPT_LENGTH:
            return self._read(text, operation_name, visible)
        return self.known(text, operation_name, visible) or self._fresh(text, operation_name, visible)

    def compile(self, document: Asked, values: Mapping[str, object], opener: Opener) -> LogicalQuery:
        """The document under coerced values; ``opener`` opens cursors and node ids sealed for the caller."""
        return document.compile(values, opener)

    def _fresh(self, text: str, operation_name: str | None, visible: VisibleSet) -> Asked:
        document, spelling = self._read(text, operation_name, visible), spell(text)
        if spelling is not None and not document.introspects:
            parametrised = parametrise(document.operation, document.fragments, document.view, spelling)
            if parametrised is not None:
                kept = _Shared(
                    self._document(
                        spelling.text,
                        operation_name,
                        visible,
                        parametrised.operation,
                        parametrised.fragments,
                        document.view,
                    ),
                    parametrised,
                )
                self._spellings.keep((spelling.text, operation_name, visible.digest), kept)
                inlined = self._inlined(spelling, text, operation_name, visible)
                if inlined is not None:
                    return inlined
        return self._documents.keep((text, operation_name, visible.digest), document)

    def _inlined(
        self, spelling: Spelling, text: str, operation_name: str | None, visible: VisibleSet
    ) -> Inlined | None:
        shared = self._spellings.known((spelling.text, operation_name, visible.digest))
        if shared is None:
            return None
        try:
            inlined = Inlined(shared.document, shared.parametrised.values(spelling))
        except ValueError:
            return None
        self._documents.keep((text, operation_name, visible.digest), inlined)
        return inlined

    def _read(self, text: str, operation_name: str | None, visible: VisibleSet) -> Document:
        view = self.schema.view(visible)
        operation, fragments = read_document(text, operation_name, view, self._limits)
        return self._document(text, operation_name, visible, operation, fragments, view)

    def _document(
        self,
        text: str,
        operation_name: str | None,
        visible: VisibleSet,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        view: View,
    ) -> Document:
        seen = _seen(operation, fragments)
        return Document(
            _key(text, operation_name, self.schema.zone, visible.digest),
            hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16],
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
    """The figures that a source's engine cannot give, and orders by what others know: they are left out of the
    schema."""
    return {
        source: frozenset(
            word
            for word, there in (("percentile", can.percentile), ("stddev", can.stddev), ("orders", can.arrays))
            if not there
        )
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
