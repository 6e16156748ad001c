"""A zone over a real PostgreSQL, as gateways stand in front of it: quick rows, rows that take a minute, a document,
quotas, and an issuer that answers over HTTP."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from app.documents.register import register
from app.project import load_project
from tests.app.issuer import Issuer
from tests.app.process import Process
from tests.postgres import Server

MASTER = base64.b64encode(bytes(range(32))).decode()
ROWS = 400
SCHEMA = f"""\
CREATE TABLE things AS SELECT id, repeat('thing ' || id || ' ', 5) AS name FROM generate_series(1, {ROWS}) AS id;
ALTER TABLE things ADD PRIMARY KEY (id);
CREATE VIEW naps AS SELECT 1 AS id, pg_sleep(60)::text AS nap;
"""
PROJECT = """\
version: 1
sources: {{db: {{kind: postgres, url: "{dsn}"}}}}
claims: {{roles: {{type: list<string>}}, partner: {{type: string}}}}
issuers:
  test:
    issuer: "{issuer}"
    audiences: [customhouse]
    oidc: true
    max_lifetime: 24h
    claims: {{roles: roles, partner: partner}}
zones:
  front:
    exposure: internal
    issuers: [test]
    partner_claim: partner
    limits: {{timeout: 60s, max_body_bytes: 64KiB, page_size: 400}}
    sql: {{enabled: true, timeout: 4s}}
    quotas: {{requests: 100000/1m}}
    partners: {{acme: {{description: A, contact: "A <a@acme.example>", claims: {{partner: acme, roles: [reader]}}}}}}
"""
CATALOG = """\
domains: {d: {description: Things and naps, steward: N <n@x.example>}}
products:
  d.things:
    description: One thing
    source: db
    table: things
    key: [id]
    columns: {id: {type: integer, description: Number}, name: {type: string, description: Its name}}
  d.naps:
    description: One nap
    source: db
    table: naps
    key: [id]
    columns: {id: {type: integer, description: Number}, nap: {type: string, description: A minute}}
"""
POLICIES = "grants: [{name: all, on: {products: [d.things, d.naps]}, when: \"'reader' IN claims.roles\"}]\n"
DOCUMENT = "query Things($first: Int = 3 @range(min: 1, max: 400)) { things(first: $first) { nodes { id name } } }\n"
NAPS = "{ naps { nodes { id nap } } }"
_NAPPING = (
    "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%nap%' AND pid <> pg_backend_pid()"
)
SETTINGS: Mapping[str, str] = {
    "CUSTOMHOUSE_MASTER_KEY": MASTER,
    "CUSTOMHOUSE_TRUSTED_PROXIES": "127.0.0.1",
    "CUSTOMHOUSE_CORS_ORIGINS": "https://app.example",
    "CUSTOMHOUSE_DRAIN_DELAY": "5",
}


@dataclass(frozen=True)
class House:
    """The project's folder, its database and its issuer."""

    folder: Path
    dsn: str
    issuer: Issuer

    def token(self, **over: object) -> str:
        return f"Bearer {self.issuer.token('rsa-1', **({'roles': ['reader'], 'partner': 'acme'} | over))}"

    def process(self, **environ: str) -> Process:
        command = ["-m", "app.cli", "serve", "--project", str(self.folder), "--zone", "front"]
        return Process(command, {**SETTINGS, **environ})


async def napping(connection: asyncpg.Connection, count: int) -> None:
    """Wait until so many naps are asked of the database, within 20 seconds: a nap takes 60, and the zone waits as
    long."""
    async with asyncio.timeout(20):
        while await connection.fetchval(_NAPPING) != count:
            await asyncio.sleep(0.01)


def build(folder: Path, postgres: Server, issuer: Issuer) -> House:
    dsn = postgres.database(SCHEMA)
    for name, text in {
        "customhouse.yaml": PROJECT.format(dsn=dsn, issuer=issuer.url),
        "catalog/d.yaml": CATALOG,
        "policies/d.yaml": POLICIES,
        "documents/front/things.graphql": DOCUMENT,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    project = load_project(folder, documents=False)
    register(folder, "front", project.view("front"), [], "2026-01-12")
    return House(folder, dsn, issuer)
