"""The CUDA minors that a release of one of NVIDIA's packages belongs to, as other rows tell."""

from __future__ import annotations

import re

from packaging.requirements import InvalidRequirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from stackfix.facts.database import Database
from stackfix.rules.metadata import parse_row
from stackfix.versions import canonical_name

_VERSIONED = re.compile(r"nvidia-(cuda-(runtime|nvrtc|cupti)|nvtx|nvjitlink)(-cu\d+)?")
_UNTIED = re.compile(r"nvidia-(cudnn|nccl|cusparselt|nvshmem)(-cu\d+)?")


def toolkits_of(package: str, version: str, facts: Database) -> tuple[tuple[str, ...], str]:
    """Return the minors and how they are known: cuda-toolkit's pins, its own version, or the torch that pins it."""
    if _UNTIED.fullmatch(package):
        return (), ""
    how: list[str] = []
    known = {
        ".".join(toolkit.key.split(".")[:2])
        for toolkit in facts.wheels("cuda-toolkit")
        if _pins(toolkit.requires_dist, package, version)
    }
    if known:
        how.append("pins of cuda-toolkit")
    elif _VERSIONED.fullmatch(package):
        known, how = {".".join(version.split(".")[:2])}, ["its own version"]
    beside = {
        str(torch.cuda[0])
        for torch in facts.wheels("torch")
        if torch.cuda and _pins(torch.requires_dist, package, version)
    } - known
    if beside:
        how.append(f"torch built with CUDA {' and '.join(sorted(beside))} pins it")
    return tuple(sorted(known | beside, key=Version)), "; ".join(how)


def _pins(requires_dist: tuple[str, ...], package: str, version: str) -> bool:
    """Whether a row requires exactly this release, or this prefix of it (`==13.0.*`)."""
    for text in requires_dist:
        try:
            one = parse_row(text)
        except InvalidRequirement:
            continue
        if canonical_name(one.name) == package and "==" in one.specifier:
            return SpecifierSet(one.specifier).contains(version, prereleases=True)
    return False
