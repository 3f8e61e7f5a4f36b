"""A verdict as a few lines for people."""

from __future__ import annotations

from stackfix.model.evidence import Known
from stackfix.model.verdict import Verdict
from stackfix.render.units import size

_VISIBLE = 0.3
_MARKS = {True: "yes", False: "no ", None: "?  "}
_NETWORKS = {
    "standin": "stand-ins, whose answer is known",
    "twin": "twins of the real ones: same layers and size, random weights, so they find nothing",
}


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
        lines.append(f"latency  {verdict.latency_ms.value:.1f} ms{first}{_rate(verdict)}")
    if isinstance(verdict.gpu_memory_bytes, Known):
        memory = verdict.gpu_memory_bytes
        lines.append(f"memory   {size(memory.value)} of the GPU ({memory.found_via})")
    if verdict.weights:
        kind = _NETWORKS.get(verdict.weights, verdict.weights)
        lines.append(f"networks {verdict.weights_note or kind}")
    for check in verdict.checks:
        if check.ok is not True:
            first_line, *more = check.text.splitlines() or [""]
            lines.append(f"  {_MARKS[check.ok]}  {check.name}: {first_line}")
            lines.extend(f"       {line}" for line in more)
    return lines


def _rate(verdict: Verdict) -> str:
    latency, network = verdict.latency_ms, verdict.network_ms
    if not isinstance(latency, Known) or latency.value <= 0:
        return ""
    rate = f"; {1000 / latency.value:.3g} pictures/s"
    if not isinstance(network, Known):
        return rate
    return f"{rate}; {network.value / latency.value:.0%} of it in the networks"


def _people(count: int) -> str:
    return (
        f"{count} {'person' if count == 1 else 'people'}"
        if count
        else "nobody, so the whole picture was posed"
    )
