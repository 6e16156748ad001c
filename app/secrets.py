"""Secrets: references in settings become values, at the last moment and nowhere else.

- ``secret:env:NAME``: an environment variable that is set and not empty.
- ``secret:file:PATH[#key]``: a file, relative to the project unless absolute; one line end at its end is dropped.
- ``secret:aws:NAME[#key]``: AWS Secrets Manager, by name or ARN (whose region is then used), by boto3.
- ``secret:gcp:projects/P/secrets/S[/versions/V][#key]``: GCP Secret Manager over REST, with application default
  credentials; without a version the latest. Regional secrets (``projects/P/locations/L/secrets/S``) work too.

``#key`` takes one text out of a JSON object. Within other text, such as a URL, a reference is written
``${secret:env:NAME}``; in a URL the value is percent-encoded, so that no character of it can end the password.

Values are read anew on every call, so a rotation is seen at the next reload. No error holds a value, nor does its
traceback: what a parser or client raised is dropped before ours is raised.

Not proven by the tests of this repository: that the two clouds answer as their documents say. AWS is tested with
botocore's stub, GCP with a stand-in on a local socket; credentials, real permissions and network paths are not.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NoReturn, Protocol, cast
from urllib.parse import quote

from schema.load_secrets import EMBEDDED, REFERENCE

LARGEST = 1024 * 1024
GCP_URL = "https://secretmanager.googleapis.com/v1"
_GCP_NAME = re.compile(r"projects/[^/]+/(locations/(?P<location>[a-z0-9-]+)/)?secrets/[^/]+(/versions/[^/]+)?")
_ARN = re.compile(r"arn:aws[a-z-]*:secretsmanager:(?P<region>[a-z0-9-]+):.+")


class SecretError(Exception):
    """A secret cannot be had: CH226 malformed reference, CH227 not found, CH228 the store does not give it."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(f"{code} {message} {hint}")
        self.code, self.message, self.hint = code, message, hint


class Secret:
    """A value that does not print itself. ``reveal`` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


def resolve(text: str, project: Path = Path()) -> str:
    """The text with its references replaced by their values; other text stays as it is.

    ``project`` is where relative file references start. Raises SecretError.
    """
    return resolve_secret(text, project).reveal()


def resolve_secret(text: str, project: Path = Path()) -> Secret:
    """The same as a Secret."""
    if text.startswith("secret:"):
        return Secret(_read(text, project))
    in_url = "://" in text
    parts, end = [], 0
    for match in EMBEDDED.finditer(text):
        value = _read(match["reference"], project)
        parts += [text[end : match.start()], quote(value, safe="") if in_url else value]
        end = match.end()
    return Secret("".join([*parts, text[end:]]))


def resolve_options(value: object, project: Path = Path()) -> object:
    """Options of a source (mappings, lists, scalars) with every reference in them replaced. Raises SecretError."""
    if isinstance(value, str):
        return resolve(value, project)
    if isinstance(value, list):
        return [resolve_options(item, project) for item in value]
    if isinstance(value, dict):
        return {key: resolve_options(item, project) for key, item in value.items()}
    return value


def _read(reference: str, project: Path) -> str:
    match = REFERENCE.fullmatch(reference)
    if match is None:
        hint = "Write secret:env:NAME, secret:file:PATH, secret:aws:NAME[#key] or secret:gcp:RESOURCE[#key]."
        raise SecretError("CH226", "A secret reference is malformed.", hint)
    store, name, key = match["store"], match["name"], match["key"]
    if store == "env":
        value = _environment(name)
    elif store == "file":
        value = _file(name, project)
    elif store == "aws":
        value = _aws(name)
    else:
        value = _gcp(name)
    return value if key is None else _member(value, key, f"secret:{store}:{name}")


def _member(text: str, key: str, reference: str) -> str:
    found: object = None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None  # said below, outside of the handler: the fault holds the text
    value = found.get(key) if isinstance(found, dict) else None
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    what = f"has no text under the key '{key}'" if isinstance(found, dict) else "is not a JSON object"
    raise SecretError("CH227", f"The value of {reference} {what}.", "Correct the part after '#', or remove it.")


def _environment(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise SecretError("CH227", f"The environment variable {name} is not set.", "Set it where the gateway starts.")
    return value


def _file(name: str, project: Path) -> str:
    reason, data = "", b""
    try:
        with (project / name).open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as fault:
        reason = (fault.strerror if isinstance(fault, OSError) else None) or "it cannot be opened"
    if not reason and len(data) > LARGEST:
        reason = "it is larger than 1 MiB"
    if reason:
        hint = "Mount it there, or correct the path; relative paths start at the project."
        raise SecretError("CH227", f"The secret file {name} cannot be read: {reason}.", hint)
    return _text(data, f"secret:file:{name}").removesuffix("\n").removesuffix("\r")


def _text(data: bytes, reference: str) -> str:
    value: str | None = None
    try:
        value = data.decode()
    except UnicodeDecodeError:
        value = None  # said below, outside of the handler: the fault holds the bytes
    if value is None:
        hint = "Store it as text, in base64 if need be."
        raise SecretError("CH227", f"The value of {reference} is not UTF-8 text.", hint)
    return value


class SecretsManager(Protocol):
    """What we use of boto3's Secrets Manager client."""

    def get_secret_value(self, *, SecretId: str) -> dict[str, object]: ...


