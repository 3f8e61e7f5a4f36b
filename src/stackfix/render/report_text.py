"""A doctor's report, as lines for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stackfix.model.report import Finding, Report


def report_lines(report: Report) -> Iterator[str]:
    """Yield the cause with its consequences, what else is wrong, then what is right and what could not be told.

    Names come from files of anybody's: nothing that a terminal would obey is let through.
    """
    yield from (_plain(line) for line in _lines(report))


def _plain(line: str) -> str:
    return line if line.isprintable() else "".join(one if one.isprintable() else "?" for one in line)


def _lines(report: Report) -> Iterator[str]:
    yield f"environment {report.path}"
    for number, finding in enumerate(report.findings):
        if not finding.follows:
            yield ""
        yield from _finding(finding, primary=not number and finding.severity == "error")
    yield ""
    yield from (f"right: {line}" for line in report.good)
    yield from (f"unknown: {line}" for line in report.unknown)
    if not report.findings:
        yield "nothing is wrong as far as this can be seen from outside"
    elif report.ok:
        yield "nothing is wrong now; the warnings say what may go wrong"
    if report.mend:
        yield f"to mend it: {report.mend}"


def _finding(finding: Finding, *, primary: bool) -> Iterator[str]:
    if finding.follows:
        yield f"  and so: {finding.text}  [{finding.code}]"
        return
    yield f"{'cause' if primary else finding.severity}: {finding.text}  [{finding.code}]"
    yield from (f"  {line}" for line in finding.because)
    yield f"  so {finding.consequence}"
    yield f"  fix: {finding.fix}"


def report_document(report: Report) -> dict[str, Any]:
    """Return a report as JSON."""
    return {
        "venv": report.path,
        "findings": [
            {
                "code": finding.code,
                "severity": finding.severity,
                "primary": not number and finding.severity == "error",
                "text": finding.text,
                "rule": finding.rule,
                "because": list(finding.because),
                "consequence": finding.consequence,
                "fix": finding.fix,
                "packages": list(finding.about),
                "follows": finding.follows,
            }
            for number, finding in enumerate(report.findings)
        ],
        "good": list(report.good),
        "unknown": list(report.unknown),
        "mend": report.mend,
    }
