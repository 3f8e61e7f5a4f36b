"""Why a release is not chosen: the set with it beside the newest one, or the minimal facts against it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Requested
from packaging.version import Version

from stackfix.errors import QuestionError
from stackfix.model.machine import Interpreter, Machine
from stackfix.model.problem import CUDA, PYTHON
from stackfix.model.request import Request
from stackfix.model.resolution import Explanation, Resolution
from stackfix.model.wheel import ListedWheel
from stackfix.model.why_not import Change, WhyNot
from stackfix.rules import metadata
from stackfix.rules.scene import HYPOTHETICAL_PYTHONS, Facts
from stackfix.rules.shipped_together import CUDA_ITSELF, cuda_wish
from stackfix.solve.pose import Universes
from stackfix.solve.resolve import resolve
from stackfix.versions import PythonVersion, canonical_name

PYTHON_ITSELF = "python"
ASKED_BY = "--why-not"


def wished(text: str) -> Requested:
    """Return what is asked about; QuestionError for what is no requirement of one package."""
    try:
        found = metadata.parse(text.strip())
    except InvalidRequirement as error:
        raise QuestionError(
            f"`{text}` is not a requirement: {str(error).splitlines()[0]}",
            hint="ask `--why-not torch==2.15.0`, `--why-not cuda==13` or `--why-not python==3.14`",
        ) from error
    if found.url is not None:
        raise QuestionError(f"`{text}` names a file, which stackfix has no facts about")
    return found


class Doubt(Struct, frozen=True, kw_only=True):
    """One question: the machine, what was asked, the answer to it, and the release that somebody has in mind.

    `asked_too` is the request with that release among its roots; `universes` is what the answer was worked out in.
    """

    machine: Machine
    facts: Facts
    request: Request
    asked_too: Request
    result: Resolution | Explanation
    requirement: str
    universes: Universes | None = None

    @property
    def wish(self) -> Requested:
        """The requirement, read."""
        return wished(self.requirement)

    @property
    def name(self) -> str:
        """The package, or `cuda` or `python`."""
        return canonical_name(self.wish.name)


def unknown(requirement: str, facts: Facts, request: Request, machine: Machine) -> WhyNot | None:
    """Return the answer where nothing is on record that the requirement admits; None where there is something."""
    wish = wished(requirement)
    name = canonical_name(wish.name)
    if name in (CUDA_ITSELF, PYTHON_ITSELF):
        return None
    if not facts.knows(name):
        text = f"stackfix has no facts about {name}: whether it goes with the set is not known"
        return WhyNot(requirement=requirement, kind="no facts", text=text, hint=_measure(requirement))
    platform = machine.platform.label
    listed = facts.listed(name, platform)
    if not listed:
        text = f"no wheel of {name} for {platform} is on record"
        return WhyNot(requirement=requirement, kind="no facts", text=text, hint=_measure(requirement))
    fitting = [one for one in listed if wish.specifier.contains(one.key, prereleases=True)]
    if not fitting:
        text = (
            f"there are no facts about {requirement}: on record for {platform} are "
            f"{len({one.key for one in listed})} releases of {name}, {listed[-1].key} to {listed[0].key}"
        )
        return WhyNot(requirement=requirement, kind="no facts", text=text, hint=_measure(requirement))
    return _left_out(requirement, fitting, request)


def _measure(requirement: str) -> str:
    return f"if it is on the index: `stackfix facts measure '{requirement}'`"


def _left_out(requirement: str, fitting: Sequence[ListedWheel], request: Request) -> WhyNot | None:
    """Return the answer where the question itself leaves every such release out: by its sources or its date."""
    sources = {one.source for one in fitting}
    if not sources & request.sources:
        text = f"{requirement} is on record only of {', '.join(sorted(sources))}, which was not asked for"
        hint = f"add {' '.join(f'`--source {one}`' for one in sorted(sources))}"
        return WhyNot(requirement=requirement, kind="refused", text=text, hint=hint)
    before = request.newest_before
    if before and all(one.uploaded >= before or not one.uploaded for one in fitting):
        dates = sorted(one.uploaded for one in fitting if one.uploaded)
        seen = f"uploaded on {dates[0]}" if dates else "without a date on record"
        text = f"{requirement} is {seen}, and only files before {before} were asked for"
        return WhyNot(requirement=requirement, kind="refused", text=text)
    return None


def why_not(doubt: Doubt) -> WhyNot:
    """Return why a release that is on record is not in the set; or the set with it."""
    if isinstance(doubt.result, Resolution):
        here = _version(doubt.result, doubt.name)
        if here and _specifier_holds(doubt, here):
            text = f"{_shown(doubt.name)} {here} is in the set"
            return WhyNot(requirement=doubt.requirement, kind="chosen", text=text)
    answer = _with_it(doubt)
    if isinstance(answer, Explanation):
        return _refused(doubt, answer)
    if isinstance(doubt.result, Explanation):  # no Python of the machine has a set, and another one has
        text = f"there is a set on Python {answer.python.version.minor_version}, which is not on this machine"
        return WhyNot(
            requirement=doubt.requirement, kind="possible", text=text, packages=_packages(answer, doubt)
        )
    changes = tuple(_changes(doubt.result, answer, doubt))
    return WhyNot(
        requirement=doubt.requirement,
        kind="possible",
        text=_possible_text(doubt, doubt.result, answer, changes),
        packages=_packages(answer, doubt),
        changes=changes,
        hint=_python_hint(doubt, answer),
    )


def _with_it(doubt: Doubt) -> Resolution | Explanation:
    """Return the newest set with the release, or why there is none."""
    if doubt.name != PYTHON_ITSELF:
        return resolve(doubt.machine, doubt.facts, doubt.asked_too, reasons="none", universes=doubt.universes)
    pythons = [one for one in _pythons(doubt.machine) if _specifier_holds(doubt, one.version.minor_version)]
    if not pythons:
        raise QuestionError(
            f"`{doubt.requirement}` names no Python that wheels on record are for",
            hint=f"ask about {HYPOTHETICAL_PYTHONS[-1]} to {HYPOTHETICAL_PYTHONS[0]}",
        )
    first: Explanation | None = None
    for python in pythons:
        answer = resolve(
            replace(doubt.machine, pythons=(python,)),
            doubt.facts,
            doubt.request,
            reasons="none",
            universes=doubt.universes,
        )
        if isinstance(answer, Resolution):
            return answer
        first = first or answer
    assert first is not None  # noqa: S101 - there is at least one Python, and none gave a set
    return first


def _pythons(machine: Machine) -> Iterator[Interpreter]:
    """Yield every Python, newest first: those of the machine with their paths, the others as described."""
    here = {one.version.minor_version: one for one in (*machine.other_pythons, *machine.pythons)}
    for minor in HYPOTHETICAL_PYTHONS:
        described = Interpreter(version=PythonVersion.parse(minor), found_via=ASKED_BY)
        yield here.get(minor, described)


def _specifier_holds(doubt: Doubt, version: str) -> bool:
    specifier = cuda_wish(doubt.wish.specifier) if doubt.name == CUDA_ITSELF else doubt.wish.specifier
    return specifier.contains(version, prereleases=True)


def _version(found: Resolution, name: str) -> str:
    if name == CUDA_ITSELF:
        return found.cuda
    return found.python.version.minor_version if name == PYTHON_ITSELF else found.packages.get(name, "")


def _shown(name: str) -> str:
    return {CUDA_ITSELF: "CUDA", PYTHON_ITSELF: "Python"}.get(name, name)


def _refused(doubt: Doubt, answer: Explanation) -> WhyNot:
    """Return the minimal facts against it; where it has no part in them, that there is no set either way."""
    said = f"{ASKED_BY} asks for {doubt.requirement}"
    nodes = {CUDA_ITSELF: CUDA, PYTHON_ITSELF: PYTHON}
    named = nodes.get(doubt.name) == PYTHON or any(fact.text.startswith(said) for fact in answer.conflict)
    if not named and isinstance(doubt.result, Explanation):
        text = f"there is no set at all, with {doubt.requirement} or without, because all of this holds"
    else:
        text = f"no set has {doubt.requirement}, because all of this holds"
    return WhyNot(
        requirement=doubt.requirement,
        kind="refused",
        text=text,
        conflict=answer.conflict,
        options=tuple(one for one in answer.options if one.kind != "source"),
    )


def _packages(answer: Resolution, doubt: Doubt) -> tuple[tuple[str, str], ...]:
    names = [name for name in doubt.asked_too.newest if name != PYTHON_ITSELF]
    found = [(name, answer.packages[name]) for name in names if name in answer.packages]
    cuda = [("CUDA", answer.cuda)] if answer.cuda and answer.device == "gpu" else []
    return (*found, *cuda, ("Python", answer.python.version.minor_version))


def _changes(before: Resolution, after: Resolution, doubt: Doubt) -> Iterator[Change]:
    """Yield what changes among the packages asked for, the CUDA and the Python."""
    old = dict(_packages(before, doubt))
    new = dict(_packages(after, doubt))
    for name in dict.fromkeys([*new, *old]):
        was, becomes = old.get(name, ""), new.get(name, "")
        if was != becomes:
            older = bool(was and becomes) and Version(becomes) < Version(was)
            yield Change(name=name, before=was, after=becomes, older=older)


def _possible_text(doubt: Doubt, result: Resolution, answer: Resolution, changes: Iterable[Change]) -> str:
    """Return that it can be had, and why it is not in the newest set."""
    name = _shown(doubt.name)
    here, there = _version(result, doubt.name), _version(answer, doubt.name)
    if not here:
        return f"nothing that is asked for requires {name}; {name} {there} can be had beside it"
    if Version(there) < Version(here):
        return f"{name} {there} can be had; the newest set has {name} {here}"
    lost = [change.name for change in changes if change.older]
    if not lost:
        return f"{name} {there} can be had"
    return f"{name} {there} can be had, if {' and '.join(lost)} may be older: the newest set keeps {lost[0]}"


def _python_hint(doubt: Doubt, answer: Resolution) -> str:
    here = {one.version.minor_version for one in (*doubt.machine.pythons, *doubt.machine.other_pythons)}
    minor = answer.python.version.minor_version
    if minor in here:
        return ""
    return f"Python {minor} is not among the Pythons seen here; `uv python install {minor}` brings it"
