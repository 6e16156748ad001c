"""Document: a GraphQL text read for one view, ready to take values and to be compiled.

`coerce` and `signature` run per request and are cheap; `compile` runs once per ``key`` and signature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from graphql import FragmentDefinitionNode, OperationDefinitionNode

from resolvers.frontends.graphql.coercers import Coercer
from resolvers.frontends.graphql.collecting import Collector
from resolvers.frontends.graphql.compile.job import Job
from resolvers.frontends.graphql.compile.operation import compile_roots
from resolvers.frontends.graphql.compile.seals import Opened, Opener, Recorder, Seals, Site, at
from resolvers.frontends.graphql.cost import Estimate
from resolvers.frontends.graphql.cost_actual import actual
from resolvers.frontends.graphql.shapes import shape
from resolvers.partitions import unchosen
from schema.catalog import Catalog, Product
from schema.errors import Refusal
from schema.graphql import View
from schema.limits import Limits
from schema.query import LogicalQuery

_SITES_KEPT = 64


@dataclass(frozen=True, slots=True)
class Document:
    """A valid operation. ``key`` identifies it: text, operation name, zone, visible names. ``mark`` is that of the text
    alone, for the log. ``sealed``: it takes cursors or node ids. ``introspects``: it asks for the schema."""

    key: str
    mark: str
    operation: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    view: View
    catalog: Catalog
    zone: str
    limits: Limits
    sealed: bool
    introspects: bool
    _sites: dict[Hashable, tuple[Site, ...]] = field(default_factory=dict)
    _coercer: list[Coercer] = field(default_factory=list)
    _estimate: list[Estimate] = field(default_factory=list)

    @property
    def coercer(self) -> Coercer:
        """Made when the first values come: a document may be read for its errors alone."""
        if not self._coercer:
            self._coercer.append(Coercer(self.operation, self.view, self.limits))
        return self._coercer[0]

    @property
    def fixed(self) -> bool:
        """Whether every request for it has the same signature."""
        return not self.sealed and not self.introspects and self.coercer.fixed

    def coerce(self, variables: Mapping[str, object]) -> dict[str, object]:
        """The variables as typed values. Raises `Refusal` (CH107, CH108, CH205) or `Refusals`."""
        return self.coercer.coerce(variables)

    @property
    def estimate(self) -> Estimate:
        """What it may cost."""
        if not self._estimate:
            self._estimate.append(Estimate(self.operation, self.fragments, self.view))
        return self._estimate[0]

    def cost(self, values: Mapping[str, object], data: object) -> int:
        """What the ``data`` of its answer under coerced values did cost."""
        return actual(self.operation, self.fragments, self.view, values, data)

    def signature(self, values: Mapping[str, object], opener: Opener) -> Hashable:
        """What of the values decides the query. Raises `Refusal` for a cursor that is not this caller's."""
        found = shape(self.coercer.types, values)
        if self.introspects:
            found = (found, tuple((name, repr(value)) for name, value in sorted(values.items())))
        if not self.sealed:
            return found
        opened = Opened(opener)
        nodes = {
            at(site, values): opened.product(at(site, values))
            for site in self._recorded(found, values, {})
            if site.kind == "node"
        }
        named = tuple(nodes.values())
        cursors = tuple(
            opened.nulls(at(site, values))
            for site in self._recorded((found, named), values, nodes)
            if site.kind == "cursor"
        )
        return (found, named, cursors)

    def compile(self, values: Mapping[str, object], opener: Opener) -> LogicalQuery:
        """The operation under these values. Raises `Refusal` (CH106, CH109 to CH113, CH609)."""
        job = self._job(values, Opened(opener))
        blocks, fields = compile_roots(job, self.operation)
        digest = hashlib.sha256(repr((self.key, self.signature(values, opener))).encode()).hexdigest()
        query = LogicalQuery(
            digest, blocks, fields, job.slots, frozenset(job.products), tuple(job.limits), tuple(job.gatherings)
        )
        if (product := unchosen(query, self.catalog)) is not None:
            raise self._unchosen(product)
        return query

    def _unchosen(self, product: Product) -> Refusal:
        """Names the column to those who may know it."""
        scope = self.view.vocabulary.scope(product)
        partition = product.partition.column if product.partition is not None else ""
        field = next((c.field for c in scope.columns if c.name == partition), None) if scope is not None else None
        if field is None:
            return Refusal("CH609", f"'{product.plural}' is too large to be asked for as a whole.", status=422)
        return Refusal(
            "CH609",
            f"'{product.plural}' is asked with a filter on '{field}' only.",
            f"Add a filter such as {{{field}: {{gte: ..}}}}, wherever '{product.plural}' are asked for.",
            status=422,
        )

    def _job(self, values: Mapping[str, object], seals: Seals) -> Job:
        zone = self.catalog.zones[self.zone]
        return Job(self.view, self.catalog, zone, Collector(self.fragments, values), seals)

    def _recorded(
        self, key: Hashable, values: Mapping[str, object], nodes: Mapping[Site, str | None]
    ) -> tuple[Site, ...]:
        """Where sealed texts stand, under values of this shape."""
        if key not in self._sites:
            recorder = Recorder(nodes)
            compile_roots(self._job(values, recorder), self.operation)
            if len(self._sites) >= _SITES_KEPT:
                self._sites.clear()
            self._sites[key] = tuple(recorder.sites)
        return self._sites[key]
