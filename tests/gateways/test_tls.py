"""Real gateways that listen with TLS, as the command prints them for ``--tls``."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import asyncpg
import httpx
import pytest

from tests.app.process import until
from tests.gateways.certificates import Authority, Shown
from tests.gateways.house import NAPS, House, napping
from tests.gateways.running import KINDS, gateway, printed, python_part
from tests.telemetry.collector import SERVER, Collector, attributes, collecting

pytestmark = pytest.mark.slow_parts
QUESTION = "{ things(first: 2) { nodes { id } } }"
ANSWER = {"data": {"things": {"nodes": [{"id": 1}, {"id": 2}]}}}
OLD = ssl.TLSVersion.TLSv1_1


@dataclass(frozen=True)
class Front:
    """A gateway that shows a certificate of localhost; a process of ours behind it sends traces to the collector."""

    kind: str
    url: str
    house: House
    authority: Authority
    collector: Collector

    @property
    def place(self) -> tuple[str, int]:
        return "localhost", urlsplit(self.url).port or 443

    def shake(self, context: ssl.SSLContext, name: str | None = "localhost") -> ssl.SSLSocket:
        """A connection whose handshake is over, in which a name was said."""
        with socket.create_connection(self.place, timeout=10) as plain:
            return context.wrap_socket(plain, server_hostname=name)


@pytest.fixture(scope="module")
def shown(authority: Authority) -> Shown:
    return authority.certificate("localhost")


@pytest.fixture(scope="module")
def behind(house: House) -> Iterator[tuple[str, Collector]]:
    with collecting() as collector:
        process = house.process(CUSTOMHOUSE_OTLP=collector.url, OTEL_BSP_SCHEDULE_DELAY="50")
        yield process.url, collector
        process.stop()


@pytest.fixture(scope="module", params=KINDS)
def front(
    request: pytest.FixtureRequest,
    house: House,
    behind: tuple[str, Collector],
    authority: Authority,
    shown: Shown,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Front]:
    kind, more = str(request.param), ["--host", "localhost", "--tls", str(shown.file), str(shown.key)]
    folder = tmp_path_factory.mktemp(kind)
    with gateway(house, kind, [behind[0]], folder, more=more, trusting=authority.client()) as url:
        yield Front(kind, url, house, authority, behind[1])


def test_the_token_arrives_by_https(front: Front) -> None:
    headers = {"Authorization": front.house.token()}
    with httpx.Client(verify=front.authority.client(), headers=headers, timeout=30, trust_env=False) as client:
        answer = client.post(f"{front.url}/graphql", json={"query": QUESTION})
        assert (answer.status_code, answer.json()) == (200, ANSWER)
        assert client.post(f"{front.url}/graphql", headers={"Authorization": ""}, json={}).status_code == 401


def curl(front: Front) -> list[str]:
    """Asks by HTTP/2, with a token."""
    if shutil.which("curl") is None:
        pytest.skip("curl (Debian: curl)")
    command = ["curl", "--silent", "--http2", "--noproxy", "*", "--cacert", str(front.authority.file)]
    return [*command, "--header", f"Authorization: {front.house.token()}"]


def test_a_query_of_30_kb_by_http_2(front: Front) -> None:
    """Asked by libcurl: by GET, where all of it is in the head, and by POST."""
    spaces = quote(QUESTION + " " * 9_000)  # three bytes each
    asked = [[f"{front.url}/graphql?query={spaces}"]]
    asked += [[f"{front.url}/graphql", "--json", json.dumps({"query": QUESTION + " " * 30_000})]]
    for how in asked:
        command = [*curl(front), "--write-out", "\n%{http_version} %{http_code}", *how]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        body, _, told = done.stdout.rpartition("\n")
        assert (told, json.loads(body)) == ("2 200", ANSWER), done


async def test_who_leaves_by_http_2_ends_the_statement(front: Front) -> None:
    connection = await asyncpg.connect(front.house.dsn)
    asking = subprocess.Popen([*curl(front), f"{front.url}/graphql", "--json", json.dumps({"query": NAPS})])
    try:
        await napping(connection, 1)
        asking.kill()
        await napping(connection, 0)
    finally:
        asking.kill()
        asking.wait()
        await connection.close()


@pytest.mark.parametrize(
    ("offered", "chosen"), [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1"), ([], None)], ids=str
)
def test_http_2_is_negotiated(front: Front, offered: list[str], chosen: str | None) -> None:
    context = front.authority.client()
    if offered:
        context.set_alpn_protocols(offered)
    with front.shake(context) as secure:
        assert secure.selected_alpn_protocol() == chosen


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda one: str(one.name))
def test_versions_of_today_are_spoken(front: Front, version: ssl.TLSVersion) -> None:
    context = front.authority.client()
    context.minimum_version = context.maximum_version = version
    with front.shake(context) as secure:
        assert secure.version() == version.name.replace("_", ".")


@pytest.mark.parametrize("name", [None, "elsewhere.example"])
def test_whoever_connects_is_shown_the_certificate(front: Front, name: str | None) -> None:
    """Also who says no name, as load balancers do that look for health, or another one, which Caddy alone refuses."""
    context = front.authority.client()
    context.check_hostname = False
    if (front.kind, name) == ("caddy", "elsewhere.example"):
        with pytest.raises(ssl.SSLError, match="ALERT"):
            front.shake(context, name)
        return
    with front.shake(context, name) as secure:
        assert secure.getpeercert()


def old(ciphers: str, version: ssl.TLSVersion) -> ssl.SSLContext:
    """A client of another time, which verifies nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = context.maximum_version = version
    return context


