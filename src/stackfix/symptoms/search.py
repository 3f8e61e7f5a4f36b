"""Where a wording stands in a text: literal words first, then a regular expression on the lines around them.

The expression sees `_AROUND` characters at a time, so whatever a text holds, its cost is bounded by the number of
places at which a word is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from stackfix.symptoms.text import Text

_BEFORE, _AROUND = 500, 1300
_PLACES = 400
_SPACE = r"(?:[\s│|]{1,80})"


@lru_cache(maxsize=4096)
def compiled(regex: str) -> re.Pattern[str]:
    """Return a wording's expression: letters in either case, and a space for any white space, a new line too."""
    return re.compile(_spaced(regex), re.IGNORECASE)


def _spaced(regex: str) -> str:
    parts: list[str] = []
    in_class = escaped = False
    for letter in regex:
        if letter == " " and not in_class and not escaped:
            parts.append(_SPACE)
            continue
        if not escaped:
            in_class = letter == "[" or (in_class and letter != "]")
        parts.append(_SPACE if letter == " " and escaped and not in_class else letter)
        if parts[-1] == _SPACE:
            parts[-2:-1] = []
        escaped = letter == "\\" and not escaped
    return "".join(parts)


def places(text: Text, words: Sequence[str], regex: str, most: int) -> Iterator[re.Match[str]]:
    """Yield up to `most` matches, in the order of the words' places; none overlaps another."""
    if not any(word in text.lower for word in words):
        return
    pattern = compiled(regex)
    found: list[tuple[int, int]] = []
    for at in _occurrences(text.lower, words):
        if any(start <= at < end for start, end in found):
            continue
        match = pattern.search(text.text, max(0, at - _BEFORE), at + _AROUND)
        if match is None or any(start <= match.start() < end for start, end in found):
            continue
        found.append(match.span())
        yield match
        if len(found) >= most:
            return


def _occurrences(lower: str, words: Sequence[str]) -> Iterator[int]:
    """Yield where any of the words stands, in order; of a word that is everywhere the first and the last places."""
    offsets: set[int] = set()
    for word in words:
        at = lower.find(word)
        count = 0
        while at >= 0 and count < _PLACES:
            offsets.add(at)
            count += 1
            at = lower.find(word, at + len(word))
        if at >= 0:
            at, count = len(lower), 0
            while (at := lower.rfind(word, 0, at)) >= 0 and count < _PLACES:
                offsets.add(at)
                count += 1
    yield from sorted(offsets)


def lines_of(text: Text, match: re.Match[str]) -> str:
    """Return the lines on which a match stands, as far as they are near."""
    start = text.text.rfind("\n", max(0, match.start() - _BEFORE), match.start()) + 1
    end = text.text.find("\n", match.end(), match.end() + _BEFORE)
    start = start or max(0, match.start() - _BEFORE)
    return text.text[start : end if end >= 0 else match.end() + _BEFORE]


def quoted(text: Text, match: re.Match[str]) -> str:
    """Return the words that were seen, with their line, short enough to read."""
    words = " ".join(match[0].split())
    if len(words) > 200:
        words = f"{words[:120]} … {words[-70:]}"
    return f"line {text.line_at(match.start())}: “{words}”"
