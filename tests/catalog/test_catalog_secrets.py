"""Secret references become values; nothing that is printed, raised or chained holds one.

AWS is botocore's Stubber and GCP a stand-in on a local socket: they prove what we send and how we read the answer, not
how the clouds behave (credentials, permissions and regions are not exercised).
"""

from __future__ import annotations

import base64
import json
import logging
import pickle
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import boto3
import pytest
import requests
from botocore.stub import Stubber

from app import secrets
from app.secrets import Secret, SecretError, resolve, resolve_options, resolve_secret

VALUE = "hun/ter 2@%é"
QUOTED = "hun%2Fter%202%40%25%C3%A9"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PASS", VALUE)
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("JSON", json.dumps({"url": VALUE, "port": 5432, "flag": True, "deep": {"a": VALUE}}))
    (tmp_path / "pw").write_text(VALUE + "\n", encoding="utf-8")
    (tmp_path / "crlf").write_bytes(VALUE.encode() + b"\r\n")
    (tmp_path / "two").write_text("a\nb\n\n")
    (tmp_path / "binary").write_bytes(b"\xff" + VALUE.encode())
    (tmp_path / "huge").write_bytes(b"x" * (1024 * 1024 + 1))
    (tmp_path / "cut.json").write_text('{"url": "' + VALUE, encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("data/flights.duckdb", "data/flights.duckdb"),
        ("", ""),
        ("secret:env:PASS", VALUE),
        ("secret:env:JSON#url", VALUE),
        ("secret:env:JSON#port", "5432"),
        ("secret:file:pw", VALUE),
        ("secret:file:crlf", VALUE),
        ("secret:file:two", "a\nb\n"),
        ("postgres://u:${secret:env:PASS}@h/db", f"postgres://u:{QUOTED}@h/db"),
        ("${secret:env:PASS}-${secret:file:pw}", f"{VALUE}-{VALUE}"),
        ("$${plain} {x}", None),
    ],
)
def test_references_become_values(text: str, value: str | None, tmp_path: Path) -> None:
    if value is None:
        with pytest.raises(SecretError, match="CH226"):
            resolve(text, tmp_path)
    else:
        assert resolve(text, tmp_path) == value


def test_an_absolute_path_needs_no_project(tmp_path: Path) -> None:
    assert resolve(f"secret:file:{tmp_path / 'pw'}") == VALUE


def test_options_are_resolved_at_any_depth() -> None:
    given: object = {"a": "secret:env:PASS", "n": 4, "b": [{"c": "secret:env:PASS"}, None, True], "d": "plain"}
    assert resolve_options(given) == {"a": VALUE, "n": 4, "b": [{"c": VALUE}, None, True], "d": "plain"}


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("secret:env:NOT_SET", "CH227", "NOT_SET is not set"),
        ("secret:env:EMPTY", "CH227", "EMPTY is not set"),
        ("secret:file:missing", "CH227", "No such file"),
        ("secret:file:binary", "CH227", "not UTF-8"),
        ("secret:file:huge", "CH227", "larger than 1 MiB"),
        ("secret:file:.", "CH227", "cannot be read"),
        ("secret:file:cut.json#url", "CH227", "not a JSON object"),
        ("secret:file:pw#url", "CH227", "not a JSON object"),
        ("secret:env:JSON#nope", "CH227", "no text under the key 'nope'"),
        ("secret:env:JSON#deep", "CH227", "no text under the key 'deep'"),
        ("secret:env:JSON#flag", "CH227", "no text under the key 'flag'"),
        ("secret:env:", "CH226", "malformed"),
        ("secret:vault:x", "CH226", "malformed"),
        ("postgres://${secret:env:}@h", "CH226", "malformed"),
        ("postgres://${PASS}@h", "CH226", "malformed"),
        ("secret:gcp:my-secret", "CH226", "malformed"),
    ],
)
def test_what_cannot_be_had_is_said_without_the_value(text: str, code: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(SecretError) as caught:
        resolve(text, tmp_path)
    assert (caught.value.code, says in caught.value.message) == (code, True)
    quiet(caught.value)


def quiet(error: BaseException) -> None:
    """Neither the error nor anything chained to it holds the value."""
    assert error.__context__ is None
    assert error.__cause__ is None
    printed = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    assert "hun/ter" not in printed
    assert "hun\\/ter" not in printed


def test_a_secret_does_not_print_itself() -> None:
    secret = resolve_secret("secret:env:PASS")
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "%s %r", (secret, secret), None).getMessage()
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", f"{secret:>9}", repr([secret]), record]
    assert [text for text in shown if "hun" in text] == []
    assert secret.reveal() == VALUE
    assert secret == Secret(VALUE)
    assert secret != Secret("other")
    assert secret != VALUE
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        vars(secret)


ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Stubber, list[str | None]]]:
    client = boto3.client("secretsmanager", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="y")
    regions: list[str | None] = []

    def made(region: str | None) -> object:
        regions.append(region)
        return client

    monkeypatch.setattr(secrets, "aws_client", made)
    with Stubber(client) as stub:
        yield stub, regions
        stub.assert_no_pending_responses()


