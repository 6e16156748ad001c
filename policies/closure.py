"""Closure: what a zone needs of a project, and nothing else of it.

From whole catalog and policies to those of one zone: the products that it publishes, those inside their views and at
the ends of the paths of their rules, the columns and relationships of these that are shown or looked at, their sources
as the zone reads them, and its issuers with the audiences that are meant for it. Whatever answers for a zone is made of
this, so what is not in it cannot be told apart from what does not exist: it is not there.

Names that stay although the zone does not show them, because something looks at them, are hidden as everywhere else: no
grant gives them (`policies.load`), and `Catalog.shown_relationships` leaves them out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from policies.condition import Condition
from policies.govern import needed_products
from policies.rules import PolicySet, ProductRules
from schema.catalog import Catalog, Domain, Issuer, Product, Relationship, Source
from schema.zone import Zone

T = TypeVar("T")
Rules = Mapping[str, ProductRules]


def closed(catalog: Catalog, policies: PolicySet, zone: str) -> tuple[Catalog, PolicySet]:
    """Catalog and policies as far as a zone needs them."""
    closure = _Closure(catalog, policies, zone)
    products = {id_: closure.product(one) for id_, one in catalog.products.items() if id_ in closure.products}
    rules = {id_: _over(one, products[id_]) for id_, one in policies.rules[zone].items() if id_ in products}
    asked = {name for condition in _conditions(rules.values()) for name in condition.entitlements}
    entitlements = {name: one for name, one in policies.entitlements.items() if name in asked}
    named = {product.source for product in products.values()} | {one.source for one in entitlements.values()}
    here, domains = catalog.zones[zone], {product.domain for product in products.values()}
    return (
        replace(
            catalog,
            sources={name: own(source, here) for name, source in catalog.sources.items() if name in named},
            domains={name: _told(domain, here) for name, domain in catalog.domains.items() if name in domains},
            products=products,
            issuers={name: _issuer(catalog.issuers[name], here) for name in here.issuers},
            zones={zone: here},
        ),
        replace(
            policies,
            rules={zone: rules},
            entitlements=entitlements,
            tests=tuple(test for test in policies.tests if test.zone == zone),
            derived={id_: _kept(one, products[id_]) for id_, one in policies.derived.items() if id_ in products},
            views={id_: view for id_, view in policies.views.items() if id_ in products},
            warnings=(),
        ),
    )


def _told(domain: Domain, zone: Zone) -> Domain:
    """Who answers for a domain is told inside the house; partners turn to the zone's contact."""
    return replace(domain, steward=zone.contact) if zone.restricted else domain


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


class _Closure:
    """Which products, columns and relationships a zone needs."""

    def __init__(self, catalog: Catalog, policies: PolicySet, zone: str) -> None:
        self._catalog, self._policies, self._zone = catalog, policies, zone
        self._rules: Rules = policies.rules[zone]
        self._published = frozenset(one.id for one in catalog.published(zone))
        self._looked = {id_: frozenset(_related(rules)) for id_, rules in self._rules.items()}
        self.products = self._closed()
        self._ways = {id_: tuple(self._relationships(catalog.products[id_])) for id_ in self.products}
        self._whole = self._inside()
        self._ends: dict[str, set[str]] = defaultdict(set)
        for way in (way for ways in self._ways.values() for way in ways):
            self._ends[way.target] |= {there for _, there in (*way.pairs, *way.paths)}

    def product(self, product: Product) -> Product:
        """A product with what of it is shown or looked at."""
        kept = self._columns(product)
        return replace(
            product,
            columns={name: column for name, column in product.columns.items() if name in kept},
            owner="" if self._catalog.zones[self._zone].restricted else product.owner,
            relationships={way.name: way for way in self._ways[product.id]},
        )

    def _closed(self) -> frozenset[str]:
        """What is published, what views are made of, and what the paths of rules lead to, until nothing is added."""
        found = needed_products(self._published, self._policies, self._catalog)
        while True:
            near = {id_ for product in found for id_ in self._looked.get(product, ())}
            grown = needed_products(found | near, self._policies, self._catalog)
            if grown == found:
                return found
            found = grown

    def _inside(self) -> frozenset[str]:
        """Products of which all columns stay: those inside views, and at the ends of the paths of rules. What names a
        column there is not looked into."""
        products = (self._catalog.products[id_] for id_ in self.products)
        inside = {id_ for product in products if product.view is not None for id_ in (product.id, *product.view_inputs)}
        return frozenset(inside.union(*(self._looked.get(id_, ()) for id_ in self.products)))

    def _relationships(self, product: Product) -> Iterator[Relationship]:
        """Those that the zone shows, and those that the rules of the product look along."""
        looked, shown = self._looked.get(product.id, frozenset()), frozenset[str]()
        if product.id in self._published:
            ways = self._catalog.shown_relationships(self._zone, product)
            shown = frozenset(way.name for way in ways if way.target in self._published)
        for way in product.relationships.values():
            if way.name in shown or way.target in looked:
                yield way

    def _columns(self, product: Product) -> frozenset[str]:
        if product.id not in self._published or product.id in self._whole:
            return frozenset(product.columns)
        rules = self._rules.get(product.id, ProductRules(product.id))
        found = set(self._catalog.shown_columns(self._zone, product)) | {*product.key, *product.cluster}
        found |= self._ends[product.id]
        found |= {name for condition in rules.conditions() for name in condition.columns}
        found |= {name for rule in rules.privacy for name in rule.key}
        for way in self._ways[product.id]:
            found |= {here for here, _ in way.pairs}
        if product.partition is not None:
            found.add(product.partition.column)
        if product.features is not None and product.features.event_time is not None:
            found.add(product.features.event_time)
        if product.model is not None:
            found |= {*product.model.inputs, *product.model.outputs}
        return _with_inputs(product, found)


def _with_inputs(product: Product, names: Iterable[str]) -> frozenset[str]:
    """These columns, and those that the derived ones among them are made of."""
    found: set[str] = set()
    waiting = [name for name in names if name in product.columns]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += product.columns[name].inputs
    return frozenset(found)


def _over(rules: ProductRules, product: Product) -> ProductRules:
    """The rules of a product that has lost columns: their masks go with them."""
    return replace(rules, masks=_kept(rules.masks, product))


def _kept(by_column: Mapping[str, T], product: Product) -> dict[str, T]:
    return {name: one for name, one in by_column.items() if name in product.columns}


def _related(rules: ProductRules | None) -> Iterator[str]:
    for condition in _conditions((rules,) if rules is not None else ()):
        yield from condition.related


def _conditions(rules: Iterable[ProductRules]) -> Iterator[Condition]:
    return (condition for one in rules for condition in one.conditions())
