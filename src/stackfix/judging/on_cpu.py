"""On the CPU: what it means for DWPose, with how much slower others measured it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from stackfix.facts.database import Database
from stackfix.model.report import Finding

SLOWER = "{slower}"
"""Stands in a consequence for the number, which the facts tell."""
ON_CPU = f"DWPose then runs on the CPU, {SLOWER}, and onnxruntime says so only on stderr"


def with_numbers(findings: Iterable[Finding], facts: Database) -> tuple[Finding, ...]:
    """Return findings whose consequences say how much slower the CPU is; the first of them names the measurements."""
    told: list[Finding] = []
    is_said = False
    for finding in findings:
        told.append(with_number(finding, facts, sources=not is_said))
        is_said = is_said or SLOWER in finding.consequence
    return tuple(told)


def with_number(finding: Finding, facts: Database, *, sources: bool = True) -> Finding:
    """Return a finding whose consequence says how much slower the CPU is, with the measurements it rests on."""
    if SLOWER not in finding.consequence:
        return finding
    measured = facts.hardware.on_cpu()
    times = sorted(each.times for each in measured)
    said = f"{times[0]:.0f} to {times[-1]:.0f} times slower" if times else "many times slower"
    lines = tuple(f"{each.text} [{each.source}]" for each in measured) if sources else ()
    return replace(
        finding,
        because=(*finding.because, *lines),
        consequence=finding.consequence.replace(SLOWER, said),
    )
