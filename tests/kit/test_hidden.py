"""A kit holds nothing that its partner may not know: names, other partners, other zones, sources, secrets."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from app.documents.fit import whole_view
from app.documents.register import register
from app.project import Project, load_project
from app.steward.kit import NoPartner, kit
from schema.yaml_source import plain, read_yaml
from tests.zones.house import laid_out

CHANGES = cast(
    dict[str, object], plain(read_yaml((Path(__file__).parent / "hidden.yaml").read_bytes(), "hidden.yaml", []))
)
DOCUMENTS = {
    "orders": """
        "Own orders."
        query OwnOrders($first: Int = 5 @range(min: 1, max: 9)) { orders(first: $first) { nodes { id } } }
    """,
    "customers": """
        "Canarydocument."
        query CanaryCustomers { orders { nodes { customer { town } } } }
    """,
}
HIDDEN = (
    "canary", "tickets", "rights", "internal", "people.example", "reports", "SHOP_URL", "OUTSIDE_KEY", "secret:",
    "note", "region", "customer {", "town", "email", "chance", "7777", "8888", "gold", "postgres", "scores",
)  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = laid_out(tmp_path_factory.mktemp("hidden"), CHANGES)
    (folder / "documents" / "outside").mkdir(parents=True)
    for name, text in DOCUMENTS.items():
        (folder / "documents" / "outside" / f"{name}.graphql").write_text(text + "\n", "utf-8")
    seen = load_project(folder, documents=False).seen_in("outside")
    register(folder, "outside", whole_view(seen.catalog, seen.policies, "outside"), [], "2026-01-12")
    return load_project(folder)


def test_the_house_has_what_is_looked_for(project: Project) -> None:
    """Whoever may know it is handed it, so the next test can fail."""
    files = kit(project, "outside", "canarypartner")
    said = b"".join([*files.values(), *(name.encode() for name in files)]).decode().lower()
    assert [word for word in ("canarydocument", "canarycontact", "town", "email", "chance", "7777", "8888", "gold")
            if word not in said] == []  # fmt: skip


def test_nothing_hidden_is_in_a_kit(project: Project) -> None:
    files = kit(project, "outside", "acme", "https://data.example")
    assert "documents/OwnOrders.graphql" in files
    found = [
        (name, word)
        for name, content in files.items()
        for word in HIDDEN
        if word.lower() in content.decode().lower() or word.lower() in name.lower()
    ]
    assert found == []


def test_a_zone_knows_its_own_partners_only(project: Project) -> None:
    with pytest.raises(NoPartner):
        kit(project, "internal", "acme")
