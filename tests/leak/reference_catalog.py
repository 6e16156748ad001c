"""The catalog of the comparison database: the same names, joined on link columns, granted to everybody who asks."""

from __future__ import annotations

import re
from pathlib import Path

_LINKED = (
    ("manager: {to: crm.people, on: {manager_id: id}", "manager: {to: crm.people, on: {link_manager: link_id}"),
    ("orders: {to: crm.orders, on: {id: person_id}", "orders: {to: crm.orders, on: {link_id: link_person}"),
    ("person: {to: crm.people, on: {person_id: id}}", "person: {to: crm.people, on: {link_person: link_id}}"),
    ("store: {to: geo.stores, on: {store_code: code}}", "store: {to: geo.stores, on: {link_store: link_store}}"),
    ("badge: {to: crm.badges, on: {badge_no: badge_no}}", "badge: {to: crm.badges, on: {link_badge: link_badge}}"),
    (
        "orders: {to: crm.orders, on: {badge_no: badge_no}, many: true}",
        "orders: {to: crm.orders, on: {link_badge: link_badge}, many: true}",
    ),
    (
        "orders: {to: crm.orders, on: {code: store_code}, many: true}",
        "orders: {to: crm.orders, on: {link_store: link_store}, many: true}",
    ),
)
_ORDERS = "      code: string\n"
_COLUMNS = (
    (
        '      rich: {type: boolean, sql: "balance > 500"}\n',
        "      rich: boolean\n      link_manager: bigint\n      link_id: bigint\n",
    ),
    (
        f"{_ORDERS}    relationships:\n      person",
        f"{_ORDERS}      link_person: bigint\n      link_store: string\n      link_badge: string\n"
        "      link_id: bigint\n    relationships:\n      person",
    ),
    ("      colour: string\n", "      colour: string\n      link_badge: string\n"),
    ("      opened: date\n", "      opened: date\n      link_store: string\n"),
)
POLICY = 'grants:\n  - {name: all, on: {products: ["*"]}, when: "\'platform\' IN claims.roles"}\n'


def write_reference_project(real: Path, folder: Path) -> None:
    """Write the comparison project into a folder that holds its databases."""
    (folder / "catalog").mkdir(parents=True)
    (folder / "policies").mkdir()
    text = (real / "catalog" / "crm.yaml").read_text()
    for old, new in _LINKED + _COLUMNS:
        assert old in text, old
        text = text.replace(old, new)
    (folder / "catalog" / "crm.yaml").write_text(
        re.sub(r", tags: \[[^]]*\]", "", text).replace("tags: [secret.badge]", "")
    )
    (folder / "policies" / "all.yaml").write_text(POLICY)
    settings = (real / "customhouse.yaml").read_text()
    (folder / "customhouse.yaml").write_text(settings[: settings.index("  partner:")])
