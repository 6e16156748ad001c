"""What is counted by document, and what answers cost: by the names that are registered, never by those that callers
write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.app.process import Process, until
from tests.documents.place import bearer, registered, shop

ORDERS = "query OrdersOf { orders { nodes { id } } }"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop(tmp_path_factory.mktemp("counted"))


@pytest.fixture(scope="module")
def hashes(project: Path) -> dict[str, str]:
    return registered(project)


class Served:
    """A zone that is served, and what a scrape says of it."""

    def __init__(self, project: Path, zone: str, ratio: str) -> None:
        said = {"CUSTOMHOUSE_ADMIN": "127.0.0.1:0", "CUSTOMHOUSE_COST_RATIO": ratio, "CUSTOMHOUSE_WORKERS": "1"}
        command = ["-m", "app.cli", "serve", "--project", str(project), "--zone", zone, "--dev-keys"]
        self.process = Process(command, said)
        self.client = httpx.Client(base_url=self.process.url, headers=bearer(project), trust_env=False, timeout=30)
        self._admin = f"{self.process.wait_for('supervising')['admin']}/metrics"
        assert until(lambda: self.client.get("/readyz").status_code == 200)

    def samples(self, name: str) -> dict[tuple[str, ...], float]:
        """A metric's samples by the values of their labels but the zone, in the order of the labels' names."""
        families = text_string_to_metric_families(httpx.get(self._admin, trust_env=False).text)
        return {
            tuple(value for label, value in sorted(sample.labels.items()) if label != "zone"): sample.value
            for family in families
            for sample in family.samples
            if sample.name == f"customhouse_{name}"
        }


@pytest.fixture(scope="module")
def closed(project: Path, hashes: dict[str, str]) -> Iterator[Served]:
    yield from serving(project, "closed", "1")


@pytest.fixture(scope="module")
def internal(project: Path, hashes: dict[str, str]) -> Iterator[Served]:
    yield from serving(project, "internal", "0")


def serving(project: Path, zone: str, ratio: str) -> Iterator[Served]:
    made = Served(project, zone, ratio)
    yield made
    made.client.close()
    assert made.process.stop() == 0


def test_documents_by_the_names_that_are_registered(closed: Served, hashes: dict[str, str]) -> None:
    """By name and by hash, whatever operation name came with it; what is no registered document is counted nowhere."""
    asked = {"documentId": f"sha256:{hashes['OrdersOf']}", "variables": {"region": "north"}}
    assert closed.client.post("/graphql", json=asked).json()["data"]["orders"]["nodes"]
    assert closed.client.get("/q/OrdersOf?region=north").status_code == 200
    assert "errors" in closed.client.post("/graphql", json={**asked, "operationName": "MARK_of_a_caller"}).json()
    assert closed.client.get("/q/Some?ids=1").status_code == 200
    assert closed.client.get("/q/MARK_of_a_path").status_code == 400
    assert "errors" in closed.client.post("/graphql", json={"query": ORDERS}).json()
    assert until(lambda: closed.samples("operation_requests_total").get(("OrdersOf", "200")) == 3)
    assert closed.samples("operation_requests_total") == {("OrdersOf", "200"): 3, ("Some", "200"): 1}
    assert closed.samples("operation_duration_seconds_count") == {("OrdersOf",): 3, ("Some",): 1}


def test_a_callers_own_operations_have_no_names(internal: Served, hashes: dict[str, str]) -> None:
    """Not even one that is called as a document of the zone is."""
    for text in (ORDERS, "query All { orders { nodes { id } } }"):
        assert internal.client.post("/graphql", json={"query": text}).json()["data"]["orders"]["nodes"]
    assert "data" in internal.client.post("/graphql", json={"documentId": hashes["All"]}).json()
    assert until(lambda: internal.samples("cost_estimated_count") == {(): 3})
    assert internal.samples("operation_requests_total") == {("All", "200"): 1}
    assert "OrdersOf" not in httpx.get(internal._admin, trust_env=False).text


def test_costs_of_answers(closed: Served, internal: Served) -> None:
    """The estimate of every answer; the actual cost of the sample, which here is all of them in one zone and none in
    the other. What is refused costs nothing."""
    before = {name: sum(closed.samples(name).values()) for name in COSTS}
    asked = closed.client.get("/q/OrdersOf?region=north&first=7", headers={"X-Cost": "1"}).json()
    assert "errors" in closed.client.get("/q/OrdersOf?region=north&first=101").json()
    said = asked["extensions"]["cost"]
    assert said["actual"] < said["estimated"]
    wanted = {
        "cost_estimated_count": 1, "cost_estimated_sum": said["estimated"],
        "cost_actual_count": 1, "cost_actual_sum": said["actual"],
    }  # fmt: skip
    assert until(lambda: sum(closed.samples("cost_actual_count").values()) == before["cost_actual_count"] + 1)
    assert {name: sum(closed.samples(name).values()) - before[name] for name in COSTS} == wanted
    assert internal.client.post("/graphql", json={"query": ORDERS}).status_code == 200
    assert internal.samples("cost_actual_count") == {}


COSTS = ("cost_estimated_count", "cost_estimated_sum", "cost_actual_count", "cost_actual_sum")
