"""One issuer and one gateway process for most tests; a test that breaks them makes its own."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from tests.app.issuer import Issuer
from tests.app.process import ROOT, Process

MASTER = base64.b64encode(bytes(range(32))).decode()
PROJECT = """\
version: 1
sources: {{}}
claims:
  roles: {{type: list<string>}}
  tenant: {{type: string}}
issuers:
  test:
    issuer: "{url}"
    audiences: [customhouse, other]
    oidc: true
    max_lifetime: 24h
    claims: {{roles: roles, tenant: tenant}}
    purposes: purposes
zones:
  internal:
    issuers: [test]
    region: eu-west-1
    limits: {{max_body_bytes: 2000, timeout: {timeout}}}
"""


def write_project(folder: Path, url: str, timeout: str = "20s") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "customhouse.yaml").write_text(PROJECT.format(url=url, timeout=timeout))
    return folder


Start = Callable[..., Process]


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    made = Issuer("rsa-1", "p256-1", "ed-1")
    yield made
    made.close()


@pytest.fixture(scope="session")
def start() -> Iterator[Start]:
    """Start a gateway with the double engine over a project."""
    running: list[Process] = []

    def started(project: Path, *flags: str, **environ: str) -> Process:
        said: Mapping[str, str] = {"CUSTOMHOUSE_MASTER_KEY": MASTER, **environ}
        process = Process([str(ROOT / "tests/app/double.py"), str(project), "internal", *flags], said)
        running.append(process)
        return process

    yield started
    for process in running:
        process.stop()


@pytest.fixture(scope="session")
def gateway(start: Start, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Process:
    project = write_project(tmp_path_factory.mktemp("gateway") / "project", issuer.url)
    return start(project, CUSTOMHOUSE_EXPLAIN="roles:platform")


@pytest.fixture(scope="session")
def client(gateway: Process) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.url, timeout=30, trust_env=False) as made:
        yield made


@pytest.fixture
def bearer(issuer: Issuer) -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.token('ed-1', roles=['analyst'], purposes=['fraud'])}"}
