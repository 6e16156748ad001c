"""A running gateway and its documents: what is registered is answered, what is removed is not, and a change that nobody
registered changes nothing."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.app.process import Process, until
from tests.documents.place import bearer, command, registered, serve, shop


def test_reload(tmp_path: Path) -> None:
    project = shop(tmp_path)
    hashes = registered(project)
    process = serve(project, "closed", tmp_path / "parsed")
    try:
        with httpx.Client(base_url=process.url, headers=dict(bearer(project)), trust_env=False, timeout=30) as client:
            assert until(lambda: client.get("/readyz").status_code == 200)
            _live(project, process, client, hashes["OrdersOf"])
    finally:
        process.stop()


def _live(project: Path, process: Process, client: httpx.Client, first: str) -> None:
    def reloaded(event: str, since: int) -> None:
        assert until(lambda: any(line["event"] == event for line in process.log[since:])), process.log[since:]

    def fields(reference: str) -> list[str]:
        response = client.get(f"/q/{reference}?region=north")
        if response.status_code == 200:
            return sorted(response.json()["data"]["orders"]["nodes"][0])
        return [response.json()["errors"][0]["extensions"]["code"]]

    assert fields("OrdersOf") == ["id", "region"]
    source, since = project / "documents/closed/orders.graphql", len(process.log)
    source.write_text(source.read_text().replace("  region\n}", "  region\n  email\n}"))
    reloaded("reload_refused", since)
    assert fields("OrdersOf") == fields(first) == ["id", "region"]

    since = len(process.log)
    assert command(project, "documents", "add", "--zone", "closed")[0] == 0
    reloaded("reloaded", since)
    assert (fields("OrdersOf"), fields(first)) == (["email", "id", "region"], ["id", "region"])

    since = len(process.log)
    assert command(project, "documents", "remove", "--zone", "closed", first)[0] == 0
    reloaded("reloaded", since)
    assert (fields("OrdersOf"), fields(first)) == (["email", "id", "region"], ["CH170"])
