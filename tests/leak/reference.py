"""What each persona may see of the world, in plain Python, written from docs/policies.md and docs/masks.md alone.

Nothing of the product is imported: this is the independent opinion that the governed answers are held against. Every
governed row also carries ``~<relationship>`` link values, which the comparison database joins on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from tests.leak.world import Row, World

ALL = object()


@dataclass(frozen=True)
class Persona:
    name: str
    subject: str
    roles: tuple[str, ...] = ()
    regions: tuple[str, ...] | None = None
    person: int | None = None
    purpose: str | None = None
    zone: str = "internal"


PERSONAS = (
    Persona("admin", "root", roles=("platform",)),
    Persona("analyst-eu", "ann", roles=("analyst",), regions=("EU",), person=1),
    Persona("analyst-fraud", "fay", roles=("analyst",), regions=("EU", "US"), person=2, purpose="fraud"),
    Persona("analyst-nowhere", "nic", roles=("analyst",), person=3),
    Persona("clerk", "carl", roles=("clerk",), regions=("US",)),
    Persona("clerk-embargoed", "zoe", roles=("clerk", "embargoed"), regions=("EU", "US")),
    Persona("nobody", "nob"),
)
PARTNERS = tuple(replace(persona, zone="partner") for persona in PERSONAS)
"""The same papers at the zone that publishes a part: without these columns, relationships and roots."""
ZONES = {"internal": PERSONAS, "partner": PARTNERS}
WITHHELD = {
    "crm.people": {"balance", "phone", "notes"},
    "crm.orders": {"quantity"},
    "geo.stores": {"name"},
}
UNPUBLISHED = {"crm.badges"}
"""Products of the world that the zone of partners does not publish."""
LEFT_OUT = {("crm.people", "reports"), ("crm.orders", "badge")}
ROOTLESS = {"geo.stores": {"aggregate", "groups"}}


def governed(world: World, persona: Persona) -> dict[str, list[Row]]:
    """Per product: the rows this persona sees, cells granted, masked or null; absent products have no entry."""
    rows: dict[str, list[Row]] = {}
    for product, see in _SEE.items():
        if product in products(persona):
            seen = [see(row, persona, world) for row in world[product]]
            names = columns(persona, product)
            rows[product] = [_shown(row, names, persona) for row in seen if row is not None]
    return rows


def _shown(row: Row, names: set[str], who: Persona) -> Row:
    """What the zone shows of a governed row; the links of relationships that it leaves out lead nowhere."""
    if who.zone == "internal":
        return row
    left_out = {f"~{name}" for _, name in LEFT_OUT}
    return {name: value for name, value in row.items() if name in names or (name[0] == "~" and name not in left_out)}


def products(persona: Persona) -> set[str]:
    """The products whose names the persona may know."""
    found: set[str] = set()
    if "platform" in persona.roles:
        found |= {"crm.people", "crm.orders", "crm.badges", "geo.stores"}
    if "analyst" in persona.roles:
        found |= {"crm.orders", "crm.badges", "geo.stores", "crm.people"}
    if "clerk" in persona.roles:
        found |= {"crm.orders", "geo.stores", "crm.people"}
    return found - UNPUBLISHED if persona.zone == "partner" else found


def columns(persona: Persona, product: str) -> set[str]:
    """The columns whose names the persona may know."""
    found = _granted(persona, product)
    return found - WITHHELD[product] if persona.zone == "partner" else found


def _granted(persona: Persona, product: str) -> set[str]:
    own = set(_COLUMNS[product])
    if "platform" in persona.roles or product != "crm.people":
        return own
    found: set[str] = set()
    if "analyst" in persona.roles:
        if persona.regions is not None:
            found |= own - {"notes", "vip"}
        if persona.person is not None:
            found |= {"id", "name", "notes", "region", "vip", "manager_id", "balance"}
    if "clerk" in persona.roles:
        found |= {"id", "region", "score", "manager_id", "email"}
    return found


_COLUMNS = {
    "crm.people": (
        "id", "name", "email", "phone", "region", "birth", "balance", "score", "vip", "manager_id", "notes", "rich",
    ),
    "crm.orders": (
        "id", "person_id", "store_code", "badge_no", "amount", "quantity", "placed_at", "status", "code",
    ),
    "crm.badges": ("badge_no", "level", "colour"),
    "geo.stores": ("code", "name", "region", "lat", "opened"),
}  # fmt: skip


def _person(row: Row, who: Persona, world: World) -> Row | None:
    row = dict(row, rich=None if row["balance"] is None else row["balance"] > 500)
    links = {"~manager": row["manager_id"], "~id": row["id"]}
    if "platform" in who.roles:
        return row | links
    if who.regions is None or not (row["region"] in who.regions or row["region"] == "XX"):
        return None
    own = who.person is not None and row["manager_id"] == who.person
    by_region = "analyst" in who.roles and row["region"] in who.regions
    by_manager = "analyst" in who.roles and own
    by_clerk = "clerk" in who.roles
    granted: set[str] = set()
    if by_region:
        granted |= set(_COLUMNS["crm.people"]) - {"notes", "vip"}
    if by_manager:
        granted |= {"id", "name", "notes", "region", "vip", "manager_id", "balance"}
    if by_clerk:
        granted |= {"id", "region", "score", "manager_id", "email"}
    if not granted:
        return None
    seen: Row = {name: value if name in granted else None for name, value in row.items()}
    if not by_manager:
        seen["name"] = first_one(seen["name"])
    if who.purpose != "fraud":
        seen["email"] = keep_domain(seen["email"])
    seen["phone"] = None
    seen["birth"] = None if seen["birth"] is None else seen["birth"].replace(month=1, day=1)
    if not own:
        seen["balance"] = bucket(seen["balance"])
    return seen | links


def _order(row: Row, who: Persona, world: World) -> Row | None:
    links = {"~person": row["person_id"], "~store": row["store_code"], "~badge": row["badge_no"], "~id": row["id"]}
    if "platform" in who.roles:
        return row | links
    if row["status"] is None or row["status"] == "void":
        return None
    if "embargoed" in who.roles and (row["amount"] is None or row["amount"] > 500):
        return None
    links["~badge"] = None
    seen = dict(row, code=None if row["code"] is None else "hidden", badge_no=redact(row["badge_no"]))
    seen["placed_at"] = month(row["placed_at"])
    return seen | links


def _badge(row: Row, who: Persona, world: World) -> Row | None:
    if "platform" in who.roles:
        return row | {"~badge": row["badge_no"]}
    return dict(row, badge_no=redact(row["badge_no"])) | {"~badge": None}


def _store(row: Row, who: Persona, world: World) -> Row | None:
    links = {"~store": row["code"]}
    if "platform" in who.roles:
        return row | links
    if "analyst" not in who.roles:
        codes = {right["store_code"] for right in world["internal.rights"] if right["username"] == who.subject}
        if row["code"] not in codes:
            return None
    lat = row["lat"]
    return dict(row, lat=None if lat is None else math.copysign(math.floor(abs(lat) * 10 + 0.5) / 10, lat)) | links


_SEE = {"crm.people": _person, "crm.orders": _order, "crm.badges": _badge, "geo.stores": _store}


def first_one(value: object) -> object:
    """partial {first: 1, last: 0, fill: '*'}: one character and a fill of four; a text that short is filled whole."""
    if not isinstance(value, str):
        return None
    return value[0] + "****" if len(value) > 1 else "****"


def keep_domain(value: object) -> object:
    """email keep_domain: ``***@domain`` for one name, one @ and a dotted domain; else redacted."""
    if not isinstance(value, str):
        return None
    name, at, domain = value.partition("@")
    well_formed = name and at and "@" not in domain and "." in domain.strip(".")
    return f"***@{domain}" if well_formed else "[redacted]"


def redact(value: object) -> object:
    return None if value is None else "[redacted]"


def bucket(value: object) -> object:
    return None if value is None else Decimal(100) * math.floor(value / 100)


def month(value: object) -> object:
    assert isinstance(value, datetime | date)
    return value.replace(day=1, hour=0)
