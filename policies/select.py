"""Selectors: which products and columns a rule concerns (``on:`` in a policy file).

All keys that are given must hold. A tag that stands on the product or its domain selects the product; a tag that stands
only on columns selects those. Entitlement products are never selected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from policies.rules import Level
from schema.catalog import Catalog, Product
from schema.errors import LoadError, Place
from schema.names import did_you_mean
from schema.yaml_source import Entries


@dataclass(frozen=True, slots=True)
class Match:
    """What a rule concerns in one product: these columns, or (None) the whole product."""

    product: Product
    columns: frozenset[str] | None

    def names(self) -> frozenset[str]:
        return frozenset(self.product.columns) if self.columns is None else self.columns


@dataclass(frozen=True, slots=True)
class Selector:
    """``on:`` as it was written. ``column`` is (product id, column name)."""

    place: Place
    products: tuple[str, ...] = ()
    domain: str | None = None
    tag: str | None = None
    column: tuple[str, str] | None = None
    columns: tuple[str, ...] = ()
    zone: str | None = None

    @property
    def level(self) -> Level:
        """How specific it is, which decides between masks. ``operations.*`` counts as its domain, ``*`` as the zone."""
        if self.column is not None or self.columns:
            return "column"
        if self.products and not any(name.endswith("*") for name in self.products):
            return "product"
        if self.tag is not None:
            return "tag"
        return "domain" if self.domain is not None or (self.products and "*" not in self.products) else "zone"

    def matches(self, catalog: Catalog) -> Iterator[Match]:
        """What it selects, in catalog order."""
        for product in catalog.products.values():
            if not product.entitlement and self._names(product):
                match = self._match(product, catalog)
                if match.columns != frozenset():
                    yield match

    def _names(self, product: Product) -> bool:
        if self.products and not any(_product_fits(name, product) for name in self.products):
            return False
        if self.column is not None and self.column[0] != product.id:
            return False
        return self.domain is None or self.domain == product.domain

    def _match(self, product: Product, catalog: Catalog) -> Match:
        columns: frozenset[str] | None = None
        if self.column is not None:
            columns = frozenset({self.column[1]} & product.columns.keys())
        if self.columns:
            columns = _meet(columns, frozenset(self.columns) & product.columns.keys())
        if self.tag is not None and not tagged(self.tag, product_tags(product, catalog)):
            columns = _meet(columns, tagged_columns(self.tag, product))
        return Match(product, columns)


def _meet(one: frozenset[str] | None, other: frozenset[str]) -> frozenset[str]:
    return other if one is None else one & other


def _product_fits(name: str, product: Product) -> bool:
    return name in ("*", product.id) or (name.endswith(".*") and name[:-2] == product.domain)


def tagged(wanted: str, tags: Iterable[str]) -> bool:
    """Whether one of the tags is the wanted one; ``pii.*`` wants any that begins with ``pii.``."""
    if wanted.endswith(".*"):
        return any(tag.startswith(wanted[:-1]) for tag in tags)
    return wanted in tags


def tagged_columns(wanted: str, product: Product) -> frozenset[str]:
    return frozenset(name for name, column in product.columns.items() if tagged(wanted, column.tags))


def product_tags(product: Product, catalog: Catalog) -> frozenset[str]:
    """The tags that stand on a product as a whole: its own and its domain's."""
    domain = catalog.domains.get(product.domain)
    return product.tags | (domain.tags if domain is not None else frozenset())


def all_tags(catalog: Catalog) -> frozenset[str]:
    """Every tag that stands anywhere."""
    found: set[str] = set()
    for product in catalog.products.values():
        found |= product_tags(product, catalog)
        for column in product.columns.values():
            found |= column.tags
    return frozenset(found)


def read_selector(node: Entries, catalog: Catalog, errors: list[LoadError]) -> Selector | None:
    """Read ``on:``. Every name that leads nowhere is a CH405; gives None where it cannot select anything."""
    before = len(errors)
    dotted = node.text("column")
    column = None
    if dotted is not None:
        product, _, name = dotted.rpartition(".")
        column = (product, name)
    selector = Selector(
        place=node.place,
        products=tuple(name for name, _ in node.texts("products")),
        domain=node.text("domain"),
        tag=node.text("tag"),
        column=column,
        columns=tuple(name for name, _ in node.texts("columns")),
        zone=node.text("zone"),
    )
    errors.extend(_dangling(node, selector, catalog))
    if len(errors) > before:
        return None
    if next(selector.matches(catalog), None) is None:
        hint = "All keys under 'on' must hold for the same product or column."
        errors.append(LoadError(node.place, "CH405", "This selects nothing: no column fits all of it.", hint))
        return None
    return selector


def _dangling(node: Entries, selector: Selector, catalog: Catalog) -> Iterator[LoadError]:
    for name, place in node.texts("products"):
        yield from _check_product(name, place, catalog)
    if selector.domain is not None and selector.domain not in catalog.domains:
        yield _unknown(node.at("domain"), "domain", selector.domain, catalog.domains)
    if selector.zone is not None and selector.zone not in catalog.zones:
        yield _unknown(node.at("zone"), "zone", selector.zone, catalog.zones)
    if selector.tag is not None and not tagged(selector.tag, all_tags(catalog)):
        yield _unknown(node.at("tag"), "tag", selector.tag, all_tags(catalog), "No column, product or domain has it.")
    if selector.column is not None:
        yield from _check_column(selector.column, node.at("column"), catalog)
    if selector.columns and not selector.products:
        yield LoadError(node.at("columns"), "CH405", "'columns' needs 'products' beside it.", "Or write column: a.b.c.")
    elif selector.columns:
        chosen = [p for p in catalog.products.values() if any(_product_fits(n, p) for n in selector.products)]
        known = {name for product in chosen for name in product.columns}
        for name, place in node.texts("columns"):
            if known and name not in known:
                yield _unknown(place, "column", name, known, "It stands in none of the selected products.")


def _check_product(name: str, place: Place, catalog: Catalog) -> Iterator[LoadError]:
    if name == "*":
        return
    if name.endswith(".*"):
        if name[:-2] not in catalog.domains:
            yield _unknown(place, "domain", name[:-2], catalog.domains)
        return
    product = catalog.products.get(name)
    if product is None:
        yield _unknown(place, "product", name, catalog.products)
    elif product.entitlement:
        hint = "Entitlement products are never published, so no rule can concern them."
        yield LoadError(place, "CH405", f"'{name}' is an entitlement product.", hint)


def _check_column(column: tuple[str, str], place: Place, catalog: Catalog) -> Iterator[LoadError]:
    product = catalog.products.get(column[0])
    if product is None:
        hint = "A column is written domain.product.column."
        yield _unknown(place, "product", column[0], catalog.products, hint)
    elif column[1] not in product.columns:
        yield _unknown(place, f"column in {product.id}", column[1], product.columns)


def _unknown(place: Place, what: str, name: str, known: Iterable[str], hint: str | None = None) -> LoadError:
    kind, _, where = what.partition(" in ")
    sentence = f"There is no {kind} '{name}'" + (f" in {where}." if where else ".")
    return LoadError(place, "CH405", sentence, did_you_mean(name, known) or hint)
