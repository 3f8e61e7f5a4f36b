"""Why there is no set, and the ways out, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stackfix.model.resolution import Explanation, Option
from stackfix.render.facts_text import citation, fact_lines, listed, wrapped
from stackfix.render.resolution_text import machine_line

_LABEL = "option   "


def explanation_lines(explanation: Explanation) -> Iterator[str]:
    """Yield why there is no set, then the ways out."""
    python = explanation.python.version.minor_version
    yield from wrapped(
        f"machine  {machine_line(explanation.machine, explanation.device)}, Python {python}", 0, hang=9
    )
    yield ""
    yield from wrapped(f"{explanation.outcome}, because all of this holds:", 0)
    yield from fact_lines(explanation.conflict, 2)
    if explanation.other_pythons:
        yield f"the other Pythons here ({', '.join(explanation.other_pythons)}) have none either"
    yield ""
    yield from option_lines(explanation.options)


def option_lines(options: Sequence[Option]) -> Iterator[str]:
    """Yield the ways out, cheapest first, each with the set that it gives."""
    if not options:
        yield "no way out was found among the changes, and the pairs of changes, that were tried"
    for option in options:
        yield from wrapped(f"{_LABEL}{option.text}", 0, hang=len(_LABEL))
        yield from wrapped(set_in_words(option), len(_LABEL))
        if option.hint:
            yield from wrapped(f"({option.hint})", len(_LABEL))
        if option.evidence:
            yield from citation(f"[{option.evidence}]", len(_LABEL))


def set_in_words(option: Option) -> str:
    """Return the set of an option in one line: the packages asked for, then CUDA and Python."""
    cuda = (("CUDA", option.cuda),) if option.cuda else ()
    python = (("Python", option.python),) if option.python else ()
    return listed((*option.packages, *cuda, *python))
