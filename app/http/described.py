"""Described: the documents that a caller may ask, as OpenAPI, for ``GET /openapi.json``."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

from app.documents.openapi import Title, openapi, valid_for
from app.documents.registry import Documents
from app.serving import Serving
from schema.caller import Caller
from schema.graphql import build

_KEPT = 32


@dataclass(slots=True)
class Described:
    """Keeps what was made for a version of the project and a set of visible names, which is all that goes into it."""

    _kept: dict[tuple[str, str, str], bytes] = field(default_factory=dict)

    def of(self, serving: Serving, caller: Caller) -> bytes:
        """The OpenAPI document for a caller."""
        project, zone, visible = serving.project, serving.zone.name, serving.engine.visible(caller)
        key = (project.fingerprint, zone, visible.digest)
        found = self._kept.get(key)
        if found is None:
            view = build(project.catalog, zone).view(visible)
            documents = valid_for(project.documents.get(zone, Documents()).by_name.values(), view)
            found = orjson.dumps(openapi(documents, view, Title(f"Zone {zone}")))
            while len(self._kept) >= _KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = found
        return found
