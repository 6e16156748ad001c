"""What is read from a trusted peer's headers, case by case, and who is a peer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from app.edge.peers import Peers, read_networks
from app.edge.request_id import gateway_id
from app.edge.via import Via

CASES = yaml.safe_load(Path(__file__).with_name("via.yaml").read_text(encoding="utf-8"))
PEERS = Peers(read_networks("10.0.0.0/8, 2001:db8::/32"))
ABSENT = {"client": None, "scheme": None, "host": None, "prefix": "", "seconds": None}


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    said = [
        (name.encode(), ("6.6.6.6, " * 1000 if text == "LONG" else text).encode())
        for name, text in case["said"].items()
    ]
    via = Via(said, "10.0.0.1", PEERS, case.get("family", "x-forwarded"))
    found = {
        "client": via.client(),
        "scheme": via.scheme(),
        "host": via.host(),
        "prefix": via.prefix(case.get("path", "/graphql")),
        "seconds": None if via.seconds is None else round(via.seconds, 6),
    }
    assert found == ABSENT | case["want"]


@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        ("10.255.0.1", True),
        ("::ffff:10.0.0.1", True),
        ("2001:db8::7", True),
        ("fe80::1%eth0", False),
        ("11.0.0.1", False),
        ("::1", False),
        ("", False),
        ("10.0.0.1.example", False),
    ],
)
def test_peers(address: str, trusted: bool) -> None:
    assert [PEERS.trusts(address) for _ in range(2)] == [trusted] * 2


def test_many_strangers_are_not_all_remembered() -> None:
    for at in range(10_000):
        assert not PEERS.trusts(f"192.0.{at // 256 % 256}.{at % 256}-{at}")
    assert len(PEERS._known) <= 4096
    assert PEERS.trusts("10.0.0.1")


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/8", "everybody", "0.0.0.0/0", "::/0", "10.0.0.0/8,,x"])
def test_networks_that_cannot_be_meant(text: str) -> None:
    with pytest.raises(ValueError, match="is "):
        read_networks(text)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("apigw-requestid", "ZJ5XjhKLIAMEP3w=", "ZJ5XjhKLIAMEP3w"),
        ("x-amzn-trace-id", "Root=1-67891233-abcdef012345678912345678", "1-67891233-abcdef012345678912345678"),
        ("x-amzn-trace-id", "Self=1-1-a;Root=1-6-b;Sampled=1", "1-1-a"),
        ("x-amzn-trace-id", "Parent=1", None),
        ("x-kong-request-id", "b1f2a7e4c0d94b3f8a6e5d2c1b0a9f87", "b1f2a7e4c0d94b3f8a6e5d2c1b0a9f87"),
        ("x-kong-request-id", 'x"y', None),
        ("x-kong-request-id", "", None),
        ("x-kong-request-id", "x" * 129, None),
    ],
)
def test_ids_of_gateways(name: str, value: str, found: str | None) -> None:
    header = (name.encode(), value.encode())
    assert gateway_id([header], (b"apigw-requestid", b"x-amzn-trace-id", b"x-kong-request-id")) == found
    assert gateway_id([header, header], (name.encode(),)) is None
    assert gateway_id([header], (b"another",)) is None
