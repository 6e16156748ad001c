"""Safety: what must hold of a zone that partners ask, before it is served at all.

Each rule has a name (`schema.zone.RULES`), by which a zone may waive it, with a reason and a date. Says CH470 to CH476
where a rule is broken, CH477 where a waiver waives nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from policies.condition import Condition
from policies.rules import ProductRules
from schema.catalog import Catalog, Product, Source
from schema.errors import LoadError, Place
from schema.zone import Waiver, Zone

CODES: Mapping[str, str] = {
    "row-filter": "CH470",
    "mask": "CH471",
    "relationship": "CH472",
    "key": "CH473",
    "issuer": "CH474",
    "model-inputs": "CH475",
    "credentials": "CH476",
}
_SENSITIVE = ("pii", "pci")
_OPEN = frozenset({"duckdb", "onnx"})
"""Kinds of sources that are files beside the gateway: they take no credentials."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that a zone does not keep. ``on`` is what a waiver names."""

    rule: str
    on: str
    place: Place
    sentence: str
    hint: str


def unsafe(rules: Mapping[str, Mapping[str, ProductRules]], catalog: Catalog) -> list[LoadError]:
    """What keeps the project from being served: breaches that nobody has waived, and waivers of nothing."""
    found: list[LoadError] = []
    for zone in catalog.zones.values():
        used: set[Waiver] = set()
        for breach in breaches(zone, rules[zone.name], catalog) if zone.restricted else ():
            waivers = {one for one in zone.waivers if one.rule == breach.rule and one.on in (None, breach.on)}
            used |= waivers
            if not waivers:
                hint = f"{breach.hint} Or waive it: {{rule: {breach.rule}, on: {breach.on}, reason: .., since: ..}}."
                found.append(LoadError(breach.place, CODES[breach.rule], breach.sentence, hint))
        for waiver in zone.waivers if zone.restricted else ():
            if waiver not in used:
                sentence = f"The zone '{zone.name}' waives the rule '{waiver.rule}', which it does not break there."
                found.append(LoadError(waiver.place, "CH477", sentence, "Remove the waiver, or correct its 'on'."))
    return found


def breaches(zone: Zone, rules: Mapping[str, ProductRules], catalog: Catalog) -> Iterator[Breach]:
    """Every rule that the zone breaks, waived or not."""
    published = catalog.published(zone.name)
    shown = frozenset(product.id for product in published)
    for product in published:
        mine = rules.get(product.id, ProductRules(product.id))
        yield from _unbound(zone, product, mine)
        yield from _unmasked(zone, product, mine, catalog)
        yield from _astray(zone, product, shown)
        yield from _fed(zone, product, catalog, shown)
    yield from _same_keys(zone, catalog)
    yield from _same_issuers(zone, catalog)
    yield from _same_credentials(zone, catalog)


def _unbound(zone: Zone, product: Product, rules: ProductRules) -> Iterator[Breach]:
    """A filter with a bypass binds nobody who holds the bypass, so it does not count."""
    if product.model is not None or any(one.bypass is None and _binds(one.rows) for one in rules.filters):
        return
    for grant in rules.grants:
        if grant.columns and not _binds(grant.rows):
            sentence = (
                f"The grant '{grant.name}' gives every row of {product.id} in zone '{zone.name}': neither its "
                "'rows' nor a row filter compares the row with a claim."
            )
            hint = "Add rows: to the grant, or a row filter for the zone, that names a column and a claim."
            yield Breach("row-filter", product.id, grant.place, sentence, hint)
            return


def _binds(condition: Condition | None) -> bool:
    """Whether a condition compares the row with what the caller's papers say."""
    return condition is not None and bool(condition.claims or condition.entitlements) and condition.row is not None


def _unmasked(zone: Zone, product: Product, rules: ProductRules, catalog: Catalog) -> Iterator[Breach]:
    given = frozenset(name for grant in rules.grants for name in grant.columns)
    for name in product.columns:
        column = product.columns[name]
        tags = sorted(tag for tag in column.tags | product.tags if tag.partition(".")[0] in _SENSITIVE)
        if not tags or name not in given or name not in catalog.shown_columns(zone.name, product):
            continue
        spot = f"{product.id}.{name}"
        masks = rules.masks.get(name, ())
        if not masks:
            sentence = f"The zone '{zone.name}' shows {spot}, tagged {tags[0]}, without a mask."
            yield Breach(
                "mask", spot, column.place, sentence, "Add a mask that holds in the zone, or withhold the column."
            )
            continue
        names = {mask.name for mask in masks}
        lifting = next((grant for grant in rules.grants if names <= grant.clears.get(name, frozenset())), None)
        if lifting is not None:
            sentence = (
                f"The grant '{lifting.name}' lifts every mask on {spot}, tagged {tags[0]}, in zone '{zone.name}'."
            )
            yield Breach("mask", spot, lifting.place, sentence, "Limit the grant to another zone, or drop its 'clear'.")


