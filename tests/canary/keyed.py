"""A store and a model server that fail with values in their mouths: a real Valkey whose cells are not what the catalog
says, and an HTTP server that echoes its inputs in its errors, as MLflow's does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.leak.world import World
from tests.results.valkey import Valkey

PRODUCTS = {
    "crm.scores": {
        "source": "store",
        "table": "score",
        "key": ["name"],
        "features": {},
        "graphql": {"singular": "score", "plural": "scores", "type": "Score"},
        "columns": {"name": {"type": "string", "tags": ["pii.name"]}, "rating": "float", "until": "date"},
    },
    "crm.echo": {
        "source": "scorer",
        "model": {
            "version": "1",
            "inputs": {"name": "string", "notes": {"type": "string", "nullable": True}},
            "outputs": {"said": "float"},
        },
    },
}
WAYS = """\
      score_of: {to: crm.scores, on: {name: name}}
      echo: {to: crm.echo, on: {name: name, notes: notes}}
"""
GRANTS = [{"name": "scores", "on": {"products": ["crm.scores", "crm.echo"]}}]
ASKED = (
    "{ people(first: 50) { nodes { id scoreOf { status rating until } echo { said } } } }",
    "{ people(where: {scoreOf: {rating: {gt: 1}}}) { nodes { id } } orders { nodes { id } } }",
    "{ people(where: {echo: {said: {gt: 1}}}, orderBy: [{scoreOf: {until: ASC}}]) { nodes { id } } }",
    '{ predictEcho(inputs: [{name: "MARK-of-an-input", notes: "MARK-of-a-note"}]) { said } }',
    '{ score(name: "MARK-of-a-key") { status rating } scoresByKeys(keys: [{name: "MARK-of-a-key"}]) { rating } }',
)


def spoil(valkey: Valkey, world: World) -> None:
    """For every name an entity: hashes whose cells do not fit, and texts where a hash should be."""
    valkey.reset()
    names = {str(person["name"]) for person in world["crm.people"] if person["name"] is not None}
    with valkey.client() as client:
        for number, name in enumerate(sorted(names)):
            if number % 3 == 2:
                client.set(f"score:{name}", f"CANARY-text-{number}")
            else:
                cells = {"rating": f'it\'s "CANARY-rating-{number}"', "until": f"CANARY-until-{number}"}
                client.hset(f"score:{name}", mapping=cells)
        client.set("score:MARK-of-a-key", "CANARY-text-999")


HEADERS: list[dict[str, str]] = []
"""The headers of each request that the model server was sent, names in lower case."""


class _Echo(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        HEADERS.append({name.lower(): value for name, value in self.headers.items()})
        said = b'{"error_code": "BAD_REQUEST", "message": "Cannot score ' + body.replace(b'"', b"'") + b'"}'
        self.send_response(400 if len(self.server.heard) % 2 else 500)  # type: ignore[attr-defined]
        self.server.heard.append(body)  # type: ignore[attr-defined]
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *args: object) -> None: ...


@contextmanager
def echoing() -> Iterator[tuple[str, list[bytes]]]:
    """The server's URL, and the bodies that it was sent."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    server.heard = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.heard  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
