"""Write a draft as the files of a project. What was guessed is marked for review; what was left out is named."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from app.steward.init_draft import Draft, DraftColumn, DraftProduct
from schema.catalog import Source

_CONTROL = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_WORDS = frozenset({"null", "true", "false"})


def files(draft: Draft, source: Source) -> dict[str, str]:
    """The files of the project, by path."""
    domains = dict.fromkeys(product.domain for product in draft.products)
    found = {"customhouse.yaml": settings(source), "policies/policies.yaml": POLICIES, "personas.yaml": PERSONAS}
    for domain in domains:
        products = [product for product in draft.products if product.domain == domain]
        found[f"catalog/{domain}.yaml"] = "\n".join(_domain(domain, products, source.name)) + "\n"
    if not domains:
        found["catalog/empty.yaml"] = "domains: {}\nproducts: {}\n"
    return found


def settings(source: Source) -> str:
    return SETTINGS.format(name=source.name, kind=source.kind, url=quoted(source.url))


def _domain(domain: str, products: list[DraftProduct], source: str) -> Iterator[str]:
    yield "domains:"
    yield f'  {plain(domain)}: {{description: "", steward: ""}}  # REVIEW: what is it, who answers for it?'
    yield ""
    yield "products:"
    for product in products:
        yield from _product(product, source)
        yield ""


def _product(product: DraftProduct, source: str) -> Iterator[str]:
    yield f"  {product.domain}.{product.name}:"
    yield f"    description: {quoted(product.description)}"
    yield f"    source: {source}"
    yield f"    table: [{', '.join(quoted(part) for part in product.path)}]"
    review = "" if product.proven else "  # REVIEW: the source declares no key; does this tell rows apart?"
    yield f"    key: [{', '.join(plain(part) for part in product.key)}]{review}"
    if product.graphql is not None:
        singular, plural, type_ = product.graphql
        yield f"    graphql: {{singular: {plain(singular)}, plural: {plain(plural)}, type: {plain(type_)}}}"
    yield "    columns:"
    yield from (_column(column) for column in product.columns.values())
    for name, type_ in product.left_out:
        yield f"      # left out: {quoted(name)}, whose type {quoted(type_)} has no word here; read it by a view"
    if product.relationships:
        yield "    relationships:"
    for way in product.relationships:
        pairs = ", ".join(f"{plain(here)}: {plain(there)}" for here, there in way.pairs)
        yield f"      {plain(way.name)}: {{to: {way.to}, on: {{{pairs}}}, inverse: {plain(way.inverse)}}}"


def _column(column: DraftColumn) -> str:
    parts = [f"type: {quoted(str(column.type)) if re.search(r'[<,]', str(column.type)) else column.type}"]
    if column.physical != column.name:
        parts.append(f"column: {quoted(column.physical)}")
    if column.description:
        parts.append(f"description: {quoted(column.description)}")
    if column.tag is not None:
        parts.append(f"tags: [{column.tag}]")
    review = "  # REVIEW: guessed from the name" if column.tag is not None else ""
    return f"      {plain(column.name)}: {{{', '.join(parts)}}}{review}"


def plain(name: str) -> str:
    """A name, in quotes where YAML would read it as something else."""
    return quoted(name) if name.lower() in _WORDS else name


def quoted(text: str) -> str:
    """Any text as a double-quoted YAML scalar on one line."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


SETTINGS = """\
# Made by `customhouse init`. docs/catalog.md says what may stand here.
version: 1

sources:
  {name}:
    kind: {kind}
    url: {url}

claims:                           # what policies may know of a caller
  roles: {{type: list<string>, description: "What the caller does"}}

issuers:
  dev:                            # for trying out only: keys made at run time, --dev-keys, loopback
    issuer: https://dev.customhouse.example
    audiences: [customhouse]
    development: true

zones:
  internal: {{issuers: [dev]}}
"""

POLICIES = """\
# Nothing is granted yet, so nobody sees anything. A grant says who, which rows, which columns, for example:
#
#   - name: analysts
#     on: {products: ["*"]}
#     when: "'analyst' IN claims.roles"
#
# and a mask hides values of tagged columns from everybody whom no grant clears:
#
#   - {name: pii-email, on: {tag: pii.email}, mask: {email: keep_domain}}
grants: []
masks: []
"""

PERSONAS = """\
# Demo callers: `customhouse token --as NAME`, `customhouse explain --as NAME QUERY`.
analyst: {description: An analyst, subject: analyst@example.org, claims: {roles: [analyst]}}
nobody: {description: A valid token without any role, subject: nobody@example.org, claims: {roles: []}}
"""
