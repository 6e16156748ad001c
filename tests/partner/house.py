"""One project served to three audiences by three processes over one world, and clients who count what they try.

``internal`` shows everything; ``partner`` a part, to free questions (the harder case); ``closed`` the same part, to
registered documents only, which is what a zone of partners is unless its steward says otherwise.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import yaml

from app.cli import main
from tests.app.issuer import Issuer
from tests.app.process import Process
from tests.canary.gateway import BROKEN
from tests.leak.compare import PROJECT
from tests.leak.databases import duckdb_file
from tests.leak.reference import PERSONAS, Persona
from tests.leak.world import world

SEED = 11
AUDIENCES = {"internal": "customhouse", "partner": "partners", "closed": "partners"}
ANALYST = next(persona for persona in PERSONAS if persona.name == "analyst-fraud")
DOCUMENTS = {
    "internal": "query OfTheHouse { orders(first: 3) { nodes { id quantity } } }\n",
    "closed": "query OfPartners { orders(first: 3) { nodes { id status } } }\n",
}
"""What is registered, by zone."""
REQUEST_ID = "the-same-for-all"


@dataclass
class Tried:
    """How much was asked from a partner's side, for the report."""

    requests: int = 0


@dataclass
class Listener:
    """A process that serves one zone, asked with its own tokens unless another is given."""

    zone: str
    client: httpx.Client
    token: str
    tried: Tried
    heard: list[httpx.Response] = field(default_factory=list)

    def send(self, method: str, path: str, token: str | None = None, **request: object) -> httpx.Response:
        """Ask with the listener's own token, with another, or, where that is empty, with none."""
        headers = {"X-Request-Id": REQUEST_ID}
        if token != "":
            headers["Authorization"] = f"Bearer {self.token if token is None else token}"
        headers |= request.pop("headers", {})  # type: ignore[arg-type]  # a mapping of texts
        response = self.client.request(method, path, headers=headers, **request)  # type: ignore[arg-type]
        self.tried.requests += self.zone != "internal"
        self.heard.append(response)
        return response

    def ask(self, query: str, token: str | None = None, **variables: object) -> httpx.Response:
        return self.send("POST", "/graphql", token, json={"query": query, "variables": variables})

    def data(self, query: str, **variables: object) -> dict[str, object]:
        answer = self.ask(query, **variables).json()
        assert "errors" not in answer, answer
        found: dict[str, object] = answer["data"]
        return found

    def sql(self, statement: str) -> httpx.Response:
        return self.send("POST", "/sql", json={"statement": statement})

    def column(self, statement: str) -> list[object]:
        answer = self.sql(statement)
        assert answer.status_code == 200, answer.text
        return [row[0] for row in answer.json()["rows"]]


@dataclass(frozen=True)
class House:
    """The listeners by zone, and the issuers by audience."""

    listeners: Mapping[str, Listener]
    issuers: Mapping[str, Issuer]
    tried: Tried
    project: Path

    def __getitem__(self, zone: str) -> Listener:
        return self.listeners[zone]


def claims(persona: Persona, audience: str) -> dict[str, object]:
    regions = None if persona.regions is None else list(persona.regions)
    said = {"sub": persona.subject, "roles": list(persona.roles), "regions": regions, "person": persona.person}
    return {**said, "aud": audience}


def write_project(folder: Path, issuers: Mapping[str, Issuer]) -> Path:
    """The project of the leak tests with issuers on loopback, codes that are tokens, a product that fails, and a zone
    that takes registered documents only."""
    shutil.copytree(PROJECT, folder)
    settings = yaml.safe_load((folder / "customhouse.yaml").read_text())
    of = settings["issuers"].pop("dev")
    del of["development"]
    of |= {"oidc": True, "max_lifetime": "24h"}
    for audience, issuer in issuers.items():
        settings["issuers"][audience] = {**of, "issuer": issuer.url, "audiences": [audience]}
    zones = settings["zones"]
    zones["internal"] |= {"issuers": ["customhouse"]}
    zones["partner"] |= {"issuers": ["partners"]}
    zones["partner"]["publish"]["crm.broken"] = {}
    zones["closed"] = {name: it for name, it in zones["partner"].items() if name not in ("operations", "sql")}
    (folder / "customhouse.yaml").write_text(json.dumps(settings))  # the same in both zones, without aliases
    (folder / "catalog" / "broken.yaml").write_text(yaml.safe_dump({"products": {"crm.broken": BROKEN}}))
    catalog = folder / "catalog" / "crm.yaml"
    old, new = (
        "      status: string\n      code: string\n",
        "      status: string\n      code: {type: string, tags: [bought]}\n",
    )
    catalog.write_text(catalog.read_text().replace(old, new))
    policies = (folder / "policies" / "crm.yaml").read_text()
    policies = policies.replace("mask: {constant: hidden}", "mask: token")
    grant = "- {name: orders, on: {products: [crm.orders]}, "
    policies = policies.replace(grant, f"{grant}detokenize: [{{tag: bought}}], ")
    (folder / "policies" / "crm.yaml").write_text(policies)
    (folder / "policies" / "broken.yaml").write_text("grants: [{name: broken, on: {products: [crm.broken]}}]\n")
    for source in ("main", "side"):
        duckdb_file(folder, source, world(SEED), False)
    for zone, text in DOCUMENTS.items():
        written = folder / "documents" / zone / "shown.graphql"
        written.parent.mkdir(parents=True)
        written.write_text(text)
        assert main(["documents", "add", "--project", str(folder), "--zone", zone]) == 0
    return folder


@contextmanager
def serving(folder: Path, zones: tuple[str, ...] = ("internal", "partner", "closed")) -> Iterator[House]:
    """The zones of a new project, each served by a process of its own."""
    tried = Tried()
    with ExitStack() as closing:
        issuers = {audience: Issuer("ed-1") for audience in ("customhouse", "partners")}
        for issuer in issuers.values():
            closing.callback(issuer.close)
        project = write_project(folder, issuers)
        environ = {"CUSTOMHOUSE_SERVER_TIMING": "1", "CUSTOMHOUSE_EXPLAIN": "roles:analyst"}
        for number, name in enumerate(("", "_PARTNER", "_CLOSED")):
            secret = bytes(range(number, number + 32))
            environ[f"CUSTOMHOUSE_MASTER_KEY{name}"] = base64.b64encode(secret).decode()
        listeners = {}
        for zone in zones:
            own = {name: value for name, value in environ.items() if not name.startswith("CUSTOMHOUSE_MASTER_KEY_")}
            key = f"CUSTOMHOUSE_MASTER_KEY_{zone.upper()}"
            own |= {key: environ[key]} if key in environ else {}
            process = Process(["-m", "app.cli", "serve", "--project", str(project), "--zone", zone], own)
            closing.callback(process.stop)
            client = closing.enter_context(httpx.Client(base_url=process.url, timeout=60, trust_env=False))
            audience = AUDIENCES[zone]
            token = issuers[audience].token("ed-1", **claims(ANALYST, audience))
            listeners[zone] = Listener(zone, client, token, tried)
        yield House(listeners, issuers, tried, project)
