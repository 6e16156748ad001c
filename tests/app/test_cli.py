"""The command line, as a person or a script uses it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import jwt
import pytest

from app.cli import COMMANDS, main
from tests.app.process import ROOT

PROJECT = Path(__file__).with_name("project")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CUSTOMHOUSE_PROJECT", "CUSTOMHOUSE_ENV"):
        monkeypatch.delenv(name, raising=False)
    return Path(shutil.copytree(PROJECT, tmp_path / "project"))


def payload(token: str) -> dict[str, object]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main(argv)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_token(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "token", "--project", str(project), "--as", "auditor")
    assert (code, err, out.count("\n")) == (0, "", 1)
    said = payload(out.strip())
    assert (said["sub"], said["aud"], said["iss"]) == ("auditor@shop.example", "shop", "https://dev.shop.example")
    assert (said["roles"], said["grants"]) == (["auditor"], {"more": "kept", "purposes": ["audit", "review"]})
    assert int(str(said["exp"])) - int(str(said["iat"])) == 3600  # 12h, cut to the issuer's max_lifetime
    key = next((project / ".run").glob("issuer-dev-*.pem"))
    assert key.stat().st_mode & 0o777 == 0o600


def test_token_with_purpose_and_lifetime(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ("token", "--project", str(project), "--as", "auditor", "--purpose", "review", "--lifetime", "5m")
    said = payload(run(capsys, *argv)[1].strip())
    assert said["grants"] == {"more": "kept", "purposes": ["review"]}
    assert int(str(said["exp"])) - int(str(said["iat"])) == 300


def test_a_token_is_for_the_audience_of_its_zone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = project / "customhouse.yaml"
    text = settings.read_text().replace("audiences: [shop]", "audiences: [shop, others]")
    text = text.replace("outside: {", "outside: {audiences: [others], ")
    settings.write_text(text)
    for zone, audience in (((), "shop"), (("--zone", "internal"), "shop"), (("--zone", "outside"), "others")):
        argv = ("token", "--project", str(project), "--as", "auditor", *zone)
        assert payload(run(capsys, *argv)[1].strip())["aud"] == audience


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["--as", "auditor", "--purpose", "marketing"], 1, "It has: audit, review."),
        (["--as", "lost"], 1, "CH333"),
        (["--as", "nobody"], 2, "CH333 There is no persona 'nobody'."),
        ([], 2, "Sees her region"),
        (["--as", "clerk", "--lifetime", "long"], 2, "--lifetime"),
        (["--as", "auditor", "--zone", "nowhere"], 1, "Zones that do: internal, outside."),
    ],
)
def test_token_that_cannot_be_made(
    argv: list[str], code: int, said: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    got, out, err = run(capsys, "token", "--project", str(project), *argv)
    assert (got, out) == (code, "")
    assert said in err


def test_token_by_default_is_for_the_example(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("CUSTOMHOUSE_PROJECT", raising=False)
    code, out, _ = run(capsys, "token", "--as", "ops-united")
    assert (code, payload(out.strip())["carriers"]) == (0, ["UA"])


def test_check_and_schema(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "check", "--project", str(project))
    assert (code, "1 products" in out) == (0, True)
    code, sdl, _ = run(capsys, "schema", "--project", str(project), "--zone", "internal")
    assert (code, "type Order implements Node" in sdl) == (0, True)
    code, out, err = run(capsys, "schema", "--project", str(project))
    assert (code, out, "internal | outside" in err) == (2, "", True)


def test_check_says_everything_that_is_wrong(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    catalog, policies = project / "catalog" / "sales.yaml", project / "policies" / "sales.yaml"
    catalog.write_text(catalog.read_text().replace("source: shop", "source: shpo"))
    code, _, err = run(capsys, "check", "--project", str(project))
    assert (code, "catalog/sales.yaml:6:" in err) == (1, True)
    catalog.write_text(catalog.read_text().replace("source: shpo", "source: shop"))
    policies.write_text(policies.read_text().replace("claims.region", "claims.regoin"))
    code, _, err = run(capsys, "check", "--project", str(project))
    assert (code, "policies/sales.yaml:2:" in err) == (1, True)
    for command in (("schema", "--zone", "internal"), ("token", "--as", "clerk"), ("serve",)):
        (project / "customhouse.yaml").write_text("sources: [")
        code, out, err = run(capsys, *command, "--project", str(project))
        assert (code, out, "customhouse.yaml:" in err) == (1, "", True)


def test_serve_is_refused_with_a_sentence(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUSTOMHOUSE_MASTER_KEY", raising=False)
    argv = ("serve", "--project", str(project), "--zone", "internal")
    for flags, code in ((["--dev-keys", "--host", "0.0.0.0"], "CH330"), ([], "CH331")):
        got, out, err = run(capsys, *argv, *flags)
        assert (got, out) == (2, "")
        assert err.startswith(code)
    monkeypatch.setenv("PORT", "many")
    got, _, err = run(capsys, *argv)
    assert (got, "PORT" in err) == (2, True)


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert f"customhouse {command}" in capsys.readouterr().out


@pytest.mark.parametrize("argv", [[], ["nonsense"], ["serve", "--port", "x"]])
def test_wrong_use(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(argv)
    assert end.value.code == 2
    assert "usage: customhouse" in capsys.readouterr().err


def test_a_token_does_not_wait_for_a_web_server() -> None:
    """`customhouse token` stands in shell loops: it must not import what only serving needs."""
    code = "import sys, json; import app.cli.token; print(json.dumps([m for m in sys.modules]))"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert {"fastapi", "uvicorn", "strawberry", "duckdb", "sqlalchemy"} & set(json.loads(said.stdout)) == set()
