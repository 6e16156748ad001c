"""What is asked while something goes wrong: a gateway process over two real PostgreSQL servers and a real issuer.

`shop` has things, found by number, and 20,000 documents of 1,000 characters, an answer of 20 MB; `other` has goods.
Callers are known by tokens of the issuer, which go by its keys over HTTP, as in production.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.procfs import pid_on_port
from tests.app.issuer import Issuer, alg_of, sign
from tests.app.process import Process
from tests.postgres import Server

THINGS, DOCUMENTS, LETTERS = 1000, 20_000, 1000
_MASTER = base64.b64encode(os.urandom(32)).decode()
_COLUMNS = "{id: {type: integer, description: Number}, name: {type: string, description: Name}}"
_PROJECT = """\
version: 1
sources:
  shop: {{kind: postgres, url: "{shop}"}}
  other: {{kind: postgres, url: "{other}"}}
claims: {{roles: {{type: list<string>}}}}
issuers:
  company: {{issuer: "{issuer}", audiences: [customhouse], oidc: true, max_lifetime: 24h, claims: {{roles: roles}}}}
zones:
  internal:
    issuers: [company]
    limits: {{timeout: {timeout}, max_page_size: {documents}}}
"""
_CATALOG = "domains: {d: {description: Things, steward: T <t@x.example>}}\nproducts:\n" + "".join(
    f"  d.{table}: {{description: A thing, source: {source}, table: {said}, key: [id], {also}columns: {_COLUMNS}}}\n"
    for table, source, said, also in (
        ("things", "shop", "things", ""),
        ("kept_things", "shop", "things", "freshness: 1s, cache: true, "),
        ("documents", "shop", "documents", ""),
        ("goods", "other", "goods", ""),
    )
)
POLICIES = """\
grants:
  - {name: all, on: {products: [d.things, d.kept_things, d.documents, d.goods]}, when: "'reader' IN claims.roles"}
"""
_ROWS = "CREATE TABLE {} AS SELECT i::integer AS id, 'name ' || i AS name FROM generate_series(0, {}) i"
_LONG = f"""CREATE TABLE documents AS SELECT i::integer AS id,
    left(repeat(md5(i::text), {LETTERS // 32 + 1}), {LETTERS}) AS name FROM generate_series(0, {DOCUMENTS - 1}) i"""


@dataclass(frozen=True, slots=True)
class House:
    """All that a gateway needs. ``other_pid`` is the server that `other` is in."""

    folder: Path
    issuer: Issuer
    shop: str
    other: str
    other_pid: int

    def write(self, timeout: str = "25s") -> None:
        """The project's files, as they are at first."""
        said = {"shop": self.shop, "other": self.other, "issuer": self.issuer.url, "timeout": timeout}
        files = {
            "customhouse.yaml": _PROJECT.format(**said, documents=DOCUMENTS),
            "catalog/d.yaml": _CATALOG,
            "policies/d.yaml": POLICIES,
        }
        for name, text in files.items():
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_text(text)

    def start(self, **environ: str) -> Process:
        """A gateway on a port of its own; it need not serve yet."""
        command = ["-m", "app.cli", "serve", "--project", str(self.folder), "--zone", "internal"]
        return Process(command, {"CUSTOMHOUSE_MASTER_KEY": _MASTER, **environ})

    @contextlib.contextmanager
    def gateway(self, timeout: str = "25s", **environ: str) -> Iterator[Process]:
        self.write(timeout)
        process = self.start(**environ)
        try:
            yield process
        finally:
            process.stop()

    def token(self, key: str, number: int = 0) -> str:
        """A reader's token, signed with that key of the issuer's; an hour is more than any run here takes."""
        claims = self.issuer.claims(sub=f"reader-{number}", roles=["reader"])
        claims["exp"] = int(str(claims["iat"])) + 3600
        return sign(key, {"alg": alg_of(key), "kid": key, "typ": "JWT"}, claims)


@contextlib.contextmanager
def house(*keys: str) -> Iterator[House]:
    """With an issuer that lists these keys."""
    with contextlib.ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="customhouse-resilience-")))
        issuer = Issuer(*keys)
        closing.callback(issuer.close)
        shop, other = (closing.enter_context(_postgres()) for _ in range(2))
        rows = shop.database(_ROWS.format("things", THINGS - 1), _LONG, "CREATE UNIQUE INDEX ON things (id)")
        goods = other.database(_ROWS.format("goods", THINGS - 1), "CREATE UNIQUE INDEX ON goods (id)")
        pid = pid_on_port(other.port)
        if pid is None:
            raise RuntimeError("the second PostgreSQL is not to be found")
        yield House(folder, issuer, rows, goods, pid)


@contextlib.contextmanager
def _postgres() -> Iterator[Server]:
    server = Server()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def port_of(process: Process) -> int:
    return int(process.url.rpartition(":")[2])


def row(field: str, number: int) -> tuple[bytes, bytes]:
    """A question for one row, and what its answer holds."""
    asked = {"query": f"query($id: Int!) {{ {field}(id: $id) {{ id name }} }}", "variables": {"id": number % THINGS}}
    return json.dumps(asked).encode(), b'{"id":%d,"name":"name %d"}' % (number % THINGS, number % THINGS)


def request(token: str, body: bytes, path: str = "/graphql", also: Sequence[str] = ()) -> bytes:
    """As it goes over the wire."""
    head = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", "Content-Type: application/json"]
    return "\r\n".join([*head, f"Content-Length: {len(body)}", *also, "", ""]).encode() + body
