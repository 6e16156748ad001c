"""Zones: what ``zones:`` of customhouse.yaml says, once its shape has been checked.

What zones publish is looked up in the catalog (`check_published`), after products have been read. Whether a zone of
partners is safe, only policies can tell (`policies.safety`).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from typing import cast

from schema.catalog import Claim, Issuer, Product, Source
from schema.errors import LoadError, Place
from schema.limits import PARTNERS_COST, WRITTEN, Limits
from schema.load_secrets import REFERENCE, check_secrets
from schema.load_shape import clip, unknown
from schema.load_shapes_zones import DATE
from schema.load_units import rate, seconds, size
from schema.types import STRING
from schema.yaml_source import Entries, Items, Scalar, plain, texts_of
from schema.zone import (
    INTERNAL,
    MOST_HEADER_BYTES,
    MOST_TOKEN_BYTES,
    CallerRate,
    Listen,
    Operations,
    OwnSource,
    Partner,
    Published,
    Quota,
    Quotas,
    Rate,
    Root,
    SqlLimits,
    Waiver,
    Zone,
)

Errors = list[LoadError]
AUTOMATIC = 1000
"""Documents that clients of an internal zone may register by asking them, where nothing else is said."""


def read_zones(
    node: Entries,
    issuers: Mapping[str, Issuer],
    sources: Mapping[str, Source],
    claims: Mapping[str, Claim],
    errors: Errors,
) -> dict[str, Zone]:
    """The zones by name."""
    reader = _Reader(issuers, sources, claims, errors)
    zones = {name: reader.zone(name, place, it) for name, place, it in node.maps()}
    seen: dict[tuple[str | None, int], str] = {}
    for name, _, it in node.maps():
        listen = zones[name].listen
        if listen is not None and listen.port and seen.setdefault((listen.host, listen.port), name) != name:
            sentence = f"The zones '{seen[listen.host, listen.port]}' and '{name}' listen at the same port."
            errors.append(LoadError(it.map("listen").at("port"), "CH237", sentence, "Give each its own."))
    return zones


class _Reader:
    def __init__(
        self,
        issuers: Mapping[str, Issuer],
        sources: Mapping[str, Source],
        claims: Mapping[str, Claim],
        errors: Errors,
    ) -> None:
        self._issuers, self._sources, self._claims, self._errors = issuers, sources, claims, errors

    def zone(self, name: str, place: Place, node: Entries) -> Zone:
        partners = (node.text("exposure") or (INTERNAL if name == INTERNAL else "partner")) != INTERNAL
        limits = node.map("limits")
        page, most = limits.whole("page_size", 100), limits.whole("max_page_size", 1000)
        if page > most:
            sentence = f"The page_size {page} of zone '{name}' is larger than its max_page_size {most}."
            self._say(limits.at("page_size"), "CH230", sentence, "Raise one or lower the other.")
        timeout = self._seconds(limits, "timeout", 25.0)
        published = {id_: _published(it) for id_, _, it in node.map("publish").maps()}
        products = self._products(name, node, published)
        quotas = self._quotas(node.map("quotas"), Quotas(), products)
        claim = self._partner_claim(name, node)
        return Zone(
            name=name,
            issuers=self._named_issuers(name, node),
            place=place,
            products=products,
            region=node.text("region"),
            page_size=page,
            max_page_size=most,
            max_rows=limits.whole("max_rows", 100_000),
            max_candidates=limits.whole("max_candidates", 10_000),
            max_answer_bytes=self._bytes(limits, "max_answer_bytes", 32 * 1024 * 1024),
            max_body_bytes=self._bytes(limits, "max_body_bytes", 1024 * 1024),
            max_header_bytes=self._bytes(limits, "max_header_bytes", MOST_HEADER_BYTES, MOST_HEADER_BYTES),
            max_token_bytes=self._bytes(limits, "max_token_bytes", MOST_TOKEN_BYTES, MOST_TOKEN_BYTES),
            limits=_document_limits(limits, partners),
            rate=CallerRate(_rate(limits.map("rate"), "requests"), _rate(limits.map("rate"), "cost")),
            show_cost=limits.flag("show_cost", not partners),
            timeout=timeout,
            sql=self._sql(node.map("sql"), enabled=not partners),
            exposure="partner" if partners else "internal",
            published=published,
            node=node.flag("node", True),
            audiences=self._audiences(name, node),
            listen=_listen(node.map("listen")) if node.has("listen") else None,
            sources={source: self._own(source, at, it) for source, at, it in node.map("sources").maps()},
            operations=self._operations(name, node, partners),
            automatic=self._automatic(name, node, partners),
            master_key=self._master_key(node),
            contact=node.text("contact") or "",
            partner_claim=claim,
            partners={who: self._partner(who, at, it, quotas, products) for who, at, it in node.map("partners").maps()},
            quotas=quotas,
            waivers=tuple(self._waivers(name, node, partners)),
        )

    def _named_issuers(self, name: str, node: Entries) -> tuple[str, ...]:
        named = node.texts("issuers")
        seen: dict[str, str] = {}
        for issuer, at in named:
            if issuer not in self._issuers:
                self._errors.append(unknown(at, "issuer", issuer, self._issuers))
                continue
            iss = self._issuers[issuer].issuer
            if seen.setdefault(iss, issuer) != issuer:
                sentence = f"The issuers '{seen[iss]}' and '{issuer}' of zone '{name}' have the same 'issuer'."
                self._say(at, "CH229", sentence, "A token could be of either: keep one, with the audiences of both.")
        return tuple(issuer for issuer, _ in named)

    def _audiences(self, name: str, node: Entries) -> tuple[str, ...] | None:
        if not node.has("audiences"):
            return None
        chosen = node.texts("audiences")
        issuers = [self._issuers[text] for text, _ in node.texts("issuers") if text in self._issuers]
        known = {audience for issuer in issuers for audience in issuer.audiences}
        for audience, at in chosen:
            if issuers and audience not in known:
                self._errors.append(unknown(at, "audience", audience, sorted(known)))
        for issuer in issuers:
            if not set(issuer.audiences) & {text for text, _ in chosen}:
                sentence = (
                    f"No audience of zone '{name}' is one of the issuer '{issuer.name}': its tokens are worthless."
                )
                self._say(
                    node.at("audiences"), "CH237", sentence, "Name one of its audiences, or leave the issuer out."
                )
        return tuple(text for text, _ in chosen)

    def _products(self, name: str, node: Entries, published: Mapping[str, Published]) -> frozenset[str] | None:
        if node.has("products") and node.has("publish"):
            sentence = f"The zone '{name}' has both 'products' and 'publish'."
            self._say(node.at("products"), "CH237", sentence, "Name them in 'publish' alone, a whole product as {}.")
        if node.has("publish"):
            return frozenset(published)
        return frozenset(text for text, _ in node.texts("products")) if node.has("products") else None

    def _operations(self, name: str, node: Entries, partners: bool) -> Operations:
        said = node.text("operations") or ("trusted" if partners else "any")
        if said == "trusted" and node.map("sql").flag("enabled", False):
            sentence = f"The zone '{name}' answers registered documents only, and so no SQL."
            self._say(node.map("sql").at("enabled"), "CH237", sentence, "Say 'operations: any', or remove 'enabled'.")
        return cast(Operations, said)

    def _automatic(self, name: str, node: Entries, partners: bool) -> int:
        trusted = (node.text("operations") or ("trusted" if partners else "any")) == "trusted"
        many = node.whole("automatic_documents", 0 if partners or trusted else AUTOMATIC)
        if trusted and many:
            sentence = f"The zone '{name}' answers registered documents only: clients cannot register any."
            self._say(node.at("automatic_documents"), "CH237", sentence, "Say 'operations: any', or remove the key.")
        return many

    def _own(self, source: str, place: Place, node: Entries) -> OwnSource:
        if source not in self._sources:
            self._errors.append(unknown(place, "source", source, self._sources))
        check_secrets(node, "source", self._errors)
        options = plain(node.map("options"))
        return OwnSource(node.text("url"), options if isinstance(options, dict) else {})

    def _master_key(self, node: Entries) -> str | None:
        said = node.text("master_key")
        if said is not None and not REFERENCE.fullmatch(said):
            hint = "Write a reference: secret:env:NAME, secret:file:PATH, secret:aws:NAME#key or secret:gcp:RESOURCE."
            self._say(node.at("master_key"), "CH226", "'master_key' is no reference to a secret.", hint)
        return said

    def _partner_claim(self, name: str, node: Entries) -> str | None:
        claim = node.text("partner_claim")
        if claim is None:
            if node.has("partners") or node.has("quotas"):
                key = "partners" if node.has("partners") else "quotas"
                sentence = f"The zone '{name}' does not say which claim names a partner."
                self._say(node.at(key), "CH237", sentence, "Add 'partner_claim:'.")
        elif claim not in self._claims:
            self._errors.append(unknown(node.at("partner_claim"), "claim", claim, self._claims))
        elif self._claims[claim].many or self._claims[claim].type != STRING:
            sentence = f"The claim '{claim}' is no single text, so it cannot name a partner."
            self._say(node.at("partner_claim"), "CH237", sentence, "Declare a claim of type string.")
        return claim

    def _partner(
        self, name: str, place: Place, node: Entries, quotas: Quotas, products: frozenset[str] | None
    ) -> Partner:
        claims = plain(node.map("claims"))
        for claim, entry in node.map("claims").entries.items():
            if claim not in self._claims:
                self._errors.append(unknown(entry.place, "claim", claim, self._claims))
        return Partner(
            name=name,
            place=place,
            description=node.text("description") or "",
            contact=node.text("contact") or "",
            claims=claims if isinstance(claims, dict) else {},
            quotas=self._quotas(node.map("quotas"), quotas, products),
        )

    def _quotas(self, node: Entries, base: Quotas, products: frozenset[str] | None) -> Quotas:
        """The quotas that stand here, over those of the zone."""
        by_product = dict(base.products)
        for id_, at, it in node.map("products").maps():
            if products is not None and id_ not in products:
                self._errors.append(unknown(at, "product", id_, sorted(products)))
            by_product[id_] = _quota(it, by_product.get(id_, Quota()))
        return Quotas(_quota(node, base.all), by_product)

    def _waivers(self, name: str, node: Entries, partners: bool) -> Iterator[Waiver]:
        listed = node.get("waive")
        for item in listed.items if isinstance(listed, Items) else ():
            if not isinstance(item, Entries):
                continue
            if not partners:
                sentence = f"The zone '{name}' is internal: there is nothing to waive."
                self._say(item.place, "CH238", sentence, "Remove it, or say 'exposure: partner'.")
            since = item.text("since") or ""
            if re.fullmatch(DATE, since) and not _is_date(since):
                self._say(item.at("since"), "CH238", f"'{clip(since)}' is no date.", "Write it as 2026-01-31.")
            yield Waiver(item.text("rule") or "", item.text("on"), item.text("reason") or "", since, item.place)

    def _sql(self, node: Entries, enabled: bool) -> SqlLimits:
        usual = SqlLimits()
        return SqlLimits(
            enabled=node.flag("enabled", enabled),
            max_rows=node.whole("max_rows", usual.max_rows),
            max_bytes=self._bytes(node, "max_bytes", usual.max_bytes),
            timeout=self._seconds(node, "timeout", usual.timeout),
            statements=node.whole("statements", usual.statements),
            statements_per_caller=node.whole("statements_per_caller", usual.statements_per_caller),
            joined_rows=node.whole("joined_rows", usual.joined_rows),
            crossed_rows=node.whole("crossed_rows", usual.crossed_rows),
            joined_bytes=self._bytes(node, "joined_bytes", usual.joined_bytes),
            formats=frozenset(text for text, _ in node.texts("formats")) if node.has("formats") else None,
        )

    def _seconds(self, node: Entries, key: str, usual: float) -> float:
        found = seconds(node.text(key) or "")
        if found == 0.0:
            self._zero(node, key)
        return found or usual

    def _bytes(self, limits: Entries, key: str, default: int, most: int | None = None) -> int:
        node: Scalar | None = limits.scalar(key)
        if node is None or isinstance(node.value, bool | float):
            return default
        found = node.value if isinstance(node.value, int) else size(str(node.value))
        if found == 0 and isinstance(node.value, str):
            self._zero(limits, key)
        if most is not None and found is not None and found > most:
            sentence = f"The limit '{key}' is above {most} bytes, which no zone reads."
            self._say(limits.at(key), "CH239", sentence, "Lower it, or remove it for the default.")
        return default if found is None else found

    def _zero(self, limits: Entries, key: str) -> None:
        self._say(limits.at(key), "CH230", f"The limit '{key}' is zero.", "Remove it for the default.")

    def _say(self, place: Place, code: str, sentence: str, hint: str) -> None:
        self._errors.append(LoadError(place, code, sentence, hint))


def check_published(zones: Entries, products: Mapping[str, Product], errors: Errors) -> None:
    """What zones publish must be there, once, and be no entitlement; what they show of it must be part of it."""
    for name, _, node in zones.maps():
        seen = set()
        named = ((id_, at) for id_, at, _ in node.map("publish").maps())
        for id_, place in named if node.has("publish") else node.texts("products"):
            product = products.get(id_)
            if product is None:
                errors.append(unknown(place, "product", id_, products))
            elif product.entitlement:
                sentence = f"The zone '{name}' publishes '{id_}', which is an entitlement."
                errors.append(LoadError(place, "CH231", sentence, "Entitlements are never published: remove it."))
            elif id_ in seen:
                errors.append(LoadError(place, "CH204", f"The zone '{name}' names '{id_}' twice.", "Remove one."))
            elif node.map("publish").has(id_):
                errors.extend(_parts(node.map("publish").map(id_), product))
            seen.add(id_)


def _parts(node: Entries, product: Product) -> Iterator[LoadError]:
    columns = node.get("columns")
    listed = columns.get("except") if isinstance(columns, Entries) else columns
    for name, place in texts_of(listed) if isinstance(listed, Items) else ():
        if name not in product.columns:
            yield unknown(place, "column", name, product.columns)
    for name, place in node.texts("relationships"):
        if name not in product.relationships:
            yield unknown(place, "relationship", name, product.relationships)


def _published(node: Entries) -> Published:
    """What is shown; a list of what is not shown becomes one of what is when the product is known (`shown`)."""
    roots = frozenset(cast(Root, text) for text, _ in node.texts("roots")) if node.has("roots") else None
    ways = frozenset(text for text, _ in node.texts("relationships")) if node.has("relationships") else None
    columns = node.get("columns")
    if isinstance(columns, Entries):
        return Published(None, ways, roots, frozenset(text for text, _ in columns.texts("except")))
    names = frozenset(text for text, _ in node.texts("columns")) if columns is not None else None
    return Published(names, ways, roots)


def _document_limits(node: Entries, partners: bool) -> Limits:
    usual = Limits(cost=PARTNERS_COST) if partners else Limits()
    return Limits(**{name: node.whole(limit.key, getattr(usual, name)) for name, limit in WRITTEN.items()})


def _quota(node: Entries, base: Quota) -> Quota:
    return Quota(_rate(node, "requests") or base.requests, _rate(node, "rows") or base.rows)


def _rate(node: Entries, key: str) -> Rate | None:
    found = rate(node.text(key) or "")
    return None if found is None else Rate(*found)


def _listen(node: Entries) -> Listen:
    return Listen(node.whole("port", 0), node.text("host"))


def _is_date(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True
