"""Made: a configuration as text, with what its reader has to know besides; and words that several kinds share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import orjson
import yaml

from app.documents.schemas import Json
from app.gateways.facing import HASH, Facing, Login, Of
from app.gateways.wrong import CannotStand

PEERS = "the networks that the gateway connects from"


@dataclass(frozen=True, slots=True)
class Made:
    """``settings`` are those of the processes behind the gateway; ``left`` says what the configuration does not do."""

    text: str
    settings: Mapping[str, str] = field(default_factory=dict)
    left: tuple[str, ...] = ()


def settings(facing: Facing, prefix: bool = False, **more: str) -> dict[str, str]:
    """What the processes behind need. ``prefix``: the gateway does not take it off."""
    found = {"CUSTOMHOUSE_TRUSTED_PROXIES": PEERS}
    if prefix and facing.prefix:
        found["CUSTOMHOUSE_PREFIX"] = facing.prefix
    if facing.origins:
        found["CUSTOMHOUSE_CORS_ORIGINS"] = ",".join(facing.origins)
    return found | more


def said(facing: Facing, gateway: str, wanted: Mapping[str, str], left: tuple[str, ...] = ()) -> list[str]:
    """The lines that begin a configuration whose language has comments."""
    lines = [
        f"{gateway} in front of the zone '{facing.zone}'. Made by: customhouse gateway. See docs/gateways.md.",
        "The processes behind it are to have:",
        *(f"  {name}={value}" for name, value in wanted.items()),
    ]
    return lines + [f"Not done here: {one}" for one in left]


def commented(lines: list[str]) -> str:
    return "".join(f"# {line}\n" for line in lines) + "\n"


def as_yaml(*documents: object) -> str:
    """YAML documents in the order of their keys, each text on one line."""
    return "---\n".join(yaml.dump(one, Dumper=_Plain, sort_keys=False, width=1_000_000) for one in documents)


class _Plain(yaml.SafeDumper):
    """Without anchors, which not every reader takes."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def as_json(document: Json) -> str:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def patterns(facing: Facing, leave: tuple[Of, ...] = ()) -> str:
    """One pattern over all paths, without the prefix, for gateways that match by regular expressions."""
    chosen = [route for route in facing.routes if route.of not in leave]
    paths = [re.escape(route.path) for route in chosen if route.of != "document"]
    documents = facing.documents if "document" not in leave else None
    return "|".join([*([documents] if documents else []), *paths])


def within(facing: Facing, most: float, gateway: str) -> tuple[Facing, tuple[str, ...]]:
    """As much as a gateway can wait for. SQL that may take longer is left out; raises CannotStand where GraphQL may."""
    late = [route for route in facing.routes if route.seconds > most]
    if any(route.of != "sql" for route in late):
        longest = max(route.seconds for route in late if route.of != "sql") - 2
        raise CannotStand(
            f"The zone '{facing.zone}' may take {longest:g} s, and {gateway} waits {most:g} s at most: "
            f"lower the zone's timeout to {most - 2:g}s."
        )
    if not late:
        return facing, ()
    left = f"/sql: a statement may take {late[0].seconds - 2:g} s, and {gateway} waits {most:g} s at most."
    return replace(facing, routes=tuple(route for route in facing.routes if route not in late)), (left,)


def first_alone(facing: Facing) -> tuple[str, ...]:
    """What is left undone by a gateway that asks one address."""
    if len(facing.upstreams) == 1:
        return ()
    return (f"Balancing: it asks {facing.upstreams[0].url} alone; name a load balancer.",)


def unbounded(facing: Facing) -> tuple[str, ...]:
    """What a limit of requests does not do."""
    return () if facing.unbounded is None else (facing.unbounded,)


def names_only(facing: Facing, gateway: str) -> None:
    """Raises CannotStand where a certificate would have to be compared with an address, and the gateway compares names
    alone: no certificate would do."""
    for one in facing.upstreams:
        if facing.secure and not one.named:
            raise CannotStand(f"{gateway} compares certificates with names only: give {one.url} by its name.")


def keys_of(login: Login, gateway: str) -> str:
    """The address of an issuer's keys. Raises CannotStand where it is not known."""
    if login.keys is None:
        raise CannotStand(
            f"{gateway} checks tokens with keys from an address, and none is known for the issuer '{login.name}': "
            f"say --jwks {login.name}=URL, or leave tokens to the gateway behind with --tokens pass."
        )
    return login.keys


def whole(seconds: float) -> int:
    """A time in whole seconds, for languages that know no others."""
    return int(-(-seconds // 1))


def hash_parameter() -> Json:
    return {
        "name": "hash",
        "in": "path",
        "required": True,
        "description": "A registered document, by its SHA-256.",
        "schema": {"type": "string", "pattern": f"^{HASH}$"},
    }
