"""Why a release is not in the set, as lines for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import to_builtins

from stackfix.model.resolution import Explanation, Resolution
from stackfix.model.why_not import Change, WhyNot
from stackfix.render.documents import fact_document, option_document
from stackfix.render.explanation_text import option_lines
from stackfix.render.facts_text import fact_lines, listed, wrapped
from stackfix.render.resolution_text import machine_line


def why_not_lines(found: WhyNot, result: Resolution | Explanation) -> Iterator[str]:
    """Yield the answer in a sentence, then the facts or the changes that it rests on."""
    python = result.python.version.minor_version
    machine = f"machine  {machine_line(result.machine, result.device)}, Python {python}"
    yield from wrapped(machine, 0, hang=9)
    yield ""
    ends = ":" if found.conflict or found.changes else ""
    yield from wrapped(f"{found.text}{ends}", 0)
    yield from fact_lines(found.conflict, 2)
    yield from _change_lines(found.changes)
    if found.kind == "possible":
        yield ""
        yield from wrapped(f"set      {listed(found.packages)}", 0, hang=9)
    if found.hint:
        yield from wrapped(found.hint, 0)
    if found.conflict:
        yield ""
        yield from option_lines(found.options)


def _change_lines(changes: tuple[Change, ...]) -> Iterator[str]:
    width = max((len(change.name) for change in changes), default=0)
    for change in changes:
        older = "   (older)" if change.older else ""
        yield f"  {change.name:<{width}}  {change.before or 'none'} -> {change.after or 'none'}{older}"


def why_not_document(found: WhyNot) -> dict[str, Any]:
    """Return the answer as JSON."""
    return {
        "requirement": found.requirement,
        "answer": found.kind,
        "text": found.text,
        "conflict": [fact_document(fact) for fact in found.conflict],
        "options": [option_document(option) for option in found.options],
        "packages": dict(found.packages),
        "changes": [to_builtins(change) for change in found.changes],
        "hint": found.hint or None,
    }
