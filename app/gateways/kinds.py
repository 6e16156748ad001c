"""The kinds of gateways there are configurations for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

from app.gateways.facing import Facing
from app.gateways.made import Made

KINDS: Mapping[str, str] = {
    "aws-http": "AWS API Gateway, HTTP API: OpenAPI to import",
    "aws-rest": "AWS API Gateway, REST API: OpenAPI to import",
    "gcp": "Google Cloud API Gateway: OpenAPI with its extensions",
    "kong": "Kong: a declarative file for decK",
    "envoy": "Envoy: a static configuration",
    "nginx": "NGINX: a file of its http block",
    "haproxy": "HAProxy: a configuration",
    "caddy": "Caddy: a Caddyfile",
    "traefik": "Traefik: the file provider's configuration",
    "azure": "Azure API Management: an API's policies",
    "k8s": "Kubernetes Gateway API, with Envoy Gateway's policies",
}


def make(kind: str, facing: Facing) -> Made:
    """Raises CannotStand."""
    word = kind.replace("-", "_")
    made: Callable[[Facing], Made] = getattr(importlib.import_module(f"app.gateways.{word}"), word)
    return made(facing)
