"""A verdict as a few lines for people."""

from __future__ import annotations

from collections.abc import Iterator

from stackfix.model.evidence import Known
from stackfix.model.verdict import PROVED_ON_GPU, Check, Verdict
from stackfix.render.units import size

_VISIBLE = 0.3
# lines of the first broken check, and characters of a line, on a terminal
_SHOWN, _WIDTH = 4, 320
_MARKS = {True: "yes", False: "no ", None: "?  "}


def verdict_lines(verdict: Verdict) -> list[str]:
    """Return the verdict, why, who was found, where it ran and how fast; then what is not a plain yes."""
    lines = [f"{verdict.state}: {verdict.reason}" + (f" [{verdict.code}]" if verdict.code else "")]
    if verdict.fix:
        lines.append(f"hint: {verdict.fix}")
    lines.extend(f"{name:8} {value}" for name, value in verdict_figures(verdict))
    first_broken = next((check for check in verdict.checks if check.ok is False), None)
    for check in verdict.checks:
        if check.ok is not True:
            lines.extend(_check_lines(check, _SHOWN if check is first_broken else 1))
    return lines


def _check_lines(check: Check, shown: int) -> Iterator[str]:
    """Yield what a check says, the libraries' own words cut to a few lines; the whole is in the JSON and the report."""
    first, *more = check.text.splitlines() or [""]
    yield f"  {_MARKS[check.ok]}  {check.name}: {_cut(first)}"
    kept = [line for line in more if line.strip()]
    yield from (f"       {_cut(line)}" for line in kept[: shown - 1])
    left = len(kept) - (shown - 1)
    if left > 0 and shown > 1:
        yield f"       ({left} more lines: `--json`, `--html`)"


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 2]} …"


def verdict_figures(verdict: Verdict) -> list[tuple[str, str]]:
    """Return what was found and measured, a word and its value each."""
    figures = []
    if verdict.provider:
        figures.append(("ran on", verdict.provider))
    if isinstance(verdict.nodes_on_gpu, Known):
        took = verdict.time_on_gpu
        timed = f", {took.value:.1%} of the time spent calling them" if isinstance(took, Known) else ""
        figures.append(("on GPU", f"{verdict.nodes_on_gpu.value:.1%} of the networks' nodes{timed}"))
    if verdict.people:
        seen = sum(1 for person in verdict.people for score in person.scores if (score or 0) >= _VISIBLE)
        figures.append(("found", f"{_people(verdict.detected)}, {seen} visible keypoints"))
    if isinstance(verdict.latency_ms, Known):
        first = f", the first {verdict.first_ms.value:.0f} ms" if isinstance(verdict.first_ms, Known) else ""
        figures.append(("latency", f"{verdict.latency_ms.value:.1f} ms{first}{_rate(verdict)}"))
        figures.extend(_slower(verdict, verdict.latency_ms.value))
    if isinstance(verdict.gpu_memory_bytes, Known):
        memory = verdict.gpu_memory_bytes
        figures.append(("memory", f"{size(memory.value)} of the GPU ({memory.found_via})"))
    free, person = verdict.gpu_free_bytes, verdict.person_bytes
    if isinstance(free, Known):
        fits = ""
        if isinstance(person, Known):
            fits = f"; a further person at once takes {size(person.value)}: about {free.value // person.value} fit"
        figures.append(("free", f"{size(free.value)} of the GPU{fits}"))
    if verdict.weights:
        figures.append(("networks", verdict.weights_note or verdict.weights))
    return figures


def _slower(verdict: Verdict, latency: float) -> Iterator[tuple[str, str]]:
    """Yield how much longer the CPU took for the same; of the small stand-ins it would tell nothing."""
    cpu = verdict.cpu_ms
    if (
        verdict.state == PROVED_ON_GPU
        and verdict.weights != "standin"
        and isinstance(cpu, Known)
        and latency > 0
    ):
        yield "the CPU", f"took {cpu.value:.0f} ms for it, about {cpu.value / latency:.3g} times as long"


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
