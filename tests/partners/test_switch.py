"""The kill switch, as an operator uses it: `customhouse partner` beside a gateway of two workers."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from app.cli import main
from tests.app.process import ROOT, Process, until
from tests.partners.house import place, token
from tests.postgres import server as postgres
from tests.results.valkey import Valkey

ORDERS = {"query": "{ orders { nodes { id } } }"}
MASTER = base64.b64encode(bytes(range(32))).decode()
LONG = {"statement": "SELECT a.id, g.n FROM sales.orders a, generate_series(1, 100000) AS g(n)"}
Start = Callable[..., Process]
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[Process] = []

    def started(folder: Path, double: bool = False, **environ: str) -> Process:
        serve = ["-m", "app.cli", "serve", "--project", str(folder), "--zone", "partner", "--dev-keys"]
        command = [str(ROOT / "tests/app/double.py"), str(folder), "partner", "--dev-keys"] if double else serve
        said = {"CUSTOMHOUSE_MASTER_KEY_PARTNER": MASTER, "CUSTOMHOUSE_WORKERS": "2", **environ}
        running.append(Process(command, said))
        for number in range(2):
            running[-1].wait_for("serving", worker=number)
        return running[-1]

    yield started
    for process in running:
        assert process.stop() == 0


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("CUSTOMHOUSE_MASTER_KEY_PARTNER", MASTER)
    for name in ("CUSTOMHOUSE_CACHE_URL", "CUSTOMHOUSE_STOPS"):
        monkeypatch.delenv(name, raising=False)

    def run(folder: Path, *argv: str, **environ: str) -> tuple[int, str, str]:
        with monkeypatch.context() as patch:
            for name, value in environ.items():
                patch.setenv(name, value)
            code = main(["partner", *argv, "--project", str(folder)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def crowd(process: Process, stack: ExitStack, count: int = 4) -> list[httpx.Client]:
    """Kept connections, opened one after the other: the workers share them evenly."""
    made = []
    for _ in range(count):
        made.append(stack.enter_context(httpx.Client(base_url=process.url, timeout=30, trust_env=False)))
        assert made[-1].get("/livez").status_code == 200
    return made


def bearer(folder: Path, partner: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(folder, partner)}"}


def statuses(folder: Path, clients: list[httpx.Client], partner: str) -> set[int]:
    return {client.get("/catalog", headers=bearer(folder, partner)).status_code for client in clients}


def test_a_partner_is_stopped_and_resumed_on_all_workers(tmp_path: Path, start: Start, command: Command) -> None:
    folder = place(tmp_path / "p", {"      requests: 1000/1h\n": "", "          requests: 6/1h\n": ""})
    process = start(folder)
    with ExitStack() as stack:
        clients = crowd(process, stack)
        assert until(lambda: statuses(folder, clients, "agency") == {200})
        code, out, err = command(folder, "stop", "agency", "--reason", "token found")
        assert (code, err) == (0, "")
        assert out.startswith("agency is stopped in zone partner since 20")
        for number in range(2):
            process.wait_for("partner_stopped", worker=number, partner="agency")
        assert statuses(folder, clients, "agency") == {403}
        for client in clients:
            refused = client.post("/graphql", headers=bearer(folder, "agency"), json=ORDERS)
            assert refused.json()["errors"][0]["extensions"]["code"] == "CH313"
            for method, path in (("POST", "/sql"), ("GET", "/schema.graphql"), ("GET", "/openapi.json")):
                assert client.request(method, path, headers=bearer(folder, "agency")).json()["code"] == "CH313"
        assert statuses(folder, clients, "airline") == {200}
        assert not [line for line in process.log if line.get("event") == "reloaded"], "the project is not read again"
        _, out, _ = command(folder, "list")
        stopped, free = sorted(out.splitlines())
        assert "stopped since 20" in stopped
        assert stopped.endswith(": token found")
        assert free.split() == ["airline", "may", "come", "in"]
        assert command(folder, "resume", "agency")[0] == 0
        assert until(lambda: statuses(folder, clients, "agency") == {200})


def test_a_worker_that_starts_knows(tmp_path: Path, start: Start, command: Command) -> None:
    folder = place(tmp_path / "p")
    assert command(folder, "stop", "agency", "--reason", "x")[0] == 0
    process = start(folder)
    with ExitStack() as stack:
        assert until(lambda: statuses(folder, crowd(process, stack), "airline") == {200})
        assert statuses(folder, crowd(process, stack), "agency") == {403}


def test_other_machines_know(tmp_path: Path, start: Start, command: Command, valkey: Valkey) -> None:
    """Each machine has its own file; what they share is the Valkey."""
    here, there = place(tmp_path / "here"), place(tmp_path / "there")
    (there / ".run").symlink_to(here / ".run")
    (here / ".run").mkdir()
    process = start(there, CUSTOMHOUSE_CACHE_URL=valkey.url)
    with ExitStack() as stack:
        clients = crowd(process, stack)
        assert until(lambda: statuses(there, clients, "airline") == {200})
        assert command(here, "stop", "airline", "--reason", "x", CUSTOMHOUSE_CACHE_URL=valkey.url)[0] == 0
        assert until(lambda: statuses(there, clients, "airline") == {403})
        valkey.kill()
        code, _, err = command(here, "resume", "airline", CUSTOMHOUSE_CACHE_URL=valkey.url)
        assert (code, "CH338" in err) == (1, True), "nobody is let in by half"
        assert "airline" in (here / "stops.yaml").read_text()
        process.wait_for("stops_not_shared")
        assert statuses(there, clients, "airline") == {403}
        valkey.start()
        assert until(lambda: command(here, "list", CUSTOMHOUSE_CACHE_URL=valkey.url)[0] == 0)
        assert command(here, "resume", "airline", CUSTOMHOUSE_CACHE_URL=valkey.url)[0] == 0
        assert until(lambda: statuses(there, clients, "airline") == {200})


def test_what_is_being_answered_is_cancelled(tmp_path: Path, start: Start, command: Command) -> None:
    """On both workers; the answers of others go on."""
    folder = place(tmp_path / "p", {"publish: {sales.orders: {}, sales.customers: {}}": "products: []"})
    (folder / "policies/sales.yaml").unlink()
    text = (folder / "customhouse.yaml").read_text()
    (folder / "customhouse.yaml").write_text(
        text.replace("products: {sales.customers: {requests: 2/1h, rows: 7/1h}}", "")
    )
    process, found = start(folder, double=True), dict[str, list[httpx.Response]]()

    def ask(client: httpx.Client, partner: str) -> None:
        asked = {"query": "{ sleep }" if partner == "agency" else "{ nap }"}
        found.setdefault(partner, []).append(client.post("/graphql", headers=bearer(folder, partner), json=asked))

    with ExitStack() as stack:
        clients = crowd(process, stack, 5)
        assert until(lambda: statuses(folder, clients[:1], "airline") == {200})
        threads = [threading.Thread(target=ask, args=(client, "agency")) for client in clients[:4]]
        for thread in threads:
            thread.start()
        counts = {"query": "{ counts }"}
        assert until(
            lambda: (
                clients[4]
                .post("/graphql", headers=bearer(folder, "airline"), json=counts)
                .json()["data"]["counts"]["begun"]
                > 0
            )
        )
        command(folder, "stop", "agency", "--reason", "x")
        for thread in threads:
            thread.join(30)
        codes = [answer.json()["errors"][0]["extensions"]["code"] for answer in found["agency"]]
        assert (codes, {answer.status_code for answer in found["agency"]}) == (["CH313"] * 4, {403})
        said = clients[4].post("/graphql", headers=bearer(folder, "airline"), json=counts).json()["data"]["counts"]
        assert said["cancelled"] == said["begun"] > 0


def test_a_statement_is_cancelled_at_its_source(tmp_path: Path, start: Start, command: Command) -> None:
    server = postgres()
    dsn = server.database(
        "CREATE TABLE customers (id INTEGER, name VARCHAR(20), region VARCHAR(20))",
        "CREATE TABLE orders (id INTEGER, customer_id INTEGER, region VARCHAR(20))",
        "INSERT INTO orders SELECT g, 1, 'north' FROM generate_series(1, 20000) AS g",
    )
    source = {"{kind: duckdb, url: shop.duckdb, location": f'{{kind: postgres, url: "{dsn}", location'}
    folder = place(tmp_path / "p", source | {"operations: any": "exposure: internal"})
    process = start(folder)
    slow = {"statement": "SELECT count(*) FROM sales.orders a JOIN sales.orders b ON a.id % 7 <= b.id % 9 + 1"}
    here = f"datname = '{dsn.rpartition('/')[2]}' AND state = 'active'"
    running = f"SELECT count(*) FROM pg_stat_activity WHERE {here}"
    found: list[httpx.Response] = []
    with ExitStack() as stack:
        (client,) = crowd(process, stack, 1)
        assert until(lambda: statuses(folder, [client], "airline") == {200})
        thread = threading.Thread(
            target=lambda: found.append(client.post("/sql", headers=bearer(folder, "airline"), json=slow))
        )
        thread.start()
        assert until(lambda: server.run("postgres", running) == "1" or bool(found)), found
        assert not found, found[0].text
        command(folder, "stop", "airline", "--reason", "x")
        thread.join(30)
        assert (found[0].status_code, found[0].json()["code"]) == (403, "CH313")
        assert until(lambda: server.run("postgres", running) == "0")


def test_a_stream_ends_without_its_end(tmp_path: Path, start: Start, command: Command) -> None:
    folder = place(tmp_path / "p")
    process = start(folder)
    with ExitStack() as stack:
        (client,) = crowd(process, stack, 1)
        assert until(lambda: statuses(folder, [client], "airline") == {200})
        headers = bearer(folder, "airline") | {"Accept": "application/x-ndjson", "Accept-Encoding": "identity"}
        with client.stream("POST", "/sql", headers=headers, json=LONG) as answer:
            pieces = answer.iter_raw()
            assert next(pieces)
            command(folder, "stop", "airline", "--reason", "x")
            for number in range(2):
                process.wait_for("partner_stopped", worker=number)
            with pytest.raises(httpx.RemoteProtocolError):
                for _ in pieces:
                    pass
        assert until(lambda: any(line.get("codes") == ["CH313"] for line in process.log))


@pytest.mark.parametrize("text", ["", "partner: {agency: stopped}"])
def test_a_file_that_cannot_be_read_ends_the_start(tmp_path: Path, text: str) -> None:
    folder = place(tmp_path / "p")
    (folder / "elsewhere.yaml").write_text(text)
    environ = {"CUSTOMHOUSE_STOPS": str(folder / "elsewhere.yaml")}
    process = Process(["-m", "app.cli", "serve", "--project", str(folder), "--zone", "partner", "--dev-keys"], environ)
    assert process.stop_by_itself() == 2
    assert b"CH337" in b"".join(process.errors)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["stop", "agncy", "--reason", "x"], "Did you mean 'agency'?"),
        (["resume", "nobody"], "There are: agency, airline."),
        (["list", "--zone", "partners"], "Did you mean 'partner'?"),
    ],
)
def test_who_does_not_exist_cannot_be_stopped(tmp_path: Path, command: Command, argv: list[str], said: str) -> None:
    folder = place(tmp_path / "p")
    code, out, err = command(folder, *argv)
    assert (code, out, "CH338" in err, said in err) == (2, "", True, True)
    assert not (folder / "stops.yaml").exists()


def test_a_partner_is_stopped_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["partner", "stop", "agency", "--project", str(place(tmp_path / "p"))])


def test_the_metrics_count_what_became_of_requests(tmp_path: Path, start: Start, command: Command) -> None:
    folder = place(tmp_path / "p")
    assert command(folder, "stop", "agency", "--reason", "x")[0] == 0
    process = start(folder, CUSTOMHOUSE_ADMIN="127.0.0.1:0")
    with ExitStack() as stack:
        (client,) = crowd(process, stack, 1)
        assert until(lambda: client.get("/readyz").status_code == 200)
        for partner, query in (("agency", ORDERS), ("airline", ORDERS), ("airline", {"query": "{ nothing }"})):
            client.post("/graphql", headers=bearer(folder, partner), json=query)
        text = httpx.get(str(process.wait_for("supervising")["admin"]) + "/metrics", trust_env=False).text
    counted = {line for line in text.splitlines() if line.startswith("customhouse_partner_requests_total")}
    assert counted == {
        f'customhouse_partner_requests_total{{partner="{partner}",result="{result}",zone="partner"}} 1.0'
        for partner, result in (("agency", "stopped"), ("airline", "answered"), ("airline", "refused"))
    }
