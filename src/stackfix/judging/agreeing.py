"""Agreeing: commands of one report that install a package keep to what all that is installed asks of it.

A requirement that is not met is mended by a command of its own, and two of them may undo one another: `pip install
'numpy<2'` for one package, `pip install 'numpy>=2'` for the next, or for one that does not complain yet. So each command
asks for a release that serves everybody; where none does, it says between whom, and what is left to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace
from packaging.version import Version

from stackfix.judging import remedy
from stackfix.model.environment import Environment
from stackfix.model.report import Finding
from stackfix.rules import metadata, plain
from stackfix.rules.installed import Held, asked_of
from stackfix.rules.scene import Scene
from stackfix.versions import canonical_name

_SHOWN = 3
_MANY = 9999  # the last number of a release that is newer than all of its line


class _Ask(NamedTuple):
    """Who asks which releases of a package."""

    by: str
    specifier: str


def agreed(
    findings: Sequence[Finding], environment: Environment, held: Sequence[Held], scene: Scene
) -> list[Finding]:
    """Return findings whose commands install what all installed packages, and all other commands, accept."""
    commands = {
        place: wanted
        for place, one in enumerate(findings)
        if (wanted := remedy.installed_by(one.fix, environment))
    }
    if not commands:
        return list(findings)
    asks = _asks(commands, findings, environment, held, scene)
    fixes = [one.fix for one in findings]
    for place, wanted in commands.items():
        by = _who(findings[place])
        together = [_together(text, asks) for text in wanted]
        apart = next((text for text, one in zip(wanted, together, strict=True) if not one), "")
        if apart:
            fixes[place] = _between(apart, by, asks, environment, scene)
        elif together != list(wanted):
            fixes[place] = remedy.install(environment, together)
    return [replace(one, fix=fix) for one, fix in zip(findings, fixes, strict=True)]


def _who(finding: Finding) -> str:
    return finding.about[0] if finding.about else ""


def _asks(
    commands: Mapping[int, Sequence[str]],
    findings: Sequence[Finding],
    environment: Environment,
    held: Sequence[Held],
    scene: Scene,
) -> dict[str, list[_Ask]]:
    """Return who asks what of each package that a command installs: METADATA, builds against numpy, the commands."""
    found: dict[str, list[_Ask]] = {}
    for texts in commands.values():
        found.update((canonical_name(metadata.parse_row(text).name), []) for text in texts)
    for one in asked_of(environment, scene):
        if one.name in found and one.specifier:
            found[one.name].append(_Ask(one.by.name, one.specifier))
    for each in held:
        if majors := each.wheel.numpy_abi if "numpy" in found else ():
            found["numpy"].append(_Ask(each.wheel.package, f">={min(majors)},<{max(majors) + 1}"))
    for place, texts in commands.items():
        for text in texts:
            asked = metadata.parse_row(text)
            if asked.specifier:
                found[canonical_name(asked.name)].append(_Ask(_who(findings[place]), asked.specifier))
    return {name: list(dict.fromkeys(each)) for name, each in found.items()}


def _together(text: str, asks: Mapping[str, Sequence[_Ask]]) -> str:
    """Return a requirement narrowed to what serves all who ask, as it stands where it does; "" where nothing does."""
    asked = metadata.parse_row(text)
    name = canonical_name(asked.name)
    left = _releases(asks[name])
    clauses = asked.specifier
    if clauses:
        left = [one for one in left if plain.admits(clauses, one)]
    if not left:
        return text
    for each in asks[name]:
        served = [one for one in left if plain.admits(each.specifier, one)]
        if not served:
            return ""
        if len(served) < len(left):
            clauses = ",".join(filter(None, (clauses, each.specifier)))
            left = served
    if clauses == asked.specifier:
        return text
    extras = f"[{','.join(sorted(asked.extras))}]" if asked.extras else ""
    return f"{asked.name}{extras}{_fewest(clauses)}"


def _releases(asks: Sequence[_Ask]) -> list[str]:
    """Return a release at each bound that is asked for and on both sides of it; [] where one is no plain number.

    What there is of a package nobody knows here as a whole; what all admit of these stands for a stretch of releases.
    """
    clauses = [plain.clause(text) for each in asks for text in each.specifier.split(",")]
    bounds = sorted({clause.numbers for clause in clauses if clause is not None})
    if None in clauses:
        return []
    return [".".join(map(str, one)) for bound in bounds for one in _beside(bound)]


def _beside(bound: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield a release, one that is newer, and for each of its numbers the last that is older."""
    yield bound
    yield (*bound, 1)
    for place, number in enumerate(bound):
        if number:
            yield (*bound[:place], number - 1, _MANY)


def _fewest(specifier: str) -> str:
    """Return a specifier without the bounds that another one of it makes idle."""
    bounds = dict.fromkeys(each for each in plain.bounds(specifier) if each)
    lower = [each for each in bounds if each.startswith(">")]
    upper = [each for each in bounds if each.startswith("<")]
    kept = (*_tightest(lower, newest=True), *_tightest(upper, newest=False))
    return ",".join((*kept, *(each for each in bounds if each not in lower and each not in upper)))


def _tightest(bounds: Sequence[str], *, newest: bool) -> tuple[str, ...]:
    """Return the one bound of several to the same side that holds them all; one that leaves out its own end before another."""
    if not bounds:
        return ()
    best = max if newest else min
    end = best(Version(each.lstrip("<>= ")) for each in bounds)
    ends = [each for each in bounds if Version(each.lstrip("<>= ")) == end]
    return (min(ends, key=len),)


def _between(
    text: str, by: str, asks: Mapping[str, Sequence[_Ask]], environment: Environment, scene: Scene
) -> str:
    """Return what to do where no release serves all: our own repair where it knows them, else who has to give way."""
    asked = metadata.parse_row(text)
    name = canonical_name(asked.name)
    own = [one for one in _releases(asks[name]) if plain.admits(asked.specifier or ">=0", one)]
    others = [each for each in asks[name] if each.by != by]
    against = [each for each in others if not any(plain.admits(each.specifier, one) for one in own)] or others
    sides = list(dict.fromkeys((by, *(each.by for each in against))))
    strangers = [each for each in sides if each and not scene.facts.knows(each)]
    strangers = [by] if by in strangers else strangers
    if not strangers:
        return remedy.mend(environment)
    versions = environment.packages
    shown = [
        f"{each.by} {versions.get(each.by, '')} ({asked.name}{each.specifier})".replace("  ", " ")
        for each in (_Ask(by, asked.specifier), *against[:_SHOWN])
    ]
    who = " and ".join(strangers)
    upgrade = remedy.install(environment, strangers, "--upgrade")
    return (
        f"no release of {asked.name} serves {' and '.join(shown)}: look for another release of {who} "
        f"(`{upgrade}` takes the newest), or give {'it' if len(strangers) == 1 else 'them'} an environment apart"
    )
