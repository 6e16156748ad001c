"""compose.yaml and the Kubernetes manifests: their schemas, and what a schema does not know: that they are safe, fit
each other and name only settings that there are."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.keyring import keyring
from app.settings import VARIABLES

FOLDER = Path(__file__).resolve().parents[2] / "docker"
COMPOSE = FOLDER / "compose.yaml"
MANIFESTS = sorted((FOLDER / "kubernetes").glob("*.yaml"))
ZONES = ("internal", "partner")
KUBERNETES = "1.34"
DRAIN = 10.0  # until workers are killed, after both bounds (docs/running.md)
Object = dict[str, Any]


def objects() -> list[Object]:
    return [found for path in MANIFESTS for found in yaml.safe_load_all(path.read_text())]


def one(kind: str, name: str) -> Object:
    (found,) = [found for found in objects() if (found["kind"], found["metadata"]["name"]) == (kind, name)]
    return found


def services() -> dict[str, Object]:
    found: dict[str, Object] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


@pytest.mark.parametrize("found", objects(), ids=lambda found: f"{found['kind']}-{found['metadata']['name']}")
def test_a_manifest_is_of_its_schema(found: Object) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not here")
    validate.validate(found, KUBERNETES, strict=True)
    assert found["kind"] == "Namespace" or found["metadata"]["namespace"] == "customhouse"


@pytest.mark.parametrize("zone", ZONES)
def test_a_pod_has_no_rights(zone: str) -> None:
    spec = one("Deployment", f"customhouse-{zone}")["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] and not spec["automountServiceAccountToken"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert container["resources"]["limits"]["memory"]
    writable = [mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
    assert writable == ["tmp"]


@pytest.mark.parametrize("zone", ZONES)
def test_a_pod_is_probed_and_drains(zone: str) -> None:
    spec = one("Deployment", f"customhouse-{zone}")["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")}
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "startup": "/startupz", "readiness": "/readyz", "liveness": "/livez",
    }  # fmt: skip
    assert {probe["port"] for probe in probes.values()} == {"admin"}
    said = one("ConfigMap", "customhouse")["data"]
    bounds = float(said["CUSTOMHOUSE_DRAIN_DELAY"]) + float(said["CUSTOMHOUSE_SHUTDOWN_TIMEOUT"]) + DRAIN
    assert spec["terminationGracePeriodSeconds"] > bounds
    ready = container["readinessProbe"]
    assert ready["periodSeconds"] * ready["failureThreshold"] < float(said["CUSTOMHOUSE_DRAIN_DELAY"])


@pytest.mark.parametrize("zone", ZONES)
def test_what_belongs_to_a_zone_finds_it(zone: str) -> None:
    deployment = one("Deployment", f"customhouse-{zone}")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    ports = {
        port["name"]: port["containerPort"] for port in deployment["spec"]["template"]["spec"]["containers"][0]["ports"]
    }
    service = one("Service", f"customhouse-{zone}")["spec"]
    assert service["selector"].items() <= labels.items()
    assert [port["targetPort"] for port in service["ports"]] == ["http"], "the admin listener is in no service"
    assert ports == {"http": 8000, "admin": 9000}
    for kind in ("PodDisruptionBudget", "NetworkPolicy"):
        spec = one(kind, f"customhouse-{zone}")["spec"]
        assert (
            spec["selector" if kind == "PodDisruptionBudget" else "podSelector"]["matchLabels"].items()
            <= labels.items()
        )
    assert (
        one("HorizontalPodAutoscaler", f"customhouse-{zone}")["spec"]["scaleTargetRef"]["name"] == f"customhouse-{zone}"
    )
    assert one("NetworkPolicy", "nothing")["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_zones_have_no_secret_in_common() -> None:
    named = {
        zone: set(
            re.findall(
                r"(?:name|secretName): (customhouse-\w+)[,}]", (FOLDER / "kubernetes" / f"{zone}.yaml").read_text()
            )
        )
        for zone in ZONES
    }
    assert not named["internal"] & named["partner"] - {"customhouse-project"}
    of = {zone: services()[f"gateway-{zone}"] for zone in ZONES}
    assert set(of["internal"]["secrets"]) & set(of["partner"]["secrets"]) == {"ca"}
    assert set(of["internal"]["networks"]) & set(of["partner"]["networks"]) == {"monitoring"}
    assert (
        of["internal"]["environment"]["CUSTOMHOUSE_CACHE_URL"] != of["partner"]["environment"]["CUSTOMHOUSE_CACHE_URL"]
    )


def test_compose_is_of_its_schema() -> None:
    spec = pytest.importorskip("compose_spec", reason="compose-spec is not here")
    given = re.sub(r"\$\{\w+:(?:-([^}]*)|\?[^}]*)\}", lambda found: found[1] or "/srv/given", COMPOSE.read_text())
    assert "${" not in given
    spec.PyCompose.from_yaml(yaml.safe_dump(yaml.safe_load(given))).validate()


def test_compose_publishes_on_loopback_and_pins_versions() -> None:
    for name, service in services().items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
        assert ":" in service["image"] and not service["image"].endswith(":latest"), name
    for zone in ZONES:
        gateway = services()[f"gateway-{zone}"]
        assert gateway["read_only"] and gateway["cap_drop"] == ["ALL"]
        said = gateway["environment"]
        bounds = float(said["CUSTOMHOUSE_DRAIN_DELAY"]) + float(said["CUSTOMHOUSE_SHUTDOWN_TIMEOUT"]) + DRAIN
        assert float(gateway["stop_grace_period"].removesuffix("s")) > bounds


def test_files_that_are_mounted_are_there() -> None:
    for service in services().values():
        for mounted in service.get("volumes", ()):
            if mounted.startswith("./monitoring"):
                assert (FOLDER / mounted.split(":")[0]).exists(), mounted
    targets = yaml.safe_load((FOLDER / "monitoring" / "prometheus.yaml").read_text())["scrape_configs"]
    scraped = {target for job in targets for one in job["static_configs"] for target in one["targets"]}
    assert scraped == {f"gateway-{zone}:9000" for zone in ZONES}


def test_every_setting_is_one() -> None:
    text = "\n".join(path.read_text() for path in (COMPOSE, FOLDER / "Dockerfile", *MANIFESTS))
    found = {
        re.sub(r"(?<=_MASTER_KEY_)[A-Z]+", "<ZONE>", name) for name in re.findall(r"\bCUSTOMHOUSE_[A-Z_]+\b", text)
    }
    assert found <= VARIABLES.keys()


@pytest.mark.parametrize("zone", ZONES)
def test_a_zone_finds_its_key(zone: str, tmp_path: Path) -> None:
    """With what is said to it and a file in the place of the secret; partners' zones take no key but their own."""
    (container,) = one("Deployment", f"customhouse-{zone}")["spec"]["template"]["spec"]["containers"]
    of_pod = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    (tmp_path / "key").write_text(base64.b64encode(bytes(range(32))).decode())
    for said in (of_pod, services()[f"gateway-{zone}"]["environment"]):
        environ = {name: re.sub(r"(?<=secret:file:)\S+", str(tmp_path / "key"), value) for name, value in said.items()}
        assert keyring(zone, environ, tmp_path, dev_keys=False, alone=zone == "partner").keys() >= {"hash", "seal"}
