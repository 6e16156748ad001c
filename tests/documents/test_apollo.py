"""Apollo's automatic persisted documents, asked of a zone that keeps three of them."""

from __future__ import annotations

import hashlib

import httpx

from app.documents.automatic import Automatic
from tests.app.process import until
from tests.documents.conftest import Shop


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def ask(
    client: httpx.Client, hash_: str, text: str | None = None, version: object = 1, **more: object
) -> httpx.Response:
    body = {"extensions": {"persistedQuery": {"version": version, "sha256Hash": hash_}}, **more}
    return client.post("/graphql", json=body if text is None else {**body, "query": text})


def said(response: httpx.Response) -> list[object]:
    """The status, and the ids or the message."""
    body = response.json()
    if "errors" in body:
        return [response.status_code, body["errors"][0]["message"]]
    return [response.status_code, [node["id"] for node in body["data"]["orders"]["nodes"]]]


NOT_FOUND = [200, "PersistedQueryNotFound"]


def query(name: str) -> str:
    return f"query {name} {{ orders(orderBy: [{{id: ASC}}]) {{ nodes {{ id }} }} }}"


def test_unknown_then_sent_then_known(served: Shop) -> None:
    client, text = served.clients["internal"], query("First")
    assert said(ask(client, sha256(text))) == NOT_FOUND
    assert said(ask(client, sha256(text), text)) == [200, [1, 2]]
    assert said(ask(client, sha256(text))) == [200, [1, 2]]
    assert said(ask(client, sha256(text), text)) == [200, [1, 2]]
    by_get = client.get(
        "/graphql", params={"extensions": f'{{"persistedQuery":{{"version":1,"sha256Hash":"{sha256(text)}"}}}}'}
    )
    assert said(by_get) == [200, [1, 2]]


def test_variables_and_operation_name(served: Shop) -> None:
    client, text = served.clients["internal"], query("A") + query("B").replace("[{id: ASC}]", "[{id: DESC}]")
    assert said(ask(client, sha256(text), text, operationName="B")) == [200, [2, 1]]
    assert said(ask(client, sha256(text), operationName="A")) == [200, [1, 2]]


def test_another_hash_keeps_nothing(served: Shop) -> None:
    client, text = served.clients["internal"], query("Other")
    wrong = sha256(text + " ")
    assert said(ask(client, wrong, text)) == [400, "provided sha does not match query"]
    assert said(ask(client, sha256(text).upper(), text)) == [400, "provided sha does not match query"]
    assert said(ask(client, wrong)) == said(ask(client, sha256(text))) == NOT_FOUND
    registered = served.hashes["All"]
    assert said(ask(client, registered, text)) == [400, "provided sha does not match query"]


def test_another_version_is_refused(served: Shop) -> None:
    client, text = served.clients["internal"], query("Version")
    for version in (2, 0, "1", None, True):
        assert said(ask(client, sha256(text), text, version)) == [400, "Unsupported persisted query version"]
    assert said(ask(client, sha256(text))) == NOT_FOUND


def test_what_is_not_answered_is_not_kept(served: Shop) -> None:
    client = served.clients["internal"]
    for text in ("{ nothing }", "{ orders {", "rubbish", "mutation { x }"):
        assert ask(client, sha256(text), text).json()["errors"]
        assert said(ask(client, sha256(text))) == NOT_FOUND


def test_a_step_of_the_protocol_has_the_status_of_a_refused_document(served: Shop) -> None:
    response = served.clients["internal"].post(
        "/graphql",
        json={"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}},
        headers={"Accept": "application/graphql-response+json"},
    )
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (400, "CH173")


def test_a_kept_text_is_seen_with_the_eyes_of_whoever_asks(served: Shop) -> None:
    """The clerk sees the north alone, under the auditor's hash."""
    from tests.documents.place import bearer

    client, text = served.clients["internal"], query("Eyes")
    assert said(ask(client, sha256(text), text)) == [200, [1, 2]]
    body = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256(text)}}}
    clerk = client.post("/graphql", json=body, headers=dict(bearer(served.project, "clerk")))
    assert said(clerk) == [200, [1]]


def test_only_three_are_kept_and_a_reload_keeps_them(served: Shop) -> None:
    client, texts = served.clients["internal"], [query(name) for name in ("K1", "K2", "K3", "K4")]
    for text in texts:
        assert said(ask(client, sha256(text), text)) == [200, [1, 2]]
    lines = len(served.processes["internal"].log)
    policies = served.project / "policies/sales.yaml"
    policies.write_text(policies.read_text() + "# another digest\n")
    assert until(lambda: any(line["event"] == "reloaded" for line in served.processes["internal"].log[lines:]))
    assert said(ask(client, sha256(texts[0]))) == NOT_FOUND
    for text in texts[1:]:
        assert said(ask(client, sha256(text))) == [200, [1, 2]]


def test_zones_share_nothing(served: Shop) -> None:
    text = query("Shared")
    assert said(ask(served.clients["internal"], sha256(text), text)) == [200, [1, 2]]
    assert said(ask(served.clients["closed"], sha256(text))) == [400, "This is no registered document."]


def test_bounds_in_bytes() -> None:
    kept = Automatic(most_bytes=100)
    for number in range(20):
        kept.keep(str(number), "x" * 30, 1000)
    assert len(kept) == 3
    kept.keep("long", "é" * 30, 1000)
    assert (kept.find("long"), len(kept)) == (None, 0)
    kept.keep("again", "x" * 100, 1000)
    kept.keep("again", "x" * 100, 1000)
    assert kept.find("again") == "x" * 100


def test_the_longest_unasked_goes_first() -> None:
    kept = Automatic()
    for name in ("a", "b", "c"):
        kept.keep(name, name, 3)
    assert kept.find("a") == "a"
    kept.keep("d", "d", 3)
    assert [kept.find(name) for name in ("a", "b", "c", "d")] == ["a", None, "c", "d"]
    kept.keep("e", "e", 1)
    assert len(kept) == 1
