"""The same questions through each real gateway, with the configuration that the command prints for it.

Every gateway takes off the prefix /data, and stands in front of real processes over a real PostgreSQL.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests.app.process import Process
from tests.gateways.house import NAPS, ROWS, House, napping
from tests.gateways.running import KINDS, PREFIX, gateway

pytestmark = pytest.mark.slow_parts
QUESTION = "{ things(first: 2) { nodes { id } } }"
ANSWER = {"data": {"things": {"nodes": [{"id": 1}, {"id": 2}]}}}
DRAINED = 5.0


@dataclass(frozen=True)
class Front:
    """A gateway, the two processes behind it, and what they are over."""

    kind: str
    url: str
    house: House
    behind: tuple[Process, Process]

    def client(self, token: str | None = None) -> httpx.Client:
        headers = {"Authorization": token if token is not None else self.house.token()}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)


@pytest.fixture(scope="module")
def behind(house: House) -> Iterator[tuple[Process, Process]]:
    pair = (house.process(), house.process())
    yield pair
    for process in pair:
        process.stop()


@pytest.fixture(scope="module", params=KINDS)
def front(
    request: pytest.FixtureRequest,
    house: House,
    behind: tuple[Process, Process],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Front]:
    kind = str(request.param)
    urls = [process.url for process in behind]
    with gateway(house, kind, urls, tmp_path_factory.mktemp(kind)) as url:
        yield Front(kind, url, house, behind)


def logged(front: Front, request_id: str) -> dict[str, object]:
    """The line of the log about a request, of whichever process answered it."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        for process in front.behind:
            for line in list(process.log):
                if line.get("event") == "request" and line.get("request_id") == request_id:
                    return line
        time.sleep(0.02)
    raise AssertionError(f"nobody was asked {request_id}")


def test_the_token_arrives(front: Front) -> None:
    with front.client() as client:
        answer = client.post("/graphql", json={"query": QUESTION})
        assert (answer.status_code, answer.json()) == (200, ANSWER)
        assert client.get("/q/Things", params={"first": 2}).json()["data"]["things"]["nodes"][1]["id"] == 2


def test_health_needs_no_token(front: Front) -> None:
    with httpx.Client(base_url=front.url, trust_env=False) as client:
        assert [client.get(path).status_code for path in ("/livez", "/readyz")] == [200, 200]


@pytest.mark.parametrize("wrong", ["none", "another key", "another audience", "expired", "another issuer"])
def test_a_wrong_token_is_refused(front: Front, wrong: str) -> None:
    house = front.house
    token = {
        "none": "",
        "another key": f"Bearer {house.issuer.token('rsa-2', roles=['reader'])}",
        "another audience": house.token(aud="somebody"),
        "expired": house.token(exp=int(time.time()) - 600, iat=int(time.time()) - 1200),
        "another issuer": house.token(iss="https://elsewhere.example"),
    }[wrong]
    with front.client(token) as client:
        answer = client.post("/graphql", json={"query": QUESTION})
    # Envoy, which checks tokens itself, says 403 to one that is good for somebody else.
    assert answer.status_code == (403 if (front.kind, wrong) == ("envoy", "another audience") else 401)
    assert b"nodes" not in answer.content
    assert answer.status_code == 403 or "bearer" in answer.headers["www-authenticate"].lower()


def test_other_paths_are_not_passed_on(front: Front) -> None:
    with front.client() as client:
        root = front.url.removesuffix(PREFIX)
        for path in (f"{PREFIX}/explain", "/graphql", f"{PREFIX}/q/Nothing", f"{PREFIX}/startupz", "/"):
            answer = client.get(root + path)
            assert answer.status_code == 404 and b"CH" not in answer.content, path


def test_a_request_id_comes_back(front: Front) -> None:
    with front.client() as client:
        answer = client.post("/graphql", json={"query": QUESTION}, headers={"X-Request-Id": f"mine-{front.kind}.1"})
        assert answer.headers.get_list("x-request-id") == [f"mine-{front.kind}.1"]
        assert logged(front, f"mine-{front.kind}.1")["route"] == "/graphql"
        made = client.post("/graphql", json={"query": QUESTION}).headers.get_list("x-request-id")
        assert len(made) == 1 and logged(front, made[0])