# Without forward secrecy, and without authenticated encryption; a server that knew them could choose them.
_WEAK = {"static keys": "AES128-GCM-SHA256:AES256-GCM-SHA384", "cbc": "ECDHE-RSA-AES128-SHA:AES128-SHA"}


def test_old_versions_are_refused(front: Front) -> None:
    with pytest.raises(ssl.SSLError) as refused:
        front.shake(old("DEFAULT", OLD))
    assert refused.value.reason == "TLSV1_ALERT_PROTOCOL_VERSION"


@pytest.mark.parametrize("ciphers", _WEAK.values(), ids=_WEAK)
def test_weak_ciphers_are_refused(front: Front, ciphers: str) -> None:
    with pytest.raises(ssl.SSLError) as refused:
        front.shake(old(ciphers, ssl.TLSVersion.TLSv1_2))
    assert refused.value.reason in ("SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV1_ALERT_INSUFFICIENT_SECURITY")


def test_old_clients_would_be_understood(shown: Shown) -> None:
    """By a server that speaks as they do: what is refused above is refused by the gateways."""
    for ciphers, version in [("DEFAULT", OLD), *((weak, ssl.TLSVersion.TLSv1_2) for weak in _WEAK.values())]:
        context = shown.server()
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            context.minimum_version = OLD
        with socket.create_server(("127.0.0.1", 0)) as listening:
            answering = threading.Thread(
                target=lambda c=context, s=listening: c.wrap_socket(s.accept()[0], True).close()
            )
            answering.start()
            with socket.create_connection(listening.getsockname(), timeout=10) as plain:
                old(ciphers, version).wrap_socket(plain).close()
            answering.join()


def test_nothing_is_answered_in_clear_text(front: Front) -> None:
    headers = {"Authorization": front.house.token()}
    clear = front.url.replace("https://", "http://")
    try:
        answer = httpx.post(f"{clear}/graphql", json={"query": QUESTION}, headers=headers, timeout=10, trust_env=False)
    except httpx.TransportError:
        return
    assert answer.status_code in (400, 404) and b"nodes" not in answer.content


def test_another_name_is_not_answered(front: Front) -> None:
    """Whoever resolves it to this gateway gets nothing, though no other server listens there."""
    headers = {"Authorization": front.house.token()}
    with httpx.Client(verify=front.authority.client(), headers=headers, timeout=30, trust_env=False) as client:
        ours = [client.get(f"{front.url}/readyz", headers={"Host": name}) for name in ("localhost", "LOCALHOST")]
        other = client.post(f"{front.url}/graphql", json={"query": QUESTION}, headers={"Host": "other.example"})
    assert [answer.status_code for answer in ours] == [200, 200]
    assert other.status_code in (404, 421, 403) or (other.status_code, other.content) == (200, b""), other.content
    assert b"nodes" not in other.content


def test_we_learn_that_it_was_https(front: Front) -> None:
    """Clients that say something else of themselves are not believed."""
    trace = secrets.token_hex(16)
    headers = {"Authorization": front.house.token(), "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example"}
    headers["Traceparent"] = f"00-{trace}-00f067aa0ba902b7-01"
    with httpx.Client(verify=front.authority.client(), headers=headers, timeout=30, trust_env=False) as client:
        assert client.post(f"{front.url}/graphql", json={"query": QUESTION}).status_code == 200

    def told() -> list[dict[str, object]]:
        spans = [one for one in front.collector.spans if one.kind == SERVER and one.trace_id.hex() == trace]
        return [attributes(one) for one in spans]

    assert until(lambda: bool(told()))
    assert told()[0]["url.scheme"] == "https"


def test_caddy_reads_how_it_gets_itself_a_certificate(house: House, tmp_path: Path) -> None:
    """It is not run: no authority would answer."""
    config = tmp_path / "Caddyfile"
    more = ["--host", "data.example", "--tls", "auto"]
    config.write_text(printed(house, "caddy", ["http://127.0.0.1:1"], 443, more))
    command = [python_part("caddy"), "adapt", "--config", str(config), "--adapter", "caddyfile", "--validate"]
    environ = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    (server,) = json.loads(done.stdout)["apps"]["http"]["servers"].values()
    assert server["listen"] == [":443"] and server["protocols"] == ["h1", "h2"]
    assert server["automatic_https"] == {"disable_redirects": True}
    assert server["routes"][0]["match"] == [{"host": ["data.example"]}]
