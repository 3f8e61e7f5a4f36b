"""On the CPU: what it means for DWPose, with how much slower others measured it."""

from __future__ import annotations

from msgspec.structs import replace

from stackfix.facts.database import Database
from stackfix.model.report import Finding

SLOWER = "{slower}"
"""Stands in a consequence for the number, which the facts tell."""
ON_CPU = f"DWPose then runs on the CPU, {SLOWER}, and onnxruntime says so only on stderr"


def with_number(finding: Finding, facts: Database) -> Finding:
    """Return a finding whose consequence says how much slower the CPU is, with the measurements it rests on."""
    if SLOWER not in finding.consequence:
        return finding
    measured = facts.hardware.on_cpu()
    times = sorted(each.times for each in measured)
    said = f"{times[0]:.0f} to {times[-1]:.0f} times slower" if times else "many times slower"
    return replace(
        finding,
        because=(*finding.because, *(f"{each.text} [{each.source}]" for each in measured)),
        consequence=finding.consequence.replace(SLOWER, said),
    )
