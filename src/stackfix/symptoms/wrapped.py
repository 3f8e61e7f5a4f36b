"""A text as it was before a terminal or a window broke its lines at its width."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from stackfix.symptoms.text import Text

_LONGEST = 1 << 16
_WIDTHS = range(56, 241)
# Spaces are drawn together when a text is read, so a line that filled the width may be a little shorter than it.
_NEAR = 2
# How a line of its own begins: an entry of a log, a step of a traceback, an error, a prompt.
_BEGINS = re.compile(
    r"\s{0,8}(?:[IWEFD]\d{0,4}[ /]|\d{4}-\d\d-|\d\d:\d\d|[\[>#$|*•]|File \"|Traceback|[\w.]{1,60}(?:Error|Warning|Exception)\b)"
)


def unwrapped(text: Text) -> Iterator[Text]:
    """Yield a text with its broken lines joined: as if broken within words, and as if broken between them.

    The longest line tells the width. Nothing for a long text, for one whose longest line is no width of a window, and
    for one in which no line is broken. Each line keeps its number.
    """
    lines = text.text.split("\n") if len(text.text) <= _LONGEST else []
    width = max(map(len, lines), default=0)
    if width not in _WIDTHS:
        return
    for between in ("", " "):
        ends = [
            between if next_number - number <= 1 and _is_broken(line, after, width, between) else "\n"
            for (line, number), (after, next_number) in pairwise(zip(lines, text.numbers, strict=True))
        ]
        if between in ends:
            yield _joined(text, lines, [*ends, ""])


def _is_broken(line: str, after: str, width: int, between: str) -> bool:
    if not line or not after.strip() or _BEGINS.match(after):
        return False
    if not between:
        return len(line) >= width - _NEAR
    return line[-1] not in ".:;!?" and len(line) + 1 + len(after.split(maxsplit=1)[0]) > width


def _joined(text: Text, lines: list[str], ends: list[str]) -> Text:
    starts: list[int] = []
    parts: list[str] = []
    offset = 0
    for line, end in zip(lines, ends, strict=True):
        starts.append(offset)
        parts.append(line + end)
        offset += len(line) + len(end)
    return replace(text, text="".join(parts), starts=starts)
