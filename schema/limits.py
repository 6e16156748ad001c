"""Limits: what a zone lets a request hold, before and after it is understood (docs/limits.md).

Every limit has a default that is safe; ``limits:`` of a zone says otherwise. Each of them is refused with a code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document and its variables may hold, fragments written out, and what it may cost."""

    characters: int = 131_072
    tokens: int = 4_000
    operations: int = 20
    fragments: int = 100
    nesting: int = 100
    depth: int = 12
    introspection_depth: int = 20
    fields: int = 2_000
    aliases: int = 100
    root_fields: int = 20
    directives: int = 50
    directives_at_one_place: int = 5
    input_depth: int = 15
    variable_parts: int = 2_000
    list_items: int = 10_000
    cost: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Limit:
    """How a limit is written: its key, what it bounds, and the most that a zone may say."""

    key: str
    about: str
    most: int


PARTNERS_COST = 100_000
"""The most that an operation may cost where partners ask, where nothing else is said."""

WRITTEN: Mapping[str, Limit] = {
    "characters": Limit("max_document_characters", "Longest document, in characters.", 1_048_576),
    "tokens": Limit("max_tokens", "Most tokens of a document.", 100_000),
    "operations": Limit("max_operations", "Most operations of a document.", 1_000),
    "fragments": Limit("max_fragments", "Most fragments of a document.", 1_000),
    "nesting": Limit("max_nesting", "Most levels of selections, inline fragments among them.", 100),
    "depth": Limit("max_depth", "Most levels of fields.", 50),
    "introspection_depth": Limit("max_introspection_depth", "Most levels of introspection.", 50),
    "fields": Limit("max_fields", "Most fields, fragments written out.", 20_000),
    "aliases": Limit("max_aliases", "Most aliases.", 10_000),
    "root_fields": Limit("max_root_fields", "Most fields of Query.", 1_000),
    "directives": Limit("max_directives", "Most directives.", 1_000),
    "directives_at_one_place": Limit("max_directives_at_one_place", "Most directives at one place.", 100),
    "input_depth": Limit("max_input_depth", "Most levels inside an argument or a variable.", 50),
    "variable_parts": Limit("max_variable_parts", "Most objects and list items in variables.", 100_000),
    "list_items": Limit("max_list_items", "Most values in one list of a variable.", 1_000_000),
    "cost": Limit("max_cost", "Most that an operation may cost, as estimated before it runs.", 1_000_000_000_000),
}
"""How the limits are written in ``limits:`` of a zone, by the name they have here."""
