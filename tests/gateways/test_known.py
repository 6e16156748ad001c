"""Kong's declarative file and Azure's policies against what these two know, written down by hand in known.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from app.project import Project, load_project
from tests.app.process import ROOT
from tests.gateways.printed import texts

KNOWN: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load((Path(__file__).parent / "known.yaml").read_text())
_KINDS = {"string": str, "integer": int, "boolean": bool, "list": list, "object": dict}
_TEXTS = {"number": r"[0-9]+|@\(.+\)", "expression": r"@\(.+\)", "text": r".+"}


@pytest.fixture(scope="module")
def project() -> Project:
    return load_project(ROOT / "examples" / "flights", "prod")


def wrong(said: Mapping[str, object], known: Mapping[str, Any], fits: Any) -> Iterator[str]:
    """What is unknown, missing, or has not the form that it should have."""
    forms = {name.rstrip("!"): form for name, form in known.items()}
    yield from (f"{name} is not known" for name in said.keys() - forms.keys())
    yield from (f"{name[:-1]} is missing" for name in known if name.endswith("!") and name[:-1] not in said)
    for name in said.keys() & forms.keys():
        if not (said[name] in forms[name] if isinstance(forms[name], list) else fits(said[name], forms[name])):
            yield f"{name} is {said[name]!r}"


def fits_kong(value: object, form: str) -> bool:
    return type(value) is _KINDS[form]


def kong(said: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a declarative file."""

    def entity(name: str, one: Mapping[str, object]) -> Iterator[str]:
        yield from (f"{name}: {sentence}" for sentence in wrong(one, KNOWN["kong"][name], fits_kong))

    for service in said["services"]:
        yield from entity("service", service)
        for route in service["routes"]:
            yield from entity("route", route)
        for plugin in service["plugins"]:
            yield from entity(plugin["name"], plugin["config"])
    for upstream in said["upstreams"]:
        yield from entity("upstream", upstream)
        for target in upstream["targets"]:
            yield from entity("target", target)
        active = upstream["healthchecks"]["active"]
        yield from entity("active", active)
        yield from (*entity("healthy", active["healthy"]), *entity("unhealthy", active["unhealthy"]))


def fits_azure(value: object, form: str) -> bool:
    return re.fullmatch(_TEXTS[form], str(value), re.DOTALL) is not None


def azure(element: ElementTree.Element) -> Iterator[str]:
    """What is wrong with a policy and what stands in it."""
    known = KNOWN["azure"][element.tag]
    inside = [one.tag for one in element]
    yield from (
        f"{element.tag}: {sentence}" for sentence in wrong(element.attrib, known.get("attributes", {}), fits_azure)
    )
    order = known.get("elements", [])
    yield from (f"{element.tag}: {tag} is not known" for tag in inside if tag not in order)
    if not known.get("any_order") and inside != sorted(inside, key=order.index if set(inside) <= set(order) else str):
        yield f"{element.tag}: {inside} is another order"
    for one in element:
        if one.tag in KNOWN["azure"]:
            yield from azure(one)


def test_kong_knows_every_field(project: Project) -> None:
    for text in texts(project, "kong"):
        assert list(kong(yaml.safe_load(text))) == []


def test_azure_knows_every_policy(project: Project) -> None:
    for text in texts(project, "azure"):
        assert list(azure(ElementTree.fromstring(text))) == []


def test_what_they_do_not_know_is_seen(project: Project) -> None:
    said = yaml.safe_load(next(texts(project, "kong")))
    said["services"][0] |= {"tls_verify": "yes", "speed": 1}
    del said["services"][0]["routes"][0]["paths"]
    assert set(kong(said)) == {"service: speed is not known", "service: tls_verify is 'yes'", "route: paths is missing"}
    policies = ElementTree.fromstring(
        '<policies><outbound /><inbound><base /><choose><when condition="x" y="z"><base /></when></choose></inbound>'
        "</policies>"
    )
    assert set(azure(policies)) == {
        "policies: ['outbound', 'inbound'] is another order", "when: y is not known", "when: condition is 'x'",
        "when: base is not known",
    }  # fmt: skip
