"""The releases on a project page: final ones, with wheels that some Python on a platform can take."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.version import InvalidVersion, Version

from stackfix.index.simple import IndexFile
from stackfix.model.machine import Platform
from stackfix.model.wheel import WheelFile
from stackfix.rules.tags import best_file
from stackfix.versions import PythonVersion

PYTHONS = tuple(PythonVersion(3, minor) for minor in range(7, 16))


def releases(
    files: Iterable[IndexFile], platform: Platform, newer_than: Version | None = None
) -> dict[Version, list[IndexFile]]:
    """Return release -> wheels, oldest first; pre-releases, stubs, yanked files and those without a digest left out.

    With `newer_than` only what is newer: of 7,000 files hardly one has its tags looked at.
    """
    found: dict[Version, list[IndexFile]] = {}
    wanted: dict[str, Version | None] = {}
    for file in files:
        if file.yanked or not file.name.endswith(".whl") or not file.sha256:
            continue
        text = file.name.partition("-")[2].partition("-")[0]
        if text not in wanted:
            wanted[text] = _final(text, newer_than)
        version = wanted[text]
        if version is None:
            continue
        wheel = WheelFile(name=file.name, size=file.size, sha256=file.sha256)
        if any(best_file((wheel,), python, platform, None) for python in PYTHONS):
            found.setdefault(version, []).append(file)
    return {version: sorted(found[version], key=lambda file: file.name) for version in sorted(found)}


def _final(text: str, newer_than: Version | None) -> Version | None:
    """Return a version, None for one that is no release or not new enough."""
    try:
        version = Version(text)
    except InvalidVersion:
        return None
    if version.is_prerelease or version.release[:2] == (0, 0):
        return None
    return version if newer_than is None or version > newer_than else None
