"""Words and blocks of text inside a POSIX shell script."""

from __future__ import annotations

from collections.abc import Iterator


def quoted(word: str) -> str:
    """Return a word that a shell reads as it stands; always in single quotes."""
    return "'" + word.replace("'", "'\\''") + "'"


def block(text: str, target: str, end: str) -> Iterator[str]:
    """Yield the lines that write a text to a file; `target` is a shell word, `end` a line that isn't in the text."""
    lines = text.rstrip("\n").split("\n")
    if end in lines:
        raise ValueError(end)
    yield f"cat >{target} <<'{end}'"
    yield from lines
    yield end


def functions(shared: str) -> list[str]:
    """Return the functions of a file that scripts share, as lines of one that stands alone: without its heading."""
    return shared.partition("\n\n")[2].rstrip("\n").split("\n")
