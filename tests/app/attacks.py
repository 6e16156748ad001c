"""Tokens that must not pass, generated: name, token, and the codes with which it may be refused.

Each section names the mistake it looks for. Several once passed in a textbook set-up of a JWT library: keys chosen by
the header's algorithm, dates read from texts, payloads read in whatever encoding they seem to have.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.app.issuer import Issuer, alg_of, b64, hmac_signed, jwk, private, sign

Attack = tuple[str, str, set[str]]
LISTED = ("rsa-1", "p256-1", "ed-1")
ALGS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384")
ALGS += ("HS512", "none", "None", "NONE", "nOnE", "", "rs256", "ES256K", "RSA1_5", "dir")


def attacks(issuer: Issuer) -> Iterator[Attack]:
    for section in (_algorithms, _shared_secrets, _headers, _keys, _texts, _payloads, _registered, _tampered):
        yield from section(issuer)


def _header(name: str, **over: object) -> dict[str, object]:
    said = {"alg": alg_of(name), "kid": name, "typ": "JWT", **over}
    return {member: value for member, value in said.items() if value != "absent"}


def _algorithms(issuer: Issuer) -> Iterator[Attack]:
    """A key must serve its own algorithm only, whatever a header says; a header must not choose 'none'."""
    for kid in LISTED:
        for alg in ALGS:
            for signer in LISTED:
                if (alg, signer) != (alg_of(kid), kid):
                    token = sign(signer, _header(kid, alg=alg), issuer.claims())
                    yield f"{alg} in the header, key {kid}, signed by {signer}", token, {"CH303", "CH304"}
        for alg in ("none", "None", "NONE"):
            unsigned = b64(json.dumps(_header(kid, alg=alg)).encode()) + "." + b64(json.dumps(issuer.claims()).encode())
            yield f"unsigned, {alg} {kid}", unsigned + ".", {"CH302"}
            yield f"unsigned without the last dot, {alg} {kid}", unsigned, {"CH302"}


def _shared_secrets(issuer: Issuer) -> Iterator[Attack]:
    """The public key's text as an HMAC secret (key confusion)."""
    for kid in LISTED:
        public = private(kid).public_key()
        texts = {
            "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            "jwk": json.dumps(jwk(kid)).encode(),
            "empty": b"",
        }
        for form, secret in texts.items():
            for alg in ("HS256", alg_of(kid)):
                token = hmac_signed(secret, _header(kid, alg=alg), issuer.claims())
                yield f"HMAC with the public key's {form}, says {alg}", token, {"CH303", "CH304"}


def _headers(issuer: Issuer) -> Iterator[Attack]:
    """Kinds of token that are not for us, extensions that must be understood, and keys a header brings along."""
    other = [7, [], {}, None, True, "", "JWE", "logout+jwt", "dpop+jwt", "secevent+jwt", "id+jwt", "application/jwt"]
    for kid in LISTED:
        for typ in other:
            yield f"typ {typ!r} {kid}", sign(kid, _header(kid, typ=typ), issuer.claims()), {"CH308"}
        for extension in ({"crit": ["exp"], "exp": 1}, {"crit": []}, {"b64": False, "crit": ["b64"]}, {"b64": True}):
            token = sign(kid, _header(kid, **extension), issuer.claims())
            yield f"extension {extension} {kid}", token, {"CH302"}
        for name, value in (("alg", 7), ("alg", ["RS256"]), ("alg", None), ("alg", "absent"), ("kid", "absent")):
            yield f"{name} {value!r} {kid}", sign(kid, _header(kid, **{name: value}), issuer.claims()), {"CH302"}
        for value in (7, None, "", ["rsa-1"], {"a": 1}):
            yield f"kid {value!r} {kid}", sign(kid, _header(kid, kid=value), issuer.claims()), {"CH302"}
    stranger = jwk("rsa-stranger")
    for name, value in (
        ("jwk", stranger),
        ("jku", issuer.url + "/jwks"),
        ("x5u", issuer.url + "/cert"),
        ("x5c", ["AAAA"]),
    ):
        for kid in ("rsa-stranger", "rsa-1"):
            token = sign("rsa-stranger", _header("rsa-stranger", kid=kid, **{name: value}), issuer.claims())
            yield f"brings its own key as {name}, kid {kid}", token, {"CH303", "CH304"}


def _keys(issuer: Issuer) -> Iterator[Attack]:
    """Keys nobody lists, weak or secret keys that are listed, and names that look like paths or statements."""
    for kid in ("rsa-stranger", "p256-stranger", "ed-stranger", "p384-1"):
        yield f"unlisted {kid}", issuer.token(kid), {"CH303"}
    for kid in ("../../dev/null", "/etc/passwd", "' OR 1=1 --", "rsa-1\u0000", "RSA-1", "rsa-1 ", "x" * 500, "\n", "é"):
        yield f"kid {kid!r}", sign("rsa-1", _header("rsa-1", kid=kid), issuer.claims()), {"CH303"}
    yield "a listed RSA key of 1,024 bits", issuer.token("rsa1024-weak"), {"CH303"}
    yield "a listed key for encryption", issuer.token("rsa-encryption"), {"CH303"}
    yield "a listed key that may only sign", issuer.token("ed-signing"), {"CH303"}
    yield "a listed shared secret", hmac_signed(b"secret", {"alg": "HS256", "kid": "oct-1"}, issuer.claims()), {"CH303"}


