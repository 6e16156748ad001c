"""Closure: what a zone needs of a project, and nothing else of it.

From whole catalog and policies to those of one zone: the products that it publishes, those inside their views and at
the ends of the paths of their rules, the sources of these as the zone reads them, its issuers with the audiences that
are meant for it. Whatever answers for a zone is made of this, so what is not in it cannot be told apart from what does
not exist: it is not there.

Names that stay although the zone does not show them (columns and relationships that rules look at) are hidden as
everywhere else: no grant gives them (`policies.load`), and `Catalog.shown_relationships` leaves them out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from policies.govern import needed_products
from policies.rules import PolicySet, ProductRules
from schema.catalog import Catalog, Issuer, Product, Source
from schema.zone import Zone


def closed(catalog: Catalog, policies: PolicySet, zone: str) -> tuple[Catalog, PolicySet]:
    """Catalog and policies as far as a zone needs them."""
    products = _products(catalog, policies, zone)
    rules = {id_: rules for id_, rules in policies.rules[zone].items() if id_ in products}
    asked = {name for one in rules.values() for condition in one.conditions() for name in condition.entitlements}
    entitlements = {name: one for name, one in policies.entitlements.items() if name in asked}
    kept = {id_: _cut(product, catalog, rules, zone) for id_, product in catalog.products.items() if id_ in products}
    named = {product.source for product in kept.values()} | {one.source for one in entitlements.values()}
    here, domains = catalog.zones[zone], {product.domain for product in kept.values()}
    return (
        replace(
            catalog,
            sources={name: own(source, here) for name, source in catalog.sources.items() if name in named},
            domains={name: domain for name, domain in catalog.domains.items() if name in domains},
            products=kept,
            issuers={name: _issuer(catalog.issuers[name], here) for name in here.issuers},
            zones={zone: here},
        ),
        replace(
            policies,
            rules={zone: rules},
            entitlements=entitlements,
            tests=tuple(test for test in policies.tests if test.zone == zone),
            derived={id_: derived for id_, derived in policies.derived.items() if id_ in kept},
            views={id_: view for id_, view in policies.views.items() if id_ in kept},
            warnings=(),
        ),
    )


def own(source: Source, zone: Zone) -> Source:
    """A source as a zone reads it. Its replicas are reached with the credentials they name."""
    said = zone.sources.get(source.name)
    if said is None:
        return source
    url = source.url if said.url is None else said.url
    return replace(source, url=url, options={**source.options, **said.options})


def _issuer(issuer: Issuer, zone: Zone) -> Issuer:
    if zone.audiences is None:
        return issuer
    return replace(issuer, audiences=tuple(one for one in issuer.audiences if one in zone.audiences))


def _products(catalog: Catalog, policies: PolicySet, zone: str) -> frozenset[str]:
    """What is published, what views are made of, and what the paths of rules lead to, until nothing is added."""
    found = needed_products(frozenset(one.id for one in catalog.published(zone)), policies, catalog)
    while True:
        near = {id_ for product in found for id_ in _related(policies.rules[zone].get(product))}
        grown = needed_products(found | near, policies, catalog)
        if grown == found:
            return found
        found = grown


def _related(rules: ProductRules | None) -> Iterator[str]:
    for condition in rules.conditions() if rules is not None else ():
        yield from condition.related


def _cut(product: Product, catalog: Catalog, rules: dict[str, ProductRules], zone: str) -> Product:
    """A product with the relationships that the zone shows or that its rules look along."""
    looked = set(_related(rules.get(product.id)))
    published = {one.id for one in catalog.published(zone)}
    shown = {way.name for way in catalog.shown_relationships(zone, product)} if product.id in published else set()
    kept = {
        name: way
        for name, way in product.relationships.items()
        if (name in shown and way.target in published) or way.target in looked
    }
    return replace(product, relationships=kept)
