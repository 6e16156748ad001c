"""Load: a zone's registry and its texts to `Documents`, checked against the zone's present schema.

1. Read the registry; each line has a text whose hash and name it says (CH253).
2. Each text is valid in the schema that the zone has now (CH252).
3. A document that is registered stands in its file as it was registered (CH251): otherwise somebody changed it and
   believes that the change is answered.

A document that was never registered is no error. Nobody is answered by it, and `told` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from app.documents.fit import fit
from app.documents.folder import Entry, read, read_registry, registry_name, sources, text_name, texts, zones
from app.documents.registry import Documents, Registered
from app.documents.source import Source, read_source
from schema.errors import LoadError, LoadErrors, Place
from schema.graphql import View

_ADD = "Run: customhouse documents add --zone {zone}."


def load_documents(root: Path, known: Iterable[str], view: Callable[[str], View]) -> Mapping[str, Documents]:
    """The documents of each zone that has a registry. ``view`` gives the whole schema of a zone. Raises LoadErrors."""
    errors: list[LoadError] = []
    found = {}
    for zone in zones(root):
        if zone not in known:
            continue
        entries = read_registry(root, zone, errors)
        if entries:
            loaded = _registered(root, zone, entries, view(zone), errors)
            found[zone] = _documents(zone, loaded, errors)
            errors += _changed(root, zone, found[zone])
    if errors:
        raise LoadErrors(errors)
    return found


def _registered(
    root: Path, zone: str, entries: Iterable[Entry], view: View, errors: list[LoadError]
) -> list[tuple[Entry, Registered]]:
    found = []
    for entry in entries:
        try:
            source = registered_source(root, zone, entry)
            found.append((entry, registered(entry, source, view)))
        except LoadErrors as wrong:
            errors += wrong.errors
    return found


def registered(entry: Entry, source: Source, view: View) -> Registered:
    """A line of the registry with its text. Raises LoadErrors (CH252)."""
    return Registered(
        hash=source.hash,
        name=source.name,
        text=source.text,
        variables=fit(source, view, "CH252"),
        file=entry.file,
        description=source.description,
        whole=source.whole,
        added=entry.added,
        replaced=entry.replaced,
    )


def registered_source(root: Path, zone: str, entry: Entry) -> Source:
    """The text of a line of the registry. Raises LoadErrors (CH250, CH253)."""
    file = text_name(zone, entry.hash)
    data = read(root, file)
    if data is None:
        hint = f"Put {file} back from version control, or register the document anew."
        raise LoadErrors([LoadError(entry.place, "CH253", f"The text of '{entry.name}' is not there.", hint)])
    source = read_source(data, file)
    if (source.hash, source.name) != (entry.hash, entry.name):
        hint = "Texts are written by 'customhouse documents' alone: put it back from version control."
        sentence = f"The text is not that of '{entry.name}' with this hash."
        raise LoadErrors([LoadError(Place(file), "CH253", sentence, hint)])
    return source


def _documents(zone: str, loaded: Iterable[tuple[Entry, Registered]], errors: list[LoadError]) -> Documents:
    by_hash: dict[str, Registered] = {}
    by_name: dict[str, Registered] = {}
    for entry, one in loaded:
        if one.hash in by_hash:
            errors.append(_twice(entry, f"The hash of '{one.name}' stands here a second time."))
        elif one.replaced is None and one.name in by_name:
            errors.append(_twice(entry, f"'{one.name}' has two texts of which neither is replaced."))
        by_hash[one.hash] = one
        if one.replaced is None:
            by_name[one.name] = one
    return Documents(by_hash, by_name)


def _twice(entry: Entry, sentence: str) -> LoadError:
    return LoadError(entry.place, "CH253", sentence, "Remove one of the two lines.")


def _changed(root: Path, zone: str, documents: Documents) -> list[LoadError]:
    """Documents that are not written any more as they were registered."""
    errors = []
    files = {one.file: one for one in documents.by_name.values()}
    hint = _ADD.format(zone=zone)
    for file, data in sources(root, zone).items():
        try:
            source = read_source(data, file)
        except LoadErrors as wrong:
            if file in files:
                sentence = f"'{files[file].name}' has changed since it was registered, and cannot be read any more."
                errors += [LoadError(Place(file), "CH251", sentence, hint), *wrong.errors]
            continue
        one = documents.by_name.get(source.name)
        if one is not None and one.whole != source.whole:
            sentence = f"'{source.name}' has changed since it was registered."
            errors.append(LoadError(Place(file), "CH251", sentence, hint))
    return errors


def told(root: Path, loaded: Mapping[str, Documents], known: Iterable[str]) -> list[str]:
    """What is no error and should be known: documents that nobody is answered by."""
    found = []
    for zone in zones(root):
        if zone not in known:
            found.append(f"{registry_name(zone)}: the project has no zone '{zone}', so nobody is answered by it")
            continue
        documents = loaded.get(zone, Documents())
        for file, data in sources(root, zone).items():
            try:
                source = read_source(data, file)
            except LoadErrors as wrong:
                found += [f"{error}" for error in wrong.errors]
                continue
            if source.name not in documents.by_name:
                found.append(f"{file}: '{source.name}' is not registered. {_ADD.format(zone=zone)}")
        kept = {text_name(zone, hash_) for hash_ in documents.by_hash}
        found += [f"{file} is in no registry, so it is not answered" for file in texts(root, zone) if file not in kept]
    return found
