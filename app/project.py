"""Load a project: catalog and policies together, with everything wrong in either found in one go; then documents."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.documents import folder
from app.documents.fit import whole_view
from app.documents.load import load_documents
from app.documents.registry import Documents
from policies.closure import closed
from policies.load import load_policies
from policies.place import placed
from policies.rules import PolicySet
from schema.catalog import Catalog
from schema.graphql import View
from schema.load import load_catalog

_APART = "stops.yaml"  # looked at by itself (`app.partners.stops`), without reading the project again
_PIECE = 64 * 1024
_READ = ("*.yaml", "catalog/**/*.yaml", "policies/**/*.yaml", *folder.READ)


@dataclass(frozen=True, slots=True)
class Project:
    """What a directory says, read at one moment. ``fingerprint`` is that of its files; ``documents`` are those
    registered, by zone."""

    root: Path
    environment: str | None
    catalog: Catalog
    policies: PolicySet
    fingerprint: str
    documents: Mapping[str, Documents] = field(default_factory=dict)

    def seen_in(self, zone: str) -> Project:
        """As much of the project as the zone needs, with each source where and how the zone reads it. What answers for
        a zone is made from this; made from the whole project, it has no replicas, and what must not leave from the
        sources themselves is hidden."""
        catalog, policies = closed(self.catalog, self.policies, zone)
        documents = {zone: self.documents[zone]} if zone in self.documents else {}
        return replace(self, catalog=placed(catalog, policies, zone), policies=policies, documents=documents)

    def view(self, zone: str) -> View:
        """The whole schema of a zone."""
        seen = self.seen_in(zone)
        return whole_view(seen.catalog, seen.policies, zone)


def load_project(root: Path, environment: str | None = None, documents: bool = True) -> Project:
    """Read a project's files; without ``documents``, to register some. Raises LoadErrors."""
    before = fingerprint(root)
    catalog = load_catalog(root, environment)
    policies = load_policies(root, catalog)
    project = Project(root, environment, catalog, policies, before)
    return replace(project, documents=load_documents(root, catalog.zones, project.view)) if documents else project


def files(root: Path) -> list[Path]:
    """The files a project is read from, in a fixed order."""
    return sorted({path for pattern in _READ for path in root.glob(pattern) if path.is_file()} - {root / _APART})


def stamp(root: Path) -> tuple[tuple[str, int, int], ...]:
    """Names, times and sizes of the files: cheap, and different after nearly every change."""
    found = []
    for path in files(root):
        try:
            at = path.stat()
        except FileNotFoundError:
            continue  # removed while we looked: its absence is the change
        found.append((str(path), at.st_mtime_ns, at.st_size))
    return tuple(found)


def fingerprint(root: Path) -> str:
    """A digest of names and contents. What was read is wiped: a process need not have in memory all that it watches."""
    digest, buffer = hashlib.sha256(), bytearray(_PIECE)
    for path in files(root):
        try:
            content = _digest(path, buffer)
        except FileNotFoundError:
            continue
        name = path.relative_to(root).as_posix().encode()
        digest.update(len(name).to_bytes(4, "big") + name + content)
    buffer[:] = bytes(_PIECE)
    return digest.hexdigest()


def _digest(path: Path, buffer: bytearray) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(memoryview(buffer)[:count])
    return digest.digest()


def settled(root: Path, patience: float = 2.0) -> tuple[tuple[str, int, int], ...]:
    """The files' stamp once nobody is writing: two looks a moment apart agree, or patience ends."""
    until = time.monotonic() + patience
    seen = stamp(root)
    while time.monotonic() < until:
        time.sleep(0.05)
        now = stamp(root)
        if now == seen:
            break
        seen = now
    return seen
