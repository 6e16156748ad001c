"""Secrets in YAML: only as references. Says CH225 where one is written out and CH226 where a reference is malformed.

A reference is a whole value, ``secret:env:NAME``, or stands within a URL as ``${secret:env:NAME}``. No sentence here
repeats any part of the value it is about.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from schema.errors import LoadError, Place
from schema.yaml_source import Entries, Items, Node, Scalar

STORES = ("env", "file", "aws", "gcp")
REFERENCE = re.compile(r"secret:(?P<store>env|file|aws|gcp):(?P<name>[^#\s{}]+)(?:#(?P<key>[^\s{}]+))?")
EMBEDDED = re.compile(r"\$\{(?P<reference>[^{}]*)\}")

_TELLING = re.compile(
    r"(?i)(^|[_.-]|ssl)(pass(word|wd|phrase)?|pwd|secret|token|credentials?|api_?key|private_?key)s?($|[_.-])"
)
_KEYWORD = re.compile(r"(?i)(^|[\s;])(password|pwd|passwd|passphrase)\s*=\s*(?P<value>[^\s;]+)")
_HINT = "Write a reference: secret:env:NAME, secret:file:PATH, secret:aws:NAME#key or secret:gcp:RESOURCE."


def check_secrets(node: Node, name: str, errors: list[LoadError]) -> None:
    """Look through a source's settings. ``name`` is the key the node stands under."""
    if isinstance(node, Entries):
        for key, entry in node.entries.items():
            check_secrets(entry.value, key, errors)
    elif isinstance(node, Items):
        for item in node.items:
            check_secrets(item, name, errors)
    elif isinstance(node.value, str):
        _text(node.value, node.place, name, errors)
    elif node.value is not None and not isinstance(node.value, bool) and _TELLING.search(name):
        _written(node, name, errors)


def _written(node: Scalar, name: str, errors: list[LoadError]) -> None:
    errors.append(LoadError(node.place, "CH225", f"'{name}' is written out here, but it looks like a secret.", _HINT))


def _text(text: str, place: Place, name: str, errors: list[LoadError]) -> None:
    if text.startswith("secret:"):
        if not REFERENCE.fullmatch(text):
            errors.append(LoadError(place, "CH226", f"The secret reference of '{name}' is malformed.", _HINT))
        return
    for match in EMBEDDED.finditer(text):
        if not REFERENCE.fullmatch(match["reference"]):
            errors.append(LoadError(place, "CH226", f"A secret reference within '{name}' is malformed.", _HINT))
    if _TELLING.search(name) and EMBEDDED.sub("", text):
        errors.append(LoadError(place, "CH225", f"'{name}' is written out here, but it looks like a secret.", _HINT))
    elif holds_password(EMBEDDED.sub("", text)):
        hint = "Write the whole URL as secret:env:NAME, or only the password as ${secret:env:NAME} within it."
        errors.append(LoadError(place, "CH225", f"'{name}' holds a password.", hint))


def holds_password(url: str) -> bool:
    """Whether a URL or a connection string has a password in it (references taken out before)."""
    if _KEYWORD.search(url):
        return True
    if "://" not in url:
        return False
    try:
        parts = urlsplit(url)
        userinfo, at, _ = parts.netloc.rpartition("@")
        query = parse_qsl(parts.query)
    except ValueError:
        return "@" in url  # not to be taken apart, so it may be one
    _, _, password = userinfo.partition(":")
    return bool(at and password) or any(_TELLING.search(key) and value for key, value in query)
