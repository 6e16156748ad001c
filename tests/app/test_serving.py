"""A running gateway over time: readers who leave, deadlines, reloads, keys that rotate, draining, safe starts."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.app.conftest import Start, write_project
from tests.app.issuer import Issuer, jwk
from tests.app.process import Process, until


def client_of(process: Process) -> httpx.Client:
    return httpx.Client(base_url=process.url, timeout=30, trust_env=False)


def ask(client: httpx.Client, token: str, word: str) -> httpx.Response:
    return client.post("/graphql", headers={"Authorization": f"Bearer {token}"}, json={"query": f"{{ {word} }}"})


@pytest.fixture
def own() -> Iterator[Issuer]:
    issuer = Issuer("ed-1")
    yield issuer
    issuer.close()


def address_of(process: Process) -> tuple[str, int]:
    host, port = process.url.removeprefix("http://").split(":")
    return host, int(port)


def request_of(token: str, word: str) -> bytes:
    """As it goes over the wire."""
    body = json.dumps({"query": f"{{ {word} }}"})
    return (
        f"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
    )


def raw_request(process: Process, token: str, word: str) -> socket.socket:
    """A connection on which a request was sent and no answer read."""
    connection = socket.create_connection(address_of(process))
    connection.sendall(request_of(token, word))
    return connection


def test_a_client_that_leaves_cancels_its_request(gateway: Process, issuer: Issuer) -> None:
    token = issuer.token("ed-1")
    with client_of(gateway) as client:
        before = ask(client, token, "counts").json()["data"]["counts"]["cancelled"]
        begun = ask(client, token, "counts").json()["data"]["counts"]["begun"]
        connections = [raw_request(gateway, token, "sleep") for _ in range(5)]
        assert until(lambda: ask(client, token, "counts").json()["data"]["counts"]["begun"] == begun + 5)
        for connection in connections:
            connection.close()
        assert until(lambda: ask(client, token, "counts").json()["data"]["counts"]["cancelled"] == before + 5)
    assert gateway.wait_for("request", status=499)["route"] == "/graphql"


def test_a_client_that_waits_gets_its_answer(gateway: Process, issuer: Issuer) -> None:
    with client_of(gateway) as client:
        assert ask(client, issuer.token("ed-1"), "nap").json() == {"data": {"nap": True}}


def test_long_answers_arrive_whole(gateway: Process, issuer: Issuer) -> None:
    with client_of(gateway) as client:
        assert len(ask(client, issuer.token("ed-1"), "big").json()["data"]["big"]) == 5_000_000


@pytest.fixture(scope="module")
def odd(start: Start, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Process:
    """A gateway with every choice made the other way than by default."""
    project = write_project(tmp_path_factory.mktemp("odd") / "p", issuer.url, timeout="1s")
    choices = {"STATUS_PROFILE": "draft", "SERVER_TIMING": "1", "SLOW_READER": "0.3"}
    return start(project, **{f"CUSTOMHOUSE_{name}": value for name, value in choices.items()})


def test_a_reader_who_stalls_is_dropped(odd: Process, issuer: Issuer) -> None:
    connection = raw_request(odd, issuer.token("ed-1"), "big")
    assert odd.wait_for("request", status=499)
    connection.close()


@pytest.mark.parametrize("route", ["/graphql", "/openapi.json"])
def test_a_reader_who_stalls_over_short_answers_is_dropped(route: str, odd: Process, issuer: Issuer) -> None:
    """Each of them is one piece, and together they are more than the system keeps for a connection."""
    at, token = len(odd.log), issuer.token("ed-1")
    page = f"GET {route} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    request = request_of(token, "page") if route == "/graphql" else page

    def ended(*statuses: int) -> int:
        return sum(line.get("route") == route and line["status"] in statuses for line in odd.log[at:])

    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        connection.connect(address_of(odd))
        for sent in range(100, 20_000, 100):
            connection.sendall(request * 100)
            assert until(lambda sent=sent: ended(200) == sent or ended(499) > 0)
            if ended(499):
                break
        assert ended(499) == 1


def test_a_dropped_reader_holds_no_connection(start: Start, issuer: Issuer, tmp_path: Path) -> None:
    """It has read nothing yet, and the process ends without waiting for that."""
    settings = {"CUSTOMHOUSE_SLOW_READER": "0.3", "CUSTOMHOUSE_SHUTDOWN_TIMEOUT": "600"}
    process = start(write_project(tmp_path / "p", issuer.url), **settings)
    connection = raw_request(process, issuer.token("ed-1"), "big")
    process.wait_for("request", status=499)
    assert process.stop() == 0
    assert not [line for line in process.log if line["event"] == "library"]
    connection.close()


def test_deadline(odd: Process, issuer: Issuer) -> None:
    with client_of(odd) as client:
        before = ask(client, issuer.token("ed-1"), "counts").json()["data"]["counts"]["cancelled"]
        response = ask(client, issuer.token("ed-1"), "sleep")
        assert response.status_code == 504
        assert response.json()["errors"][0]["extensions"]["code"] == "CH150"
        after = ask(client, issuer.token("ed-1"), "counts").json()["data"]["counts"]["cancelled"]
        assert after == before + 1


def test_an_answer_is_never_later_than_the_token(gateway: Process, issuer: Issuer) -> None:
    with client_of(gateway) as client:
        response = ask(client, issuer.token("ed-1", exp=int(time.time()) + 3), "sleep")
        assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (504, "CH150")


def test_draft_statuses(odd: Process, issuer: Issuer) -> None:
    token, want = issuer.token("ed-1"), {"ok": 200, "#": 400, "unknown": 422, "partial": 294, "denied": 403}
    with client_of(odd) as client:
        for word, status in want.items():
            headers = {"Authorization": f"Bearer {token}", "Accept": "application/graphql-response+json"}
            assert client.post("/graphql", headers=headers, json={"query": f"{{ {word} }}"}).status_code == status
        assert ask(client, token, "unknown").status_code == 422
        assert ask(client, token, "partial").status_code == 200
        bare = client.post("/graphql", headers={"Authorization": f"Bearer {token}"}, json={})
        assert bare.status_code == 422


def test_server_timing_is_a_choice(odd: Process, gateway: Process, issuer: Issuer) -> None:
    with client_of(odd) as client, client_of(gateway) as plain:
        assert "run;dur=1.50" in ask(client, issuer.token("ed-1"), "ok").headers["server-timing"]
        assert "server-timing" not in ask(client, issuer.token("ed-1"), "unknown").headers
        assert "server-timing" not in ask(plain, issuer.token("ed-1"), "ok").headers


def test_reload_swaps_whole_and_refuses_what_is_broken(start: Start, issuer: Issuer, tmp_path: Path) -> None:
    folder = write_project(tmp_path / "p", issuer.url)
    process, token = start(folder, CUSTOMHOUSE_RELOAD_EVERY="0.1"), issuer.token("ed-1")
    settings = folder / "customhouse.yaml"
    good = settings.read_text()
    with client_of(process) as client, client_of(process) as other:

        def version() -> str:
            return str(ask(client, token, "version").json()["data"]["version"])

        first = version()
        during: list[httpx.Response] = []
        asking = threading.Thread(target=lambda: during.append(ask(other, token, "nap")))
        asking.start()
        settings.write_text(good.replace("eu-west-1", "eu-central-1"))
        process.wait_for("reloaded")
        second = version()
        assert second != first
        asking.join()
        assert during[0].json() == {"data": {"nap": True}}
        assert until(lambda: ask(client, token, "counts").json()["data"]["counts"]["closed"] == 1)

        settings.write_text(good + "zones: [broken")
        assert process.wait_for("reload_refused")["errors"]
        assert version() == second
        settings.write_text(good)
        process.wait_for("reloaded", after=process.log.index(process.wait_for("reload_refused")))
        assert version() == first
        assert client.get("/readyz").status_code == 200

        at = len(process.log)
        settings.write_text(good.replace("  internal:", "  other:"))
        assert "CH336" in str(process.wait_for("reload_refused", at)["errors"])
        assert version() == first
        settings.write_text(good)
        at = process.log.index(process.wait_for("reloaded", at)) + 1
        process.popen.send_signal(signal.SIGHUP)
        assert process.wait_for("reloaded", at)


def test_rotation_and_outage_of_a_running_gateway(start: Start, own: Issuer, tmp_path: Path) -> None:
    """Keys follow the issuer within the refresh; while it is out of order the known ones go on."""
    process = start(write_project(tmp_path / "p", own.url), CUSTOMHOUSE_KEYS_REFRESH="0.1")
    old = own.token("ed-1")
    with client_of(process) as client:
        assert ask(client, old, "ok").status_code == 200
        own.keys = [jwk("ed-2")]
        assert until(lambda: ask(client, old, "ok").status_code == 401)
        new = own.token("ed-2")
        assert ask(client, new, "ok").status_code == 200
        own.mode = "down"
        process.wait_for("keys_unavailable")
        assert ask(client, own.token("ed-2", sub="other"), "ok").status_code == 200


def test_starts_while_the_issuer_is_down(start: Start, own: Issuer, tmp_path: Path) -> None:
    own.mode = "down"
    process = start(write_project(tmp_path / "p", own.url), CUSTOMHOUSE_KEYS_REFRESH="0.2")
    with client_of(process) as client:
        process.wait_for("keys_unavailable")
        response = ask(client, own.token("ed-1"), "ok")
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        assert client.get("/livez").status_code == 200
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["missing"]) == (503, ["keys"])
        own.mode = "up"
        assert until(lambda: client.get("/readyz").status_code == 200)
        assert ask(client, own.token("ed-1"), "ok").status_code == 200


def test_drains(start: Start, issuer: Issuer, tmp_path: Path) -> None:
    """SIGTERM: not ready, but answering for the delay. A second one ends the delay; what is in flight ends first."""
    process = start(write_project(tmp_path / "p", issuer.url), CUSTOMHOUSE_DRAIN_DELAY="600")
    token = issuer.token("ed-1")
    with client_of(process) as client, client_of(process) as other:
        assert ask(client, token, "ok").status_code == 200
        process.popen.terminate()
        process.wait_for("draining")
        assert client.get("/readyz").json()["missing"] == ["draining"]
        assert ask(client, token, "ok").headers["connection"] == "close"
        answers: list[httpx.Response] = []
        asking = threading.Thread(target=lambda: answers.append(ask(other, token, "nap")))
        asking.start()
        assert until(lambda: ask(client, token, "counts").json()["data"]["counts"]["begun"] == 1)
        process.popen.terminate()
        asking.join()
        assert answers[0].json() == {"data": {"nap": True}}
    assert process.stop_by_itself() == 0
    assert process.wait_for("stopped")