def answer(**value: object) -> dict[str, object]:
    return {"ARN": ARN, "Name": "prod/db", "VersionId": "a" * 32, **value}


@pytest.mark.parametrize(
    ("reference", "name", "region", "given"),
    [
        ("secret:aws:prod/db", "prod/db", None, {"SecretString": VALUE}),
        ("secret:aws:prod/db#url", "prod/db", None, {"SecretString": json.dumps({"url": VALUE})}),
        ("secret:aws:prod/db", "prod/db", None, {"SecretBinary": VALUE.encode()}),
        (f"secret:aws:{ARN}", ARN, "eu-west-1", {"SecretString": VALUE}),
    ],
)
def test_aws_gives_values(
    aws: tuple[Stubber, list[str | None]], reference: str, name: str, region: str | None, given: dict[str, object]
) -> None:
    stub, regions = aws
    stub.add_response("get_secret_value", answer(**given), {"SecretId": name})
    assert resolve(reference) == VALUE
    assert regions == [region]


@pytest.mark.parametrize(
    ("code", "ours"),
    [("ResourceNotFoundException", "CH227"), ("AccessDeniedException", "CH228"), ("InternalServiceError", "CH228")],
)
def test_aws_refusals_are_ours(aws: tuple[Stubber, list[str | None]], code: str, ours: str) -> None:
    aws[0].add_client_error("get_secret_value", code, f"about {VALUE}")
    with pytest.raises(SecretError) as caught:
        resolve("secret:aws:prod/db")
    assert caught.value.code == ours
    quiet(caught.value)


def test_aws_without_a_region_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(SecretError) as caught:
        resolve("secret:aws:prod/db")
    assert (caught.value.code, "NoRegionError" in caught.value.message) == ("CH228", True)
    quiet(caught.value)


SECRETS = {
    "/v1/projects/p/secrets/db/versions/latest:access": (200, {"payload": {"data": VALUE}}),
    "/v1/projects/p/secrets/db/versions/3:access": (200, {"payload": {"data": json.dumps({"url": VALUE})}}),
    "/v1/projects/p/secrets/denied/versions/latest:access": (403, {"error": {"message": f"about {VALUE}"}}),
    "/v1/projects/p/secrets/odd/versions/latest:access": (200, [VALUE]),
    "/v1/projects/p/secrets/raw/versions/latest:access": (200, {"payload": {"data": None}}),
}


class Google(BaseHTTPRequestHandler):
    """A stand-in that knows the one call we make."""

    def do_GET(self) -> None:
        status, body = SECRETS.get(self.path, (404, {}))
        if isinstance(body, dict) and isinstance(data := dict(body).get("payload"), dict) and data["data"] is not None:
            body = {"payload": {"data": base64.b64encode(data["data"].encode()).decode()}}
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it overrides
        """Say nothing."""


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", 0), Google)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def get(url: str) -> tuple[int, object]:
        with requests.Session() as session:
            return secrets.fetch_json(session, url)

    monkeypatch.setattr(secrets, "GCP_URL", f"http://127.0.0.1:{server.server_port}/v1")
    monkeypatch.setattr(secrets, "gcp_get", get)
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("google")
@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("secret:gcp:projects/p/secrets/db", None),
        ("secret:gcp:projects/p/secrets/db/versions/3#url", None),
        ("secret:gcp:projects/p/secrets/none", "CH227"),
        ("secret:gcp:projects/p/secrets/denied", "CH228"),
        ("secret:gcp:projects/p/secrets/odd", "CH228"),
        ("secret:gcp:projects/p/secrets/raw", "CH228"),
    ],
)
def test_gcp_over_a_socket(reference: str, code: str | None) -> None:
    if code is None:
        assert resolve(reference) == VALUE
        return
    with pytest.raises(SecretError) as caught:
        resolve(reference)
    assert caught.value.code == code
    quiet(caught.value)


def test_gcp_regional_secrets_have_their_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def get(url: str) -> tuple[int, object]:
        asked.append(url)
        raise ConnectionError(VALUE)

    monkeypatch.setattr(secrets, "gcp_get", get)
    with pytest.raises(SecretError) as caught:
        resolve("secret:gcp:projects/p/locations/europe-west1/secrets/db/versions/2")
    path = "projects/p/locations/europe-west1/secrets/db/versions/2:access"
    assert asked == [f"https://secretmanager.europe-west1.rep.googleapis.com/v1/{path}"]
    assert caught.value.code == "CH228"
    quiet(caught.value)
