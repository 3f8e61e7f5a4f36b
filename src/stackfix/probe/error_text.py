"""An error text from a file or from standard input, as a stream of blocks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from stackfix.errors import QuestionError

_BLOCK = 1 << 18
STDIN = "-"
LIMIT = 1 << 30


def blocks_of(name: str) -> Iterator[bytes]:
    """Yield the bytes of a file, or of standard input for "-"; QuestionError for what cannot be read or has no end."""
    try:
        if name == STDIN:
            if sys.stdin is None:
                raise QuestionError("standard input is closed, and the text was to come from it")
            yield from _blocks(sys.stdin.buffer)
        else:
            with Path(name).open("rb") as file:
                yield from _blocks(file)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise QuestionError(f"{name}: cannot be read: {reason}", hint="`-` reads standard input") from error


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    size = 0
    while block := file.read(_BLOCK):
        size += len(block)
        if size > LIMIT:
            raise QuestionError(
                f"the text is longer than {LIMIT >> 20} MiB",
                hint="give its end: `tail -c 100M FILE | stackfix explain --error -`",
            )
        yield block
