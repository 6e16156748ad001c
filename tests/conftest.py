"""What all tests share: at the end, the figures that tests recorded, and each part that was not found, with how many
tests waited for it."""

from __future__ import annotations

from collections import Counter

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A skipped test is a part that is not on this machine: say which, so that nobody takes it for proven."""
    _figures(terminalreporter)
    missing: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        missing[reason.removeprefix("Skipped: ")] += 1
    if missing:
        terminalreporter.section("parts not found, so not tested")
        for reason, tests in sorted(missing.items()):
            terminalreporter.line(f"{reason} ({tests} test{'s' if tests != 1 else ''})")


def _figures(terminalreporter: pytest.TerminalReporter) -> None:
    """What a test recorded as ``figure``: seeds and counts belong in the report of a run that passed, too."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    figures = [str(value) for report in reports for name, value in report.user_properties if name == "figure"]
    if figures:
        terminalreporter.section("figures")
        for figure in figures:
            terminalreporter.line(figure)
