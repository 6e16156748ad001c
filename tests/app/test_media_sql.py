"""In which form an answer to SQL goes out, by what the client accepts."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from app.http.media_sql import coding_of, format_of
from resolvers.formats.choose import MEDIA, by_name

CASES: list[dict[str, str]] = yaml.safe_load(Path(__file__).with_name("media_sql.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_negotiation(case: dict[str, str]) -> None:
    if "accept" in case:
        offered = frozenset(case["offered"].split()) if "offered" in case else None
        assert format_of(case["accept"], offered) == (None if case["format"] == "none" else case["format"])
    else:
        assert coding_of(case["coding"], by_name(case["format"]) or "json") == case["want"]


def test_formats_by_name() -> None:
    assert {by_name(name) for name in MEDIA} == set(MEDIA)
    assert by_name("xml") is None
