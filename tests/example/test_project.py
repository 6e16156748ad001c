"""The example's files: they load in every environment, describe everything, and its personas get usable tokens."""

from __future__ import annotations

from pathlib import Path

import jwt
import pytest

from app.personas import issuer_of, load_personas, token_claims
from app.project import Project, load_project
from app.tokens.development import development_jwks, mint
from schema.catalog import Column

FLIGHTS = Path(__file__).resolve().parents[2] / "examples" / "flights"
PERSONAS = ("admin", "ops-united", "revenue", "support-eu", "fraud", "nobody", "agency", "airline-dl")


@pytest.fixture(scope="module")
def project() -> Project:
    return load_project(FLIGHTS)


@pytest.mark.parametrize("environment", [None, "dev", "staging", "prod"])
def test_it_loads_in_every_environment(environment: str | None) -> None:
    catalog = load_project(FLIGHTS, environment).catalog
    assert catalog.zones["internal"].issuers == (("company",) if environment in ("staging", "prod") else ("dev",))
    outside = catalog.zones["partner"].issuers
    assert outside == (("partner-login",) if environment in ("staging", "prod") else ("partners",))
    assert catalog.sources["flights"].kind == ("postgres" if environment == "prod" else "duckdb")


def test_a_secret_stands_by_reference_only() -> None:
    assert load_project(FLIGHTS, "prod").catalog.sources["flights"].url == "secret:env:WAREHOUSE_URL"


def test_partners_are_read_for_with_an_account_and_a_key_of_their_own() -> None:
    """One of the internal zone's would do more harm in the wrong hands than all that partners may see."""
    seen = load_project(FLIGHTS, "prod").seen_in("partner").catalog
    assert seen.sources["flights"].url == "secret:env:PARTNER_WAREHOUSE_URL"
    assert seen.zones["partner"].master_key == "secret:env:PARTNER_MASTER_KEY"


def test_partners_of_the_zone_are_its_personas(project: Project) -> None:
    """What the declaration says of a partner's tokens is what the demo's tokens say."""
    personas = load_personas(FLIGHTS)
    partners = project.catalog.zones["partner"].partners
    assert {name: dict(one.claims) for name, one in partners.items()} == {
        name: dict(personas[name].claims) for name in ("agency", "airline-dl")
    }


def test_the_names_others_rely_on(project: Project) -> None:
    """Benchmarks, clients and the tour use these."""
    roots = {id_: (product.singular, product.plural) for id_, product in project.catalog.products.items()}
    assert roots == {
        "customers.bookings": ("booking", "bookings"),
        "features.planes": ("planeFeature", "planeFeatures"),
        "features.route_delays": ("routeFeature", "routeFeatures"),
        "ml.delay_risk": ("predictDelayRisk", "delayRisk"),
        "operations.flights": ("flight", "flights"),
        "operations.planes": ("plane", "planes"),
        "operations.route_delays": ("routeDelay", "routeDelays"),
        "reference.airlines": ("airline", "airlines"),
        "reference.airports": ("airport", "airports"),
        "reference.weather": ("weatherByKey", "weather"),
    }
    flights = project.catalog.products["operations.flights"]
    assert {"dep_delay": "depDelay", "arr_delay": "arrDelay", "tailnum": "tailnum"}.items() <= {
        name: column.field for name, column in flights.columns.items()
    }.items()


def described(project: Project) -> list[tuple[str, str]]:
    catalog = project.catalog
    found = [(name, domain.description) for name, domain in catalog.domains.items()]
    for id_, product in catalog.products.items():
        found.append((id_, product.description))
        found += [(f"{id_}.{name}", column.description) for name, column in product.columns.items()]
    return found


def test_everything_is_described(project: Project) -> None:
    assert [name for name, description in described(project) if len(description) < 5] == []


def test_every_domain_has_a_steward(project: Project) -> None:
    assert {name for name, domain in project.catalog.domains.items() if domain.steward} == {
        "operations",
        "reference",
        "customers",
        "features",
        "ml",
    }


def _tags(project: Project, column: str) -> Column:
    product, _, name = column.rpartition(".")
    return project.catalog.products[product].columns[name]


@pytest.mark.parametrize(
    ("column", "tag"),
    [
        ("customers.bookings.passenger_name", "pii.name"),
        ("customers.bookings.email", "pii.email"),
        ("customers.bookings.phone", "pii.phone"),
        ("customers.bookings.passport", "pii.passport"),
        ("customers.bookings.birth_date", "pii.birth_date"),
        ("customers.bookings.card_number", "pci"),
        ("customers.bookings.fare", "commercial"),
        ("customers.bookings.email", "residency.eu"),
        ("operations.flights.tailnum", "operational.tailnum"),
        ("operations.planes.tailnum", "operational.tailnum"),
        ("features.planes.tailnum", "operational.tailnum"),
        ("ml.delay_risk.probability", "operational.risk_score"),
    ],
)
def test_what_is_sensitive_is_tagged(project: Project, column: str, tag: str) -> None:
    assert tag in _tags(project, column).tags


def test_a_declassified_column_has_no_tag(project: Project) -> None:
    assert _tags(project, "customers.bookings.fare_band").tags == frozenset()


def test_the_personas_are_there() -> None:
    assert tuple(load_personas(FLIGHTS)) == PERSONAS


@pytest.mark.parametrize("name", PERSONAS)
def test_a_persona_gets_a_token(project: Project, name: str, tmp_path: Path) -> None:
    persona = load_personas(FLIGHTS)[name]
    issuer = issuer_of(persona, project.catalog)
    token = mint(issuer, tmp_path, persona.subject, token_claims(persona, issuer, None), lifetime=60)
    (key,) = jwt.PyJWKSet.from_json(development_jwks(issuer, tmp_path).decode()).keys
    said = jwt.decode(token, key, algorithms=list(issuer.algorithms), audience=list(issuer.audiences))
    assert said["sub"] == persona.subject
    assert {claim: said[claim] for claim in persona.claims} == dict(persona.claims)
    assert said.get("purposes", []) == list(persona.purposes)


def test_rules_use_declared_claims_only_and_every_persona_differs(project: Project) -> None:
    personas = load_personas(FLIGHTS).values()
    assert all(set(persona.claims) <= set(project.catalog.claims) for persona in personas)
    assert len({repr(sorted(persona.claims.items())) + repr(persona.purposes) for persona in personas}) == len(PERSONAS)
