"""Caching: the results of a zone, kept as the process's settings want. One for a process; reloads go on using it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.secrets import SecretError, resolve
from app.settings import CACHES, Settings, StartError
from resolvers.results.results import Results


def open_results(
    settings: Settings, zone: str, keys: Mapping[str, bytes], count: Callable[[str], None] = lambda result: None
) -> Results:
    """What keeps and shares results. Connects to nothing. Raises StartError for a cache URL that cannot be had."""
    return Results(zone, keys, settings.cache_bytes, cache_url(settings), count=count)


def cache_url(settings: Settings) -> str | None:
    """The URL of what processes share, with its secrets; None: they share nothing. Raises StartError."""
    if settings.cache_url is None:
        return None
    try:
        url = resolve(settings.cache_url, settings.project)
    except SecretError as error:
        raise StartError(f"CUSTOMHOUSE_CACHE_URL: {error}") from None
    if not url.startswith(CACHES):
        raise StartError("CH332 CUSTOMHOUSE_CACHE_URL is no URL with redis://, rediss:// or valkey://.")
    return url
