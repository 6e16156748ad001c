"""A load balancer's keys on loopback as its region serves them, and what it signs with them: a text of three padded
parts, which no JWT library writes."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

from tests.app.issuer import alg_of, private

SIGNER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/front/50dc6c495c0c9188"
KID = "12345678-1234-1234-1234-123456789012"


class Region:
    """Serves ``keys`` (by kid, the name of a private key) as PEM. ``mode`` breaks it; ``fetched`` counts."""

    def __init__(self) -> None:
        self.keys, self.mode, self.fetched = {KID: "p256-alb"}, "up", 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        region = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = region.answer(self.path.removeprefix("/"))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        return Handler

    def answer(self, kid: str) -> tuple[int, bytes]:
        self.fetched += 1
        if self.mode == "down":
            return 500, b"out of order"
        if kid not in self.keys:
            return 403, b"no such key"
        public = private(self.keys[kid]).public_key()
        return 200, public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def padded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()


def said(issuer: str, payload: Mapping[str, object] | None = None, key: str = "p256-alb", **header: object) -> str:
    """What the load balancer says of a caller; ``header`` replaces members of its header, None removes them."""
    alg = alg_of(key)
    head = {
        "alg": alg,
        "kid": KID,
        "signer": SIGNER,
        "iss": issuer,
        "client": "customhouse",
        "exp": int(time.time()) + 120,
    } | header
    claims = {"sub": "ann", "roles": ["analyst"], "tenant": "north"} if payload is None else payload
    parts = [{name: value for name, value in head.items() if value is not None}, claims]
    signing = ".".join(padded(json.dumps(part).encode()) for part in parts)
    return signing + "." + padded(get_default_algorithms()[alg].sign(signing.encode(), private(key)))
