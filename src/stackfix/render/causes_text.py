"""The causes of an error text, as lines for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from stackfix.model.cause import Cause
from stackfix.model.report import Report

_SURE, _LIKELY = 0.8, 0.55
# causes that the doctor sees in an environment if they are there
_IN_PACKAGES = frozenset(
    ("both_ort_packages", "ort_cpu_only", "torch_cpu_build", "cuda_major_mismatch", "cuda_runtime_missing", "cudnn_missing", "cudnn_major_mismatch", "nvrtc_missing", "opencv_conflict")
)  # fmt: skip


def causes_lines(causes: Sequence[Cause], report: Report | None = None) -> Iterator[str]:
    """Yield the causes, the likeliest first, and what the doctor found beside them."""
    for number, cause in enumerate(causes):
        if number:
            yield ""
        yield f"{_how_surely(cause.confidence, first=not number)}: {cause.code}"
        yield from (f"  {line}" for line in cause.because)
        yield f"  so {cause.consequence}"
        yield f"  fix: {cause.fix}"
    if not causes:
        yield "not known: nothing in this text is a failure that stackfix knows"
    if report is None:
        return
    codes = {cause.code for cause in causes}
    others = [finding for finding in report.findings if finding.code not in codes]
    if others:
        yield ""
        yield f"also wrong in {report.path}:"
        yield from (f"  {finding.text}  [{finding.code}]; fix: {finding.fix}" for finding in others)
    if report.ok:
        yield ""
        yield f"the doctor finds nothing wrong in {report.path}"
        yield from elsewhere_lines(causes, report)


def elsewhere_lines(causes: Sequence[Cause], report: Report) -> Iterator[str]:
    """Yield what it means that a text tells of a failure and the environment is sound."""
    if causes and causes[0].code in _IN_PACKAGES and report.ok:
        yield (
            "so this text was printed before the environment became as it is, or by another Python: the first line of "
            "a traceback names its folder, and `stackfix doctor --python EXE` judges the one that runs the program"
        )


def _how_surely(confidence: float, *, first: bool) -> str:
    if confidence >= _SURE:
        return "cause" if first else "also"
    return "likely" if confidence >= _LIKELY else "possible"


def causes_document(causes: Sequence[Cause], report: Report | None = None) -> dict[str, Any]:
    """Return the causes as JSON, and the doctor's findings where it was asked."""
    document: dict[str, Any] = {
        "causes": [
            {
                "code": cause.code,
                "confidence": cause.confidence,
                "because": list(cause.because),
                "consequence": cause.consequence,
                "fix": cause.fix,
            }
            for cause in causes
        ]
    }
    if report is not None:
        document["findings"] = [
            {"code": finding.code, "severity": finding.severity, "text": finding.text, "fix": finding.fix}
            for finding in report.findings
        ]
    return document
