"""Guesses about columns by their names. Each is written with a word that asks for review: a name proves nothing."""

from __future__ import annotations

import re

_WORDS: tuple[tuple[str, str], ...] = (
    ("pii.email", r"e_?mails?|email_addr(ess)?"),
    ("pii.phone", r"(tele)?phone(_?(no|nr|num|number))?|mobile|cell|fax|msisdn"),
    ("pii.ssn", r"ssn|social_security(_number)?|national_id|tax_(id|number)|nino|cpf|bsn|steuer_?(id|nummer)"),
    ("pii.passport", r"passport(_?(no|nr|num|number))?|(driver|driving)s?_licen[cs]e(_number)?"),
    ("pii.birth", r"birth(_?(date|day))?|date_of_birth|dob|geburtsdatum"),
    ("pii.name", r"(first|last|full|middle|given|family|sur|maiden|customer|passenger|contact|person)_?names?|surname"),
    ("pii.address", r"(street|home|postal|billing|shipping|mailing)?_?addr(ess)?(_?(line)?_?\d)?|street"),
    ("pii.postcode", r"(post(al)?_?code|zip(_?code)?|plz)"),
    ("pii.ip", r"(ip|remote|client)_?addr(ess)?|(client|remote|user)_?ip|ip"),
    ("pii.geo", r"lat(itude)?|lng|lon(gitude)?"),
    ("pii.sensitive", r"gender|sex|ethnicity|religion|nationality|salary|diagnosis|disability|marital_status"),
    ("pci", r"(credit_?)?card(_?(no|nr|num|number))?|pan|cvv|cvc|iban|account_?number|bank_account"),
    ("secret", r"pass(word|wd|phrase)(_?hash)?|secret|api_?key|(access|refresh|auth)?_?token|private_key"),
)
_GUESSES = tuple((tag, re.compile(rf"(^|.*_)({words})(_.*)?")) for tag, words in _WORDS)


def personal(column: str) -> str | None:
    """The tag that a column's logical name suggests."""
    return next((tag for tag, pattern in _GUESSES if pattern.fullmatch(column)), None)


def key_guess(table: str, columns: tuple[str, ...]) -> str | None:
    """What may tell rows apart where the source declares no key: ``id``, the table's own id, else the first column."""
    one = re.sub(r"(ie)?s$", lambda match: "y" if match[1] else "", table)
    for name in ("id", f"{one}_id", f"{table}_id", f"{one}_code", "uuid", "code"):
        if name in columns:
            return name
    return columns[0] if columns else None
