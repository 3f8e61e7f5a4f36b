"""Which way files take into an environment: through uv's cache, and what of them is there; or pip's temporary folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from packaging.utils import canonicalize_name

from stackfix.install.installer import Installer
from stackfix.install.process import inherited, run
from stackfix.install.settings import link_mode, uv_environment
from stackfix.install.space import Way
from stackfix.model.lock import Lock, LockedPackage

_MOST = 64 << 10


def way_of(lock: Lock, installer: Installer, *, scratch: Path, variables: Mapping[str, str]) -> Way:
    """Return the way of a lock's files through an installer; uv is asked where its cache is."""
    if installer.kind == "pip":
        return Way(through=_temporary(variables), unpacked=False)
    settings = uv_environment(inherited(variables), scratch)
    said = run([*installer.command, "cache", "dir"], folder=scratch, environment=settings)
    if said.code or not said.text:
        return Way(through=_temporary(variables), unpacked=True)
    cache = Path(said.text.splitlines()[-1])
    return Way(
        through=cache,
        unpacked=True,
        kept=kept(lock, cache),
        copies=link_mode(variables) == "copy",
    )


def _temporary(variables: Mapping[str, str]) -> Path:
    named = next((variables[name] for name in ("TMPDIR", "TEMP", "TMP") if variables.get(name)), "")
    return Path(named) if named and os.path.isdir(named) else Path(tempfile.gettempdir())  # noqa: PTH112 - no error


def kept(lock: Lock, cache: Path) -> frozenset[str]:
    """Return the names of a lock's files that uv's cache holds unpacked.

    uv promises nothing of how its cache is laid out: what is not found where uv 0.13 puts it counts as not there.
    """
    shelves = [
        *cache.glob("wheels-v*/pypi"),
        *cache.glob("wheels-v*/index/*"),
        *cache.glob("wheels-v*/url/*"),
    ]
    return frozenset(
        package.file.name
        for package in lock.packages
        if any(_is_kept(shelf / canonicalize_name(package.name), package) for shelf in shelves)
    )


def _is_kept(folder: Path, package: LockedPackage) -> bool:
    """Whether a file of this sha256 was put on a shelf, and what it was unpacked to is still there."""
    digest = package.file.sha256.encode()
    for entry in _entries(folder, package):
        with suppress(OSError), entry.open("rb") as handle:
            if digest in handle.read(_MOST) and entry.with_suffix("").exists():
                return True
    return False


def _entries(folder: Path, package: LockedPackage) -> Iterator[Path]:
    version = package.file.name.split("-")[1]  # long tags are a hash in the cache's names
    with suppress(OSError):
        for entry in folder.iterdir():
            if entry.suffix == ".http" and entry.name.startswith(f"{version}-"):
                yield entry