def _texts(issuer: Issuer) -> Iterator[Attack]:
    """Things that are not one compact JWS."""
    good = issuer.token("ed-1")
    head, payload, signature = good.split(".")
    broken = {
        "four parts": good + ".x",
        "five parts": good + ".x.y",
        "two parts": f"{head}.{payload}",
        "an empty header": f".{payload}.{signature}",
        "an empty payload": f"{head}..{signature}",
        "padding": f"{head}=.{payload}.{signature}",
        "standard base64": f"{head}+/.{payload}.{signature}",
        "no base64 length": f"{head}AAAAA"[: len(head) // 4 * 4 + 1] + f".{payload}.{signature}",
        "a JSON serialisation": json.dumps({"protected": head, "payload": payload, "signature": signature}),
        "too long": issuer.token("ed-1", more="x" * 9000),
        "quotes": f'"{good}"',
        "a line break": f"{head}.\n{payload}.{signature}",
    }
    for name, text in broken.items():
        yield name, text, {"CH302"}


def _payloads(issuer: Issuer) -> Iterator[Attack]:
    """Payloads that two readers understand differently, rightly signed."""
    good = json.dumps(issuer.claims())
    texts = {
        "UTF-16": good.encode("utf-16"),
        "UTF-16 without a mark": good.encode("utf-16-le"),
        "UTF-32": good.encode("utf-32"),
        "a byte order mark": b"\xef\xbb\xbf" + good.encode(),
        "bad UTF-8": good[:-1].encode() + b',"x":"\xff"}',
        "a key twice": good[:-1].encode() + b',"sub":"admin"}',
        "a nested key twice": good[:-1].encode() + b',"x":{"a":1,"a":2}}',
        "NaN": good[:-1].encode() + b',"x":NaN}',
        "Infinity": good[:-1].encode() + b',"x":Infinity}',
        "a lone surrogate": good[:-1].encode() + b',"x":"\\ud800"}',
        "a list": b"[]",
        "a text": b'"x"',
        "null": b"null",
        "no JSON": b"{sub: admin}",
        "two objects": good.encode() + good.encode(),
        "very deep": good[:-1].encode() + b',"x":' + b"[" * 2000 + b"]" * 2000 + b"}",
        "a number of 5,000 digits": good[:-1].encode() + b',"x":' + b"9" * 5000 + b"}",
    }
    for name, text in texts.items():
        for kid in LISTED:
            yield f"payload: {name} {kid}", sign(kid, _header(kid), text), {"CH302"}
    for name, text in {"list": b"[]", "twice": b'{"alg":"EdDSA","alg":"none","kid":"ed-1"}', "text": b'"x"'}.items():
        signing = b64(text) + "." + b64(good.encode())
        yield f"header: {name}", f"{signing}.{b64(b'x' * 64)}", {"CH302"}


def _registered(issuer: Issuer) -> Iterator[Attack]:
    """Registered claims that are absent, of another type, or say no."""
    now = int(time.time())
    no_date = ["x", str(now + 600), True, [now + 600], {}, -1, 10**15, float(10**300)]
    wrong: list[tuple[str, object, set[str]]] = [("exp", value, {"CH307"}) for value in [*no_date, None]]
    wrong += [("iat", value, {"CH307"}) for value in no_date]
    wrong += [("nbf", value, {"CH307"}) for value in no_date]
    wrong += [("exp", value, {"CH305"}) for value in (0, 1, now - 1, now - 3600, now - 0.5)]
    wrong += [("exp", now + 86400 + 600, {"CH307"}), ("iat", now - 86400, {"CH307"}), ("iat", now + 3600, {"CH307"})]
    wrong += [("nbf", now + 3600, {"CH307"})]
    wrong += [("aud", value, {"CH306"}) for value in (None, "", "x", [], ["x"], {}, 7, True, "Customhouse")]
    wrong += [("aud", value, {"CH306"}) for value in (["customhouse", 7], [["customhouse"]], {"customhouse": 1})]
    wrong += [("iss", value, {"CH303"}) for value in (None, "", "https://x.example", 7, [issuer.url], {}, True)]
    wrong += [("iss", value, {"CH303"}) for value in (issuer.url + "/", issuer.url.upper(), issuer.url + " ")]
    wrong += [("sub", value, {"CH307"}) for value in (None, "", " ", 7, [], ["x"], {}, True, "x\0")]
    for kid in LISTED:
        for name, value, codes in wrong:
            yield f"{name} {value!r} {kid}", issuer.token(kid, **{name: value}), codes


def _tampered(issuer: Issuer) -> Iterator[Attack]:
    """Signatures that fit something else."""
    for kid in LISTED:
        head, payload, signature = issuer.token(kid).split(".")
        other = b64(json.dumps(issuer.claims(sub="admin")).encode())
        yield f"another payload {kid}", f"{head}.{other}.{signature}", {"CH304"}
        yield f"another header {kid}", f"{b64(json.dumps(_header(kid, x=1)).encode())}.{payload}.{signature}", {"CH304"}
        for name, text in {"zeros": bytes(64), "one byte": b"x", "long": bytes(600), "ones": b"\xff" * 64}.items():
            yield f"signature of {name} {kid}", f"{head}.{payload}.{b64(text)}", {"CH304"}
        for at in range(0, len(signature) - 1, max(1, len(signature) // 8)):
            flipped = signature[:at] + ("A" if signature[at] != "A" else "B") + signature[at + 1 :]
            yield f"a changed signature {kid} at {at}", f"{head}.{payload}.{flipped}", {"CH304"}
