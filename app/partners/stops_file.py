"""The stops file: which partners are stopped, in YAML, written by `customhouse partner` or in an emergency by hand.

    partner:                              # a zone
      agency: {since: 2026-01-31T12:00:00.000Z, reason: "token found in a public repository"}

Written whole or not at all. A file that holds anything else, or nothing, is not understood: it might have held a stop.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path

import yaml

from app.partners.stop import Stop, read

NAME = "stops.yaml"
Stops = dict[str, dict[str, Stop]]
_HEAD = "# Partners that are stopped: `customhouse partner` writes it, and every worker looks at it all the time.\n"


class StopsError(Exception):
    """The file cannot be read or written. The sentence says why."""


def read_stops(path: Path) -> Stops:
    """The stops by zone and partner; none where there is no file, but its folder. Raises StopsError CH337."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if path.parent.is_dir():
            return {}
        raise _unreadable(path, "its folder does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, type(error).__name__) from None
    try:
        said = yaml.safe_load(text)
    except yaml.YAMLError:
        raise _unreadable(path, "it is not YAML") from None
    if not isinstance(said, dict):
        raise _unreadable(path, "it is no mapping of zones ('{}' says that nobody is stopped)")
    return {str(zone): _zone(path, partners) for zone, partners in said.items()}


def _zone(path: Path, said: object) -> dict[str, Stop]:
    if not isinstance(said, dict):
        raise _unreadable(path, "a zone in it is no mapping of partners")
    return {str(name): _stop(path, one) for name, one in said.items()}


def _stop(path: Path, said: object) -> Stop:
    since = said.get("since") if isinstance(said, dict) else None
    reason = said.get("reason") if isinstance(said, dict) else None
    if isinstance(since, date):  # also a moment with its time, as YAML reads it
        since = since.isoformat() if isinstance(since, datetime) else f"{since.isoformat()}T00:00:00+00:00"
    if not isinstance(since, str) or not isinstance(reason, str):
        raise _unreadable(path, "a stop in it lacks 'since' or 'reason'")
    try:
        return Stop(read(since), reason)
    except ValueError:
        raise _unreadable(path, "a 'since' in it is no time with a zone, such as 2026-01-31T12:00:00Z") from None


def change(path: Path, zone: str, partner: str, stop: Stop | None) -> None:
    """Note a stop, or that there is none any more. Raises StopsError CH337, CH338."""
    try:
        with _locked(path.parent):
            stops = read_stops(path)
            stops.setdefault(zone, {}).pop(partner, None)
            if stop is not None:
                stops[zone][partner] = stop
            _write(path, stops)
    except OSError as error:
        raise StopsError(f"CH338 {path} cannot be written ({error.strerror}).") from None


def _write(path: Path, stops: Mapping[str, Mapping[str, Stop]]) -> None:
    said = {
        zone: {name: {"since": stop.moment, "reason": stop.reason} for name, stop in sorted(partners.items())}
        for zone, partners in sorted(stops.items())
        if partners
    }
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w", encoding="utf-8") as file:
            file.write(_HEAD + yaml.safe_dump(said, allow_unicode=True, sort_keys=False))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Alone among those who change the file."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _unreadable(path: Path, why: str) -> StopsError:
    return StopsError(f"CH337 {path} says which partners are stopped, and cannot be read: {why}.")
