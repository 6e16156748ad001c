"""Several worker processes: they share the load, keep one version, outlive one another, and end together."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from schema.catalog import Issuer as CatalogIssuer
from tests.app.conftest import Start, write_project
from tests.app.issuer import Issuer
from tests.app.process import Process, until

COUNT = 3


class Crowd:
    """A gateway of several workers, and what can be seen of each."""

    def __init__(self, process: Process, token: str) -> None:
        self.process, self.token = process, token
        for number in range(COUNT):
            process.wait_for("serving", worker=number)
        self.admin = httpx.Client(base_url=str(process.wait_for("supervising")["admin"]), timeout=30, trust_env=False)

    def pid(self, number: int) -> int:
        """Of the worker that has this place now."""
        said = [line for line in self.process.log if line.get("event") == "serving" and line["worker"] == number]
        return int(str(said[-1]["pid"]))

    def connections(self, stack: ExitStack, count: int = COUNT) -> list[httpx.Client]:
        """Kept connections, opened one after the other."""
        made = []
        for _ in range(count):
            client = stack.enter_context(httpx.Client(base_url=self.process.url, timeout=30, trust_env=False))
            assert client.get("/livez").status_code == 200
            made.append(client)
        return made

    def ask(self, client: httpx.Client, word: str) -> httpx.Response:
        return client.post(
            "/graphql", headers={"Authorization": f"Bearer {self.token}"}, json={"query": f"{{ {word} }}"}
        )

    def versions(self) -> set[str]:
        """What as many new connections as there are workers are served: one version each."""
        with ExitStack() as stack:
            return {self.ask(client, "version").json()["data"]["version"] for client in self.connections(stack)}

    def sample(self, name: str, **labels: str) -> float:
        """The sum over a metric's samples with these labels."""
        families = text_string_to_metric_families(self.admin.get("/metrics").text)
        samples = [sample for family in families for sample in family.samples if sample.name == f"customhouse_{name}"]
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    def served(self) -> set[str]:
        families = text_string_to_metric_families(self.admin.get("/metrics").text)
        info = next(family for family in families if family.name == "customhouse_catalog_info")
        return {sample.labels["version"] for sample in info.samples}

    def each_says(self, event: str, after: int) -> None:
        for number in range(COUNT):
            self.process.wait_for(event, after, worker=number)


@pytest.fixture
def project(tmp_path: Path, issuer: Issuer) -> Path:
    return write_project(tmp_path / "p", issuer.url)


@pytest.fixture
def crowd(start: Start, project: Path, issuer: Issuer) -> Iterator[Crowd]:
    choices = {"CUSTOMHOUSE_WORKERS": str(COUNT), "CUSTOMHOUSE_ADMIN": "127.0.0.1:0", "CUSTOMHOUSE_RELOAD_EVERY": "0.1"}
    made = Crowd(start(project, **choices), issuer.token("ed-1"))
    yield made
    made.admin.close()
    made.process.stop()


