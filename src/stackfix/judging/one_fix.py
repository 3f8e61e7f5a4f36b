"""One fix: of findings about the same packages, commands that do not undo one another.

Packages that overwrote each other are put right by one command, and what each of them lost is a part of that. Where
the release that the command would put back is itself what another finding is about, only a solver knows which one fits.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from msgspec.structs import replace

from stackfix.judging import remedy
from stackfix.model.environment import Environment
from stackfix.model.report import Finding

_FILES = "collisions"
_OF_THE_DISK = (_FILES, "environment", "linkage", "loader order", "live")
_INSTALLER = re.compile(r"\bpip (un)?install ")
_NAME = re.compile(r"(?<=\s)'?([A-Za-z][\w.-]*)")


def one_fix(findings: Sequence[Finding], environment: Environment) -> list[Finding]:
    """Return findings with one fix for each group of packages whose files are lost or overwritten."""
    ours = remedy.mend(environment)
    fixes = [one.fix for one in findings]
    decided: set[int] = set()
    causes = [place for place, one in enumerate(findings) if one.rule == _FILES and one.severity == "error"]
    for place in sorted(causes, key=lambda each: -len(findings[each].about)):
        if place in decided:
            continue
        owners = set(findings[place].about)
        near = [other for other, one in enumerate(findings) if other != place and owners & set(one.about)]
        parts = [other for other in near if is_part(findings[other], owners)]
        rest = [other for other in near if other not in parts]
        several = len(owners) > 1
        fix = fixes[place]
        if any(
            (one.fix == ours and _is_of_the_release(one)) or (several and _named(one.fix) & owners)
            for one in (findings[other] for other in rest)
        ):
            fix = ours
        for other in (place, *parts):
            fixes[other] = fix
        decided.update((place, *parts))
        for other in rest if fix == ours else ():
            if _INSTALLER.search(fixes[other]) and (several or _named(fixes[other]) & owners):
                fixes[other] = ours
    return [replace(one, fix=fix) for one, fix in zip(findings, fixes, strict=True)]


def is_part(finding: Finding, owners: Collection[str]) -> bool:
    """Whether a finding tells what the files of some of these packages have come to."""
    return finding.rule == _FILES and bool(finding.about) and set(finding.about) <= set(owners)


def _is_of_the_release(finding: Finding) -> bool:
    """Whether it is an error of a release, which is there again with its files."""
    if finding.severity != "error":
        return False
    return finding.rule not in _OF_THE_DISK or finding.code.endswith("_major_mismatch")


def _named(fix: str) -> set[str]:
    """Return the packages that an installer's command installs or removes."""
    return set(_commanded(fix)) if _INSTALLER.search(fix) else set()


def _commanded(fix: str) -> Iterator[str]:
    yield from (found[1] for found in _NAME.finditer(fix))
