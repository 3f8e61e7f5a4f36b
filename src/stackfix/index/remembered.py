"""Addresses of files that an index named before, kept in the user's cache: what an install without a network goes by.

An address is only ever taken for the very file, by its sha256; so a memory that is old, or was tampered with, can make
a download fail and no more.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from stackfix.index.artifacts import Wanted
from stackfix.model.lock import Address

_MOST = 4000
_LARGEST = 8 << 20


def _file() -> Path:
    from platformdirs import user_cache_path  # noqa: PLC0415 - 6 ms that only this question needs

    return user_cache_path("stackfix", appauthor=False) / "addresses.json"


def _kept() -> dict[str, list[str]]:
    """Return sha256 -> [url, index], the newest last; empty for a file that is none of ours."""
    try:
        path = _file()
        if path.stat().st_size > _LARGEST:
            return {}
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(document, dict):
        return {}
    return {
        key: value
        for key, value in document.items()
        if isinstance(value, list) and len(value) == 2 and all(isinstance(word, str) for word in value)
    }


def recall(wanted: Sequence[Wanted]) -> dict[str, Address]:
    """Return file name -> address for the wanted files that an index named before."""
    kept = _kept()
    return {
        file.name: Address(url=kept[file.sha256][0], index=kept[file.sha256][1])
        for file in wanted
        if file.sha256 in kept and "://" in kept[file.sha256][0]
    }


def remember(wanted: Sequence[Wanted], addresses: Mapping[str, Address]) -> None:
    """Keep where files lie; a cache that cannot be written is none, and no error."""
    kept = _kept()
    new = {file.sha256: [addresses[file.name].url, addresses[file.name].index] for file in wanted}
    if all(kept.get(key) == value for key, value in new.items()):
        return
    merged = {key: value for key, value in kept.items() if key not in new} | new
    newest = dict(list(merged.items())[-_MOST:])
    with suppress(OSError):
        path = _file()
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, part = tempfile.mkstemp(prefix=".addresses-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                json.dump(newest, stream)
            Path(part).replace(path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
