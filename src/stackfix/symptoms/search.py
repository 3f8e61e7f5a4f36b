"""Where a wording stands in a text: literal words first, then a regular expression on the lines around them.

The expression sees about two thousand characters at a time and at most `_WINDOWS` such pieces, so its cost is bounded
whatever a text holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from stackfix.symptoms.text import Text

_BEFORE, _AFTER = 400, 800
_PLACES = 400
_WINDOWS = 120
_SPACE = r"(?:[\s│|]{1,6})"


# What bounds a word: only a letter that a name can hold. Chinese and Japanese put none between theirs and "docker".
_BOUNDARY = re.compile(r"(?<!\\)((?:\\\\)*)\\b(?![^\[\]]*\])")
_NOT_BESIDE = re.compile(r"(\(\?<?!\[[^\]]*?)\\w")


@lru_cache(maxsize=4096)
def compiled(regex: str) -> re.Pattern[str]:
    """Return a wording's expression: letters in either case, and a space for any white space, a new line too."""
    return re.compile(_spaced(_bounded(regex)), re.IGNORECASE)


def _bounded(regex: str) -> str:
    return _NOT_BESIDE.sub(r"\1a-z0-9_", _BOUNDARY.sub(r"\1(?a:\\b)", regex))


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
    """Yield up to `most` matches near the places of the words, in order; none overlaps another."""
    if not any(word in text.lower for word in words):
        return
    pattern = compiled(regex)
    found = done = 0
    for first, last in _windows(text.lower, words):
        at = max(first - _BEFORE, done)
        while match := pattern.search(text.text, at, last + _AFTER):
            if match.end() == match.start():
                break
            yield match
            found += 1
            if found >= most:
                return
            at = done = match.end()


def _windows(lower: str, words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last place of words that stand near each other; at most `_WINDOWS`, of both ends."""
    offsets = sorted({*_first(lower, words), *_last(lower, words)})
    windows: list[tuple[int, int]] = []
    for at in offsets:
        if windows and at - windows[-1][0] <= _AFTER:
            windows[-1] = (windows[-1][0], at)
        else:
            windows.append((at, at))
    if len(windows) > _WINDOWS:
        windows[_WINDOWS // 2 : -(_WINDOWS // 2)] = []
    yield from windows


def _first(lower: str, words: Sequence[str]) -> Iterator[int]:
    for word in words:
        at = lower.find(word)
        count = 0
        while at >= 0 and count < _PLACES:
            yield at
            count += 1
            at = lower.find(word, at + len(word))


def _last(lower: str, words: Sequence[str]) -> Iterator[int]:
    for word in words:
        at = lower.rfind(word)
        count = 0
        while at >= 0 and count < _PLACES:
            yield at
            count += 1
            at = lower.rfind(word, 0, at)


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
