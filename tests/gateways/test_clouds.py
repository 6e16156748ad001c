"""What two clouds publish of their own gateways: AWS its service model (in botocore), Google its service configuration
(in googleapis-common-protos). Their extensions of OpenAPI are other spellings of the same fields."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.model import ServiceModel, Shape
from botocore.validate import ParamValidator
from google.api.auth_pb2 import AuthProvider
from google.api.backend_pb2 import BackendRule
from google.protobuf.json_format import ParseDict, ParseError

from app.project import Project, load_project
from tests.app.process import ROOT
from tests.gateways.printed import texts

Document = dict[str, Any]


@pytest.fixture(scope="module")
def project() -> Project:
    return load_project(ROOT / "examples" / "flights", "prod")


@functools.cache
def model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


def refused(service: str, operation: str, said: Mapping[str, object]) -> list[str]:
    """What AWS would say of the parameters of an operation: its own types, limits and words."""
    shape = model(service).operation_model(operation).input_shape
    report = ParamValidator().validate(dict(said), shape)
    return [*([report.generate_report()] if report.has_errors() else []), *words(said, shape, operation)]


def words(value: object, shape: Shape, name: str) -> Iterator[str]:
    """Words that are none of a list, and longer times than the longest: botocore leaves these to the service."""
    if getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{name} is {value!r}"
    if isinstance(value, int) and value > shape.metadata.get("max", value):
        yield f"{name} is more than {shape.metadata['max']}"
    if shape.type_name == "structure" and isinstance(value, dict):
        for key in value.keys() & shape.members.keys():
            yield from words(value[key], shape.members[key], f"{name}.{key}")


def http_integration(said: Document) -> Document:
    own = {"httpMethod": "IntegrationMethod", "type": "IntegrationType", "uri": "IntegrationUri"}
    found = {own.get(key, key[0].upper() + key[1:]): value for key, value in said.items()}
    return {"ApiId": "a", **found, "IntegrationType": found["IntegrationType"].upper()}


def rest_integration(said: Document) -> Document:
    found = {**said, "type": said["type"].upper(), "passthroughBehavior": said["passthroughBehavior"].upper()}
    found["integrationHttpMethod"] = found["httpMethod"]
    return {"restApiId": "a", "resourceId": "r", **found}


def capital(said: Document) -> Document:
    return {key[0].upper() + key[1:]: value for key, value in said.items()}


def integrations(document: Document) -> Iterator[Document]:
    for methods in document["paths"].values():
        for operation in methods.values():
            yield operation["x-amazon-apigateway-integration"]


def test_aws_knows_each_integration(project: Project) -> None:
    for text in texts(project, "aws-http"):
        for one in integrations(yaml.safe_load(text)):
            assert refused("apigatewayv2", "CreateIntegration", http_integration(one)) == []
    for text in texts(project, "aws-rest"):
        for one in integrations(yaml.safe_load(text)):
            assert refused("apigateway", "PutIntegration", rest_integration(one)) == []


def test_aws_knows_the_authorizer_and_the_origins(project: Project) -> None:
    authorizers = origins = 0
    for text in texts(project, "aws-http"):
        document = yaml.safe_load(text)
        for name, scheme in document.get("components", {}).get("securitySchemes", {}).items():
            said = scheme["x-amazon-apigateway-authorizer"]
            asked = {
                "ApiId": "a", "Name": name, "AuthorizerType": said["type"].upper(),
                "IdentitySource": [said["identitySource"]], "JwtConfiguration": capital(said["jwtConfiguration"]),
            }  # fmt: skip
            assert refused("apigatewayv2", "CreateAuthorizer", asked) == []
            authorizers += 1
        if (cors := document.get("x-amazon-apigateway-cors")) is not None:
            asked = {"Name": "a", "ProtocolType": "HTTP", "CorsConfiguration": capital(cors)}
            assert refused("apigatewayv2", "CreateApi", asked) == []
            origins += 1
    assert authorizers and origins


def test_google_knows_each_backend_and_issuer(project: Project) -> None:
    issuers = 0
    for text in texts(project, "gcp"):
        document = yaml.safe_load(text)
        backends = document["x-google-api-management"]["backends"]
        for one in backends.values():
            rule = ParseDict(one, BackendRule())
            assert rule.disable_auth or rule.jwt_audience
            assert rule.protocol in ("http/1.1", "h2") and 0 < rule.deadline <= 600
        named = [document["x-google-backend"]]
        named += [one["x-google-backend"] for path in document["paths"].values() for one in path.values()
                  if "x-google-backend" in one]  # fmt: skip
        assert set(named) == set(backends)
        for scheme in document.get("components", {}).get("securitySchemes", {}).values():
            said = scheme["x-google-auth"]
            ParseDict({**said, "audiences": ",".join(said["audiences"])}, AuthProvider())
            issuers += 1
    assert issuers


def test_what_they_do_not_know_is_seen() -> None:
    good: Document = {
        "type": "http_proxy", "httpMethod": "GET", "uri": "http://a", "connectionType": "INTERNET",
        "payloadFormatVersion": "1.0", "timeoutInMillis": 5000,
    }  # fmt: skip
    assert refused("apigatewayv2", "CreateIntegration", http_integration(good)) == []
    for over in ({"type": "proxy"}, {"timeoutInMillis": 31_000}, {"timeoutInMillis": "5 s"}, {"speed": "high"}):
        assert refused("apigatewayv2", "CreateIntegration", http_integration(good | over))
    for backend in ({"address": "http://a", "pathTranslation": "PREFIX"}, {"url": "http://a"}, {"deadline": "5s"}):
        with pytest.raises(ParseError):
            ParseDict(backend, BackendRule())
