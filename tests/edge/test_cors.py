"""Browsers: preflights come before tokens, listed origins alone may read, and no page can ask in anybody's name."""

from __future__ import annotations

import socket

import httpx
import pytest

from app.settings import SettingError, read_settings
from tests.app.conftest import Start, write_project
from tests.app.issuer import Issuer
from tests.app.process import Process, until
from tests.edge.balancer import SIGNER, Region, said
from tests.edge.conftest import TRUSTED, Come
from tests.edge.test_limits import ask, raw, sleepers

OURS, OTHER = "https://app.example", "https://evil.example"
READ = {
    "authorization",
    "content-type",
    "if-none-match",
    "traceparent",
    "tracestate",
    "x-cost",
    "x-purpose",
    "x-request-id",
}
"""All that is read of what a page may add to a request; the rest (Accept ..) it may always."""
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


@pytest.fixture(scope="module")
def open_to(start: Start, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Process:
    project = write_project(tmp_path_factory.mktemp("cors") / "p", issuer.url)
    return start(
        project, CUSTOMHOUSE_EXPLAIN="roles:platform", CUSTOMHOUSE_CORS_ORIGINS=f"{OURS}, http://localhost:5173"
    )


@pytest.fixture
def browser(open_to: Process, come: Come) -> httpx.Client:
    return come(open_to, TRUSTED)


@pytest.fixture
def token(issuer: Issuer) -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.token('ed-1', roles=['platform'])}"}


def listed(header: str) -> set[str]:
    return {part.strip().lower() for part in header.split(",")}


@pytest.mark.parametrize("path", ["/graphql", "/sql", "/catalog", "/q/x", "/explain", "/livez"])
@pytest.mark.parametrize("origin", [OURS, "http://localhost:5173"])
def test_a_preflight_needs_no_token(browser: httpx.Client, path: str, origin: str) -> None:
    answer = browser.options(path, headers=PREFLIGHT | {"Origin": origin})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-methods"] == "GET, POST"
    assert listed(answer.headers["access-control-allow-headers"]) >= READ
    assert answer.headers["access-control-max-age"] == "600"
    assert "access-control-allow-credentials" not in answer.headers
    assert "origin" in listed(answer.headers["vary"])


@pytest.mark.parametrize(
    "origin",
    [
        OTHER,
        "null",
        "https://app.example.evil.example",
        "https://app.example:8443",
        "http://app.example",
        "https://APP.example",
        "https://app.example/",
        f"{OURS}, {OTHER}",
        "*",
    ],
)
def test_whoever_is_not_listed_may_not(browser: httpx.Client, token: dict[str, str], origin: str) -> None:
    refused = browser.options("/graphql", headers=PREFLIGHT | {"Origin": origin})
    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (403, "CH156")
    answer = browser.post("/graphql", headers=token | {"Origin": origin}, json={"query": "{ ok }"})
    assert answer.status_code == 200  # the browser does not show it to the page; a program is no browser
    for one in (refused, answer):
        assert not [name for name in one.headers if name.startswith("access-control-")]
        assert "origin" in listed(one.headers["vary"])
    beside = browser.options("/sql", headers=PREFLIGHT | {"Origin": origin})
    assert (beside.status_code, beside.json()["code"]) == (403, "CH156")


def test_every_answer_says_who_may_read_it(browser: httpx.Client, token: dict[str, str]) -> None:
    origin = {"Origin": OURS}
    answers = [
        browser.post("/graphql", headers=token | origin, json={"query": "{ ok }"}),
        browser.post("/graphql", headers=token | origin, json={"query": "{ big }"}),
        browser.post("/graphql", headers=token | origin, json={"query": "{ unknown }"}),
        browser.post("/graphql", headers=origin, json={"query": "{ ok }"}),
        browser.get("/catalog", headers=token | origin),
        browser.get("/nothing", headers=origin),
        browser.post("/sql", headers=token | origin, json={"statement": "SELECT 1"}),
    ]
    for answer in answers:
        assert answer.headers.get_list("access-control-allow-origin") == [OURS]
        assert "x-request-id" in listed(answer.headers["access-control-expose-headers"])
        assert "origin" in listed(answer.headers["vary"])
        assert "access-control-allow-credentials" not in answer.headers


