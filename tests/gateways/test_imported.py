"""What readers of these files say: moto for AWS, the OpenAPI validator, XML, YAML; and what must stand in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast
from xml.etree import ElementTree

import boto3
import openapi_spec_validator
import pytest
import yaml
from moto import mock_aws

from app.gateways.facing import Facing
from app.gateways.kinds import make
from app.gateways.openapi import older, whole_openapi
from app.gateways.wrong import CannotStand
from app.project import Project, load_project
from tests.app.process import ROOT
from tests.gateways.printed import ZONES, of


@pytest.fixture(scope="module")
def project() -> Project:
    return load_project(ROOT / "examples" / "flights", "prod")


@pytest.fixture(params=ZONES)
def front(request: pytest.FixtureRequest, project: Project) -> Facing:
    return of(project, str(request.param))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield


def routes(front: Facing) -> set[tuple[str, str]]:
    return {(method, route.path) for route in front.routes for method in route.methods}


def document(text: str) -> dict[str, Any]:
    return cast(dict[str, Any], yaml.safe_load(text))


def test_aws_imports_the_http_api(front: Facing, aws: None) -> None:
    text = make("aws-http", front).text
    client = boto3.client("apigatewayv2", region_name="eu-west-1")
    api = client.create_api(Name="front", ProtocolType="HTTP")["ApiId"]
    client.reimport_api(ApiId=api, Body=text, FailOnWarnings=True)
    imported = {one["RouteKey"]: one["Target"] for one in client.get_routes(ApiId=api)["Items"]}
    assert set(imported) == {f"{method} {path}" for method, path in routes(front) if path != "/sql"}
    kept = {f"integrations/{one['IntegrationId']}": one for one in client.get_integrations(ApiId=api)["Items"]}
    for key, target in imported.items():
        method, _, path = key.partition(" ")
        found = kept[target]
        assert (found["IntegrationType"], found["IntegrationMethod"]) == ("http_proxy", method)
        assert found["IntegrationUri"] == f"http://10.0.0.5:8001{path}"


def test_aws_imports_the_rest_api(front: Facing, aws: None) -> None:
    text = make("aws-rest", front).text
    client = boto3.client("apigateway", region_name="eu-west-1")
    api = client.import_rest_api(body=text.encode(), failOnWarnings=True)["id"]
    resources = client.get_resources(restApiId=api, embed=["methods"])["items"]
    imported = {(method, one["path"]) for one in resources for method in one.get("resourceMethods", {})}
    assert imported >= {one for one in routes(front) if one[1] != "/sql"}
    assert ("OPTIONS", "/graphql") in imported and ("OPTIONS", "/readyz") not in imported


@pytest.mark.parametrize("kind", ["aws-http", "aws-rest", "gcp"])
def test_is_openapi(front: Facing, kind: str) -> None:
    openapi_spec_validator.validate(document(make(kind, front).text))


@pytest.mark.parametrize("kind", ["aws-http", "aws-rest", "gcp"])
def test_a_gateway_waits_a_little_longer_than_the_zone(front: Facing, project: Project, kind: str) -> None:
    said = document(make(kind, front).text)
    zone = project.catalog.zones[front.zone]
    if kind == "gcp":
        backends = said["x-google-api-management"]["backends"]
        waits = [backends["questions"]["deadline"]]
    else:
        integration = said["paths"]["/graphql"]["post"]["x-amazon-apigateway-integration"]
        waits = [integration["timeoutInMillis"] / 1000]
    assert all(zone.timeout < wait <= 29 for wait in waits)


def test_only_health_is_asked_without_a_token(front: Facing) -> None:
    said = document(make("aws-http", front).text)["paths"]
    assert {path for path, methods in said.items() if not all(one.get("security") for one in methods.values())} == {
        "/livez", "/readyz",
    }  # fmt: skip
    google = document(make("gcp", front).text)
    open_ = {path for path, methods in google["paths"].items() if methods["get"].get("security") == []}
    assert google["security"] and open_ == {"/livez", "/readyz"}


def test_openapi_of_a_zone(front: Facing, project: Project) -> None:
    whole = whole_openapi(project, front)
    openapi_spec_validator.validate(cast(Any, whole))
    assert set(cast(dict[str, object], whole["paths"])) == {route.path for route in front.routes}
    old = older(whole)
    assert old["openapi"] == "3.0.3"
    openapi_spec_validator.validate(cast(Any, old))
    text = json.dumps(old)
    assert '"null"' not in text and '"const"' not in text and "contentEncoding" not in text


def test_older_openapi_says_the_same() -> None:
    newer = {
        "properties": {"type": {"type": ["string", "null"]}, "const": {"const": 1}, "anyOf": {"type": "string"}},
        "anyOf": [{"$ref": "#/x"}, {"type": "null"}],
        "items": {"type": ["string", "integer"], "contentEncoding": "base64"},
    }
    assert older({"x": newer})["x"] == {
        "properties": {
            "type": {"type": "string", "nullable": True},
            "const": {"enum": [1]},
            "anyOf": {"type": "string"},
        },
        "anyOf": [{"$ref": "#/x"}],
        "nullable": True,
        "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
    }


def test_kong(front: Facing) -> None:
    """decK's format: services over one upstream, routes by anchored patterns, names of plugins that Kong brings."""
    said = document(make("kong", front).text)
    assert said["_format_version"] == "3.0" and set(said) == {"_format_version", "services", "upstreams"}
    names = {one["name"] for one in said["upstreams"]}
    for service in said["services"]:
        assert service["host"] in names and service["read_timeout"] == service["write_timeout"]
        plugins = {one["name"] for one in service["plugins"]}
        assert {"correlation-id", "request-size-limiting", "request-transformer"} <= plugins
        assert plugins <= {"correlation-id", "request-size-limiting", "request-transformer", "rate-limiting"}
        for route in service["routes"]:
            assert all(path.startswith("~/") and path.endswith("$") for path in route["paths"])
            assert route["strip_path"] is False
    every = [route["name"] for service in said["services"] for route in service["routes"]]
    assert len(every) == len(set(every))


