"""Facing: what a gateway in front of one zone has to know, in no gateway's own words.

    Project, zone, Asked  ->  Facing  ->  a file of this package for each kind of gateway  ->  text

The same project gives the same bytes; nothing is asked of anybody. A gateway's limits are a little above the zone's own
(time, body) or well above them (requests): what is refused is refused by us, with a code, while a flood ends in front.
Whatever a gateway checks is checked here again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from app.documents.registry import Documents
from app.gateways.tls import Files, Tls
from app.gateways.wall import about, per_minute
from app.gateways.wrong import UsedWrongly
from app.project import Project
from schema.catalog import Issuer
from schema.zone import Zone

Of = Literal["document", "graphql", "sql", "about", "health"]
SPARE_SECONDS = 2.0
SPARE_BYTES = 16 * 1024
HEAD_KIB = 64
KEEP_SECONDS = 60
"""How long a gateway keeps its connection to us at rest: less than our 75 seconds, so that it closes first."""
HEALTH = "/readyz"
HEALTH_SECONDS = 2
HASH = "(?:sha256:)?[0-9a-fA-F]{64}"
REQUEST_ID = "[A-Za-z0-9._-]{1,128}"
STRIPPED = (
    "Forwarded", "X-Forwarded-Prefix", "X-Envoy-Original-Path", "X-Envoy-Expected-Rq-Timeout-Ms", "Grpc-Timeout",
    "X-Amzn-Oidc-Data", "X-Apigateway-Api-Userinfo", "X-Forwarded-Authorization",
)  # fmt: skip
"""What clients must not say, since a gateway's word on it may be believed."""
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.IGNORECASE)
_ADDRESS = re.compile(r"[0-9.]+")
_PREFIX = re.compile(r"(/[A-Za-z0-9][A-Za-z0-9._~-]*)+")
_ORIGIN = re.compile(r"https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where the zone answers: one process, or a balanced name."""

    scheme: str
    host: str
    port: int

    @property
    def url(self) -> str:
        usual = {"http": 80, "https": 443}[self.scheme]
        return f"{self.scheme}://{self.host}" + ("" if self.port == usual else f":{self.port}")

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def named(self) -> bool:
        """Whether the host is a name, not an address (IPv4)."""
        return not _ADDRESS.fullmatch(self.host)


@dataclass(frozen=True, slots=True)
class Route:
    """One path, or with ``{hash}`` one for each document. ``seconds`` is how long a gateway waits for the answer.
    ``name`` is the document's."""

    of: Of
    path: str
    methods: tuple[str, ...]
    seconds: float
    name: str = ""

    @property
    def token(self) -> bool:
        """Whether only callers with a token ask it."""
        return self.of != "health"


@dataclass(frozen=True, slots=True)
class Login:
    """An issuer of the zone. ``keys`` is the address of its key set, where it is known without asking."""

    name: str
    issuer: str
    audiences: tuple[str, ...]
    algorithms: tuple[str, ...]
    oidc: bool
    keys: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command was asked for. ``check`` is whether the gateway is to check tokens where it can; ``keys`` are
    addresses of key sets by issuer; ``per_minute`` None: by the zone's quotas. ``tls`` None: the gateway listens in
    clear text. ``authority`` is whom it trusts for the upstreams' certificates; None: the public authorities."""

    upstreams: tuple[str, ...]
    host: str | None = None
    port: int = 8080
    prefix: str = ""
    origins: tuple[str, ...] = ()
    check: bool = True
    keys: Mapping[str, str] = field(default_factory=dict)
    per_minute: int | None = None
    tls: Tls | None = None
    authority: str | None = None


@dataclass(frozen=True, slots=True)
class Facing:
    """``per_minute`` None: nothing bounds it; ``unbounded`` is what its reader has to know of that
    (`app.gateways.wall`). ``logins`` empty: the gateway passes tokens on unseen. ``trusted`` is whether registered
    documents alone are answered. ``tls`` and ``authority`` are those of `Asked`."""

    zone: str
    title: str
    upstreams: tuple[Upstream, ...]
    host: str | None
    port: int
    prefix: str
    routes: tuple[Route, ...]
    logins: tuple[Login, ...]
    origins: tuple[str, ...]
    body_bytes: int
    per_minute: int | None
    unbounded: str | None
    trusted: bool
    tls: Tls | None = None
    authority: str | None = None

    @property
    def name(self) -> str:
        return f"customhouse-{self.zone}"

    @property
    def files(self) -> Files | None:
        """The listener's certificate and key, where it has them in files."""
        return self.tls if isinstance(self.tls, Files) else None

    @property
    def secure(self) -> bool:
        """Whether the upstreams are asked by https."""
        return self.upstreams[0].scheme == "https"

    @property
    def names(self) -> tuple[str, ...]:
        """The upstreams' hosts, each once."""
        return tuple(dict.fromkeys(one.host for one in self.upstreams))

    @property
    def longest(self) -> float:
        return max(route.seconds for route in self.routes)

    def of(self, *kinds: Of) -> tuple[Route, ...]:
        return tuple(route for route in self.routes if route.of in kinds)

    @property
    def documents(self) -> str | None:
        """A pattern that the paths of documents match, and no others; None where there are none."""
        found = self.of("document")
        names = [re.escape(route.name) for route in found if route.name]
        return f"/q/(?:{'|'.join([*names, HASH])})" if found else None


def facing(project: Project, zone: str, asked: Asked) -> Facing:
    """What a gateway in front of the zone has to know. Raises UsedWrongly (CH347, CH348)."""
    if zone not in project.catalog.zones:
        known = " | ".join(sorted(project.catalog.zones))
        raise UsedWrongly("CH347", f"There is no zone '{zone}'. Say which: --zone {known}.")
    seen = project.seen_in(zone)
    here = seen.catalog.zones[zone]
    upstreams = tuple(_upstream(text) for text in asked.upstreams)
    if len({one.scheme for one in upstreams}) > 1:
        raise UsedWrongly("CH348", "--upstream is http for all of them, or https for all of them.")
    for name in asked.keys:
        if name not in here.issuers:
            raise UsedWrongly("CH348", f"--jwks names '{name}', and the zone's issuers are: {', '.join(here.issuers)}.")
    wall = asked.per_minute or per_minute(here)
    return Facing(
        zone=zone,
        title=f"Customhouse: {zone}",
        upstreams=upstreams,
        host=_matching(_HOST, asked.host, "--host", "a name such as data.example"),
        port=asked.port,
        prefix=_matching(_PREFIX, asked.prefix.rstrip("/"), "--prefix", "a path such as /data") or "",
        routes=tuple(_routes(here, seen.documents.get(zone, Documents()))),
        logins=tuple(_login(seen.catalog.issuers[name], asked.keys) for name in here.issuers) if asked.check else (),
        origins=tuple(
            _matching(_ORIGIN, one, "--origin", "such as https://app.example") or "" for one in asked.origins
        ),
        body_bytes=here.max_body_bytes + SPARE_BYTES,
        per_minute=wall,
        unbounded=about(here, wall),
        trusted=here.operations == "trusted",
        tls=asked.tls,
        authority=asked.authority,
    )


def _routes(zone: Zone, documents: Documents) -> Iterator[Route]:
    answered = zone.timeout + SPARE_SECONDS
    for name in sorted(documents.by_name):
        yield Route("document", f"/q/{name}", ("GET",), answered, name)
    if documents.by_hash or zone.automatic:
        yield Route("document", "/q/{hash}", ("GET",), answered)
    yield Route("graphql", "/graphql", ("GET", "POST"), answered)
    if zone.sql.enabled:
        yield Route("sql", "/sql", ("GET", "POST"), zone.sql.timeout + SPARE_SECONDS)
    for path in ("/catalog", "/schema.graphql", "/openapi.json"):
        yield Route("about", path, ("GET",), answered)
    for path in ("/livez", HEALTH):
        yield Route("health", path, ("GET",), 5.0)


def _login(issuer: Issuer, keys: Mapping[str, str]) -> Login:
    known = keys.get(issuer.name) or issuer.jwks_url
    return Login(issuer.name, issuer.issuer, issuer.audiences, issuer.algorithms, issuer.oidc, known)


def _upstream(text: str) -> Upstream:
    parts = urlsplit(text)
    try:
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        host = parts.hostname or ""
    except (KeyError, ValueError):
        port, host = 0, ""
    if not _HOST.fullmatch(host) or parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise UsedWrongly(
            "CH348", f"--upstream is a URL of scheme and host, such as http://10.0.0.5:8001, not {text!r}."
        )
    return Upstream(parts.scheme, host, port)


def _matching(pattern: re.Pattern[str], text: str | None, option: str, meant: str) -> str | None:
    if text and not pattern.fullmatch(text):
        raise UsedWrongly("CH348", f"{option} is {meant}, not {text!r}.")
    return text