def test_one_too_many_may_be_read_as_well(
    start: Start, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory, come: Come
) -> None:
    """Where the protocol answers by itself: a page of a listed origin learns that it should come again, also where its
    browser has to ask first."""
    project = write_project(tmp_path_factory.mktemp("full") / "p", issuer.url)
    full = start(project, CUSTOMHOUSE_MOST_INFLIGHT="1", CUSTOMHOUSE_CORS_ORIGINS=OURS)
    client = come(full, TRUSTED)
    assert until(lambda: ask(client, issuer, "ok").status_code == 200)  # the issuer's keys are there
    sleeping = sleepers(full, issuer, lambda: ask(client, issuer, "ok").status_code == 503)
    for path in ("/graphql", "/q/x", "/sql", "/catalog"):
        turned = client.post(path, headers={"Origin": OURS}, json={})
        assert (turned.status_code, turned.headers["retry-after"]) == (503, "1")
        assert turned.headers.get_list("access-control-allow-origin") == [OURS]
        assert {"retry-after", "x-request-id"} <= listed(turned.headers["access-control-expose-headers"])
        before = client.options(path, headers=PREFLIGHT | {"Origin": OURS})
        assert (before.status_code, before.headers["access-control-allow-origin"]) == (200, OURS)
        for origin in ({"Origin": OTHER}, {"Origin": f"{OURS}, {OTHER}"}, {}):
            for refused in (
                client.post(path, headers=origin, json={}),
                client.options(path, headers=PREFLIGHT | origin),
            ):
                assert (refused.status_code, refused.headers["vary"]) == (503, "Origin")
                assert not [name for name in refused.headers if name.startswith("access-control-")]
        assert client.options(path, headers={"Origin": OURS}).status_code == 503  # no preflight
    for one in sleeping:
        one.close()


def test_who_asks_too_fast_may_read_it(
    start: Start, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory, come: Come
) -> None:
    project = write_project(tmp_path_factory.mktemp("fast") / "p", issuer.url, "20s, rate: {requests: 1/1h}")
    client, token = come(start(project, CUSTOMHOUSE_CORS_ORIGINS=OURS), TRUSTED), issuer.token("ed-1")
    origin = {"Authorization": f"Bearer {token}", "Origin": OURS}
    assert until(lambda: client.post("/graphql", headers=origin, json={"query": "{ ok }"}).status_code == 429)
    for answer in (
        client.post("/graphql", headers=origin, json={"query": "{ ok }"}), client.get("/catalog", headers=origin)
    ):  # fmt: skip
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (429, OURS)
        assert {"ratelimit", "retry-after"} <= listed(answer.headers["access-control-expose-headers"])


LONG = b"X: " + b"y" * 70_000 + b"\r\n"
ORIGIN = b"Origin: https://app.example\r\n"
MANY = b"".join(b"X-%d: y\r\n" % at for at in range(250))


@pytest.mark.parametrize(
    ("sent", "code", "readable"),
    [
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n" + ORIGIN + LONG + b"\r\n", b"CH157", True),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n" + MANY + ORIGIN + b"\r\n", b"CH157", True),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nOrigin: https://evil.example\r\n" + LONG + b"\r\n", b"CH157", False),
        (b"GET /livez HTTP/1.1\r\n" + ORIGIN + b"X: a\0b\r\n\r\n", b"CH158", True),
        (b"hello\r\n\r\n", b"CH158", False),
    ],
    ids=["long", "many", "long, of others", "broken", "no request"],
)
def test_what_is_no_request_may_be_read_where_its_origin_was(
    open_to: Process, sent: bytes, code: bytes, readable: bool
) -> None:
    refusal = raw(open_to, sent)
    assert code in refusal
    assert (b"access-control-allow-origin: https://app.example\r\n" in refusal) is readable
    assert b"vary: Origin\r\n" in refusal