def test_a_query_of_30_kb(front: Front) -> None:
    with front.client() as client:
        for answer in (
            client.get("/graphql", params={"query": QUESTION + " " * 30_000}),
            client.post("/graphql", json={"query": QUESTION + "".join(f" #{number}\n" for number in range(4_000))}),
        ):
            assert (answer.status_code, answer.json()) == (200, ANSWER)


def test_too_long(front: Front) -> None:
    """A little more than the zone takes is refused by us, with a code; much more by somebody."""
    with front.client() as client:
        little = client.post("/graphql", json={"query": QUESTION + " " * 66_000})
        assert little.status_code == 413 and little.json()["errors"][0]["extensions"]["code"] == "CH143"
        assert client.post("/graphql", json={"query": QUESTION + " " * 300_000}).status_code == 413
        long = client.get("/graphql", params={"query": QUESTION + " " * 35_000})
        assert long.status_code == 414 and long.json()["errors"][0]["extensions"]["code"] == "CH148"
        with suppress(httpx.TransportError):  # or the connection ends
            assert client.get("/graphql", headers={"X-Long": "x" * 200_000}).status_code in (400, 431)
    with front.client() as client:
        assert client.post("/graphql", json={"query": QUESTION}).status_code == 200


def test_gzip_is_passed_on(front: Front) -> None:
    with front.client() as client:
        asked = {"query": "{ things(first: 400) { nodes { id name } } }"}
        with client.stream("POST", "/graphql", json=asked, headers={"Accept-Encoding": "gzip"}) as answer:
            packed = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == "gzip" and "accept-encoding" in answer.headers["vary"].lower()
        assert len(json.loads(gzip.decompress(packed))["data"]["things"]["nodes"]) == ROWS
        body = {"statement": "select id, name from d.things order by id"}
        with client.stream("POST", "/sql", json=body, headers={"Accept-Encoding": "gzip"}) as answer:
            packed = b"".join(answer.iter_raw())
        assert answer.status_code == 200, packed
        assert answer.headers["content-encoding"] == "gzip" and "vary" in answer.headers
        assert packed[:2] == b"\x1f\x8b" and len(json.loads(gzip.decompress(packed))["rows"]) == ROWS
        with client.stream("POST", "/sql", json=body, headers={"Accept-Encoding": "identity"}) as plain:
            assert "content-encoding" not in plain.headers
            assert len(json.loads(b"".join(plain.iter_raw()))["rows"]) == ROWS


def test_our_504_comes_before_the_gateways(front: Front) -> None:
    with front.client() as client:
        answer = client.post("/sql", json={"statement": "select nap from d.naps"})
    assert answer.status_code == 504 and answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] in ("CH150", "CH503")


def test_a_client_may_wait_less_than_the_zone(front: Front) -> None:
    """The zone would wait for 60 seconds."""
    with front.client() as client:
        answer = client.post("/graphql", json={"query": NAPS}, headers={"X-Request-Timeout-Ms": "1500"})
    assert answer.status_code == 504, answer.text
    assert answer.json()["errors"][0]["extensions"]["code"] == "CH150"


def test_envoy_says_how_long_it_waits(house: House, behind: tuple[Process, Process], tmp_path: Path) -> None:
    """And it is answered before that, though the zone would wait for 60 seconds."""
    url = behind[0].url
    headers = {"Authorization": house.token()}
    with gateway(house, "envoy", [url], tmp_path, ("timeout: 62s", "timeout: 3s")) as front:
        answer = httpx.post(f"{front}/graphql", json={"query": NAPS}, headers=headers, timeout=30, trust_env=False)
    assert answer.status_code == 504, answer.text
    assert answer.json()["errors"][0]["extensions"]["code"] == "CH150"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_who_leaves_ends_the_statement(front: Front, method: str) -> None:
    """By GET all of a request is there before it is passed on, by POST mostly not: HAProxy makes a difference."""
    connection = await asyncpg.connect(front.house.dsn)
    said: dict[str, Any] = {"params": {"query": NAPS}} if method == "GET" else {"json": {"query": NAPS}}
    try:
        async with httpx.AsyncClient(headers={"Authorization": front.house.token()}, trust_env=False) as client:
            asked = asyncio.create_task(client.request(method, f"{front.url}/graphql", timeout=60, **said))
            await napping(connection, 1)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
        await napping(connection, 0)
    finally:
        await connection.close()


