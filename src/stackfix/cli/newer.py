"""What is new on the index, beside an answer: named after it for people, a field of it in JSON.

The wording is imported where there is something to say: it costs 5 ms, and most answers have nothing to add.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stackfix import app
from stackfix.cli import output
from stackfix.cli.options import SourceFlags
from stackfix.model.problem import Fact
from stackfix.model.resolution import Explanation
from stackfix.versions import canonical_name

if TYPE_CHECKING:
    from stackfix.model.growth import Compared


def newer_fields(answer: app.Answer, sources: SourceFlags, *, check_index: bool) -> dict[str, Any]:
    """Return `measured`, `unmeasured` (null where the index was not asked) and `index_problems`."""
    compared = _compared(answer, sources, wanted=check_index)
    if compared is None and not answer.measured:
        return {"unmeasured": None, "index_problems": [], "measured": []}
    from stackfix.render.growth_text import compared_document, outcome_document  # noqa: PLC0415 - said above

    return {**compared_document(compared), "measured": [outcome_document(each) for each in answer.measured]}


def documented_fields(answer: app.Answer) -> dict[str, Any]:
    """Return `documented`: what other indexes are said to hold of what is asked for, where no set was found."""
    if not answer.documented:
        return {"documented": []}
    from stackfix.render.growth_text import documented_document  # noqa: PLC0415 - said above

    return {"documented": documented_document(answer.documented)}


def say_documented(answer: app.Answer) -> None:
    """Say on stderr what other indexes are said to hold of what there is no set with, where no option says it."""
    if not isinstance(answer.result, Explanation):
        return
    concerned = packages_concerned(answer.result.conflict)
    offered = {one for option in answer.result.options if option.kind == "source" for one in option.packages}
    left = [
        one
        for one in answer.documented
        if one.package in concerned and (one.package, one.minor) not in offered
    ]
    if left:
        from stackfix.render.growth_text import documented_notes  # noqa: PLC0415 - said above

        for line in documented_notes(left):
            output.note(line)


def packages_concerned(conflict: Sequence[Fact]) -> set[str]:
    """Return the packages that another build may help: those with facts in a conflict, or that a lone wish names."""
    named = {fact.package for fact in conflict if fact.package}
    if len(conflict) == 1:
        named |= {canonical_name(re.split(r"[^A-Za-z0-9._-]", conflict[0].general, maxsplit=1)[0])}
    return named


def say_measured(answer: app.Answer, *, failures_only: bool) -> None:
    """Say on stderr what was measured for an answer, or what could not be."""
    if answer.measured:
        from stackfix.render.growth_text import outcomes_lines  # noqa: PLC0415 - said above

        for line in outcomes_lines(answer.measured, failures_only=failures_only):
            output.note(line)


def say_newer(answer: app.Answer, sources: SourceFlags, *, check_index: bool) -> None:
    """Say on stderr what is new on the index, where somebody reads it or asks for it."""
    compared = _compared(answer, sources, wanted=check_index or output.for_a_person())
    if compared is None:
        return
    from stackfix.render.growth_text import growth_notes  # noqa: PLC0415 - said above

    for line in growth_notes(compared):
        output.note(line)
    for problem in compared.problems if check_index else ():
        output.note(f"not compared with the index: {problem}")


def _compared(answer: app.Answer, sources: SourceFlags, *, wanted: bool) -> Compared | None:
    """Return the index beside the facts, None where it may not be asked or nobody wants to know."""
    return app.compare(answer, app.ask_index(answer)) if wanted and not sources.offline else None
