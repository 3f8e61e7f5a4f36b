"""A file that is written whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_ROOM = 65536  # bytes that are tried: fewer than a page of a report takes, and more than a full disk has


def write_whole(path: Path, text: str, *, executable: bool = False) -> None:
    """Write a text through links, and into pipes and devices as they are; OSError leaves a file as it was."""
    target = path.resolve() if path.is_symlink() else path
    if target.exists() and not target.is_file():
        target.write_text(text, encoding="utf-8")
        return
    part = target.with_name(f"{target.name}.part")
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        if executable:
            part.chmod(0o755)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def try_whole(path: Path) -> None:
    """Raise OSError where `write_whole` could not write a text there now; leaves all as it was."""
    target = path.resolve() if path.is_symlink() else path
    if target.exists() and not target.is_file():
        if target.is_dir() or not os.access(target, os.W_OK):
            code = errno.EISDIR if target.is_dir() else errno.EACCES
            raise OSError(code, os.strerror(code), str(path))
        return
    part = target.with_name(f"{target.name}.part")
    try:
        part.write_bytes(bytes(_ROOM))
    finally:
        part.unlink(missing_ok=True)
