"""The objects for Kubernetes against the schemas and the types of Gateway API v1 and Envoy Gateway v1alpha1, which npm
packages carry (made from the Go types that the CRDs are made from, too).

Schemas tell wrong values and what is missing; types tell fields that nobody knows, which an API server drops.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.project import Project, load_project
from tests.app.process import ROOT
from tests.gateways.printed import texts

pytestmark = pytest.mark.slow_parts
PACKAGES = ROOT / ".run" / "schemas" / "node_modules"
LIBRARIES = {
    "gateway.networking.k8s.io/v1": "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1",
    "gateway.envoyproxy.io/v1alpha1": "@kubernetes-models/envoy-gateway/gateway.envoyproxy.io/v1alpha1",
}
KINDS = {"Gateway", "HTTPRoute", "BackendTLSPolicy", "ClientTrafficPolicy", "BackendTrafficPolicy", "SecurityPolicy"}
_VALIDATE = """
import { readFileSync } from 'node:fs';
const wrong = [];
for (const [number, one] of JSON.parse(readFileSync(0, 'utf8')).entries()) {
  const library = await import(LIBRARIES[one.apiVersion]);
  try { new library[one.kind](one).validate(); } catch (error) { wrong.push([number, error.message]); }
}
console.log(JSON.stringify(wrong));
"""
Object = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("node") is None or not (PACKAGES / "typescript").is_dir():
        pytest.skip("the npm packages @kubernetes-models/gateway-api, .../envoy-gateway, typescript: make schemas")
    made = tmp_path_factory.mktemp("schemas")
    (made / "node_modules").symlink_to(PACKAGES)
    return made


@pytest.fixture(scope="module")
def objects() -> list[Object]:
    project: Project = load_project(ROOT / "examples" / "flights", "prod")
    return [one for text in texts(project, "k8s") for one in yaml.safe_load_all(text)]


def of_values(folder: Path, objects: Sequence[Object]) -> dict[int, str]:
    """What the schemas say is wrong, by the number of the object."""
    script = f"const LIBRARIES = {json.dumps(LIBRARIES)};\n{_VALIDATE}"
    command = ["node", "--input-type=module", "-e", script]
    done = subprocess.run(
        command, cwd=folder, input=json.dumps(list(objects)), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def of_fields(folder: Path, objects: Sequence[Object]) -> dict[int, str]:
    """What the types say is wrong, by the number of the object: one stands in each line."""
    lines = [f"import type * as L{number} from '{name}';" for number, name in enumerate(LIBRARIES.values())]
    for number, one in enumerate(objects):
        library = list(LIBRARIES).index(one["apiVersion"])
        lines.append(f"export const o{number}: L{library}.I{one['kind']} = {json.dumps(one)};")
    (folder / "objects.ts").write_text("\n".join(lines))
    flags = [
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--target",
        "es2022",
        "--module",
        "nodenext",
        "--pretty",
        "false",
    ]
    command = ["node", str(folder / "node_modules" / "typescript" / "bin" / "tsc"), *flags, "objects.ts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    found = {}
    for line in done.stdout.splitlines():
        if line.startswith("objects.ts("):
            place, _, sentence = line.partition(": ")
            found[int(place[len("objects.ts(") :].partition(",")[0]) - len(LIBRARIES) - 1] = sentence
    assert bool(found) == bool(done.returncode), done.stdout + done.stderr
    return found


def test_every_object_is_valid(folder: Path, objects: list[Object]) -> None:
    assert {one["kind"] for one in objects} == KINDS
    assert of_values(folder, objects) == {}
    assert of_fields(folder, objects) == {}


def test_what_is_not_valid_is_seen(folder: Path, objects: list[Object]) -> None:
    """One of each kind with a field that there is not, and one of some with a wrong value or without a needed one."""
    firsts = list({one["kind"]: one for one in objects}.values())
    strange = [{**one, "spec": {**one["spec"], "speed": 1}} for one in firsts]
    assert set(of_fields(folder, [*firsts, *strange])) == set(range(len(firsts), 2 * len(firsts)))
    spoilt = json.loads(json.dumps({one["kind"]: one for one in firsts}))
    spoilt["HTTPRoute"]["spec"]["rules"][0]["timeouts"]["request"] = "5 minutes"
    spoilt["Gateway"]["spec"]["listeners"][0]["port"] = 0
    spoilt["BackendTLSPolicy"]["spec"]["validation"].pop("hostname")
    spoilt["SecurityPolicy"]["spec"]["jwt"]["providers"] = []
    spoilt["BackendTrafficPolicy"]["spec"]["healthCheck"]["active"]["unhealthyThreshold"] = 0
    assert set(of_values(folder, list(spoilt.values()))) == {
        number for number, kind in enumerate(spoilt) if kind != "ClientTrafficPolicy"
    }
