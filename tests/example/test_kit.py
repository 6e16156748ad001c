"""What the example's partners are handed, against what the gateway answers them over a real socket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree, ignore_patterns, which
from typing import Any, cast

import httpx
import jsonschema
import openapi_spec_validator
import pytest

from app.cli import main
from app.personas import issuer_of, load_personas, token_claims
from app.project import Project, load_project
from app.steward.kit import FILES, kit
from app.steward.kit_text import sample
from app.tokens.development import mint
from tests.app.process import ROOT, Process

PARTNERS = ("agency", "airline-dl")
GRAPHQL = "application/graphql-response+json"
ASKED: dict[str, dict[str, object]] = {
    "Booking": {"bookingId": "15"},
    "FlightsOfDay": {"origin": "JFK", "dest": "LAX", "month": 12, "day": 1, "first": 3},
    "FlightWithBookings": {"id": "261946", "first": 2},
    "DelaysByAirport": {"months": [6, 7], "first": 3},
    "PassengersByCabin": {"country": "DE"},
}
"""Values that find something. Where there are none, those of requests.sh."""


@pytest.fixture(scope="module")
def folder(warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("kit") / "flights"
    copytree(
        ROOT / "examples" / "flights", made, ignore=ignore_patterns("*.parquet", "*.duckdb", ".run", "__pycache__")
    )
    (made / "data" / "flights.duckdb").symlink_to(warehouse)
    return made


@pytest.fixture(scope="module")
def project(folder: Path) -> Project:
    return load_project(folder)


@pytest.fixture(scope="module")
def gateway(folder: Path) -> Iterator[Process]:
    process = Process(["-m", "app.cli", "serve", "--project", str(folder), "--zone", "partner", "--dev-keys",
                       "--port", "0"], {})  # fmt: skip
    yield process
    process.stop()


def bearer(project: Project, name: str) -> str:
    persona = load_personas(project.root)[name]
    issuer = issuer_of(persona, project.catalog)
    return mint(issuer, project.root, persona.subject, token_claims(persona, issuer, None), lifetime=600)


def described(project: Project, name: str) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(kit(project, "partner", name)["openapi.json"]))


def holds(document: dict[str, Any], status: str, answer: httpx.Response) -> None:
    """The answer is as the OpenAPI document says."""
    said = document["paths"][answer.request.url.path]["get"]["responses"][status]
    if "$ref" in said:
        said = document["components"]["responses"][said["$ref"].rpartition("/")[2]]
    schema = said["content"][answer.headers["content-type"].partition(";")[0]]["schema"]
    checker = jsonschema.Draft202012Validator(
        {**schema, "components": document["components"]}, format_checker=jsonschema.FormatChecker()
    )
    assert [error.message for error in checker.iter_errors(answer.json())] == []


@pytest.mark.parametrize("name", PARTNERS)
def test_openapi_is_valid(project: Project, name: str) -> None:
    openapi_spec_validator.validate(described(project, name))


def test_each_partner_is_handed_what_it_may_ask(project: Project) -> None:
    handed = {name: [one["operationId"] for path in described(project, name)["paths"].values() for one in path.values()]
              for name in PARTNERS}  # fmt: skip
    assert handed == {
        "agency": ["Airlines", "Booking", "BookingsOfCustomer", "DelaysByAirport", "FlightWithBookings", "FlightsOfDay",
                   "OwnBookings", "PassengersByCabin"],
        "airline-dl": ["Airlines", "DelaysByAirport", "FlightsOfDay", "PassengersByCabin"],
    }  # fmt: skip


@pytest.mark.parametrize("accept", [GRAPHQL, "application/json"])
@pytest.mark.parametrize("name", PARTNERS)
def test_answers_are_as_they_are_described(gateway: Process, project: Project, name: str, accept: str) -> None:
    document, registered = described(project, name), project.documents["partner"].by_name
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=60) as client:
        client.headers.update({"authorization": f"Bearer {bearer(project, name)}", "accept": accept})
        for path in document["paths"]:
            variables = registered[path.rpartition("/")[2]].variables
            usual = {one.name: sample(one) for one in variables if one.required}
            answer = client.get(path, params=cast(dict[str, Any], ASKED.get(path.rpartition("/")[2], usual)))
            assert answer.status_code == 200 and "data" in answer.json(), answer.text
            holds(document, "200", answer)


def test_refusals_are_as_they_are_described(gateway: Process, project: Project) -> None:
    document = described(project, "agency")
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=60) as client:
        without = client.get("/q/Airlines", headers={"accept": GRAPHQL})
        assert without.status_code == 401 and "www-authenticate" in without.headers
        holds(document, "401", without)
        client.headers.update({"authorization": f"Bearer {bearer(project, 'agency')}", "accept": GRAPHQL})
        wrong: list[dict[str, Any]] = [{}, {"bookingId": "x"}, {"bookingId": "1" * 20}, {"bookingId": "1", "more": "1"}]
        for given in wrong:
            answer = client.get("/q/Booking", params=given)
            assert answer.status_code == 400, given
            holds(document, "400", answer)


def test_a_question_of_another_partner_is_none(gateway: Process, project: Project) -> None:
    """Else its name, its bounds or its errors would tell what there is."""
    seen = []
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=60) as client:
        headers = {"authorization": f"Bearer {bearer(project, 'airline-dl')}", "x-request-id": "same"}
        for path in ("/q/Booking?bookingId=15", "/q/Booking", "/q/Booking?more=1", "/q/NoSuchQuestion"):
            answer = client.get(path, headers=headers)
            left = {"date": "", "ratelimit": ""}  # how many requests are left is another number after each
            seen.append((answer.status_code, answer.content, {**answer.headers, **left}))
    assert seen[0][0] == 400 and seen == [seen[-1]] * 4


def test_the_zone_tells_each_partner_the_same(gateway: Process, project: Project) -> None:
    """As in the kit, but for what it is called and where it is."""
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=60) as client:
        assert client.get("/openapi.json").status_code == 401
        for name in PARTNERS:
            told = client.get("/openapi.json", headers={"authorization": f"Bearer {bearer(project, name)}"})
            handed = described(project, name)
            assert told.status_code == 200 and told.headers["content-type"] == "application/json"
            assert {key: told.json()[key] for key in ("paths", "components")} == {
                key: handed[key] for key in ("paths", "components")
            }
            assert told.json()["info"]["version"] == handed["info"]["version"]


@pytest.mark.skipif(which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("name", PARTNERS)
def test_sample_requests_are_answered(gateway: Process, project: Project, name: str, tmp_path: Path) -> None:
    script = tmp_path / "requests.sh"
    script.write_bytes(kit(project, "partner", name, gateway.url)["requests.sh"])
    environ = {"PATH": os.environ["PATH"], "TOKEN": bearer(project, name), "no_proxy": "*"}
    ran = subprocess.run(["sh", str(script)], env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr + ran.stdout
    answers = [json.loads(line) for line in ran.stdout.splitlines() if line]
    assert len(answers) == len(described(project, name)["paths"]) and all("data" in one for one in answers)


def test_no_token_and_no_key_is_in_it(project: Project) -> None:
    token = bearer(project, "agency")
    for name, content in kit(project, "partner", "agency", "https://data.example").items():
        assert b"eyJ" not in content and token.encode() not in content, name
        assert b"secret:" not in content, name


def test_the_same_project_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    """In two processes whose sets have different orders."""
    written = []
    for seed in ("1", "2"):
        out = tmp_path / seed
        command = ["partner", "kit", "agency", "--project", str(folder), "--zone", "partner", "--out", str(out)]
        environ = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-m", "app.cli", *command], env=environ, check=True, capture_output=True)
        written.append(
            {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
        )
    assert written[0] == written[1]
    assert written[0].keys() >= FILES


def test_an_older_kit_is_replaced_and_nothing_else(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["partner", "kit", "airline-dl", "--project", str(folder), "--out", str(tmp_path / "out")]
    assert main([*command[:2], "agency", *command[3:]]) == 0
    assert main(command) == 0
    assert not (tmp_path / "out" / "documents" / "Booking.graphql").exists()
    (tmp_path / "out" / "notes.txt").write_text("mine", "utf-8")
    assert main(command) == 1
    assert "CH340" in capsys.readouterr().err
    assert (tmp_path / "out" / "notes.txt").read_text("utf-8") == "mine"


@pytest.mark.parametrize("wrong", [["agancy"], ["agency", "--zone", "internal"], ["agency", "--zone", "nowhere"]])
def test_a_partner_or_zone_that_is_not_there(
    folder: Path, tmp_path: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["partner", "kit", "--project", str(folder), "--out", str(tmp_path / "out"), *wrong]) == 2
    assert "CH339" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