def aws_client(region: str | None) -> SecretsManager:
    """A client with short deadlines, so that a start does not hang on a network that is closed."""
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"})
    made: SecretsManager = boto3.client("secretsmanager", region_name=region, config=config)
    return made


def _aws(name: str) -> str:
    from botocore.exceptions import BotoCoreError, ClientError

    arn = _ARN.fullmatch(name)
    failed, answer = "", {}
    try:
        answer = aws_client(arn["region"] if arn else None).get_secret_value(SecretId=name)
    except ClientError as fault:
        failed = str(fault.response.get("Error", {}).get("Code", "ClientError"))
    except BotoCoreError as fault:
        failed = type(fault).__name__
    if failed == "ResourceNotFoundException":
        hint = "Check the name, the region and the account."
        raise SecretError("CH227", f"AWS Secrets Manager has no secret {name}.", hint)
    if failed:
        hint = "Check the region, the credentials, and that they may read this secret."
        raise SecretError("CH228", f"AWS Secrets Manager does not give {name} ({failed}).", hint)
    text, data = answer.get("SecretString"), answer.get("SecretBinary")
    if isinstance(text, str):
        return text
    return _text(data if isinstance(data, bytes) else b"", f"secret:aws:{name}")


def gcp_get(url: str) -> tuple[int, object]:
    """GET with application default credentials: status and parsed JSON (None where it is none)."""
    import google.auth
    from google.auth.transport.requests import AuthorizedSession

    credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    make = cast(Callable[[object], AbstractContextManager[Session]], AuthorizedSession)  # it has no types of its own
    with make(credentials) as session:
        return fetch_json(session, url)


class Session(Protocol):
    """What we use of a requests session."""

    def get(self, url: str, *, timeout: float) -> Response: ...


class Response(Protocol):
    @property
    def status_code(self) -> int: ...
    @property
    def content(self) -> bytes: ...


def fetch_json(session: Session, url: str) -> tuple[int, object]:
    """GET: status and parsed JSON (None where it is none)."""
    answer = session.get(url, timeout=8)
    try:
        return answer.status_code, json.loads(answer.content)
    except (ValueError, RecursionError):
        return answer.status_code, None


def _gcp(name: str) -> str:
    match = _GCP_NAME.fullmatch(name)
    if match is None:
        hint = "Write secret:gcp:projects/PROJECT/secrets/NAME, with /versions/NUMBER to pin one."
        raise SecretError("CH226", "A GCP secret reference is malformed.", hint)
    base = GCP_URL
    if match["location"]:
        base = GCP_URL.replace("secretmanager.", f"secretmanager.{match['location']}.rep.", 1)
    versioned = name if "/versions/" in name else f"{name}/versions/latest"
    failed, status, body = "", 0, None
    try:
        status, body = gcp_get(f"{base}/{versioned}:access")
    except Exception as fault:  # noqa: BLE001 - google-auth and requests raise from several trees, with texts of theirs
        failed = type(fault).__name__
    if status == 404:
        hint = "Check the project, the name and the version."
        raise SecretError("CH227", f"GCP Secret Manager has no secret {name}.", hint)
    if failed or status != 200:
        hint = "Check the credentials, and that they have roles/secretmanager.secretAccessor on this secret."
        raise SecretError("CH228", f"GCP Secret Manager does not give {name} ({failed or status}).", hint)
    payload = body.get("payload") if isinstance(body, dict) else None
    data = payload.get("data") if isinstance(payload, dict) else None
    decoded: bytes | None = None
    try:
        decoded = base64.b64decode(data, validate=True) if isinstance(data, str) else None
    except binascii.Error:
        decoded = None  # said below, outside of the handler: the fault may hold the text
    if decoded is None:
        hint = "Look at what stands between the gateway and Google."
        raise SecretError("CH228", f"GCP Secret Manager answered {name} without a value.", hint)
    return _text(decoded, f"secret:gcp:{name}")
