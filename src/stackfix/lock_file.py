"""A lock's file: read within limits, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

from stackfix.errors import DataError, DiskError, QuestionError
from stackfix.model.lock import Lock
from stackfix.plan.lock import MAX_TEXT, from_pylock, placed, to_pylock
from stackfix.whole_file import write_whole


def read_lock(path: Path) -> Lock:
    """Return the lock in a file; its paths are below the file's folder."""
    try:
        if path.stat().st_size > MAX_TEXT:
            raise DataError(str(path), "", f"{path.stat().st_size} bytes are not those of a lock")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise QuestionError(
            f"{path}: there is no such lock", hint="`stackfix lock TARGET -o pylock.toml` writes one"
        ) from error
    except OSError as error:
        raise QuestionError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise QuestionError(f"{path}: cannot be read: {error}") from error
    return placed(from_pylock(text, str(path)), path.resolve().parent.as_uri())


def write_lock(lock: Lock, path: Path) -> None:
    """Write a lock as pylock.toml, whole or not at all; through links, and into pipes and devices."""
    if not path.name:
        raise QuestionError("the lock has no file name", hint="name one: `-o pylock.toml`")
    try:
        write_whole(path, to_pylock(lock))
    except OSError as error:
        raise DiskError(f"{path}: cannot be written: {error.strerror}") from error
