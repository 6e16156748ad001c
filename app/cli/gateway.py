"""``customhouse gateway KIND``: the configuration of a gateway in front of a zone, one file for each kind."""

from __future__ import annotations

import argparse

import orjson

from app.cli import Commands
from app.cli.place import add_project, say, say_errors
from app.gateways.facing import Asked, facing
from app.gateways.kinds import KINDS, make
from app.gateways.openapi import older, whole_openapi
from app.gateways.tls import PLATFORMS, Automatic, Files, Secret, Tls, authority, tls
from app.gateways.wrong import CannotStand, UsedWrongly
from app.project import Project, load_project
from schema.errors import LoadErrors
from schema.load_units import rate


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "gateway", help="print the configuration of a gateway in front of a zone, or its OpenAPI"
    )
    parts = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    for kind, about in KINDS.items():
        part = _part(parts, kind, about)
        part.add_argument(
            "--upstream",
            action="append",
            required=True,
            metavar="URL",
            help="where the zone answers; may be given again",
        )
        part.add_argument(
            "--port", type=int, metavar="N", help="where the gateway listens (default: 8080, with --tls 8443 or 443)"
        )
        shown, trusted = _TLS.get(kind, (_FILES, _FILE))
        part.add_argument("--tls", nargs="+", metavar="NAME", help=shown)
        part.add_argument("--upstream-ca", metavar="NAME", help=trusted)
        part.add_argument(
            "--origin", action="append", default=[], metavar="ORIGIN", help="whose pages may ask; may be given again"
        )
        part.add_argument(
            "--tokens",
            choices=("check", "pass"),
            default="check",
            help="whether the gateway checks tokens, where it can, or passes them on (default: check)",
        )
        part.add_argument(
            "--jwks",
            action="append",
            default=[],
            metavar="ISSUER=URL",
            help="where an issuer's keys are; may be given again",
        )
        part.add_argument(
            "--rate",
            metavar="N/1m",
            help="how much one address may ask (default: twice the quotas of all partners, where each has one)",
        )
    whole = _part(parts, "openapi", "OpenAPI of everything that the zone answers")
    whole.add_argument("--openapi", choices=("3.1", "3.0"), default="3.1", help="which version (default: 3.1)")


_FILES = "listen with TLS: the paths of certificate and key on the gateway's machine"
_FILE = "the authorities of the upstreams' certificates, as a file of the gateway's machine (default: the public ones)"
_TLS = {
    "caddy": (f"{_FILES}, or auto", _FILE),
    "k8s": (
        "print the Gateway, too, which listens with TLS by the certificate of a Secret",
        "the authorities of the upstreams' certificates, as a ConfigMap (default: the public ones)",
    ),
    **dict.fromkeys(PLATFORMS, (argparse.SUPPRESS, argparse.SUPPRESS)),
}
_PORTS: dict[type[Tls], int] = {Files: 8443, Secret: 443, Automatic: 443}


def _part(parts: Commands, kind: str, about: str) -> argparse.ArgumentParser:
    part = parts.add_parser(kind, help=about, description=about)
    add_project(part)
    part.add_argument("--zone", metavar="ZONE", help="which zone (default: the only one)")
    part.add_argument("--host", metavar="NAME", help="the name that clients use (default: any)")
    part.add_argument("--prefix", default="", metavar="PATH", help="a path in front of every address, such as /data")
    return part


def run(args: argparse.Namespace) -> int:
    try:
        project = load_project(args.project, args.env)
        zone = _zone(project, args.zone)
        if args.kind == "openapi":
            front = facing(project, zone, Asked(("http://localhost",), args.host, prefix=args.prefix))
            document = whole_openapi(project, front)
            said = document if args.openapi == "3.1" else older(document)
            print(orjson.dumps(said, option=orjson.OPT_INDENT_2).decode())
            return 0
        made = make(args.kind, facing(project, zone, _asked(args)))
    except LoadErrors as errors:
        return say_errors(errors)
    except UsedWrongly as error:
        say(str(error))
        return 2
    except CannotStand as error:
        say(str(error))
        return 1
    print(made.text, end="")
    say("The processes behind it are to have: " + ", ".join(f"{name}={value}" for name, value in made.settings.items()))
    for one in made.left:
        say(f"Not done here: {one}")
    return 0


def _zone(project: Project, named: str | None) -> str:
    zones = list(project.catalog.zones)
    return named or (zones[0] if len(zones) == 1 else "")


def _asked(args: argparse.Namespace) -> Asked:
    keys = dict(one.split("=", 1) for one in args.jwks if "=" in one)
    if len(keys) < len(args.jwks):
        raise UsedWrongly("CH348", "--jwks is an issuer's name of the catalog and a URL, such as company=https://..")
    listens = None if args.tls is None else tls(args.kind, args.tls, args.host)
    scheme = args.upstream[0].partition(":")[0]
    return Asked(
        upstreams=tuple(args.upstream),
        host=args.host,
        port=args.port or (8080 if listens is None else _PORTS[type(listens)]),
        prefix=args.prefix,
        origins=tuple(args.origin),
        check=args.tokens == "check",
        keys=keys,
        per_minute=None if args.rate is None else _per_minute(args.rate),
        tls=listens,
        authority=None if args.upstream_ca is None else authority(args.kind, args.upstream_ca, scheme),
    )


def _per_minute(text: str) -> int:
    found = rate(text)
    if found is None or not found[0]:
        raise UsedWrongly("CH348", f"--rate is a number in a time, such as 600/1m, not {text!r}.")
    return max(1, round(found[0] * 60 / found[1]))