def test_pages_of_listed_origins_may_ask(front: Front) -> None:
    wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    with httpx.Client(base_url=front.url, trust_env=False, timeout=30) as client:
        asked = client.options("/graphql", headers={"Origin": "https://app.example", **wanted})
        assert asked.status_code == 200
        assert asked.headers.get_list("access-control-allow-origin") == ["https://app.example"]
        foreign = client.options("/graphql", headers={"Origin": "https://evil.example", **wanted})
        assert foreign.status_code == 403 and "access-control-allow-origin" not in foreign.headers
    with front.client() as client:
        answer = client.post("/graphql", json={"query": QUESTION}, headers={"Origin": "https://app.example"})
        assert answer.headers.get_list("access-control-allow-origin") == ["https://app.example"]


def test_rate_limits_are_said_once(front: Front) -> None:
    with front.client() as client:
        headers = client.post("/graphql", json={"query": QUESTION}).headers
    said = [name for name, _ in headers.multi_items() if "ratelimit" in name.lower()]
    assert sorted(said) == ["ratelimit", "ratelimit-policy"]


def test_an_identity_that_a_client_makes_up_is_nobodys(front: Front) -> None:
    invented = {
        "X-Amzn-Oidc-Data": "e30=.e30=.AAAA", "X-Apigateway-Api-Userinfo": "e30", "X-Jwt-Payload": "e30",
        "X-Forwarded-User": "admin", "X-Consumer-Id": "1", "X-Forwarded-Authorization": front.house.token(),
    }  # fmt: skip
    with httpx.Client(base_url=front.url, trust_env=False, timeout=30) as client:
        assert client.post("/graphql", json={"query": QUESTION}, headers=invented).status_code == 401
    with front.client() as client:
        answer = client.post("/graphql", json={"query": QUESTION}, headers=invented)
        assert (answer.status_code, answer.json()) == (200, ANSWER)


ASKING = 4


@pytest.mark.parametrize("kind", KINDS)
def test_a_process_that_drains_loses_no_request(house: House, kind: str, tmp_path: Path) -> None:
    """Two processes behind a gateway, one of which is told to end while requests come one after the other."""
    done = _ended(house, kind, tmp_path, signal.SIGTERM)
    assert set(done) == {200}, done


@pytest.mark.parametrize("kind", KINDS)
def test_a_process_that_is_killed_loses_no_request(house: House, kind: str, tmp_path: Path) -> None:
    """All requests are reads: the gateway asks another process for what this one has not answered. HAProxy does so
    where a connection is closed or refused, but not where it is reset: what was asked just then, on each connection
    one, ends without an answer, so that the client asks again."""
    done = _ended(house, kind, tmp_path, signal.SIGKILL)
    unanswered = done.pop(httpx.RemoteProtocolError.__name__, 0)
    assert set(done) == {200}, done
    assert unanswered <= (ASKING if kind == "haproxy" else 0)


def _ended(house: House, kind: str, folder: Path, how: signal.Signals) -> Counter[object]:
    """What came back of requests that came one after the other while one of two processes got a signal."""
    first, second = house.process(), house.process()
    done: Counter[object] = Counter()
    over = threading.Event()

    def ask(url: str) -> None:
        with httpx.Client(headers={"Authorization": house.token()}, trust_env=False, timeout=30) as client:
            while not over.is_set():
                try:
                    answer = client.post(f"{url}/graphql", json={"query": QUESTION})
                    done[answer.status_code if answer.status_code == 200 else answer.text[:300]] += 1
                except httpx.HTTPError as error:
                    done[type(error).__name__] += 1
                time.sleep(0.005)

    try:
        with gateway(house, kind, [first.url, second.url], folder) as url:
            asking = [threading.Thread(target=ask, args=(url,)) for _ in range(ASKING)]
            for one in asking:
                one.start()
            time.sleep(1)
            first.popen.send_signal(how)
            ended = first.stop_by_itself()
            time.sleep(1)
            over.set()
            for one in asking:
                one.join()
        assert ended == (0 if how == signal.SIGTERM else -how)
        served = [sum(line.get("route") == "/graphql" for line in process.log) for process in (first, second)]
        assert min(served) > 10, "both were asked"
        assert done.total() > 100
        return done
    finally:
        over.set()
        first.stop()
        second.stop()
