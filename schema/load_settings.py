"""Settings: sources, claims, issuers and zones from the merged customhouse.yaml and its overlay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from schema.catalog import Claim, Issuer, Replica, Source, SourceKind
from schema.errors import LoadError, Place
from schema.load_issuers import key_places, read_issuer
from schema.load_secrets import check_secrets
from schema.load_shape import clip
from schema.load_shapes import KEY_PLACES
from schema.load_zones import read_zones
from schema.types import Type, parse_type
from schema.yaml_source import Entries, Entry, Items, Node, Scalar, merge, plain
from schema.zone import Zone

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
    zones = read_zones(node.map("zones"), issuers, sources, claims, errors)
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
