"""BigQuery: what a source's URL and options say.

``bigquery://project/dataset``, then after ``?``: ``location=EU`` (or the source's ``location:``), and
``endpoint=http://127.0.0.1:9050`` (an emulator, without credentials, on loopback only). The option ``credentials`` is
the JSON of a service account's key; without it Google's default credentials are looked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlsplit

from resolvers.backends.keyed.options import known, text, whole
from schema.catalog import Source
from schema.load_units import size

_OPTIONS = ("credentials", "maximum_bytes_billed", "storage_api", "workers")
_PARAMETERS = frozenset({"location", "endpoint"})
MOST_BYTES = 10 * 2**30
"""What one statement may be billed for, unless an option says otherwise: 10 GiB."""
_EXAMPLE = "a bigquery source has a URL like bigquery://project/dataset?location=EU"


@dataclass(frozen=True, slots=True)
class Settings:
    project: str
    dataset: str
    location: str | None
    endpoint: str | None
    credentials: Mapping[str, object] | None
    maximum_bytes_billed: int
    storage_api: bool
    storage_endpoint: str | None
    workers: int

    def __repr__(self) -> str:
        return f"Settings({self.project}.{self.dataset})"


def settings(source: Source, url: str) -> Settings:
    """Raises ValueError with a sentence, which holds no part of a URL."""
    known(source.options, _OPTIONS, "a bigquery source")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(_EXAMPLE) from None
    dataset = parts.path.strip("/")
    if parts.scheme != "bigquery" or not parts.netloc or not dataset or "/" in dataset or "@" in parts.netloc:
        raise ValueError(_EXAMPLE)
    given = dict(parse_qsl(parts.query))
    if given.keys() - _PARAMETERS:
        raise ValueError(f"a bigquery URL knows the parameters {', '.join(sorted(_PARAMETERS))}")
    endpoint = _endpoint(given, source.options)
    storage_api, storage_endpoint = _storage(source.options, endpoint)
    return Settings(
        project=parts.netloc,
        dataset=dataset,
        location=_location(source, given),
        endpoint=endpoint,
        credentials=_credentials(source.options),
        maximum_bytes_billed=_bytes(source.options),
        storage_api=storage_api,
        storage_endpoint=storage_endpoint,
        workers=whole(source.options, "workers", 10, 1000),
    )


def _location(source: Source, given: Mapping[str, str]) -> str | None:
    """Where jobs run. What the URL says and what policies about places go by must be the same."""
    location = given.get("location", source.location)
    if location is not None and source.location is not None and location.lower() != source.location.lower():
        raise ValueError("the URL's location is another than the source's 'location:', which policies go by")
    return location


def _endpoint(given: Mapping[str, str], options: Mapping[str, object]) -> str | None:
    """An emulator's address: nothing leaves this machine without credentials."""
    endpoint = given.get("endpoint")
    if endpoint is None:
        return None
    host = urlsplit(endpoint).hostname or ""
    if not _loopback(host):
        raise ValueError("a bigquery endpoint is an emulator on loopback, such as http://127.0.0.1:9050")
    if "credentials" in options:
        raise ValueError("a bigquery endpoint on loopback is asked without credentials: remove the option")
    return endpoint


def _credentials(options: Mapping[str, object]) -> Mapping[str, object] | None:
    given = text(options, "credentials")
    if given is None:
        return None
    with suppress(ValueError):
        found = json.loads(given)
        if isinstance(found, dict) and found.keys() >= {"client_email", "private_key", "token_uri"}:
            return found
    raise ValueError("option 'credentials' is the JSON of a service account's key, as a secret: secret:file:PATH")


def _storage(options: Mapping[str, object], endpoint: str | None) -> tuple[bool, str | None]:
    """Whether large answers come by the Storage Read API, and the emulator's address for it."""
    given = options.get("storage_api", endpoint is None)
    if isinstance(given, bool) and not (given and endpoint is not None):
        return given, None
    if endpoint is None:
        raise ValueError("option 'storage_api' is true or false")
    if isinstance(given, str):
        with suppress(ValueError):
            at = urlsplit(f"//{given}")
            if at.port and at.netloc == given and at.username is None and _loopback(at.hostname or ""):
                return True, given
    raise ValueError("option 'storage_api' is, beside an endpoint, false or a gRPC address on loopback: 127.0.0.1:9060")


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _bytes(options: Mapping[str, object]) -> int:
    found = options.get("maximum_bytes_billed", MOST_BYTES)
    number = size(found) if isinstance(found, str) else found
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError("option 'maximum_bytes_billed' is a number of bytes, or a size such as 20GiB")
    return number
