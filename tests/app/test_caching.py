"""The cache that a process's settings ask for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.caching import open_results
from app.settings import StartError, read_settings

KEYS = {"seal": bytes(64)}


@pytest.mark.parametrize(
    ("said", "memory", "url"),
    [
        ({}, 64 * 1024 * 1024, None),
        ({"CUSTOMHOUSE_CACHE_BYTES": "0"}, 0, None),
        ({"CUSTOMHOUSE_CACHE_BYTES": "1000"}, 1000, None),
        ({"CUSTOMHOUSE_CACHE_BYTES": "1GiB"}, 1 << 30, None),
        ({"CUSTOMHOUSE_CACHE_URL": "valkey://cache:6379/1"}, 1 << 26, "valkey://cache:6379/1"),
        ({"CUSTOMHOUSE_CACHE_URL": "redis://:${secret:file:pw}@cache"}, 1 << 26, "redis://:p%2Fw@cache"),
        ({"CUSTOMHOUSE_CACHE_URL": "secret:file:url"}, 1 << 26, "rediss://:hunter2@cache"),
    ],
)
def test_settings_become_a_cache(said: dict[str, str], memory: int, url: str | None, tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("p/w\n")
    (tmp_path / "url").write_text("rediss://:hunter2@cache\n")
    settings = replace(read_settings(said), project=tmp_path)
    results = open_results(settings, "internal", KEYS)
    assert (results._most, results._url) == (memory, url)
    assert "://" not in repr(settings)  # it may hold a password


@pytest.mark.parametrize("url", ["secret:file:absent", "secret:file:other", "secret:what:x"])
def test_a_url_that_cannot_be_had_ends_the_start(url: str, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("https://:hunter2@cache\n")
    settings = replace(read_settings({"CUSTOMHOUSE_CACHE_URL": url}), project=tmp_path)
    with pytest.raises(StartError, match="CUSTOMHOUSE_CACHE_URL") as caught:
        open_results(settings, "internal", KEYS)
    assert "hunter2" not in str(caught.value)
