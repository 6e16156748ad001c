"""The settings: what can be meant, and that what cannot ends the process with a sentence."""

from __future__ import annotations

import pytest

from app.audit.settings import AuditSettings, SinkSettings, read_audit
from app.settings import SettingError, read_settings

GOOD = {
    "": (),
    "off": (),
    "stdout": (SinkSettings("stdout"),),
    "file:/var/a.jsonl, otlp:http://127.0.0.1:4318": (
        SinkSettings("file", "/var/a.jsonl"),
        SinkSettings("otlp", "http://127.0.0.1:4318/v1/logs"),
    ),
    "otlp:https://logs.example.org/x/v1/logs": (SinkSettings("otlp", "https://logs.example.org/x/v1/logs"),),
}
BAD = {
    "CUSTOMHOUSE_AUDIT": (
        "file:", "nowhere", "stdout:1", "otlp:", "otlp:http://logs.example.org", "otlp:https://u:p@logs.example.org",
        "stdout,stdout", "file:/", "off,stdout", "file:..",
    ),
    "CUSTOMHOUSE_AUDIT_REQUIRED": ("yes", "1"),  # required without a place to write to
    "CUSTOMHOUSE_AUDIT_SUBJECT": ("plain",),
    "CUSTOMHOUSE_AUDIT_ROTATE": ("1kB", "much", "-1"),
    "CUSTOMHOUSE_AUDIT_SYNC": ("often",),
}  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_places(text: str) -> None:
    assert read_audit({"CUSTOMHOUSE_AUDIT": text}).sinks == GOOD[text]


def test_the_rest() -> None:
    said = {"CUSTOMHOUSE_AUDIT": "stdout", "CUSTOMHOUSE_AUDIT_REQUIRED": "1", "CUSTOMHOUSE_AUDIT_SUBJECT": "clear"}
    said |= {"CUSTOMHOUSE_AUDIT_ROTATE": "10MiB", "CUSTOMHOUSE_AUDIT_SYNC": "always"}
    assert read_audit(said) == AuditSettings((SinkSettings("stdout"),), True, "clear", 10 * 1024 * 1024, "always")


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in BAD.items() for text in texts])
def test_what_cannot_be_meant(name: str, text: str) -> None:
    with pytest.raises(SettingError, match=f"CH341 {name}") as told:
        read_settings({name: text})
    assert "u:p@" not in str(told.value)
