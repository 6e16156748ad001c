"""The kit in words: README.md and requests.sh. Part of `app.steward.kit`."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, cast

from app.documents.registry import Registered, Variable
from schema.catalog import Issuer

if TYPE_CHECKING:
    from app.steward.kit import Kit

_REFUSALS = (
    ("CH170", 400, "the document is not registered, or not any more", "ask one of those below"),
    ("CH171", 400, "a value is out of the document's bounds", "see the bounds in documents.json"),
    ("CH176", 400, "a parameter is unknown, stands twice or is not written as its type", "see openapi.json"),
    ("CH30x", 401, "the token is missing, expired or not for this address", "get a new one"),
    ("CH31x", 403, "the token does not give the right", "ask whoever gave you access"),
    ("CH62x", 429, "a quota is used up", "wait as many seconds as `Retry-After` says"),
    ("CH5xx, CH32x", 503, "something behind this address does not answer", "wait as `Retry-After` says, and ask again"),
    ("CH150", 504, "the answer took too long", "ask for less"),
)
_SAMPLES = {
    "BigInt": "1", "Boolean": "true", "Date": "2013-01-31", "DateTime": "2013-01-31T23:59:59", "Decimal": "1",
    "Duration": "P1D", "Float": "1", "Fraction": "0.5", "Int": "1", "JSON": "{}", "Long": "1", "Time": "12:00:00",
    "Timestamp": "2013-01-31T23:59:59Z", "UUID": "6f1c3e2a-0d7b-4a51-9e55-2f6d9f8f0c11", "Base64": "AA==",
}  # fmt: skip


def readme(kit: Kit) -> str:
    """What a partner reads first."""
    parts = [
        f"# {kit.partner.name}",
        *([kit.partner.description + "."] if kit.partner.description else []),
        "This folder says what you may ask, how, and how much. `openapi.json` says it to programs, `requests.sh` asks\n"
        "everything once, `schema.graphql` holds the types behind it.",
        "## Where, and with what",
        _where(kit),
        "## What you may ask",
        "Questions are registered; nothing else is answered. Each has a name and a hash, both in `documents.json`. A\n"
        "name means the newest wording, a hash one wording for as long as it is registered.",
        _documents(kit.documents),
        "```sh\n" + _call(kit.documents[0]) + "\n```" if kit.documents else "Nothing is registered for you yet.",
        "Or `POST /graphql` with `{\"documentId\": \"sha256:..\", \"variables\": {..}}`. Send\n"
        "`Accept: application/graphql-response+json`: then a status other than 200 tells that there is no answer.",
        *_masked(kit),
        "## How much",
        "\n".join(_limits(kit.limits)),
        "## When it is refused",
        "The body is `{\"errors\": [{\"message\": .., \"extensions\": {\"code\": .., \"request_id\": ..}}]}`.",
        _table(("code", "status", "means", "do"), ((code, str(status), *rest) for code, status, *rest in _REFUSALS)),
        "## Whom to ask",
        "Name the `request_id` (also the header `X-Request-Id`), never a token.",
        "\n".join([
            *(f"- about the data: {one}" for one in kit.stewards),
            *([f"- we write to you at: {kit.partner.contact}"] if kit.partner.contact else []),
        ]),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def _where(kit: Kit) -> str:
    url = kit.url or "told to you apart from this folder"
    lines = [f"- Address: {url} (below `$URL`). TLS, HTTP/1.1."]
    for issuer in kit.issuers:
        lines.append(f"- Token: a JWT of the issuer {issuer.issuer} for the audience {' or '.join(issuer.audiences)}, ")
        lines[-1] += "sent as `Authorization: Bearer $TOKEN`."
        lines += [f"  {line}" for line in _token(issuer, kit)]
    return "\n".join(lines)


def _token(issuer: Issuer, kit: Kit) -> Iterator[str]:
    if issuer.oidc:
        yield f"Its endpoints are told at {issuer.issuer.rstrip('/')}/.well-known/openid-configuration."
    if issuer.development:
        yield "It is a development issuer: its tokens come from `customhouse token`, for demonstrations alone."
    if issuer.max_lifetime is not None:
        yield f"No token is taken that is valid for longer than {issuer.max_lifetime:g} seconds."
    claims = {
        ".".join(issuer.claims[name].paths[0]): value for name, value in _claims(kit).items() if name in issuer.claims
    }
    if claims:
        yield "It holds " + ", ".join(f"`{name}`: {_plain(value)}" for name, value in sorted(claims.items())) + "."


def _claims(kit: Kit) -> Mapping[str, object]:
    own = {} if kit.zone.partner_claim is None else {kit.zone.partner_claim: kit.partner.name}
    return {**kit.partner.claims, **own}


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _documents(documents: Iterable[Registered]) -> str:
    rows = ((f"`{one.name}`", " ".join(one.description.split()), _variables(one)) for one in documents)
    return _table(("name", "answers", "takes"), rows)


def _variables(document: Registered) -> str:
    return "<br>".join(f"`{one}`" for one in document.variables)


def _masked(kit: Kit) -> Iterator[str]:
    if not kit.masked:
        return
    yield (
        "Some values are not the stored ones. The last column says what comparing them still tells; none of them\n"
        "means anything beside values from another address."
    )
    yield _table(("field", "shows", "keeps"), kit.masked)


def _limits(limits: Mapping[str, object]) -> Iterator[str]:
    yield f"- A page has {limits['page_size']} rows unless you say otherwise, and at most {limits['max_page_size']}."
    yield f"- An answer has at most {limits['max_rows']} rows and {limits['max_answer_bytes']} bytes, or is refused."
    yield f"- A request ends after {limits['timeout_seconds']:g} seconds."
    quotas = cast(dict[str, dict[str, object]], limits["quotas"])
    for name in ("requests", "rows"):
        if name in quotas:
            yield f"- {_rate(quotas[name], name)}, whatever is asked."
    for field, own in cast(dict[str, dict[str, dict[str, object]]], quotas["by_field"]).items():
        for name, rate in own.items():
            yield f"- {_rate(rate, name)} of `{field}`."
    for field, group in cast(dict[str, dict[str, object]], limits["minimum_groups"]).items():
        only = "" if group["rows"] else " Single rows are not told at all."
        yield f"- Figures over `{field}` stand on {group['fewest']} of them or more; smaller groups are left out.{only}"
    if set(quotas) > {"by_field"}:
        yield "- `RateLimit` and `RateLimit-Policy` of each answer tell where you are."


def _rate(rate: Mapping[str, object], name: str) -> str:
    return f"{rate['limit']} {name} in {rate['window_seconds']:g} seconds"


def _table(head: tuple[str, ...], rows: Iterable[Iterable[str]]) -> str:
    lines = [head, tuple("---" for _ in head), *(tuple(row) for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def requests(kit: Kit) -> str:
    """A shell script that asks each document once, with values that suit the types and mean nothing."""
    url = kit.url or ""
    head = [
        "#!/bin/sh",
        "# Asks every document once. Needs a token in TOKEN" + ("." if url else ", and the address in URL."),
        "# The values are placeholders of the right type; documents.json has their bounds.",
        "set -eu",
        ': "${TOKEN:?put a token into TOKEN}"',
        f"URL=${{URL:-{url}}}" if url else ': "${URL:?put the address into URL}"',
    ]
    return "\n".join([*head, *(f"\n# {one.name}\n{_call(one)}\necho" for one in kit.documents)]) + "\n"


def _call(document: Registered) -> str:
    lines = [
        'curl -sS --fail-with-body -G "$URL/q/' + document.name + '"',
        '-H "Authorization: Bearer $TOKEN"',
        "-H 'Accept: application/graphql-response+json'",
        *(f"--data-urlencode {shlex.quote(f'{one.name}={sample(one)}')}" for one in document.variables if one.required),
    ]
    return " \\\n  ".join(lines)


def sample(variable: Variable) -> str:
    """A value of a variable's type, within its bounds, in a query string."""
    if variable.form == "json":
        return "[]" if variable.many else "{}"
    named = variable.type.strip("[]!")
    if variable.form == "number" or named in ("BigInt", "Decimal"):
        return f"{variable.bounds.least:g}" if variable.bounds.least is not None else _SAMPLES[named]
    return _SAMPLES.get(named, variable.name.upper())[: variable.bounds.length]
