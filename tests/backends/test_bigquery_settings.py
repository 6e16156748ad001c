"""What a BigQuery source's URL and options may say, and that a refusal repeats none of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from resolvers.backends.bigquery import opened_client
from resolvers.backends.bigquery_settings import settings
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
        "postgres://acme/ops",
    ],
)
def test_urls_without_a_meaning(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError) as refused:
        open_backend(source("bigquery"), url, tmp_path)
    assert "secret-word" not in str(refused.value)


@pytest.mark.parametrize(
    "options",
    [
        {"pool": 1},
        {"maximum_bytes_billed": "much"},
        {"maximum_bytes_billed": 0},
        {"workers": 0},
        {"storage_api": "secret-word:1"},
        {"credentials": "secret-word"},
        {"credentials": '{"private_key": "secret-word"}'},
    ],
)
def test_options_without_a_meaning(options: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="option") as refused:
        open_backend(source("bigquery", **options), "bigquery://acme/ops", tmp_path)
    assert "secret-word" not in str(refused.value)


def test_an_emulator_is_given_no_credentials(tmp_path: Path) -> None:
    url = "bigquery://acme/ops?endpoint=http://127.0.0.1:1"
    with pytest.raises(ValueError, match="without credentials"):
        open_backend(source("bigquery", credentials="{}"), url, tmp_path)


@pytest.mark.parametrize("given", [True, "secret-word:9060", "127.0.0.1", "127.0.0.1:port", "u@127.0.0.1:9", 1])
def test_an_emulator_has_the_storage_api_at_an_address_on_loopback(given: object, tmp_path: Path) -> None:
    url = "bigquery://acme/ops?endpoint=http://127.0.0.1:1"
    with pytest.raises(ValueError, match="storage_api") as refused:
        open_backend(source("bigquery", storage_api=given), url, tmp_path)
    assert "secret-word" not in str(refused.value)


@pytest.mark.parametrize(
    ("end", "options", "want"),
    [
        ("", {}, (True, None)),
        ("", {"storage_api": True}, (True, None)),
        ("", {"storage_api": False}, (False, None)),
        ("?endpoint=http://127.0.0.1:1", {}, (False, None)),
        ("?endpoint=http://127.0.0.1:1", {"storage_api": False}, (False, None)),
        ("?endpoint=http://127.0.0.1:1", {"storage_api": "localhost:9060"}, (True, "localhost:9060")),
    ],
)
def test_whether_the_storage_api_is_used(end: str, options: dict[str, object], want: tuple[bool, str | None]) -> None:
    made = settings(source("bigquery", **options), f"bigquery://acme/ops{end}")
    assert (made.storage_api, made.storage_endpoint) == want


def test_where_jobs_run_and_what_policies_go_by_is_the_same(tmp_path: Path) -> None:
    placed = replace(source("bigquery"), location="EU")
    with pytest.raises(ValueError, match="location"):
        open_backend(placed, "bigquery://acme/ops?location=US", tmp_path)
    open_backend(placed, "bigquery://acme/ops?location=eu", tmp_path)


def test_a_service_account(tmp_path: Path) -> None:
    """Made without asking anybody: a token is fetched with the first call."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = {
        "type": "service_account",
        "client_email": "gateway@acme.example",
        "token_uri": "https://oauth2.example/token",
        "private_key": pem,
    }
    made = settings(source("bigquery", credentials=json.dumps(account)), "bigquery://acme/ops?location=EU")
    assert "PRIVATE" not in repr(made)
    client = opened_client(made)
    try:
        assert (client.project, client.location) == ("acme", "EU")
        assert client._credentials.service_account_email == "gateway@acme.example"
        assert client._credentials.scopes == ["https://www.googleapis.com/auth/bigquery"]
    finally:
        client.close()
