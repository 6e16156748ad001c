"""Settings: sources, claims, issuers and zones from the merged customhouse.yaml and its overlay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from schema.catalog import Claim, Issuer, Replica, Source, SourceKind, SqlLimits, Zone
from schema.errors import LoadError, Place
from schema.load_issuers import key_places, read_issuer
from schema.load_secrets import check_secrets
from schema.load_shape import clip, unknown
from schema.load_shapes import KEY_PLACES
from schema.load_units import seconds, size
from schema.types import Type, parse_type
from schema.yaml_source import Entries, Entry, Items, Node, Scalar, merge, plain

_CLOUD = frozenset({"dynamodb", "sagemaker_features", "sagemaker", "vertex"})
"""Kinds whose own cloud says where they are."""


@dataclass(frozen=True, slots=True)
class Settings:
    sources: Mapping[str, Source]
    claims: Mapping[str, Claim]
    issuers: Mapping[str, Issuer]
    zones: Mapping[str, Zone]


def overlay(base: Node, above: Node) -> Node:
    """Lay an environment's file over the base. An overlay that says where an issuer's keys are replaces what the base
    said about that, since only one place may be named."""
    if isinstance(base, Entries) and isinstance(above, Entries):
        issuers = dict(base.map("issuers").entries)
        for name, _, over in above.map("issuers").maps():
            below = issuers.get(name)
            if below is not None and isinstance(below.value, Entries) and key_places(over):
                kept = {key: entry for key, entry in below.value.entries.items() if key not in KEY_PLACES}
                issuers[name] = Entry(below.place, Entries(below.value.place, kept))
        if issuers:
            section = base.entries["issuers"]
            changed = {**base.entries, "issuers": Entry(section.place, Entries(section.value.place, issuers))}
            base = Entries(base.place, changed)
    return merge(base, above)


def read_settings(node: Entries, errors: list[LoadError]) -> Settings:
    """Read settings whose shape has been checked."""
    sources = {name: _source(name, place, it, errors) for name, place, it in node.map("sources").maps()}
    claims = {name: _claim(name, place, it, errors) for name, place, it in node.map("claims").maps()}
    issuers = {name: read_issuer(name, place, it, claims, errors) for name, place, it in node.map("issuers").maps()}
    zones = {name: _zone(name, place, it, issuers, errors) for name, place, it in node.map("zones").maps()}
    return Settings(sources, claims, issuers, zones)


def _source(name: str, place: Place, node: Entries, errors: list[LoadError]) -> Source:
    check_secrets(node, "source", errors)
    if not node.has("url") and node.text("kind") not in _CLOUD:
        sentence = f"The source '{name}' does not say where it is."
        errors.append(LoadError(place, "CH208", sentence, "Add 'url:', a file or a URL."))
    session = node.map("session").entries.items()
    options = plain(node.map("options"))
    read = Source(
        name=name,
        kind=cast(SourceKind, node.text("kind") or "duckdb"),
        url=node.text("url") or "",
        place=place,
        location=node.text("location"),
        required=node.flag("required", True),
        options=options if isinstance(options, dict) else {},
        session={tag: str(entry.value.value) for tag, entry in session if isinstance(entry.value, Scalar)},
    )
    return replace(read, replicas=_replicas(read, node, errors))


def _replicas(source: Source, node: Entries, errors: list[LoadError]) -> tuple[Replica, ...]:
    listed = node.get("replicas")
    items = [item for item in listed.items if isinstance(item, Entries)] if isinstance(listed, Items) else []
    if items and source.keyed:
        sentence = f"The source '{source.name}' is of kind '{source.kind}', which has no replicas."
        errors.append(LoadError(node.at("replicas"), "CH236", sentence, "Sources of SQL have: remove the key."))
    found: list[Replica] = []
    for item in items:
        location, url = item.text("location") or "", item.text("url") or ""
        if location and location in {source.location, *(one.location for one in found)}:
            sentence = f"The source '{source.name}' is at '{clip(location)}' twice."
            errors.append(LoadError(item.at("location"), "CH236", sentence, "Keep one: places tell replicas apart."))
        found.append(Replica(location, url))
    return tuple(found)


def _claim(name: str, place: Place, node: Entries, errors: list[LoadError]) -> Claim:
    text = "".join((node.text("type") or "string").split())
    many = text.startswith("list<") and text.endswith(">")
    type_ = Type(parse_type("string").kind)
    try:
        type_ = parse_type(text[5:-1] if many else text)
    except ValueError:
        if "<" in text or ">" in text:  # any other fault has been said by the shape
            sentence = f"The claim '{name}' has the unknown type '{clip(text)}'."
            errors.append(LoadError(node.at("type"), "CH215", sentence, "For example: string, list<string>."))
    return Claim(name, type_, many, place, node.text("description") or "")


def _zone(name: str, place: Place, node: Entries, issuers: Mapping[str, Issuer], errors: list[LoadError]) -> Zone:
    named = node.texts("issuers")
    seen: dict[str, str] = {}
    for issuer, at in named:
        if issuer not in issuers:
            errors.append(unknown(at, "issuer", issuer, issuers))
            continue
        iss = issuers[issuer].issuer
        if seen.setdefault(iss, issuer) != issuer:
            sentence = f"The issuers '{seen[iss]}' and '{issuer}' of zone '{name}' have the same 'issuer'."
            hint = "A token could be of either: keep one, with the audiences of both."
            errors.append(LoadError(at, "CH229", sentence, hint))
    limits = node.map("limits")
    page, most = whole(limits, "page_size", 100), whole(limits, "max_page_size", 1000)
    if page > most:
        sentence = f"The page_size {page} of zone '{name}' is larger than its max_page_size {most}."
        errors.append(LoadError(limits.at("page_size"), "CH230", sentence, "Raise one or lower the other."))
    timeout = seconds(limits.text("timeout") or "25s")
    if timeout == 0.0:
        _zero(limits, "timeout", errors)
    return Zone(
        name=name,
        issuers=tuple(issuer for issuer, _ in named),
        place=place,
        products=frozenset(text for text, _ in node.texts("products")) if node.has("products") else None,
        region=node.text("region"),
        page_size=page,
        max_page_size=most,
        max_rows=whole(limits, "max_rows", 100_000),
        max_candidates=whole(limits, "max_candidates", 10_000),
        max_answer_bytes=_bytes(limits, "max_answer_bytes", 32 * 1024 * 1024, errors),
        max_body_bytes=_bytes(limits, "max_body_bytes", 1024 * 1024, errors),
        timeout=timeout or 25.0,
        sql=_sql(node.map("sql"), errors),
    )


def _sql(node: Entries, errors: list[LoadError]) -> SqlLimits:
    usual = SqlLimits()
    timeout = seconds(node.text("timeout") or f"{usual.timeout:.0f}s")
    if timeout == 0.0:
        _zero(node, "timeout", errors)
    return SqlLimits(
        enabled=node.flag("enabled", usual.enabled),
        max_rows=whole(node, "max_rows", usual.max_rows),
        max_bytes=_bytes(node, "max_bytes", usual.max_bytes, errors),
        timeout=timeout or usual.timeout,
        statements=whole(node, "statements", usual.statements),
        statements_per_caller=whole(node, "statements_per_caller", usual.statements_per_caller),
        joined_rows=whole(node, "joined_rows", usual.joined_rows),
        crossed_rows=whole(node, "crossed_rows", usual.crossed_rows),
        joined_bytes=_bytes(node, "joined_bytes", usual.joined_bytes, errors),
    )


def _zero(limits: Entries, key: str, errors: list[LoadError]) -> None:
    errors.append(LoadError(limits.at(key), "CH230", f"The limit '{key}' is zero.", "Remove it for the default."))


def whole(node: Entries, key: str, default: int) -> int:
    found = node.scalar(key)
    return found.value if found is not None and type(found.value) is int else default


def _bytes(limits: Entries, key: str, default: int, errors: list[LoadError]) -> int:
    node: Scalar | None = limits.scalar(key)
    if node is None or isinstance(node.value, bool | float):
        return default
    found = node.value if isinstance(node.value, int) else size(str(node.value))
    if found == 0 and isinstance(node.value, str):
        _zero(limits, key, errors)
    return default if found is None else found
