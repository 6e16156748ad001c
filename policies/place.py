"""Place: which of a source and its replicas a zone reads.

Whatever the rules of a zone demand of one source's products is demanded of the source: the first of itself and its
replicas, in their order, that stands where every `localize` rule says is the zone's source, its URL and its location
together. Rules that the zone's own region does not meet demand nothing: what they concern stays hidden anyway.

A decision (`policies.decided.localized`) and a connection are made from that one value, so a column that may leave from
a replica is read from there and from nowhere else.

Does not promise: that a column is shown. Where none of them suits all rules the source stays what it is, and columns
whose rules it does not meet stay hidden. Nor that a replica is up to date.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from policies.govern import needed_products
from policies.rules import PolicySet
from schema.catalog import Catalog, Source


def placed(catalog: Catalog, policies: PolicySet, zone: str) -> Catalog:
    """The catalog as a zone sees it. Products inside published views count, entitlements have no rules."""
    published = frozenset(product.id for product in catalog.published(zone))
    region = catalog.zones[zone].region
    demanded: dict[str, set[frozenset[str]]] = defaultdict(set)
    for id_ in needed_products(published, policies, catalog):
        rules = policies.rules[zone].get(id_)
        if rules is not None:
            demanded[catalog.products[id_].source] |= {
                rule.locations for rule in rules.localize if region in rule.locations
            }
    sources = {name: _chosen(source, demanded[name]) for name, source in catalog.sources.items()}
    return replace(catalog, sources=sources)


def _chosen(source: Source, demanded: Iterable[frozenset[str]]) -> Source:
    copies = (replace(source, url=one.url, location=one.location) for one in source.replicas)
    suiting = (one for one in (source, *copies) if all(one.location in locations for locations in demanded))
    return next(suiting, source)
