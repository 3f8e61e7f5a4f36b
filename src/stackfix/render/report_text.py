"""A doctor's report, as lines for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stackfix.model.report import Report


def report_lines(report: Report) -> Iterator[str]:
    """Yield the findings with consequence and fix, then what is right and what could not be told."""
    yield f"environment {report.path}"
    for finding in report.findings:
        yield ""
        yield f"{finding.severity}: {finding.text}  [{finding.code}]"
        yield from (f"  {line}" for line in finding.because)
        yield f"  so {finding.consequence}"
        yield f"  fix: {finding.fix}"
    yield ""
    yield from (f"right: {line}" for line in report.good)
    yield from (f"unknown: {line}" for line in report.unknown)
    if report.ok:
        yield "nothing is wrong as far as this can be seen from outside"


def report_document(report: Report) -> dict[str, Any]:
    """Return a report as JSON."""
    return {
        "venv": report.path,
        "findings": [
            {
                "code": finding.code,
                "severity": finding.severity,
                "text": finding.text,
                "because": list(finding.because),
                "consequence": finding.consequence,
                "fix": finding.fix,
            }
            for finding in report.findings
        ],
        "good": list(report.good),
        "unknown": list(report.unknown),
    }
