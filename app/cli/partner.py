"""``customhouse partner``: stop a partner, let it come in again, see who is stopped; one function for each.

Its kit is made by `app.cli.partner_kit`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Callable
from dataclasses import replace

from app.caching import cache_url
from app.cli import Commands, partner_kit
from app.cli.place import add_project, say, say_errors
from app.keyring import KeyringError, keyring
from app.partners.open import stops_path
from app.partners.stop import Record, Stop, later_than
from app.partners.stops_file import StopsError, change, read_stops
from app.project import load_project
from app.settings import SettingError, Settings, StartError, read_settings
from schema.errors import LoadErrors
from schema.names import did_you_mean
from schema.zone import Zone


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "partner", help="the partners of a zone: list, stop and resume them, and write the kit that one is given"
    )
    parts = parser.add_subparsers(dest="part", metavar="PART", required=True)
    stop = _part(parts, "stop", "refuse a partner from now on, on all workers and machines", _stop)
    stop.add_argument("name", metavar="NAME", help="the partner")
    stop.add_argument("--reason", required=True, metavar="TEXT", help="why; whoever lists the partners reads it")
    resume = _part(parts, "resume", "take a stopped partner's requests again", _resume)
    resume.add_argument("name", metavar="NAME", help="the partner")
    _part(parts, "list", "the partners, and which of them are stopped since when and why", _list)
    partner_kit.add(parts)


def _part(parts: Commands, name: str, said: str, run_part: Callable[[argparse.Namespace], int]) -> _Parser:
    parser = parts.add_parser(name, help=said)
    add_project(parser)
    parser.add_argument("--zone", metavar="ZONE", help="which zone (default: the only one that has partners)")
    parser.add_argument("--dev-keys", action="store_true", help="for a gateway that runs with --dev-keys")
    parser.set_defaults(run_part=run_part)
    return parser


_Parser = argparse.ArgumentParser


def run(args: argparse.Namespace) -> int:
    try:
        done: int = args.run_part(args)
    except LoadErrors as errors:
        return say_errors(errors)
    except StopsError as error:
        say(str(error))
        return 1
    except (_UsedWrongly, SettingError, StartError, KeyringError) as error:
        say(str(error))
        return 2
    return done


class _UsedWrongly(Exception):
    """There is no such zone or partner."""


def _stop(args: argparse.Namespace) -> int:
    settings, zone = _settings(args), _zone(args)
    name, stop = _name(args.name, zone), Stop(later_than(None), args.reason)
    change(stops_path(settings), zone.name, name, stop)  # first: it holds whatever else fails
    shared = _share(settings, zone, args.dev_keys, name, stop)
    print(f"{name} is stopped in zone {zone.name} since {stop.moment}.")
    return shared


def _resume(args: argparse.Namespace) -> int:
    settings, zone = _settings(args), _zone(args)
    name = _name(args.name, zone)
    if shared := _share(settings, zone, args.dev_keys, name, None):
        return shared  # and the file still says so: nobody is let in by half
    change(stops_path(settings), zone.name, name, None)
    print(f"{name} may come into zone {zone.name} again.")
    return 0


def _list(args: argparse.Namespace) -> int:
    settings, zone = _settings(args), _zone(args)
    filed, known = read_stops(stops_path(settings)).get(zone.name, {}), _known(settings, zone, args.dev_keys)
    for name in sorted(zone.partners):
        said = known[name].stop if known is not None and name in known else None
        stop = filed.get(name) or said
        print(f"{name:<24} " + (f"stopped since {stop.moment}: {stop.reason}" if stop else "may come in"))
    return 0 if known is not None else 1


def _settings(args: argparse.Namespace) -> Settings:
    return replace(read_settings(os.environ), project=args.project, environment=args.env, dev_keys=args.dev_keys)


def _zone(args: argparse.Namespace) -> Zone:
    zones = load_project(args.project, args.env).catalog.zones
    having = [name for name, zone in zones.items() if zone.partner_claim is not None]
    name = args.zone or (having[0] if len(having) == 1 else None)
    if name is None:
        raise _UsedWrongly(f"CH338 Say which zone: --zone {' | '.join(having) or 'NAME'}.")
    if name not in having:
        hint = did_you_mean(name, having) or f"There are: {', '.join(having) or 'none'}."
        raise _UsedWrongly(f"CH338 There is no zone '{name}' with partners. {hint}")
    return zones[name]


def _name(name: str, zone: Zone) -> str:
    if name not in zone.partners:
        hint = did_you_mean(name, zone.partners) or f"There are: {', '.join(zone.partners)}."
        raise _UsedWrongly(f"CH338 Zone '{zone.name}' has no partner '{name}'. {hint}")
    return name


def _share(settings: Settings, zone: Zone, dev_keys: bool, name: str, stop: Stop | None) -> int:
    """Say it to the processes of other machines, where they share a Valkey or Redis; gives the exit code."""
    url = cache_url(settings)
    if url is None:
        return 0
    try:
        asyncio.run(_written(url, zone, _seal(settings, zone, dev_keys), name, stop))
    except KeyringError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever goes wrong with a server, it has to be said
        say(
            f"CH338 CUSTOMHOUSE_CACHE_URL does not answer ({type(error).__name__}): other machines do not know of this."
        )
        say("This machine's stops file holds. Say it again when it answers, or on each machine.")
        return 1
    return 0


async def _written(url: str, zone: Zone, secret: bytes, name: str, stop: Stop | None) -> None:
    from app.partners.stops_shared import SharedStops

    shared = SharedStops(url, zone.name, secret)
    try:
        before = (await shared.read([name])).get(name)
        await shared.write(name, Record(later_than(before), stop))
    finally:
        await shared.close()


def _known(settings: Settings, zone: Zone, dev_keys: bool) -> dict[str, Record] | None:
    """What processes share; None where it cannot be asked."""
    url = cache_url(settings)
    if url is None or not zone.partners:
        return {}
    try:
        return asyncio.run(_records(url, zone, _seal(settings, zone, dev_keys)))
    except KeyringError:
        raise
    except Exception as error:  # noqa: BLE001 - as above
        say(f"CH338 CUSTOMHOUSE_CACHE_URL does not answer ({type(error).__name__}): this is what the file says.")
        return None


async def _records(url: str, zone: Zone, secret: bytes) -> dict[str, Record]:
    from app.partners.stops_shared import SharedStops

    shared = SharedStops(url, zone.name, secret)
    try:
        return dict(await shared.read(sorted(zone.partners)))
    finally:
        await shared.close()


def _seal(settings: Settings, zone: Zone, dev_keys: bool) -> bytes:
    keys = keyring(zone.name, os.environ, settings.project, dev_keys, zone.master_key, zone.restricted)
    return keys["seal"]
