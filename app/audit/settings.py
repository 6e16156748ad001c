"""What is audited, where it goes, and how surely, as the process's settings say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from app.tokens.fetch import loopback
from schema.load_units import size

SinkKind = Literal["file", "stdout", "otlp"]
Subject = Literal["hash", "clear"]
Sync = Literal["always", "second", "never"]
_LEAST_ROTATED = 4096


class AuditSettingError(Exception):
    """A setting of the audit trail cannot be meant. The sentence names the variable."""


@dataclass(frozen=True, slots=True)
class SinkSettings:
    """One place that records go to. ``at`` is a path or a URL."""

    kind: SinkKind
    at: str = ""


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """``required``: an answer is not sent unless its record has been accepted. ``subject``: whether who asks stands in
    it as a keyed hash. ``rotate`` is the most bytes of a file; ``sync`` says when it is forced to disk."""

    sinks: tuple[SinkSettings, ...] = ()
    required: bool = False
    subject: Subject = "hash"
    rotate: int = 256 * 1024 * 1024
    sync: Sync = "second"


OFF = AuditSettings()


def read_audit(environ: Mapping[str, str]) -> AuditSettings:
    """Read the settings. Raises AuditSettingError CH341."""
    sinks = _sinks(environ.get("CUSTOMHOUSE_AUDIT") or "off")
    required = _word(environ, "CUSTOMHOUSE_AUDIT_REQUIRED", "0", ("0", "1")) == "1"
    if required and not sinks:
        raise AuditSettingError("CH341 CUSTOMHOUSE_AUDIT_REQUIRED=1 needs a place to write to: CUSTOMHOUSE_AUDIT.")
    rotate = size(text) if (text := environ.get("CUSTOMHOUSE_AUDIT_ROTATE")) else OFF.rotate
    if rotate is None or rotate < _LEAST_ROTATED:
        raise AuditSettingError(
            f"CH341 CUSTOMHOUSE_AUDIT_ROTATE is a size such as 256MiB, from {_LEAST_ROTATED} bytes, not {text!r}."
        )
    subject = _word(environ, "CUSTOMHOUSE_AUDIT_SUBJECT", "hash", ("hash", "clear"))
    sync = _word(environ, "CUSTOMHOUSE_AUDIT_SYNC", "second", ("always", "second", "never"))
    return AuditSettings(sinks, required, cast(Subject, subject), rotate, cast(Sync, sync))


def _word(environ: Mapping[str, str], name: str, default: str, known: tuple[str, ...]) -> str:
    text = environ.get(name) or default
    if text not in known:
        raise AuditSettingError(f"CH341 {name} is {' or '.join(known)}, not {text!r}.")
    return text


def _sinks(text: str) -> tuple[SinkSettings, ...]:
    if text == "off":
        return ()
    found = tuple(_sink(part.strip()) for part in text.split(","))
    if len(set(found)) != len(found):
        raise AuditSettingError("CH341 CUSTOMHOUSE_AUDIT names a place twice.")
    return found


def _sink(text: str) -> SinkSettings:
    kind, _, at = text.partition(":")
    if text == "stdout":
        return SinkSettings("stdout")
    if kind == "file" and at and Path(at).name not in ("", "..", "."):
        return SinkSettings("file", at)
    if kind == "otlp":
        url = urlsplit(at)
        safe = url.scheme == "https" or (url.scheme == "http" and loopback(url.hostname or ""))
        if safe and url.username is None and url.hostname:
            return SinkSettings("otlp", at if url.path.strip("/") else f"{at.rstrip('/')}/v1/logs")
        raise AuditSettingError(
            "CH341 CUSTOMHOUSE_AUDIT: otlp: is followed by an https URL without a password, or by http to loopback."
        )
    raise AuditSettingError(
        f"CH341 CUSTOMHOUSE_AUDIT is off, or file:PATH, stdout, otlp:URL (several by comma), not {text!r}."
    )
