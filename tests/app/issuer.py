"""A token issuer of our own on loopback: discovery, a key set over HTTP, rotation, outage, and tokens of any shape.

Keys are made once per process: what a test rotates is which of them the set lists.
"""

from __future__ import annotations

import base64
import functools
import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@functools.cache
def private(name: str) -> Private:
    """A private key by name; the name's first part says its kind: rsa, rsa1024, p256, p384, ed."""
    kind = name.partition("-")[0]
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if kind == "rsa1024":
        return rsa.generate_private_key(public_exponent=65537, key_size=1024)
    if kind == "ed":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP384R1() if kind == "p384" else ec.SECP256R1())


_ALG = {"rsa": "RS256", "rsa1024": "RS256", "ed": "EdDSA", "p256": "ES256", "p384": "ES384"}


def alg_of(name: str) -> str:
    return _ALG[name.partition("-")[0]]


def jwk(name: str, **over: object) -> dict[str, object]:
    """The public key as a JWK whose kid is its name; ``over`` replaces members, None removes them."""
    alg = alg_of(name)
    key = json.loads(get_default_algorithms()[alg].to_jwk(private(name).public_key()))
    key |= {"kid": name, "alg": alg, "use": "sig", "key_ops": ["verify"]} | over
    return {member: value for member, value in key.items() if value is not None}


class Issuer:
    """Serves ``keys`` at /jwks and says so at the discovery address. ``mode`` breaks it; ``fetched`` counts."""

    def __init__(self, *names: str) -> None:
        self.keys = [jwk(name) for name in names]
        self.mode, self.fetched = "up", 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = issuer.answer(self.path)
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", issuer.url + "/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        return Handler

    def answer(self, path: str) -> tuple[int, bytes]:
        if path == "/.well-known/openid-configuration":
            named = "https://somebody-else.example" if self.mode == "impostor" else self.url
            return 200, json.dumps({"issuer": named, "jwks_uri": self.url + "/jwks"}).encode()
        if path == "/jwks":
            self.fetched += 1
        if self.mode == "redirect" and path == "/jwks":
            return 302, b""
        if self.mode == "down":
            return 500, b"out of order"
        if self.mode == "garbage":
            return 200, b"<html>welcome</html>"
        if self.mode == "long":
            return 200, b" " * 600_000 + b"{}"
        return 200, json.dumps({"keys": self.keys}).encode()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def claims(self, **over: object) -> dict[str, object]:
        """The claims of a good token; ``over`` replaces members, None removes them."""
        now = int(time.time())
        said = {"iss": self.url, "aud": "customhouse", "sub": "somebody", "iat": now, "exp": now + 600, **over}
        return {name: value for name, value in said.items() if value is not None}

    def token(self, name: str, **over: object) -> str:
        """A good token, signed with the named key."""
        return sign(name, {"alg": alg_of(name), "kid": name, "typ": "JWT"}, self.claims(**over))


def sign(name: str, header: Mapping[str, object], payload: Mapping[str, object] | bytes, alg: str | None = None) -> str:
    """A compact JWS of exactly this header and payload. ``alg`` is how it is signed, whatever the header says."""
    text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    signing = b64(json.dumps(header).encode()) + "." + b64(text)
    algorithm = get_default_algorithms()[alg or alg_of(name)]
    return signing + "." + b64(algorithm.sign(signing.encode(), private(name)))


def hmac_signed(secret: bytes, header: Mapping[str, object], payload: Mapping[str, object]) -> str:
    """A token signed with a shared secret, as confusion attacks do with a public key's text."""
    signing = b64(json.dumps(header).encode()) + "." + b64(json.dumps(payload).encode())
    return (
        signing
        + "."
        + b64(jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(signing.encode(), secret))
    )


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
