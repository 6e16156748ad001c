"""Run-time settings: what the place a gateway runs in decides, read once from environment variables.

What the data is and who sees it stands in the project's files; here are ports, hosts, paces and where secrets are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from app.audit.settings import OFF, AuditSettingError, AuditSettings, read_audit
from app.edge.settings import VARIABLES as EDGE_VARIABLES
from app.edge.settings import EdgeSettings, read_edge
from schema.load_units import size

Profile = Literal["audit", "draft"]
Parents = Literal["auto", "follow", "restart"]
WORKERS = 64
LEVELS = ("debug", "info", "warning", "error")
HOST, PORT = "127.0.0.1", 8000
CACHES = ("redis://", "rediss://", "valkey://", "valkeys://")


class StartError(Exception):
    """The gateway cannot start like this. The sentence says what to change."""


class SettingError(Exception):
    """A setting cannot be read. The sentence names the variable."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process. Durations are in seconds. ``host`` and ``port`` None: nobody said (`app.doors`)."""

    project: Path
    environment: str | None = None
    host: str | None = None
    port: int | None = None
    log_level: str = "info"
    dev_keys: bool = False
    status_profile: Profile = "audit"
    server_timing: bool = False
    explain: str | None = None
    reload_every: float = 1.0
    keys_refresh: float = 25.0
    keys_unknown_kid: float = 30.0
    drain_delay: float = 0.0
    shutdown_timeout: float = 25.0
    slow_reader: float = 30.0
    unread_bytes: int = 48 * 1024 * 1024
    cache_bytes: int = 64 * 1024 * 1024
    cache_url: str | None = field(default=None, repr=False)  # it may hold a password
    workers: int = 1
    stops: Path | None = None
    admin: tuple[str, int] | None = None
    edge: EdgeSettings = field(default_factory=EdgeSettings)
    otlp: str | None = None
    trace_ratio: float = 0.1
    trace_parent: Parents = "auto"
    slow: float = 0.0
    cost_ratio: float = 0.01
    audit: AuditSettings = OFF