def _astray(zone: Zone, product: Product, published: frozenset[str]) -> Iterator[Breach]:
    for name in sorted(zone.shows(product.id).relationships or ()):
        way = product.relationships.get(name)
        if way is not None and way.target not in published:
            sentence = f"The zone '{zone.name}' shows {way.id}, which leads to {way.target}, but does not publish that."
            yield Breach("relationship", way.id, zone.place, sentence, "Publish it, or leave the relationship out.")


def _fed(zone: Zone, product: Product, catalog: Catalog, published: frozenset[str]) -> Iterator[Breach]:
    """Ways to models that are fed from what the zone does not show; raw inputs are more than anybody there may see."""
    for way in catalog.shown_relationships(zone.name, product):
        model = catalog.products[way.target].model
        if not way.calls or model is None:
            continue
        for path in way.feeds().values():
            unseen = _unseen(zone, product, path, catalog, published)
            if unseen is not None:
                sentence = f"{way.id} gives the model {way.target} what zone '{zone.name}' does not show: {unseen}."
                hint = "Show it, or leave the relationship out."
                yield Breach("model-inputs", way.target, zone.place, sentence, hint)
                break
        if model.raw is not None:
            sentence = f"The model {way.target} is given raw values, which nobody in zone '{zone.name}' may see."
            yield Breach(
                "model-inputs", way.target, zone.place, sentence, "Leave it out, or have it take governed inputs."
            )


def _unseen(
    zone: Zone, product: Product, path: tuple[str, ...], catalog: Catalog, published: frozenset[str]
) -> str | None:
    """The first name along a path that the zone does not show."""
    at = product
    for name in path[:-1]:
        way = at.relationships.get(name)
        if way is None or way not in catalog.shown_relationships(zone.name, at):
            return f"{at.id}.{name}"
        at = catalog.products[way.target]
    if at.id not in published or path[-1] not in catalog.shown_columns(zone.name, at):
        return f"{at.id}.{path[-1]}"
    return None


def _same_keys(zone: Zone, catalog: Catalog) -> Iterator[Breach]:
    for other in _others(zone, catalog):
        if zone.master_key is not None and zone.master_key == other.master_key:
            sentence = f"The zones '{zone.name}' and '{other.name}' have the same master_key."
            yield Breach("key", other.name, zone.place, sentence, "Give each its own secret.")


def _same_issuers(zone: Zone, catalog: Catalog) -> Iterator[Breach]:
    for other in _others(zone, catalog):
        if other.restricted:
            continue
        theirs = {catalog.issuers[name].issuer: set(_audiences(other, catalog, name)) for name in other.issuers}
        for name in zone.issuers:
            if theirs.get(catalog.issuers[name].issuer, set()) & set(_audiences(zone, catalog, name)):
                sentence = f"Tokens of the issuer '{name}' are good in zone '{zone.name}' and in '{other.name}'."
                hint = "Have another issuer for partners, or audiences of its own (audiences: [..])."
                yield Breach("issuer", name, zone.place, sentence, hint)


def _audiences(zone: Zone, catalog: Catalog, issuer: str) -> Iterable[str]:
    declared = catalog.issuers[issuer].audiences
    return declared if zone.audiences is None else [one for one in declared if one in zone.audiences]


def _same_credentials(zone: Zone, catalog: Catalog) -> Iterator[Breach]:
    needed = {product.source for product in catalog.published(zone.name)}
    for name in sorted(needed & catalog.sources.keys()):
        source = catalog.sources[name]
        if source.kind not in _OPEN and any(_url(zone, source) == _url(one, source) for one in _others(zone, catalog)):
            sentence = f"The zone '{zone.name}' reads the source '{name}' with credentials that other zones have too."
            hint = f"Give it an account of its own: sources: {{{name}: {{url: secret:..}}}}."
            yield Breach("credentials", name, zone.place, sentence, hint)


def _url(zone: Zone, source: Source) -> str:
    said = zone.sources.get(source.name)
    return source.url if said is None or said.url is None else said.url


def _others(zone: Zone, catalog: Catalog) -> list[Zone]:
    return [other for other in catalog.zones.values() if other.name != zone.name]
