"""Answers in gzip and zstd: asked for, worth it, whole; and said to caches either way."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import zstandard

from app.http.coding import _coded
from tests.app.conftest import Start, write_project
from tests.app.issuer import Issuer
from tests.app.process import Process, until
from tests.documents.place import bearer, registered, shop
from tests.edge.conftest import TRUSTED, Come


def ask(
    client: httpx.Client, issuer: Issuer, word: str, accept: str | None, size: int = 0
) -> tuple[httpx.Response, bytes]:
    """The answer and its bytes as they came."""
    headers = {"Authorization": f"Bearer {issuer.token('ed-1')}", "Accept-Encoding": accept or ""}
    request = client.build_request(
        "POST", "/graphql", headers=headers, json={"query": f"{{ {word} }}", "variables": {"a": "x" * size}}
    )
    if accept is None:
        del request.headers["Accept-Encoding"]
    answer = client.send(request, stream=True)
    raw = b"".join(answer.iter_raw())
    answer.close()
    return answer, raw


def plain(answer: httpx.Response, raw: bytes) -> bytes:
    coding = answer.headers.get("content-encoding")
    if coding == "gzip":
        return gzip.decompress(raw)
    return zstandard.ZstdDecompressor().decompressobj().decompress(raw) if coding == "zstd" else raw


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate", "gzip"),
        ("GZIP", "gzip"),
        ("zstd;q=0.1, gzip;q=0.9", "gzip"),
        ("*", "zstd"),
        ("zstd;q=0, *", "gzip"),
        ("identity", None),
        ("br", None),
        ("gzip;q=0", None),
        ("", None),
        (None, None),
    ],
)
@pytest.mark.parametrize(("word", "size"), [("variables", 1500), ("big", 0)])
def test_the_coding_that_is_asked_for(
    accept: str | None, coding: str | None, word: str, size: int, gateway: Process, issuer: Issuer, come: Come
) -> None:
    client = come(gateway, TRUSTED)
    answer, raw = ask(client, issuer, word, accept, size)
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    assert int(answer.headers["content-length"]) == len(raw)
    bare, whole = ask(client, issuer, word, None, size)
    assert plain(answer, raw) == whole
    assert coding is None or len(raw) < len(whole) / 10
    assert bare.headers["vary"] == "Accept, Accept-Encoding"


def test_what_is_short_or_refused_is_sent_as_it_is(gateway: Process, issuer: Issuer, come: Come) -> None:
    client = come(gateway, TRUSTED)
    overhead = len(ask(client, issuer, "variables", None)[1])
    for size, coded in ((1023 - overhead, False), (1024 - overhead, True)):
        answer, _ = ask(client, issuer, "variables", "gzip", size)
        assert ("content-encoding" in answer.headers) is coded
    for word in ("unknown", "boom", "denied"):
        assert "content-encoding" not in ask(client, issuer, word, "gzip", 1500)[0].headers


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Process, Process]]:
    """A project with a dictionary, served as it is and without codings."""
    project = shop(tmp_path_factory.mktemp("shops"))
    registered(project)
    command = ["-m", "app.cli", "serve", "--project", str(project), "--zone", "closed", "--dev-keys"]
    served = [Process(command, said) for said in ({}, {"CUSTOMHOUSE_COMPRESS_FROM": "0"})]
    yield project, *served
    for process in served:
        assert process.stop() == 0


@pytest.mark.parametrize("path", ["/catalog", "/schema.graphql", "/openapi.json"])
@pytest.mark.parametrize(
    ("accept", "coding"), [("gzip, deflate, br, zstd", "zstd"), ("gzip", "gzip"), ("br", None), ("gzip;q=0", None)]
)
def test_what_stands_beside_graphql(
    path: str, accept: str, coding: str | None, shops: tuple[Path, Process, Process], come: Come
) -> None:
    project, coding_one, plain_one = shops
    clients = come(coding_one, TRUSTED), come(plain_one, TRUSTED)
    assert all(until(lambda client=client: client.get("/readyz").status_code == 200) for client in clients)
    headers = {**bearer(project), "Accept-Encoding": accept}
    got = []
    for client in clients:
        with client.stream("GET", path, headers=headers) as one:
            got.append((one, b"".join(one.iter_raw())))
    (answer, raw), (bare, whole) = got
    assert (answer.status_code, answer.headers.get("content-encoding")) == (200, coding)
    assert (bare.status_code, bare.headers.get("content-encoding")) == (200, None)
    assert answer.headers["vary"] == bare.headers["vary"] == "Accept-Encoding"
    assert int(answer.headers["content-length"]) == len(raw)
    assert answer.headers["content-type"] == bare.headers["content-type"]
    assert plain(answer, raw) == whole and len(whole) >= 1024
    assert coding is None or len(raw) < len(whole) / 2
    refused = clients[0].get(path, headers={"Accept-Encoding": accept})
    assert refused.status_code == 401 and "content-encoding" not in refused.headers


def test_never(start: Start, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory, come: Come) -> None:
    project = write_project(tmp_path_factory.mktemp("plain") / "p", issuer.url)
    client = come(start(project, CUSTOMHOUSE_COMPRESS_FROM="0"), TRUSTED)
    assert "content-encoding" not in ask(client, issuer, "big", "gzip")[0].headers


@pytest.mark.parametrize("size", [0, 1, 8 * 1024, 8 * 1024 + 1, 300_000])
def test_every_size_comes_back(size: int) -> None:
    body = bytes(at * at % 251 for at in range(size))
    assert gzip.decompress(_coded(body, "gzip")) == body
    assert zstandard.ZstdDecompressor().decompress(_coded(body, "zstd"), max_output_size=size + 1) == body


@pytest.mark.parametrize("coding", ["gzip", "zstd", "deflate", "br", "gzip, identity"])
def test_a_coded_request_is_not_read(coding: str, gateway: Process, issuer: Issuer, come: Come) -> None:
    headers = {"Authorization": f"Bearer {issuer.token('ed-1')}", "Content-Encoding": coding}
    body = gzip.compress(b'{"query": "{ ok }"}')
    headers["Content-Type"] = "application/json"
    answer = come(gateway, TRUSTED).post("/graphql", headers=headers, content=body)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (415, "CH141")
