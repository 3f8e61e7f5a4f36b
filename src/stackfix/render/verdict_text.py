"""A verdict as a few lines for people."""

from __future__ import annotations

from stackfix.model.evidence import Known
from stackfix.model.verdict import Verdict
from stackfix.render.units import size

_VISIBLE = 0.3
_MARKS = {True: "yes", False: "no ", None: "?  "}


def verdict_lines(verdict: Verdict) -> list[str]:
    """Return the verdict, why, who was found, where it ran and how fast; then what is not a plain yes."""
    lines = [f"{verdict.state}: {verdict.reason}" + (f" [{verdict.code}]" if verdict.code else "")]
    if verdict.fix:
        lines.append(f"hint: {verdict.fix}")
    if verdict.provider:
        lines.append(f"ran on   {verdict.provider}")
    if verdict.people:
        seen = sum(1 for person in verdict.people for score in person.scores if (score or 0) >= _VISIBLE)
        lines.append(f"found    {_people(verdict.detected)}, {seen} visible keypoints")
    if isinstance(verdict.latency_ms, Known):
        first = f", the first {verdict.first_ms.value:.0f} ms" if isinstance(verdict.first_ms, Known) else ""
        lines.append(f"latency  {verdict.latency_ms.value:.1f} ms{first}")
    if isinstance(verdict.gpu_memory_bytes, Known):
        memory = verdict.gpu_memory_bytes
        lines.append(f"memory   {size(memory.value)} of the GPU ({memory.found_via})")
    if verdict.weights:
        kind = "stand-ins, whose answer is known" if verdict.weights == "standin" else verdict.weights
        lines.append(f"networks {verdict.weights_note or kind}")
    for check in verdict.checks:
        if check.ok is not True:
            first_line, *more = check.text.splitlines() or [""]
            lines.append(f"  {_MARKS[check.ok]}  {check.name}: {first_line}")
            lines.extend(f"       {line}" for line in more)
    return lines


def _people(count: int) -> str:
    return (
        f"{count} {'person' if count == 1 else 'people'}"
        if count
        else "nobody, so the whole picture was posed"
    )