VARIABLES: Mapping[str, str] = {
    "CUSTOMHOUSE_PROJECT": "The project's directory (default: the current one).",
    "CUSTOMHOUSE_ENV": "Which overlay applies: dev, staging or prod (default: none).",
    "HOST": "The address to listen on (default: the zone's own, else 127.0.0.1).",
    "PORT": "The port to listen on; 0 picks a free one (default: the zone's own, else 8000).",
    "CUSTOMHOUSE_LOG_LEVEL": "debug, info, warning or error (default info); warning silences the request log.",
    "CUSTOMHOUSE_MASTER_KEY": "The secret all mask and seal keys are derived from: a secret reference, or 32 bytes "
    "in base64.",
    "CUSTOMHOUSE_MASTER_KEY_<ZONE>": "The same for one zone alone.",
    "CUSTOMHOUSE_STATUS_PROFILE": "audit (default) or draft: which GraphQL over HTTP statuses are used.",
    "CUSTOMHOUSE_SERVER_TIMING": "1 sends stage timings to callers; they are a side channel, so the default is 0.",
    "CUSTOMHOUSE_EXPLAIN": "Who may ask why: claim:value, such as roles:platform (default: nobody).",
    "CUSTOMHOUSE_RELOAD_EVERY": "Seconds between looks at the project's files (default 1; 0 reloads on SIGHUP only).",
    "CUSTOMHOUSE_KEYS_REFRESH": "Seconds between fetches of an issuer's keys, at most 60 (default 25).",
    "CUSTOMHOUSE_KEYS_UNKNOWN_KID": "Least seconds between fetches for a kid nobody knows (default 30).",
    "CUSTOMHOUSE_DRAIN_DELAY": "Seconds between not being ready and no longer listening (default 0).",
    "CUSTOMHOUSE_SHUTDOWN_TIMEOUT": "Seconds that requests in flight get to end (default 25).",
    "CUSTOMHOUSE_SLOW_READER": "Seconds a reader may stall before its answer is dropped (default 30).",
    "CUSTOMHOUSE_UNREAD_BYTES": "The most that long GraphQL answers take in a process until they are read, as 64MiB or "
    "in bytes (default 48MiB).",
    "CUSTOMHOUSE_CACHE_BYTES": "The most memory that results take, as 64MiB or in bytes (default 64MiB; 0: none).",
    "CUSTOMHOUSE_CACHE_URL": "A Valkey or Redis that processes share results in: redis://, rediss:// or valkey://, or "
    "a secret reference (default: none).",
    "CUSTOMHOUSE_STOPS": "The file that says which partners are stopped (default: stops.yaml in the project).",
    "CUSTOMHOUSE_WORKERS": "How many processes serve, at most 64 (default 1).",
    "CUSTOMHOUSE_ADMIN": "host:port of the admin listener, for metrics and health; port 0 picks a free one "
    "(default: none).",
    **EDGE_VARIABLES,
    "CUSTOMHOUSE_OTLP": "The http(s) address of a collector that takes OTLP, such as http://127.0.0.1:4318: traces are "
    "sent there (default: OTEL_EXPORTER_OTLP_ENDPOINT, or none).",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "The same, as OpenTelemetry's own variables have it.",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "The whole address for traces alone.",
    "OTEL_SERVICE_NAME": "The name of the service in traces (default customhouse).",
    "CUSTOMHOUSE_TRACE_RATIO": "The part of the traces that begin here which is kept, from 0 to 1 (default 0.1).",
    "CUSTOMHOUSE_TRACE_PARENT": "follow: a request's traceparent is believed; restart: its trace begins here; auto "
    "(default): followed, in zones of partners where a trusted peer sent it.",
    "CUSTOMHOUSE_SLOW": "Seconds from which on a request is logged as slow, with its statements (default 0: none is).",
    "CUSTOMHOUSE_COST_RATIO": "The part of the GraphQL answers whose actual cost is counted for the metrics, from 0 "
    "to 1 (default 0.01).",
    "CUSTOMHOUSE_AUDIT": "Where the audit trail goes: file:PATH, stdout, otlp:URL, several by comma (default off).",
    "CUSTOMHOUSE_AUDIT_REQUIRED": "1 sends no answer whose record has not been accepted (default 0).",
    "CUSTOMHOUSE_AUDIT_SUBJECT": "hash (default) or clear: how the audit trail names who asks.",
    "CUSTOMHOUSE_AUDIT_ROTATE": "The most bytes of an audit file before it is put aside, as it is at midnight "
    "(default 256MiB).",
    "CUSTOMHOUSE_AUDIT_SYNC": "always, second (default) or never: when an audit file is forced to disk.",
}


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings. Raises SettingError for a value that cannot be meant."""
    profile = environ.get("CUSTOMHOUSE_STATUS_PROFILE", "audit")
    if profile not in ("audit", "draft"):
        raise SettingError(f"CUSTOMHOUSE_STATUS_PROFILE is 'audit' or 'draft', not {profile!r}.")
    level = environ.get("CUSTOMHOUSE_LOG_LEVEL", "info").lower()
    if level not in LEVELS:
        raise SettingError(f"CUSTOMHOUSE_LOG_LEVEL is one of {', '.join(LEVELS)}, not {level!r}.")
    try:
        audit = read_audit(environ)
        edge = read_edge(environ)
    except (AuditSettingError, ValueError) as error:
        raise SettingError(str(error)) from None
    believed = environ.get("CUSTOMHOUSE_TRACE_PARENT") or "auto"
    if believed not in ("auto", "follow", "restart"):
        raise SettingError(f"CUSTOMHOUSE_TRACE_PARENT is 'auto', 'follow' or 'restart', not {believed!r}.")
    return Settings(
        project=Path(environ.get("CUSTOMHOUSE_PROJECT") or "."),
        environment=environ.get("CUSTOMHOUSE_ENV") or None,
        host=environ.get("HOST") or None,
        port=int(_number(environ, "PORT", PORT, 65535)) if environ.get("PORT") else None,
        log_level=level,
        status_profile=cast(Profile, profile),
        server_timing=_flag(environ, "CUSTOMHOUSE_SERVER_TIMING"),
        explain=_right(environ),
        reload_every=_number(environ, "CUSTOMHOUSE_RELOAD_EVERY", 1.0, 30),
        keys_refresh=_number(environ, "CUSTOMHOUSE_KEYS_REFRESH", 25.0, 60, least=0.05),
        keys_unknown_kid=_number(environ, "CUSTOMHOUSE_KEYS_UNKNOWN_KID", 30.0, 3600),
        drain_delay=_number(environ, "CUSTOMHOUSE_DRAIN_DELAY", 0.0, 600),
        shutdown_timeout=_number(environ, "CUSTOMHOUSE_SHUTDOWN_TIMEOUT", 25.0, 3600),
        slow_reader=_number(environ, "CUSTOMHOUSE_SLOW_READER", 30.0, 3600, least=0.1),
        unread_bytes=_bytes(environ, "CUSTOMHOUSE_UNREAD_BYTES", 48 * 1024 * 1024),
        cache_bytes=_bytes(environ, "CUSTOMHOUSE_CACHE_BYTES", 64 * 1024 * 1024),
        cache_url=_cache(environ),
        workers=_whole(environ, "CUSTOMHOUSE_WORKERS", 1, WORKERS),
        stops=Path(stops) if (stops := environ.get("CUSTOMHOUSE_STOPS")) else None,
        admin=_address(environ, "CUSTOMHOUSE_ADMIN"),
        edge=edge,
        otlp=_otlp(environ),
        trace_ratio=_number(environ, "CUSTOMHOUSE_TRACE_RATIO", 0.1, 1),
        trace_parent=cast(Parents, believed),
        slow=_number(environ, "CUSTOMHOUSE_SLOW", 0.0, 3600),
        cost_ratio=_number(environ, "CUSTOMHOUSE_COST_RATIO", 0.01, 1),
        audit=audit,
    )


def _number(environ: Mapping[str, str], name: str, default: float, most: float, least: float = 0) -> float:
    text = environ.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise SettingError(f"{name} is a number from {least:g} to {most:g}, not {text!r}.")
    return value


def _bytes(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    value = int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else size(text)
    if value is None:
        raise SettingError(f"{name} is a number of bytes, or 64MiB, 1GiB .., not {text!r}.")
    return value


def _cache(environ: Mapping[str, str]) -> str | None:
    text = environ.get("CUSTOMHOUSE_CACHE_URL") or None
    if text is not None and not text.startswith((*CACHES, "secret:")):
        raise SettingError("CUSTOMHOUSE_CACHE_URL begins with redis://, rediss:// or valkey://, or with secret:.")
    return text


def _otlp(environ: Mapping[str, str]) -> str | None:
    """Where spans are sent: an address of its own, or one that all signals share."""
    own = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or None
    shared = environ.get("CUSTOMHOUSE_OTLP") or (None if own else environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")) or None
    found = own if shared is None else f"{shared.rstrip('/')}/v1/traces"
    if found is not None and not found.startswith(("http://", "https://")):
        raise SettingError("CUSTOMHOUSE_OTLP is an address with http:// or https://, such as http://127.0.0.1:4318.")
    return found


def _flag(environ: Mapping[str, str], name: str) -> bool:
    text = environ.get(name, "0")
    if text not in ("0", "1", ""):
        raise SettingError(f"{name} is 0 or 1, not {text!r}.")
    return text == "1"


def _right(environ: Mapping[str, str]) -> str | None:
    text = environ.get("CUSTOMHOUSE_EXPLAIN") or None
    if text is not None and not all(text.partition(":")[::2]):
        raise SettingError(f"CUSTOMHOUSE_EXPLAIN is written claim:value, not {text!r}.")
    return text


def _whole(environ: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise SettingError(f"{name} is a whole number from 1 to {most}, not {text!r}.")
    return int(text)


def _address(environ: Mapping[str, str], name: str) -> tuple[str, int] | None:
    text = environ.get(name) or None
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise SettingError(f"{name} is written host:port, such as 127.0.0.1:9000, not {text!r}.")
    return host.removeprefix("[").removesuffix("]"), int(port)
