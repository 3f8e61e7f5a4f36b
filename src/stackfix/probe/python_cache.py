"""What interpreters told before, kept by path, time of change and size, so that they need not run again."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import msgspec

_FORMAT = 1
_LIMIT = 4 * 1024 * 1024


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one interpreter said of itself; `version` is empty for a file that is no usable CPython."""

    version: Annotated[str, msgspec.Meta(pattern=r"^(3\.\d{1,2}\.\d{1,3})?$")] = ""
    free_threaded: bool = False
    path: str = ""


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    changed: int
    size: int
    told: Told


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    entries: dict[str, _Entry]


def default_cache_file() -> Path:
    """Return where the cache is kept for this user."""
    if sys.platform == "linux":  # what platformdirs answers there; importing it costs 6 ms
        shared = os.environ.get("XDG_CACHE_HOME", "").strip()
        return (Path(shared) if shared else Path.home() / ".cache") / "stackfix" / "pythons.json"
    from platformdirs import user_cache_dir  # noqa: PLC0415 - as said above

    return Path(user_cache_dir("stackfix", appauthor=False)) / "pythons.json"


class PythonCache(msgspec.Struct, frozen=True):
    """Entries of one cache file; a file that is missing, broken or of another format is an empty cache."""

    file: Path
    entries: Mapping[str, _Entry]

    @classmethod
    def open(cls, file: Path) -> PythonCache:
        """Return the cache in `file`."""
        try:
            raw = file.read_bytes()
            read = msgspec.json.decode(raw, type=_File) if len(raw) <= _LIMIT else None
        except (OSError, ValueError, RecursionError):
            read = None
        return cls(file, read.entries if read is not None and read.format == _FORMAT else {})

    def told(self, path: str) -> Told | None:
        """Return what the file at `path` said, if it has not changed and what it named still exists."""
        entry = self.entries.get(path)
        if entry is None or _stamp(path) != (entry.changed, entry.size):
            return None
        if entry.told.path and not os.access(entry.told.path, os.X_OK):
            return None
        return entry.told

    def keep(self, answers: Iterable[tuple[str, Told]]) -> None:
        """Write the cache again with `answers`; a cache that cannot be written is done without."""
        entries = dict(self.entries)
        for path, told in answers:
            stamp = _stamp(path)
            if stamp is not None:
                entries[path] = _Entry(changed=stamp[0], size=stamp[1], told=told)
        import tempfile  # noqa: PLC0415 - 4 ms, and mostly nothing is new

        with contextlib.suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.file.parent, prefix=self.file.name)
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(msgspec.json.encode(_File(_FORMAT, entries)))
                Path(name).replace(self.file)
            except OSError:
                Path(name).unlink(missing_ok=True)


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - a path kept as text
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
