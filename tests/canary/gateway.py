"""A real gateway process over the leak tests' project and world, with a canary in every text cell, and its callers."""

from __future__ import annotations

import base64
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import yaml

from tests.app.issuer import Issuer
from tests.app.process import Process
from tests.canary import keyed
from tests.leak.compare import PROJECT
from tests.leak.databases import duckdb_file
from tests.leak.reference import Persona
from tests.leak.world import World, world

MASTER = base64.b64encode(bytes(range(32))).decode()
SEED = 5
BROKEN = {
    "source": "main",
    "table": "orders",
    "key": ["id"],
    "graphql": {"singular": "broken", "plural": "brokens", "type": "Broken"},
    "columns": {"id": "bigint", "code": "integer", "amount": "integer"},
}
"""A product whose declared types are wrong, so that its engine trips over cells and says which."""


def secret_world() -> World:
    """The leak world; the cells that the engine trips over hold quotes and line breaks before their canary."""
    made = world(SEED)
    for row in made["crm.orders"]:
        row["code"] = f"it's \"so\"\n' CANARY-code-{row['id']}"
    return made


def write_project(folder: Path, issuer: str, scorer: str) -> Path:
    """The project, with a model server at this URL, and a store where the environment says."""
    shutil.copytree(PROJECT, folder)
    settings = yaml.safe_load((folder / "customhouse.yaml").read_text())
    of = settings["issuers"]["dev"]
    del of["development"]
    of |= {"issuer": issuer, "oidc": True, "max_lifetime": "24h"}
    settings["sources"] |= {
        "store": {"kind": "redis", "url": "secret:env:STORE", "location": "eu-west-1"},
        "scorer": {"kind": "mlflow", "url": scorer, "location": "eu-west-1"},
    }
    settings["zones"]["partner"]["publish"]["crm.broken"] = {}
    (folder / "customhouse.yaml").write_text(yaml.safe_dump(settings))
    catalog = (folder / "catalog" / "crm.yaml").read_text().replace("      manager:", f"{keyed.WAYS}      manager:")
    (folder / "catalog" / "crm.yaml").write_text(catalog)
    (folder / "catalog" / "keyed.yaml").write_text(yaml.safe_dump({"products": keyed.PRODUCTS}))
    (folder / "catalog" / "broken.yaml").write_text(yaml.safe_dump({"products": {"crm.broken": BROKEN}}))
    grant = {"name": "broken", "on": {"products": ["crm.broken"]}}
    (folder / "policies" / "broken.yaml").write_text(yaml.safe_dump({"grants": [grant, *keyed.GRANTS]}))
    for source in ("main", "side"):
        duckdb_file(folder, source, secret_world(), False)
    return folder


def audit_of(folder: Path) -> Path:
    """The audit trail of a project's gateway."""
    return folder.parent / "audit.jsonl"


def start(folder: Path, store: str, collector: str, zone: str = "internal") -> Process:
    """With every sink there is: the log with its slow requests, traces of all, metrics, the audit trail."""
    environ = {
        "CUSTOMHOUSE_MASTER_KEY" if zone == "internal" else f"CUSTOMHOUSE_MASTER_KEY_{zone.upper()}": MASTER,
        "CUSTOMHOUSE_EXPLAIN": "roles:platform",
        "CUSTOMHOUSE_SERVER_TIMING": "1",
        "STORE": store,
        "CUSTOMHOUSE_OTLP": collector,
        "CUSTOMHOUSE_TRACE_RATIO": "1",
        "CUSTOMHOUSE_SLOW": "0.000001",
        "CUSTOMHOUSE_ADMIN": "127.0.0.1:0",
        "NO_PROXY": "127.0.0.1",
        "CUSTOMHOUSE_AUDIT": f"file:{audit_of(folder)}",
    }
    return Process(["-m", "app.cli", "serve", "--project", str(folder), "--zone", zone], environ)


@dataclass
class Visitor:
    """Asks as one persona and keeps everything that came back, headers and bodies."""

    client: httpx.Client
    persona: Persona
    token: str
    heard: list[tuple[str, bytes]] = field(default_factory=list)

    @classmethod
    def make(cls, client: httpx.Client, issuer: Issuer, persona: Persona) -> Visitor:
        claims: dict[str, object] = {
            "roles": list(persona.roles),
            "sub": persona.subject,
            "email": f"CLAIM-{persona.name}",
        }
        claims["regions"] = None if persona.regions is None else list(persona.regions)
        claims["person"] = persona.person
        claims["aud"] = "customhouse" if persona.zone == "internal" else "partners"
        claims["purposes"] = ["fraud"] if persona.purpose else None
        return cls(client, persona, issuer.token("ed-1", **claims))

    def send(self, method: str, path: str, *, token: str | None = None, **request: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        if self.persona.purpose:
            headers["X-Purpose"] = self.persona.purpose
        headers |= request.pop("headers", {})
        response = self.client.request(method, path, headers=headers, **request)
        said = "\n".join(f"{name}: {value}" for name, value in response.headers.items()).encode()
        self.heard.append((f"{method} {path} {request}", said + b"\n\n" + response.content))
        return response

    def ask(self, query: str, **variables: object) -> dict[str, object]:
        said: dict[str, object] = self.send("POST", "/graphql", json={"query": query, "variables": variables}).json()
        return said


def opened(text: bytes) -> bytes:
    """A text with everything in it that reads as base64 decoded behind it: cursors, node ids, headers."""
    found = [text]
    for word in text.replace(b'"', b" ").replace(b",", b" ").split():
        if len(word) >= 16:
            for way in (base64.b64decode, base64.urlsafe_b64decode):
                try:
                    found.append(way(word + b"=" * (-len(word) % 4)))
                except ValueError:
                    continue
    return b"\n".join(found)


def log_text(process: Process) -> bytes:
    """Everything the process wrote."""
    return "\n".join(map(json.dumps, process.log)).encode() + b"\n" + b"".join(process.errors)
