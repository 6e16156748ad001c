"""Opened: a source of either sort, one that speaks SQL or one that answers by key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeGuard

from resolvers.backends.backend import Backend
from resolvers.backends.keyed.keyed import Keyed

Opened = Backend | Keyed


def speaks_sql(opened: Opened) -> TypeGuard[Backend]:
    return hasattr(opened, "fetch")


def answers_by_key(opened: Opened) -> TypeGuard[Keyed]:
    return hasattr(opened, "find")


def of_sql(opened: Mapping[str, Opened]) -> dict[str, Backend]:
    """Those that speak SQL, by name."""
    return {name: one for name, one in opened.items() if speaks_sql(one)}


def of_keys(opened: Mapping[str, Opened]) -> dict[str, Keyed]:
    """Those that answer by key, by name."""
    return {name: one for name, one in opened.items() if answers_by_key(one)}
