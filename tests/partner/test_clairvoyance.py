"""clairvoyance guesses a schema from what errors suggest, with a list of words that holds every hidden name.

It is put into an environment of its own: it needs a package `asyncio`, which nobody should have beside Python's own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from graphql import build_schema, graphql_sync

from tests.leak.questions import KINDS, camel
from tests.partner.house import House

pytestmark = pytest.mark.slow_parts
PACKAGE = "clairvoyance==2.5.5"
HIDDEN = {
    "badges", "badge", "badgesAggregate", "badgesGroups", "badgesByKeys", "rights", "reports", "balance", "phone",
    "notes", "quantity", "storesAggregate", "storesGroups", "Badge", "level", "colour",
}  # fmt: skip
SHOWN = {"people", "orders", "stores", "node", "person", "order", "store", "manager", "nodes", "id", "where", "first"}


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The command; skips where it cannot be installed."""
    folder = tmp_path_factory.mktemp("clairvoyance")
    made = subprocess.run([sys.executable, "-m", "venv", str(folder)], capture_output=True, check=False)
    pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", PACKAGE]
    if made.returncode or subprocess.run(pip, capture_output=True, check=False, timeout=300).returncode:
        pytest.skip(f"{PACKAGE} cannot be installed from PyPI here")
    yield folder / "bin" / "clairvoyance"


def recovered(tool: Path, url: str, token: str, folder: Path) -> Mapping[str, object]:
    """The schema that it makes out, with a list of what there is, shown or hidden."""
    columns = {camel(name) for kinds in KINDS.values() for name in kinds}
    words, found = folder / "words", folder / "schema.json"
    words.write_text("\n".join(sorted(HIDDEN | SHOWN | columns)))
    command = [str(tool), url, "-w", str(words), "-o", str(found)]
    command += ["-H", f"Authorization: Bearer {token}", "-c", "4", "-m", "1", "-b", "0"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    # Where it makes nothing out it may give up with a trace and write no schema.
    schema: Mapping[str, object] = json.loads(found.read_text()) if found.is_file() else {}
    assert schema or "Traceback" in ran.stderr or "ERROR" in ran.stderr + ran.stdout, ran.stdout + ran.stderr
    return schema


def names(value: object) -> set[str]:
    """Every name in a schema as introspection writes it."""
    if isinstance(value, dict):
        own = {str(value["name"])} if value.get("name") else set()
        return own.union(*(names(inner) for inner in value.values()))
    return set().union(*(names(inner) for inner in value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("zone", ["partner", "closed"])
def test_no_hidden_name_is_recovered(
    zone: str, tool: Path, house: House, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    at = house[zone]
    found = names(recovered(tool, str(at.client.base_url.join("graphql")), at.token, tmp_path))
    record_property("figure", f"clairvoyance at the zone {zone}: {len(found & HIDDEN)} hidden names")
    assert not found & HIDDEN
    if zone == "closed":
        assert not found & SHOWN, "nothing that is not registered is parsed there"


def test_it_recovers_where_it_is_helped(tool: Path, tmp_path: Path) -> None:
    """The run can fail: a server that suggests names gives them away to the same command."""
    schema = build_schema("type Query { badges: [Badge] people: Int } type Badge { level: Int colour: String }")

    class Helpful(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            said = json.dumps(graphql_sync(schema, asked["query"]).formatted).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Helpful)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        found = names(recovered(tool, f"http://127.0.0.1:{server.server_port}/graphql", "", tmp_path))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert {"badges", "level", "colour"} <= found
