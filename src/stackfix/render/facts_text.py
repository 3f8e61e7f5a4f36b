"""Facts as lines: each with where it stands, wrapped at 100 columns, and never more than a page of them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from stackfix.model.problem import Fact

WIDTH = 100
MOST = 12  # more are left out, but never one alone


_TAGS = re.compile(r"(-[a-z0-9]+_[a-z0-9_]+)\.[a-z0-9_.]+\.whl")  # one platform tag of several says enough


def fact_lines(facts: Sequence[Fact], indent: int, most: int = MOST) -> Iterator[str]:
    """Yield facts with their sources; of too many, those of the machine and the first of the others."""
    if len(facts) > most + 1:
        machine = [fact for fact in facts if fact.rule == "machine"][: most // 2]
        others = [fact for fact in facts if fact.rule != "machine"][: most - len(machine)]
        shown = [*others, *machine]
    else:
        shown = list(facts)
    for fact in shown:
        yield from fact_line(fact, indent)
    if len(shown) < len(facts):
        yield f"{'':{indent}}and {len(facts) - len(shown)} more facts; `--json` has them all"


def fact_line(fact: Fact, indent: int) -> Iterator[str]:
    """Yield a fact and where it stands: on one line if that is short enough, else below it."""
    text, source = fact.brief or fact.text, f"[{cited(fact)}]"
    if indent + len(text) + 1 + len(source) <= WIDTH:
        yield f"{'':{indent}}{text} {source}"
        return
    yield from wrapped(text, indent, hang=2)
    yield from citation(source, indent + 4)


def citation(source: str, indent: int) -> list[str]:
    """Return where something stands, in brackets, in as many lines as it takes; an address is never broken."""
    if indent + len(source) > WIDTH:
        source = _TAGS.sub(r"\1….whl", source)
    broken = wrapped(source, indent, hang=1)
    if max(map(len, broken)) > WIDTH or " " not in broken[0].strip():  # an address too long for any line
        return [f"{'':{indent}}{source}"]
    return broken


def cited(fact: Fact) -> str:
    """Return the first place where a fact stands; `--json` has them all."""
    source = fact.source
    where = source.where.partition("; ")[0]
    return f"{source.method}: {where}" + (f", {source.seen}" if source.seen else "")


def wrapped(text: str, indent: int, hang: int = 0) -> list[str]:
    """Return a text in lines of at most 100 columns, words kept whole."""
    return textwrap.wrap(
        text,
        width=WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hang),
        break_long_words=False,
        break_on_hyphens=False,
    )


def listed(pairs: Iterable[tuple[str, str]]) -> str:
    """Return names and versions in one line."""
    return ", ".join(f"{name} {version}" for name, version in pairs if version)