def test_gateway_api(front: Facing) -> None:
    """Fields of HTTPRoute v1, and policies whose targets exist; health has no policy of tokens."""
    said = list(yaml.safe_load_all(make("k8s", front).text))
    kept: dict[str, dict[str, Any]] = {one["metadata"]["name"]: one for one in said if one["kind"] == "HTTPRoute"}
    for one in kept.values():
        assert one["apiVersion"] == "gateway.networking.k8s.io/v1"
        assert set(one["spec"]) == {"parentRefs", "hostnames", "rules"}
        for rule in one["spec"]["rules"]:
            assert len(rule["matches"]) <= 64 and rule["timeouts"]["backendRequest"] == rule["timeouts"]["request"]
            assert {match["path"]["type"] for match in rule["matches"]} <= {"Exact", "PathPrefix"}
    policies = [one for one in said if one["kind"] != "HTTPRoute"]
    targets = {one["kind"]: set[str]() for one in policies}
    for one in policies:
        assert one["apiVersion"] == "gateway.envoyproxy.io/v1alpha1"
        targets[one["kind"]] |= {target["name"] for target in one["spec"]["targetRefs"]}
    guarded = set(kept) - {f"customhouse-{front.zone}-health"}
    assert targets == {"SecurityPolicy": guarded, "BackendTrafficPolicy": guarded}


def test_azure(front: Facing) -> None:
    """Well-formed, with the four sections, and the policies in them that API Management knows in those sections."""
    root = ElementTree.fromstring(make("azure", front).text)
    assert [one.tag for one in root] == ["inbound", "backend", "outbound", "on-error"]
    inbound = root[0]
    assert {one.tag for one in inbound} <= {
        "base", "cors", "choose", "rate-limit-by-key", "set-header", "set-backend-service",
    }  # fmt: skip
    jwt = inbound.find("choose/when/validate-jwt")
    assert jwt is not None and [one.text for one in jwt.iter("audience")] == list(front.logins[0].audiences)
    assert [one.text for one in inbound.iter("origin")] == ["https://app.example"]


def test_what_cannot_stand_is_refused(project: Project) -> None:
    """A zone that answers more slowly than AWS waits, or whose tokens AWS cannot check."""
    front = of(project, "partner")
    slow = replace(front, routes=tuple(replace(one, seconds=40.0) for one in front.routes))
    login = front.logins[0]
    for kind, wrong in (
        ("aws-http", slow),
        ("aws-rest", slow),
        ("aws-http", replace(front, logins=(login, replace(login, name="other")))),
        ("aws-http", replace(front, logins=(replace(login, algorithms=("ES256",)),))),
        ("aws-http", replace(front, logins=(replace(login, oidc=False),))),
        ("azure", replace(front, logins=(replace(login, oidc=False),))),
        ("gcp", replace(front, logins=(replace(login, oidc=False, keys=None),))),
        ("envoy", replace(front, logins=(replace(login, keys=None),))),
    ):
        with pytest.raises(CannotStand, match="CH349"):
            make(kind, wrong)
