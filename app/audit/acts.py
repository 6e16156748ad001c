"""Acts: what operators and stewards do to the gateway, as the audit trail is told of it.

A version of the project that is served, with every rule of safety that its zone waives; one that is refused. Of what
was wrong there the codes are told: the sentences may quote a file. A partner that is stopped, or is not any more.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from app.audit.audit import Audit
from app.documents.registry import Documents
from app.partners.stop import Stop
from app.project import Project

_CODE = re.compile(r"\bCH[0-9]{3}\b")


@dataclass(slots=True)
class Acts:
    """Those of one zone. Without an audit trail nobody is told."""

    zone: str
    audit: Audit | None
    _begun: bool = False

    def serving(self, project: Project) -> None:
        """This version is served from now on."""
        if self.audit is None:
            return
        name, self._begun = "reload" if self._begun else "start", True
        self.audit.act(
            name,
            zone=self.zone,
            catalog_version=project.catalog.version,
            policy_version=project.policies.version,
            documents=_told(project.documents.get(self.zone, Documents())),
        )
        for waiver in project.catalog.zones[self.zone].waivers:
            self.audit.act(
                "waive",
                zone=self.zone,
                rule=waiver.rule,
                on=waiver.on,
                reason=waiver.reason,
                since=waiver.since,
                place=str(waiver.place),
            )

    def reload_refused(self, errors: Sequence[str]) -> None:
        """New files are not served."""
        if self.audit is not None:
            codes = sorted({code for error in errors for code in _CODE.findall(error)})
            self.audit.act("reload", done=False, zone=self.zone, codes=codes, errors=len(errors))

    def partner(self, name: str, stop: Stop | None) -> None:
        """A partner is stopped from now on; None: it is not any more."""
        if self.audit is None:
            return
        if stop is None:
            self.audit.act("partner.resumed", zone=self.zone, partner=name)
        else:
            self.audit.act("partner.stopped", zone=self.zone, partner=name, since=stop.moment, reason=stop.reason)


def _told(documents: Documents) -> dict[str, object]:
    """How many documents are registered, and a digest that is the same for the same ones by the same names."""
    names = {name: registered.hash for name, registered in documents.by_name.items()}
    said = orjson.dumps([sorted(documents.by_hash), names], option=orjson.OPT_SORT_KEYS)
    return {"count": len(documents.by_hash), "version": hashlib.sha256(said).hexdigest()[:16]}