def gone(pid: int) -> bool:
    """Whether a process that is not our child has ended; it may wait for its new parent to notice."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_workers_share_connections_and_the_sums_are_right(crowd: Crowd) -> None:
    """One that has more than another leaves the next to it, for a millisecond: how evenly they share is a matter of who
    else is at work on the machine, but none is left without."""
    with ExitStack() as stack:
        clients = crowd.connections(stack, 2 * COUNT)
        for client in clients:
            for _ in range(5):
                assert crowd.ask(client, "ok").status_code == 200
        assert crowd.ask(clients[0], "unknown").status_code == 200
        assert clients[0].get("/readyz").status_code == 200
        assert clients[0].get("/" + "x" * 40).status_code == 404
    sent = 10 * COUNT + 1
    assert until(lambda: crowd.sample("requests_total", route="/graphql", method="POST", status="200") == sent)
    assert crowd.sample("requests_total", route="/livez") == 2 * COUNT
    assert crowd.sample("requests_total", route="other", status="404") == 1
    assert crowd.sample("request_duration_seconds_count", route="/graphql") == sent
    assert crowd.sample("request_duration_seconds_bucket", route="/graphql", le="+Inf") == sent
    assert crowd.sample("inflight_requests") == 0
    assert crowd.sample("workers") == COUNT

    def all_asked() -> bool:  # lines are written some time after the answers
        asked = [line["worker"] for line in crowd.process.log if line.get("route") == "/graphql"]
        return all(asked.count(number) >= 5 for number in range(COUNT))

    assert until(all_asked)


def test_a_killed_worker_is_replaced_and_its_counts_stay(crowd: Crowd) -> None:
    with ExitStack() as stack:
        clients = crowd.connections(stack)
        for client in clients:
            assert crowd.ask(client, "ok").status_code == 200
        before = crowd.sample("requests_total")
        assert before == 2 * COUNT
        dead, at = crowd.pid(1), len(crowd.process.log)
        os.kill(dead, signal.SIGKILL)
        survived = 0
        for client in clients:  # the other workers' connections have not noticed
            with suppress(httpx.TransportError):
                survived += crowd.ask(client, "ok").status_code == 200
        assert survived >= COUNT - 1  # a client that was told of the end in time has connected anew
        assert crowd.versions()
        assert crowd.process.wait_for("worker_ended", at, worker=1)["code"] == -signal.SIGKILL
        assert crowd.process.wait_for("serving", at, worker=1)["pid"] != dead
    assert gone(dead)
    assert until(lambda: crowd.sample("workers") == COUNT)
    assert crowd.sample("requests_total") >= before + survived
    assert until(lambda: crowd.admin.get("/readyz").status_code == 200)


def test_a_reload_reaches_all_and_a_broken_one_nobody(crowd: Crowd, project: Path) -> None:
    """A worker that is started while the files are broken serves what the others do, not what the first ones did."""
    settings = project / "customhouse.yaml"
    first = crowd.versions()
    assert len(first) == len(crowd.served()) == 1
    settings.write_text(settings.read_text().replace("eu-west-1", "eu-central-1"))
    crowd.each_says("reloaded", 0)
    second = crowd.versions()
    assert len(second) == 1
    assert second != first
    assert until(lambda: crowd.sample("reloads_total", result="served") == COUNT)

    at = len(crowd.process.log)
    crowd.process.popen.send_signal(signal.SIGHUP)
    crowd.each_says("reloaded", at)
    assert crowd.versions() == second

    at = len(crowd.process.log)
    settings.write_text(settings.read_text() + "zones: [broken")
    crowd.each_says("reload_refused", at)
    assert crowd.versions() == second
    assert crowd.sample("reloads_total", result="refused") == COUNT
    for number in range(COUNT):
        at = len(crowd.process.log)
        os.kill(crowd.pid(number), signal.SIGKILL)
        crowd.process.wait_for("serving", at, worker=number)
    assert crowd.versions() == second


def test_all_drain_with_requests_in_flight(crowd: Crowd) -> None:
    with ExitStack() as stack:
        clients = crowd.connections(stack)
        answers: list[httpx.Response] = []
        asking = [threading.Thread(target=lambda c=c: answers.append(crowd.ask(c, "nap"))) for c in clients]
        for thread in asking:
            thread.start()
        assert until(lambda: crowd.sample("inflight_requests") == COUNT)
        crowd.process.popen.terminate()
        for thread in asking:
            thread.join()
    assert [answer.json() for answer in answers] == [{"data": {"nap": True}}] * COUNT
    assert crowd.process.stop_by_itself() == 0
    crowd.each_says("stopped", 0)


def test_no_orphans(crowd: Crowd) -> None:
    pids = [crowd.pid(number) for number in range(COUNT)]
    host, port = crowd.process.url.removeprefix("http://").split(":")
    crowd.process.popen.kill()
    assert until(lambda: all(gone(pid) for pid in pids))

    def refused() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((host, int(port))) != 0

    assert until(refused)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{crowd.admin.base_url}/livez", trust_env=False)


def test_ready_while_one_worker_can_answer(start: Start, project: Path, issuer: Issuer) -> None:
    """SIGTERM: the admin listener says so while the workers go on for the delay."""
    choices = {"CUSTOMHOUSE_WORKERS": str(COUNT), "CUSTOMHOUSE_ADMIN": "127.0.0.1:0", "CUSTOMHOUSE_DRAIN_DELAY": "600"}
    crowd = Crowd(start(project, **choices), issuer.token("ed-1"))
    with crowd.admin as admin, ExitStack() as stack:
        assert until(lambda: admin.get("/readyz").status_code == 200)
        assert [admin.get(path).status_code for path in ("/livez", "/startupz", "/", "/graphql")] == [
            200,
            200,
            404,
            404,
        ]
        assert admin.post("/metrics").status_code == 405
        client = crowd.connections(stack, 1)[0]
        crowd.process.popen.terminate()
        crowd.each_says("draining", 0)
        ready = admin.get("/readyz")
        assert (ready.status_code, ready.json()["missing"]) == (503, ["draining"])
        assert crowd.ask(client, "ok").headers["connection"] == "close"
        assert admin.get("/livez").status_code == 200
        crowd.process.popen.terminate()
        assert crowd.process.stop_by_itself() == 0


def test_the_admin_process_is_replaced(crowd: Crowd) -> None:
    parent = crowd.process.popen.pid
    children = Path(f"/proc/{parent}/task/{parent}/children")
    if not children.exists():
        pytest.skip("needs Linux to find the admin process")
    admin = {int(pid) for pid in children.read_text().split()} - {crowd.pid(number) for number in range(COUNT)}
    assert len(admin) == 1
    os.kill(admin.pop(), signal.SIGKILL)
    crowd.process.wait_for("admin_ended")
    assert crowd.admin.get("/livez").status_code == 200
    assert crowd.sample("workers") == COUNT


def test_the_parent_stays_safe_to_fork(crowd: Crowd) -> None:
    """One thread, whatever it has done: a lock that another thread holds would never be released in a child."""
    tasks = Path(f"/proc/{crowd.process.popen.pid}/task")
    if not tasks.exists():
        pytest.skip("needs Linux to count threads")
    crowd.versions()
    assert len(list(tasks.iterdir())) == 1


def test_a_start_that_cannot_be_is_said_once(start: Start, tmp_path: Path, issuer: Issuer) -> None:
    folder = write_project(tmp_path / "p", issuer.url)
    settings = folder / "customhouse.yaml"
    settings.write_text(settings.read_text().replace("oidc: true", "development: true"))
    process = start(folder, CUSTOMHOUSE_WORKERS="3")
    assert process.stop_by_itself() == 1
    assert b"".join(process.errors).count(b"CH332") == 1


def test_workers_agree_on_development_keys(start: Start, tmp_path: Path) -> None:
    """Made at the first start, by whoever comes first."""
    from app.project import load_project
    from app.tokens.development import mint

    folder = write_project(tmp_path / "p", "https://dev.example")
    settings = folder / "customhouse.yaml"
    settings.write_text(settings.read_text().replace("oidc: true", "development: true"))
    choices = {"CUSTOMHOUSE_WORKERS": str(COUNT), "CUSTOMHOUSE_ADMIN": "127.0.0.1:0", "CUSTOMHOUSE_MASTER_KEY": ""}
    process = start(folder, "--dev-keys", **choices)
    for number in range(COUNT):
        process.wait_for("keys_changed", worker=number)
    trusted: CatalogIssuer = load_project(folder).catalog.issuers["test"]
    crowd = Crowd(process, mint(trusted, folder, "somebody", {"roles": []}, 60))
    with crowd.admin, ExitStack() as stack:
        assert [crowd.ask(client, "ok").status_code for client in crowd.connections(stack)] == [200] * COUNT


def test_metrics_say_nothing_personal(crowd: Crowd, issuer: Issuer) -> None:
    canaries = ["canary-subject", "canary-tenant", "canary-path", "canary-query", "PROPFIND"]
    crowd.token = issuer.token("ed-1", sub="canary-subject", tenant="canary-tenant")
    with ExitStack() as stack:
        client = crowd.connections(stack, 1)[0]
        assert crowd.ask(client, "whoami").json()["data"]["whoami"][0] == "canary-subject"
        crowd.ask(client, "canary-query")
        crowd.ask(client, "boom")
        client.get("/canary-path")
        client.request("PROPFIND", "/graphql")  # a method that HTTP servers know, and nobody counts
    text = crowd.admin.get("/metrics").text
    assert 'method="other"' in text
    assert [canary for canary in [*canaries, crowd.token] if canary in text] == []
