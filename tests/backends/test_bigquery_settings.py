"""What a BigQuery source's URL and options may say, and that a refusal repeats none of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolvers.backends.registry import open_backend
from tests.backends.engines import source


@pytest.mark.parametrize(
    "url",
    [
        "bigquery://acme",
        "bigquery:///ops",
        "bigquery://acme/ops/more",
        "bigquery://user:secret-word@acme/ops",
        "bigquery://acme/ops?nosuch=secret-word",
        "bigquery://acme/ops?endpoint=https://bigquery.example.org",
        "bigquery://acme/ops?endpoint=http://127.0.0.1:1&service_account=secret-word",
        "bigquery://acme/ops?service_account=secret-word",
        "postgres://acme/ops",
    ],
)
def test_urls_without_a_meaning(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError) as refused:
        open_backend(source("bigquery"), url, tmp_path)
    assert "secret-word" not in str(refused.value)


@pytest.mark.parametrize(
    "options", [{"pool": 1}, {"maximum_bytes_billed": "much"}, {"maximum_bytes_billed": 0}, {"workers": 0}]
)
def test_options_without_a_meaning(options: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="option"):
        open_backend(source("bigquery", **options), "bigquery://acme/ops", tmp_path)
