"""Contents: whether what an installer put into an environment is what its wheels hold.

uv links an environment's files to those that it keeps unpacked in its cache. What empties or cuts a file in place,
in one environment, does so in the cache, and what is installed from there afterwards is damaged from the start.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from stackfix.install.record import folders_of, rows_of

_LATER = (
    60.0  # seconds: a wheel's last files are its dist-info, the largest takes this long to unpack at most
)
_BLOCK = 1 << 20


def damaged(packages: Path, names: Collection[str]) -> dict[str, str]:
    """Return package -> what is wrong with the first of its files that is not as RECORD says; those that are whole left out.

    `names` are canonical, `packages` is the site-packages folder. Sizes are compared of every file, and hashes of those
    that were written after their package was unpacked: 20,000 files cost a tenth of a second.
    """
    found: dict[str, str] = {}
    for info in folders_of(packages, names):
        if wrong := _wrong(packages, info, rows_of(info / "RECORD") or ()):
            found[canonicalize_name(info.name.partition("-")[0])] = wrong
    return found


def _wrong(packages: Path, info: Path, rows: Sequence[Sequence[str]]) -> str:
    """Return what is wrong with the first file that is not as its row says, "" where all are."""
    unpacked = _written(info / "WHEEL") + _LATER
    for path, digest, size in rows:
        if not size.isdecimal() or path[:2] == "..":
            continue
        try:
            there = os.stat(f"{packages}/{path}")  # noqa: PTH116 - 20,000 files: pathlib takes three times as long
        except OSError:
            return f"{path} is not there"
        if there.st_size != int(size):
            return f"{path} has {there.st_size} bytes, where its RECORD says {size}"
        if there.st_mtime > unpacked and digest[:7] == "sha256=" and _sha256(packages / path) != digest[7:]:
            return f"{path} has another content than its RECORD says"
    return ""


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _sha256(path: Path) -> str:
    """Return a file's hash as RECORD writes it."""
    found = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(_BLOCK):
            found.update(block)
    return base64.urlsafe_b64encode(found.digest()).rstrip(b"=").decode()
