"""Get an issuer's key set as text: from a URL, by OpenID Connect discovery, or from a file.

Plain HTTP is allowed to loopback only. Redirects are not followed, answers are bounded, and a source that dribbles is
cut off after the timeout. Does not promise that the text is a key set (`read_jwks`).
"""

from __future__ import annotations

import http.client
import ipaddress
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from app.tokens.strict import json_object
from schema.catalog import Issuer

TIMEOUT = 3.0
MOST_BYTES = 512 * 1024


class Unavailable(Exception):
    """The keys could not be had. The sentence is for the log."""


def fetch(issuer: Issuer, folder: Path) -> bytes:
    """The issuer's key set. Blocks up to a few seconds: call it in a thread. Raises Unavailable."""
    try:
        if issuer.jwks_file is not None:
            return (folder / issuer.jwks_file).read_bytes()
        deadline = time.monotonic() + TIMEOUT
        if issuer.jwks_url is not None:
            return get(issuer.jwks_url, deadline)
        return get(_discover(issuer, deadline), deadline)
    except (OSError, ValueError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise Unavailable(f"{type(error).__name__}: {error}") from error


def _discover(issuer: Issuer, deadline: float) -> str:
    """The ``jwks_uri`` of the issuer's discovery document, which must name this issuer (OIDC Discovery 4.3)."""
    document = json_object(get(issuer.issuer.rstrip("/") + "/.well-known/openid-configuration", deadline))
    where = document.get("jwks_uri")
    if document.get("issuer") != issuer.issuer or not isinstance(where, str):
        raise ValueError("the discovery document names another issuer, or no jwks_uri")
    return where


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


_NEAR = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
_FAR = urllib.request.build_opener(_NoRedirect)


def get(url: str, deadline: float) -> bytes:
    """The text at an address. Blocks until ``deadline``, on the monotonic clock, at most. Raises OSError, ValueError,
    HTTPException."""
    parts = urllib.parse.urlsplit(url)
    near = loopback(parts.hostname or "")
    if parts.scheme != "https" and not (parts.scheme == "http" and near):
        raise ValueError("keys are fetched over https only")
    request = urllib.request.Request(url, headers={"Accept": "application/json", "User-Agent": "customhouse"})
    with (_NEAR if near else _FAR).open(request, timeout=max(0.01, deadline - time.monotonic())) as response:
        chunks, size = [], 0
        while chunk := response.read1(65536):
            size += len(chunk)
            if size > MOST_BYTES:
                raise ValueError("the answer is too long for a key set")
            if time.monotonic() > deadline:
                raise TimeoutError("the answer took too long")
            chunks.append(chunk)
    return b"".join(chunks)


def loopback(host: str) -> bool:
    """Whether a host can only be this machine. A name other than ``localhost`` cannot be known."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
