"""Settings of the edge that cannot be meant, or would believe more than anybody can want."""

from __future__ import annotations

import pytest

from app.settings import VARIABLES, SettingError, read_settings
from tests.edge.balancer import SIGNER

ALB = f"format=alb header=x-amzn-oidc-data peers=10.0.0.0/8 signer={SIGNER}"
GCP = "format=gcp header=x-apigateway-api-userinfo peers=10.0.0.0/8 audience=https://data.example caller=a@b.example"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("TRUSTED_PROXIES", text) for text in ("everybody", "0.0.0.0/0", "::/0", "10.0.0.1/8")),
        ("FORWARDED", "both"),
        *(("PREFIX", text) for text in ("prod", "/a/../b", "//evil.example", "/a b")),
        ("REQUEST_ID_FROM", "x request id"),
        *(
            ("GATEWAY_IDENTITY", text)
            for text in ("alb", "format=kong header=x peers=10.0.0.0/8", f"{ALB} x=y", f"{ALB} {ALB}")
        ),
        ("GATEWAY_IDENTITY", ALB.replace("peers=10.0.0.0/8", "")),
        ("GATEWAY_IDENTITY", ALB.replace("10.0.0.0/8", "0.0.0.0/0")),
        ("GATEWAY_IDENTITY", ALB.replace(SIGNER, "arn:aws:iam::123456789012:role/x")),
        ("GATEWAY_IDENTITY", ALB.replace("x-amzn-oidc-data", "authorization")),
        ("GATEWAY_IDENTITY", GCP.replace("audience=https://data.example", "")),
        ("GATEWAY_IDENTITY", GCP.replace("caller=a@b.example", "")),
    ],
)
def test_refused(name: str, text: str) -> None:
    with pytest.raises(SettingError, match=f"CUSTOMHOUSE_{name}"):
        read_settings({f"CUSTOMHOUSE_{name}": text})
    assert f"CUSTOMHOUSE_{name}" in VARIABLES


def test_read() -> None:
    edge = read_settings({"CUSTOMHOUSE_GATEWAY_IDENTITY": ALB, "CUSTOMHOUSE_PREFIX": "/prod/"}).edge
    assert edge.identity is not None
    assert (edge.identity.format, edge.identity.header, edge.prefix) == ("alb", b"x-amzn-oidc-data", "/prod")
    assert read_settings({"CUSTOMHOUSE_GATEWAY_IDENTITY": GCP}).edge.identity is not None
