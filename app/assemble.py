"""Assemble: from a loaded project to something that answers requests.

1. Keep the zone's issuers whose keys may be used: a development issuer only with `--dev-keys`.
2. Take each source the zone's products need, opened before or now; a source that is down comes up later.
3. Ask those that answer by key whether the products declared in them fit (`app.fitting`).
4. Make the engine for this zone, catalog and policies.

Nothing here blocks on a network: key sets and sources connect in the background.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import orjson

from app.authenticate import Authenticator, Gateway
from app.documents.automatic import Automatic
from app.documents.desk import Desk
from app.documents.registry import Documents
from app.edge.speaker import google_keys, speaker
from app.fitting import unfit
from app.log import event
from app.partners.door import Door
from app.partners.stops_file import StopsError
from app.project import Project
from app.serving import Answering, Serving
from app.settings import Settings, StartError
from app.shared import Shared
from app.tokens.development import development_jwks
from app.tokens.fetch import fetch
from app.tokens.keyset import KeySet, Pace
from app.tokens.verify import Trusted
from resolvers.backends.opened import Opened
from resolvers.observe import Observer
from resolvers.results.kept import Kept
from resolvers.results.results import Results
from schema.catalog import Catalog, Issuer, Source
from schema.zone import Zone

MakeEngine = Callable[[Project, str, Mapping[str, Opened], Mapping[str, bytes], Observer, Kept | None], Answering]
RevealSource = Callable[[Source, Path], Source]
OpenSource = Callable[[Source, Path, Observer], Opened]


def no_door(zone: Zone) -> None:
    """For processes that take nobody in."""
    if zone.partner_claim is not None or zone.rate.some:
        raise RuntimeError("a zone with partners or rates needs a door")


@dataclass(frozen=True, slots=True)
class Assembler:
    """Makes servings of one zone. ``keys`` are the zone's, by use; ``reveal_source`` puts secrets in place of their
    references, anew at every reload, so that a rotated password opens the source anew."""

    settings: Settings
    zone: str
    keys: Mapping[str, bytes]
    make_engine: MakeEngine
    reveal_source: RevealSource
    open_source: OpenSource
    observer: Observer
    results: Results | None = None
    count_token: Callable[[str], None] = lambda result: None
    door: Callable[[Zone], Door | None] = no_door
    sources: Shared[Opened] = field(default_factory=Shared)
    keysets: Shared[KeySet] = field(default_factory=Shared)
    automatic: Automatic = field(default_factory=Automatic)
    count_keys: Callable[[str, str], None] = lambda issuer, result: None

    async def assemble(self, project: Project) -> Serving:
        """Something that answers. Raises StartError where the project has no such zone or no issuer to trust, or
        where a source cannot answer for a product."""
        zone = project.catalog.zones.get(self.zone)
        if zone is None:
            known = ", ".join(sorted(project.catalog.zones))
            raise StartError(f"CH332 The project has no zone '{self.zone}'. It has: {known}.")
        try:
            door = self.door(zone)
        except StopsError as error:
            raise StartError(str(error)) from None
        project = project.seen_in(self.zone)
        issuers = self._issuers(project.catalog, zone)
        for waiver in zone.waivers:
            event(
                "rule_waived",
                "warning",
                zone=zone.name,
                rule=waiver.rule,
                on=waiver.on,
                reason=waiver.reason,
                since=waiver.since,
            )
        used: list[Callable[[], Awaitable[None]]] = []
        try:
            backends = {name: self._backend(one, project, used) for name, one in project.catalog.sources.items()}
            if errors := unfit(project.catalog, backends):
                raise StartError("\n".join(str(error) for error in errors))
            trusted = {issuer.issuer: self._trusted(issuer, project.root, used) for issuer in issuers}
            kept = None if self.results is None else Kept(self.results, self._identities(backends, project))
            gateway = self._gateway(used)
            engine = await asyncio.to_thread(
                self.make_engine, project, self.zone, backends, self.keys, self.observer, kept
            )
        except BaseException:
            await _release(used)
            raise
        return Serving(
            project=project,
            zone=zone,
            engine=engine,
            authenticator=Authenticator(zone, trusted, project.catalog.claims, self.count_token, gateway=gateway),
            backends=backends,
            keysets=tuple(one.keys for one in trusted.values()),
            log_key=self.keys["log"],
            release=partial(_release, used),
            desk=self._desk(project, zone),
            door=door,
        )

    def _desk(self, project: Project, zone: Zone) -> Desk:
        documents = project.documents.get(zone.name, Documents())
        return Desk(documents, zone.operations == "trusted", self.automatic, zone.automatic)

    def _issuers(self, catalog: Catalog, zone: Zone) -> list[Issuer]:
        issuers = [catalog.issuers[name] for name in zone.issuers]
        kept = [issuer for issuer in issuers if self.settings.dev_keys or not issuer.development]
        for issuer in issuers:
            if issuer not in kept:
                event("development_issuer_left_out", "warning", issuer=issuer.name)
        if not kept:
            raise StartError(
                f"CH332 Zone '{zone.name}' has no issuer whose tokens may be used. Development issuers count with "
                "--dev-keys only."
            )
        return kept

    def _backend(self, source: Source, project: Project, used: list[Callable[[], Awaitable[None]]]) -> Opened:
        revealed = self.reveal_source(source, project.root)
        made_from = _fingerprint(revealed)
        backend = self.sources.take(made_from, lambda: self.open_source(revealed, project.root, self.observer))
        used.append(partial(self.sources.release, made_from))
        return backend

    def _identities(self, backends: Mapping[str, Opened], project: Project) -> Mapping[str, str]:
        sources = project.catalog.sources
        return {name: _fingerprint(self.reveal_source(sources[name], project.root)).hex() for name in backends}

    def _trusted(self, issuer: Issuer, root: Path, used: list[Callable[[], Awaitable[None]]]) -> Trusted:
        made_from: Hashable = (issuer.name, issuer.issuer, issuer.algorithms, issuer.jwks_url, issuer.jwks_file)
        made_from = (made_from, issuer.oidc, issuer.development)
        keys = self.keysets.take(made_from, lambda: self._keyset(issuer, root))
        used.append(partial(self.keysets.release, made_from))
        keys.start()
        return Trusted(issuer, keys)

    def _gateway(self, used: list[Callable[[], Awaitable[None]]]) -> Gateway | None:
        """Whoever may say who asks beside the issuers of tokens, if the settings name anybody."""
        identity = self.settings.edge.identity
        if identity is None:
            return None

        def google() -> KeySet:
            made_from: Hashable = ("google", identity.keys)
            keys = self.keysets.take(made_from, partial(google_keys, identity, self.settings.keys_refresh))
            used.append(partial(self.keysets.release, made_from))
            keys.start()
            return keys

        return speaker(identity, google)

    def _keyset(self, issuer: Issuer, root: Path) -> KeySet:
        pace = Pace(self.settings.keys_refresh, self.settings.keys_unknown_kid)
        text = partial(development_jwks, issuer, root) if issuer.development else partial(fetch, issuer, root)
        return KeySet(issuer.name, issuer.algorithms, text, pace, partial(self.count_keys, issuer.name))


def _fingerprint(source: Source) -> bytes:
    """What a source was made from, without holding its secrets any longer."""
    made_from = [source.name, source.kind, source.url, source.location, dict(source.options)]
    return hashlib.sha256(orjson.dumps(made_from, option=orjson.OPT_SORT_KEYS, default=str)).digest()


async def _release(used: list[Callable[[], Awaitable[None]]]) -> None:
    while used:
        await used.pop()()
