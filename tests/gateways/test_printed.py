"""What the command prints, against golden files; and that it is the same in every process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import NotRequired, TypedDict, cast

import pytest
import yaml

from app.cli import main
from app.gateways.kinds import KINDS
from app.project import Project, load_project
from schema.load_units import rate
from schema.zone import CallerRate, Quota, Quotas, Rate
from tests.app.process import ROOT

HERE = Path(__file__).parent
EXAMPLE = ROOT / "examples" / "flights"
KEYS = "partner-login=https://partners.company.example/keys"


class Wrong(TypedDict):
    name: str
    ask: str
    code: str
    exit: int


class Case(TypedDict):
    """``kinds`` is of whom it is asked: of all where it is not there."""

    name: str
    ask: str
    kinds: NotRequired[list[str]]


CASES = cast(dict[str, list[Case]], yaml.safe_load((HERE / "cases.yaml").read_text()))
PRINTED = [(kind, case) for case in CASES["printed"] for kind in case.get("kinds", KINDS)]
WRONG = cast(list[Wrong], CASES["wrong"])


@pytest.fixture(scope="module")
def project() -> Project:
    return load_project(EXAMPLE, "prod")


@pytest.fixture(autouse=True)
def _loaded(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The project is read once for all: reading it is not what is looked at here."""
    monkeypatch.setattr("app.cli.gateway.load_project", lambda *_: project)


def asked(text: str) -> list[str]:
    return ["gateway", *text.split(), "--project", str(EXAMPLE), "--env", "prod"]


@pytest.mark.parametrize(("kind", "case"), PRINTED, ids=[f"{kind}-{case['name']}" for kind, case in PRINTED])
def test_golden(kind: str, case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(asked(f"{kind} {case['ask']}")) == 0
    said = capsys.readouterr()
    text = f"{said.out}\n{said.err}"
    golden = HERE / "golden" / f"{kind}-{case['name']}.txt"
    if os.environ.get("CUSTOMHOUSE_GOLDENS") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, "utf-8")
    assert text == golden.read_text("utf-8")


@pytest.mark.parametrize("case", WRONG, ids=lambda case: str(case["name"]))
def test_refused(case: Wrong, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed that somebody could use."""
    assert main(asked(case["ask"])) == case["exit"]
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith(f"{case['code']} ")


class Wall(TypedDict):
    name: str
    quotas: NotRequired[list[str | None]]
    rate: NotRequired[str]
    ask: NotRequired[str]
    wall: NotRequired[int]
    says: NotRequired[str]


WALLS = cast(list[Wall], CASES["walls"])
_LIMIT = re.compile("limit_req|http_req_rate|rate-limit|ratelimit", re.IGNORECASE)
LIMITING = sorted(KINDS.keys() - {"caddy", "gcp"})  # these have no limit of requests, and say so


def bounded(project: Project, case: Wall) -> Project:
    """The example, its partners' zone with these rates and quotas."""
    zone = project.catalog.zones["partner"]
    each = CallerRate(Rate(*made)) if (made := rate(case.get("rate", ""))) else CallerRate()
    partners = dict(zone.partners)
    for name, text in zip(sorted(partners), case.get("quotas", [None, None]), strict=True):
        quota = Quota(Rate(*(rate(text) or ()))) if text else Quota()
        partners[name] = replace(partners[name], quotas=Quotas(quota))
    zones = {**project.catalog.zones, "partner": replace(zone, rate=each, partners=partners)}
    return replace(project, catalog=replace(project.catalog, zones=zones))


@pytest.mark.parametrize("kind", LIMITING)
@pytest.mark.parametrize("case", WALLS, ids=lambda case: str(case["name"]))
def test_the_wall_against_floods(
    kind: str, case: Wall, project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Made of what holds for all who ask; and where there is none, or it is too low, that is said."""
    monkeypatch.setattr("app.cli.gateway.load_project", lambda *_: bounded(project, case))
    more = f" --rate {case['ask']}" if "ask" in case else ""
    assert main(asked(f"{kind} --zone partner --upstream http://a:1 --jwks {KEYS}{more}")) == 0
    said = capsys.readouterr()
    notes = [line for line in said.err.splitlines() if line.startswith("Not done here: A limit of requests")]
    notes = [line for line in notes if "set it on the stage" not in line]
    assert [case["says"] in line for line in notes] == ([True] if "says" in case else [])
    if not kind.startswith("aws"):  # whose limits are the stage's
        # --rate N/1m stands in a note of a configuration whose language has comments
        text = "\n".join(line for line in said.out.splitlines() if "Not done here" not in line)
        assert bool(_LIMIT.search(text)) is ("wall" in case)
        assert "wall" not in case or re.search(rf"\b{case['wall']}\b", text)


def test_goldens_are_of_these_cases() -> None:
    golden = {path.name for path in (HERE / "golden").glob("*.txt")}
    assert golden == {f"{kind}-{case['name']}.txt" for kind, case in PRINTED}


_SCRIPT = """
import sys
from pathlib import Path
from app.cli import gateway, main
from app.project import load_project

loaded = load_project(Path(sys.argv[1]), "prod")
gateway.load_project = lambda *_: loaded
for one in sys.argv[2:]:
    assert main(one.split()) == 0
"""


def test_every_process_prints_the_same() -> None:
    printed = []
    kinds = [f"{kind} --zone partner --upstream http://a:1 --jwks {KEYS}" for kind in KINDS]
    commands = [" ".join(asked(one)) for one in ("openapi --zone partner --host data.example", *kinds)]
    for seed in ("1", "2"):
        environ = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", _SCRIPT, str(EXAMPLE), *commands]
        printed.append(subprocess.run(command, env=environ, capture_output=True, check=True).stdout)
    assert printed[0] == printed[1] and len(printed[0]) > 10_000
