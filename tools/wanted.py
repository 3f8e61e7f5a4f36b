"""Which releases get rows: the packages that recipes and their libraries are made of, and from which release on."""

from __future__ import annotations

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from stackfix.facts.prepared import load
from stackfix.facts.root import data_root
from stackfix.index.releases import PYTHONS
from stackfix.index.simple import IndexFile
from stackfix.model.machine import Platform
from stackfix.model.wheel import WheelFile
from stackfix.rules.tags import best_file

PACKAGES = load(data_root()).packages
ROOTS = PACKAGES.since
"""package -> oldest release that gets a row."""
TOOLKIT_NAMES = PACKAGES.toolkit.names()
PLAIN_ROOTS = tuple(each.package for each in PACKAGES.plain)


def wanted_plain(
    found: dict[Version, list[IndexFile]], specifiers: set[str], package: str, platform: Platform
) -> set[Version]:
    """Return the newest release per Python within each specifier that some row puts on a plain package."""
    wanted: set[Version] = set()
    for text in {"", *specifiers}:
        specifier = SpecifierSet(text)
        for python in PYTHONS:
            for version in reversed(found):
                files = [
                    WheelFile(name=f.name, size=f.size, sha256=f.sha256, requires_python=f.requires_python)
                    for f in found[version]
                ]
                if specifier.contains(version) and best_file(files, python, platform, None):
                    wanted.add(version)
                    break
    for each in PACKAGES.plain:
        if each.package == package and each.oldest:
            oldest = Version(each.oldest)
            wanted |= set({one.release[:2]: one for one in found if one >= oldest}.values())
    return wanted
