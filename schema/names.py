"""Names: how logical names are spelt in GraphQL, and what a mistyped one may have meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

LOGICAL = r"[a-z][a-z0-9_]{0,62}"
GRAPHQL = r"[_A-Za-z][_0-9A-Za-z]{0,127}"


def camel(name: str) -> str:
    """``dep_delay`` as ``depDelay``."""
    first, *rest = (part for part in name.split("_") if part) if name.strip("_") else (name,)
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def pascal(name: str) -> str:
    """``dep_delay`` and ``depDelay`` as ``DepDelay``."""
    spelt = camel(name)
    return spelt[:1].upper() + spelt[1:]


def singular(plural: str) -> str:
    """The singular of an English plural in -s, -es or -ies; other words stay as they are."""
    if plural.endswith("ies") and len(plural) > 4:
        return plural[:-3] + "y"
    if re.search(r"(ss|x|ch|sh)es$", plural):
        return plural[:-2]
    if plural.endswith("s") and not re.search(r"(ss|us|is)$", plural) and len(plural) > 2:
        return plural[:-1]
    return plural


def graphql_names(name: str) -> tuple[str, str, str]:
    """Default singular, plural and type of a product. A word without a plural form asks by key as ``weatherByKey``."""
    plural = camel(name)
    one = singular(plural)
    return (one if one != plural else f"{plural}ByKey"), plural, pascal(one)


def enum_value(name: str) -> str:
    """The enum value of a column, from its logical name: ``TIME_HOUR``."""
    return name.upper()


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A hint that names the known word nearest to a mistyped one, or None."""
    near = _nearest(word[:80].lower(), list(known))
    return None if near is None else f"Did you mean '{near}'?"


def _nearest(word: str, known: list[str]) -> str | None:
    """Product ids of one domain are compared by what follows the domain: their common part would make all alike."""
    domain, dot, name = word.rpartition(".")
    siblings = {id_.rpartition(".")[2]: id_ for id_ in known if dot and id_.startswith(f"{domain}.")}
    if near := difflib.get_close_matches(name, list(siblings), n=1, cutoff=0.6):
        return siblings[near[0]]
    found = difflib.get_close_matches(word, known, n=1, cutoff=0.8 if dot else 0.6)
    return found[0] if found else None