def test_no_request_has_no_origin_of_the_one_before_it(open_to: Process) -> None:
    host, _, port = open_to.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n" + ORIGIN + b"\r\n")
        assert b"access-control-allow-origin: https://app.example\r\n" in connection.recv(65536)
        connection.sendall(b"hello\r\n\r\n")
        refusal = b""
        while received := connection.recv(65536):
            refusal += received
    assert b"CH158" in refusal
    assert b"access-control" not in refusal


def test_without_the_setting_nothing_is_said(gateway: Process, come: Come, token: dict[str, str]) -> None:
    client = come(gateway, TRUSTED)
    refused = client.options("/graphql", headers=PREFLIGHT | {"Origin": OURS})
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, POST")
    answer = client.post("/graphql", headers=token | {"Origin": OURS}, json={"query": "{ ok }"})
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "text", ["*", "null", f"{OURS},*", "https://*.example", "app.example", f"{OURS}/x", "ftp://x", f"{OURS}:443"]
)
def test_origins_that_are_refused(text: str) -> None:
    with pytest.raises(SettingError, match="CUSTOMHOUSE_CORS_ORIGINS"):
        read_settings({"CUSTOMHOUSE_CORS_ORIGINS": text})


SIMPLE = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None]


@pytest.mark.parametrize("kind", SIMPLE)
@pytest.mark.parametrize("path", ["/graphql", "/explain"])
def test_what_a_form_can_send_is_not_read(
    browser: httpx.Client, token: dict[str, str], kind: str | None, path: str
) -> None:
    """A page sends these bodies anywhere without asking first; even with a token, they ask nothing."""
    body = b'{"query": "{ ok }", "statement": "SELECT 1"}'
    headers = token | ({} if kind is None else {"Content-Type": kind})
    refused = browser.post(path, headers=headers, content=body)
    assert refused.status_code == 415
    assert (
        browser.post(path, headers=headers | {"Authorization": "", "Cookie": "token=x"}, content=body).status_code
        == 401
    )


def test_a_cookie_is_nobody(browser: httpx.Client, token: dict[str, str]) -> None:
    cookie = {"Cookie": token["Authorization"].replace("Bearer ", "access_token=")}
    for path in ("/graphql?query={ok}", "/sql?statement=SELECT+1", "/catalog", "/schema.graphql"):
        assert browser.get(path, headers=cookie).status_code == 401


SITES = [
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({}, True),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, False),
    ({"Origin": OTHER}, False),
    ({"Origin": "null"}, False),
    ({"Origin": "https://data.example", "Host": "data.example"}, True),
    ({"Origin": OURS, "Sec-Fetch-Site": "cross-site"}, True),
]


def test_where_a_cookie_makes_the_caller_other_sites_cannot_ask(
    start: Start, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory, come: Come
) -> None:
    """Behind a load balancer that signs callers in, a page elsewhere could make a browser ask by GET."""
    region = Region()
    project = write_project(tmp_path_factory.mktemp("cookie") / "p", issuer.url)
    identity = f"format=alb header=x-amzn-oidc-data peers={TRUSTED} signer={SIGNER} keys={region.url}"
    process = start(project, CUSTOMHOUSE_GATEWAY_IDENTITY=identity, CUSTOMHOUSE_CORS_ORIGINS=OURS)
    browser, caller = come(process, TRUSTED), {"x-amzn-oidc-data": said(issuer.url)}
    for headers, may in SITES:
        answer = browser.get("/graphql?query={ok}", headers=caller | headers)
        assert (answer.status_code, answer.json().get("data")) == ((200, {"ok": True}) if may else (403, None)), headers
        assert (browser.get("/catalog", headers=caller | headers).status_code == 200) is may
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
    assert browser.get("/graphql", headers=caller | link).status_code == 200
    region.close()
