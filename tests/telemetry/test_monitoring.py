"""Dashboard and alerts: well formed, PromQL that parses, and nothing asked for that the gateway does not have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from app.metrics.families import PREFIX, RECORDED

FOLDER = Path(__file__).parents[2] / "docker" / "monitoring"
OTHERS = {"up": {"job", "instance"}}
DOCS = Path(__file__).parents[2] / "docs" / "running.md"


def metrics() -> dict[str, set[str]]:
    """Every series there is, with its labels."""
    found = dict(OTHERS)
    for family in RECORDED.values():
        labels = {*family.labels, "job", "instance"}
        parts = ("_bucket", "_sum", "_count") if family.kind == "histogram" else ("",)
        for part in parts:
            found[PREFIX + family.name + part] = labels | ({"le"} if part == "_bucket" else set())
    found[f"{PREFIX}workers"] = {"job", "instance"}
    found[f"{PREFIX}catalog_info"] = {"version", "policies", "job", "instance"}
    return found


def dashboard() -> dict[str, object]:
    found: dict[str, object] = json.loads((FOLDER / "grafana" / "dashboards" / "customhouse.json").read_text())
    return found


def rules() -> list[dict[str, object]]:
    (group,) = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
    return list(group["rules"])


def expressions() -> Iterator[tuple[str, str]]:
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"].replace("$__rate_interval", "5m")
    for rule in rules():
        yield str(rule["alert"]), str(rule["expr"])


ASKED = list(expressions())


@pytest.mark.parametrize("text", [text for _, text in ASKED], ids=[name for name, _ in ASKED])
def test_an_expression(text: str) -> None:
    """Names and labels by hand, since a parser takes any; then PromQL itself, where its parser is there."""
    known = metrics()
    named = set(re.findall(r"\b(?:customhouse_\w+|up)\b", text))
    assert named and named <= known.keys()
    every = {label for name in named for label in known[name]}
    selected = {label for inside in re.findall(r"\{([^}]*)\}", text) for label in re.findall(r"(\w+)\s*[=!]~?", inside)}
    grouped = {label.strip() for inside in re.findall(r"\b(?:by|on) \(([^)]*)\)", text) for label in inside.split(",")}
    assert selected | grouped <= every
    parser = pytest.importorskip("promql_parser", reason="promql-parser is not here")
    parser.parse(text)


def test_the_dashboard() -> None:
    found = dashboard()
    panels = found["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) >= 15
    for panel in panels:
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters) > 0 and panel["title"]
        for target in panel["targets"]:
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            grouped = re.findall(r"\bby \(([^)]*)\)", target["expr"])
            assert shown <= {label.strip() for inside in grouped for label in inside.split(",")}


def test_every_metric_is_shown_or_alerts() -> None:
    text = " ".join(text for _, text in ASKED)
    assert [name for name in RECORDED if PREFIX + name not in text] == []


def test_alerts_say_what_is_wrong() -> None:
    found = rules()
    assert len({rule["alert"] for rule in found}) == len(found)
    for rule in found:
        assert rule["labels"]["severity"] in ("page", "ticket") and rule["annotations"]["summary"].endswith(".")


def test_every_metric_is_documented() -> None:
    text = DOCS.read_text()
    for family in RECORDED.values():
        row = next((line for line in text.splitlines() if line.startswith(f"| `{PREFIX}{family.name}`")), None)
        assert row is not None, family.name
        assert [label.strip() for label in row.split("|")[2].split(",") if label.strip()] == list(family.labels)
