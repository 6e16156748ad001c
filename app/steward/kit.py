"""Kit: what a partner is handed, as files. Made of what this partner may know and of nothing else.

The same project gives the same bytes, unless a rule that reads the time decides over names. Nothing secret is in it: no
token, no key, and of issuers and limits what a caller finds out by asking.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

import orjson

from app.authenticate import digest
from app.documents.cost import cost
from app.documents.openapi import Title, openapi, valid_for
from app.documents.registry import Documents, Registered, Variable
from app.documents.schemas import Json
from app.project import Project
from app.steward.decisions import decisions, now, states
from app.steward.kit_text import readme, requests
from app.tokens.claims import map_claims
from policies.visible import visible
from schema.caller import Caller
from schema.catalog import Catalog, ClaimPath, Issuer
from schema.dictionary import ProductState
from schema.graphql import View, build
from schema.visible import VisibleSet
from schema.zone import Partner, Quota, Rate, Zone

FILES = frozenset({"README.md", "schema.graphql", "documents.json", "openapi.json", "requests.sh", "limits.json"})
FOLDER = "documents"


class NoPartner(Exception):
    """There is no such partner or zone. The sentence says so."""


@dataclass(frozen=True, slots=True)
class Kit:
    """What the files are made of. ``url`` is where the zone answers, as the partner reaches it; None: not told."""

    zone: Zone
    partner: Partner
    issuers: tuple[Issuer, ...]
    documents: tuple[Registered, ...]
    limits: Json
    masked: tuple[tuple[str, str, str], ...]
    stewards: tuple[str, ...]
    url: str | None


def kit(project: Project, zone: str, name: str, url: str | None = None) -> dict[str, bytes]:
    """The files of a partner's kit by name. Raises NoPartner."""
    seen = project.seen_in(zone)
    catalog, here = seen.catalog, seen.catalog.zones[zone]
    if name not in here.partners:
        raise NoPartner(f"Zone '{zone}' has no partner '{name}'.")
    caller, moment = caller_of(here.partners[name], catalog, zone), now(catalog, zone)
    names = visible(seen.policies, catalog, caller, moment)
    view = build(catalog, zone).view(names)
    documents = valid_for(seen.documents.get(zone, Documents()).by_name.values(), view)
    shown = {
        id_: state
        for id_, state in states(decisions(catalog, seen.policies, caller, moment)).items()
        if names.product(id_)
    }
    made = Kit(
        zone=here,
        partner=here.partners[name],
        issuers=tuple(catalog.issuers[issuer] for issuer in here.issuers),
        documents=documents,
        limits={
            **_limits(here, here.partners[name], catalog, names, shown),
            "costs": {one.name: cost(one, view) for one in documents},
        },
        masked=tuple(_masked(catalog, names, shown)),
        stewards=_stewards(catalog, names),
        url=url.rstrip("/") if url is not None else None,
    )
    return _files(made, view)


def caller_of(partner: Partner, catalog: Catalog, zone: str) -> Caller:
    """A partner as a caller: its declared claims stand for what its tokens bring."""
    here = catalog.zones[zone]
    paths = {name: ClaimPath(name, ((name,),)) for name in catalog.claims}
    issuer = replace(catalog.issuers[here.issuers[0]], claims=paths)
    said = dict(partner.claims)
    if here.partner_claim is not None:
        said[here.partner_claim] = partner.name
    claims = map_claims(said, issuer, catalog.claims)
    caller = Caller(partner.name, issuer.issuer, zone, claims, math.inf, None, here.region)
    return replace(caller, digest=digest(caller))


def _files(made: Kit, view: View) -> dict[str, bytes]:
    title = Title(
        f"{made.zone.name}: {made.partner.name}",
        made.url or "/",
        made.partner.description,
    )
    files = {
        "README.md": readme(made).encode(),
        "schema.graphql": view.text.encode(),
        "documents.json": _json([_document(one) for one in made.documents]),
        "openapi.json": _json(openapi(made.documents, view, title)),
        "requests.sh": requests(made).encode(),
        "limits.json": _json(made.limits),
    }
    return files | {f"{FOLDER}/{one.name}.graphql": one.whole.encode() for one in made.documents}


def _document(document: Registered) -> Json:
    return {
        "name": document.name,
        "sha256": document.hash,
        "description": document.description,
        "path": f"/q/{quote(document.name)}",
        "variables": [_variable(one) for one in document.variables],
    }


def _variable(variable: Variable) -> Json:
    bounds = variable.bounds
    said: Json = {
        "name": variable.name,
        "type": variable.type,
        "required": variable.required,
        "default": variable.default,
        "description": variable.description,
    }
    if variable.form in ("text", "json"):
        said["max_length"] = bounds.length
    if variable.many or variable.form == "json":
        said["max_items"] = bounds.items
    ends = {"min": bounds.least, "max": bounds.most}
    return said | {name: end for name, end in ends.items() if end is not None}


def _limits(
    zone: Zone, partner: Partner, catalog: Catalog, names: VisibleSet, shown: Mapping[str, ProductState]
) -> Json:
    fields = {id_: catalog.products[id_].plural for id_ in sorted(shown)}
    products = {
        fields[id_]: _quota(quota) for id_, quota in sorted(partner.quotas.products.items()) if names.product(id_)
    }
    groups = {
        fields[id_]: {"fewest": state.min_group, "rows": state.rows}
        for id_, state in sorted(shown.items())
        if state.min_group is not None
    }
    return {
        "page_size": zone.page_size,
        "max_page_size": zone.max_page_size,
        "max_rows": zone.max_rows,
        "max_answer_bytes": zone.max_answer_bytes,
        "max_body_bytes": zone.max_body_bytes,
        "max_cost": zone.limits.cost,
        "timeout_seconds": zone.timeout,
        "quotas": {**_quota(partner.quotas.all), "by_field": products},
        "rate": {
            name: _rate(rate) for name, rate in (("requests", zone.rate.requests), ("cost", zone.rate.cost)) if rate
        },
        "minimum_groups": groups,
    }


def _quota(quota: Quota) -> Json:
    return {
        name: _rate(rate) for name, rate in (("requests", quota.requests), ("rows", quota.rows)) if rate is not None
    }


def _rate(rate: Rate) -> Json:
    return {"limit": rate.limit, "window_seconds": rate.window}


def _stewards(catalog: Catalog, names: VisibleSet) -> tuple[str, ...]:
    """Whom to ask about the data: the stewards of what the partner sees."""
    domains = {product.domain for id_, product in catalog.products.items() if names.product(id_)}
    return tuple(sorted({catalog.domains[name].steward for name in domains if catalog.domains[name].steward}))


def _masked(catalog: Catalog, names: VisibleSet, shown: Mapping[str, ProductState]) -> Iterator[tuple[str, str, str]]:
    """Fields that show masks: what they show, and what comparing them still tells."""
    for id_, state in sorted(shown.items()):
        product = catalog.products[id_]
        for name, column in state.columns.items():
            if column.mask is not None and name in names.columns[id_]:
                where = " on some rows" if column.state == "conditional" else ""
                field = f"`{product.type_name}.{product.columns[name].field}`"
                yield field, f"{column.spec}{where}", ", ".join(column.preserves) or "nothing"


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
