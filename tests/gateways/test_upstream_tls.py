"""Real gateways that ask upstreams by https: which certificates they take, and by which name they ask for them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests.app.process import until
from tests.gateways.certificates import Authority, Shown
from tests.gateways.house import House
from tests.gateways.running import KINDS, gateway

pytestmark = pytest.mark.slow_parts


@dataclass
class Upstream:
    """What is asked of a server with TLS: ``asked`` are paths, ``named`` the names of handshakes."""

    port: int = 0
    asked: list[str] = field(default_factory=list)
    named: list[str | None] = field(default_factory=list)


@contextmanager
def upstream(shown: Shown) -> Iterator[Upstream]:
    found, context = Upstream(), shown.server()

    def named(_: object, name: str | None, __: object) -> None:
        found.named.append(name)

    context.sni_callback = named

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found.asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None: ...

    class Secure(ThreadingHTTPServer):
        daemon_threads = True

        def finish_request(self, request: object, client_address: object) -> None:
            """In the connection's own thread."""
            try:
                secure = context.wrap_socket(request, server_side=True)  # type: ignore[arg-type]
            except OSError:
                return
            with secure:
                super().finish_request(secure, client_address)  # type: ignore[arg-type]

        def handle_error(self, request: object, client_address: object) -> None:
            """A gateway that ends closes connections as it likes."""

    class Newer(Secure):
        address_family = socket.AF_INET6

    servers: list[Secure] = [Secure(("127.0.0.1", 0), Answering)]
    found.port = servers[0].server_port
    with suppress(OSError):  # where localhost is this address, too, Envoy asks no other
        servers.append(Newer(("::1", found.port), Answering))
    threads = [threading.Thread(target=server.serve_forever, args=(0.02,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


def ask(house: House, url: str) -> int:
    headers = {"Authorization": house.token()}
    return httpx.get(f"{url}/catalog", headers=headers, timeout=30, trust_env=False).status_code


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_of_its_name_is_taken(house: House, kind: str, authority: Authority, tmp_path: Path) -> None:
    """It is asked for by name, also where health is asked."""
    with upstream(authority.certificate("localhost")) as one:
        urls, more = [f"https://localhost:{one.port}"], ["--upstream-ca", str(authority.file)]
        with gateway(house, kind, urls, tmp_path, more=more) as url:
            assert ask(house, url) == 200
            checked = kind == "nginx" or until(lambda: one.asked.count("/readyz") > 2)
    assert "/catalog" in one.asked and checked
    assert set(one.named) == {"localhost"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrong", ["another name", "another authority", "no public authority"])
def test_another_certificate_is_not(house: House, kind: str, wrong: str, authority: Authority, tmp_path: Path) -> None:
    """Nothing is asked of such an upstream, not even health."""
    strange = Authority(tmp_path)
    shown = {
        "another name": authority.certificate("other.example"),
        "another authority": strange.certificate("localhost"),
        "no public authority": authority.certificate("localhost"),
    }[wrong]
    more = [] if wrong == "no public authority" else ["--upstream-ca", str(authority.file)]
    with upstream(shown) as one:
        with gateway(house, kind, [f"https://localhost:{one.port}"], tmp_path, more=more, ready=False) as url:
            assert ask(house, url) in (500, 502, 503)
            assert until(lambda: len(one.named) > (0 if kind == "nginx" else 1))  # it does not ask for health
        assert one.asked == []


@pytest.mark.parametrize("kind", ["envoy", "caddy", "traefik"])
def test_each_upstream_has_its_own_name(house: House, kind: str, authority: Authority, tmp_path: Path) -> None:
    """One of them is an address, which handshakes do not say, and which stands as an address in its certificate."""
    more = ["--upstream-ca", str(authority.file)]
    with (
        upstream(authority.certificate("localhost")) as named,
        upstream(authority.certificate("127.0.0.1")) as plain,
    ):
        urls = [f"https://localhost:{named.port}", f"https://127.0.0.1:{plain.port}"]
        with gateway(house, kind, urls, tmp_path, more=more) as url:
            assert until(
                lambda: bool(ask(house, url) == 200 and "/catalog" in named.asked and "/catalog" in plain.asked)
            )
    assert (set(named.named), set(plain.named)) == ({"localhost"}, {None})
