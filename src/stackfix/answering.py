"""From a question to an answer: the set that works, or why there is none; and what else is asked of the same facts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from stackfix.asking import Question, device_of, machine_of, request_of, with_other_pythons
from stackfix.errors import NetworkError, QuestionError
from stackfix.facts.database import Database
from stackfix.facts.overlay import overlay_folder, unreadable
from stackfix.facts.root import data_root
from stackfix.model.machine import Machine, Platform
from stackfix.model.request import MAIN, Request
from stackfix.model.resolution import Explanation, Resolution
from stackfix.standing import requested, stand_in_notes, standing, stands_for, with_stand_ins

if TYPE_CHECKING:  # named in annotations alone; importing them costs a resolve 12 ms, and HTTP 60 ms
    from stackfix.fresh import Growth
    from stackfix.model.growth import Documented, Measured, NotMeasured
    from stackfix.model.matrix import Matrix
    from stackfix.model.why_not import WhyNot
    from stackfix.solve.gaps import Gap
    from stackfix.solve.pose import Universes
    from stackfix.solve.resolve import Reasons


class Answer(Struct, frozen=True, kw_only=True):
    """A resolution or an explanation, with the request that it answers and the date of the facts.

    `measured` is what was measured for it; `documented` is what other indexes are said to hold of what is asked for,
    where no set was found; `universes` is what it was worked out in, for what is asked next of the same facts.
    """

    request: Request
    result: Resolution | Explanation
    facts_date: str
    measured: tuple[Measured | NotMeasured, ...] = ()
    documented: tuple[Documented, ...] = ()
    universes: Universes | None = None


def database() -> Database:
    """Return the facts that this installation carries, and those that were measured by its user.

    Those are more than a question needs: where they cannot be read, they are left out (`left_out` says so).
    """
    overlay = overlay_folder()
    return Database(data_root(), None if unreadable(overlay) else overlay)


def left_out() -> str:
    """Return what says that the user's own facts cannot be read, "" where they can be, or there are none."""
    reason = unreadable(overlay_folder())
    return f"note: what was measured here is left out, for it cannot be read: {reason}" if reason else ""


def silent(text: str) -> None:
    """Say nothing."""
    del text


def resolve(
    question: Question,
    *,
    folder: Path = Path(),
    reasons: Reasons = "all",
    measure_new: bool = False,
    measure_asked: bool = False,
    say: Callable[[str], None] = silent,
) -> Answer:
    """Return the newest set that works, or why there is none.

    Touches no network, unless what is new on the index is to be measured first, or what is asked for and has no row
    (`measure_asked`, which `offline` forbids), or another index than the main one was named: nothing of it has rows
    before it is measured. Raises AnswerError where nothing but releases without rows stands between wish and set.
    """
    if measure_new and question.offline:
        raise NetworkError("measuring reads wheels from the index, and `--offline` forbids it")
    facts = database()
    here = machine_of(question.machine, facts, folder)
    if here.tegra:
        raise QuestionError(
            "this is a Jetson: its driver and CUDA come with JetPack, and the wheels of PyPI do not serve it",
            hint="use NVIDIA's wheels for this JetPack",
        )
    request = requested(question, here, facts)
    from stackfix.solve import resolve as core  # noqa: PLC0415 - a tenth of what an examination takes, which solves nothing
    from stackfix.solve.gaps import gaps, supposed, supposing  # noqa: PLC0415 - likewise
    from stackfix.solve.pose import Universes  # noqa: PLC0415 - likewise

    measured: tuple[Measured | NotMeasured, ...] = ()
    if measure_new:
        asked = {gap.package for gap in gaps(request, facts, here)}
        rest = [name for name in packages_of(request) if name not in asked]
        measured += growth_of(here.platform, say).newest(rest)
    found, request, notes = _of_sources(request, question, here, say)
    measured += found
    if measured:
        facts = database()
    measures = measure_new or (measure_asked and not question.offline)
    against, left, more = _filled(request, question, here, facts, say=say, measures=measures)
    measured += more
    facts = database() if more else facts
    # what is left constrains packages that are not in the set: it must not make one impossible
    known, wanted = (supposed(facts, left), supposing(request, left)) if left else (facts, request)
    universes = Universes(known)
    result = against or core.resolve(here, known, wanted, reasons=reasons, universes=universes)
    if against is None and _needs_a_python(result):
        seen = with_other_pythons(here, question.machine)
        if seen is not here:
            universes = Universes(known)
            result = core.resolve(seen, known, wanted, reasons=reasons, universes=universes)
    if isinstance(result, Resolution):
        result = replace(
            result, notes=(*result.notes, *notes, *_left_out(request, result), *_not_judged(request, result))
        )
    elif len(question.machine.machine_files) > 1:
        from stackfix.grouping import with_splitters  # noqa: PLC0415 - few questions are about several machines

        result = with_splitters(result, question, facts, folder)
    elif against is None:
        result = with_stand_ins(
            result, wanted, facts, here, lambda changed: core.resolve(here, known, changed, reasons="none")
        )
    return Answer(
        request=request,
        result=result,
        facts_date=facts.date,
        measured=measured,
        documented=_documented(request, here, facts) if isinstance(result, Explanation) else (),
        universes=universes,
    )


def _needs_a_python(result: Resolution | Explanation) -> bool:
    """Whether a way out names another Python, which may be on the machine, or none was found without."""
    return isinstance(result, Explanation) and (
        not result.options or any(one.kind in {"python", "several"} for one in result.options)
    )


def _filled(
    request: Request,
    question: Question,
    here: Machine,
    facts: Database,
    *,
    say: Callable[[str], None],
    measures: bool,
) -> tuple[Explanation | None, tuple[Gap, ...], tuple[Measured | NotMeasured, ...]]:
    """Return why no release without facts could help, or None; the wishes left without; and what was measured.

    What is measured may require what is constrained to a release without facts, so it is asked again.
    """
    from stackfix.solve.gaps import gaps  # noqa: PLC0415 - few verbs solve

    measured: tuple[Measured | NotMeasured, ...] = ()
    while left := gaps(request, facts, here):
        from stackfix.unknown import Filling  # noqa: PLC0415 - few wishes are for what has no row

        filling = Filling(
            machine=with_other_pythons(here, question.machine),
            facts=facts,
            request=request,
            growth=lambda source: growth_of(here.platform, say, source),
            say=say,
            measures=measures,
            offline=question.offline,
        )
        against, more = filling.filled(left)
        if not more:
            return against, left, measured
        measured += more
        facts = database()
    return None, (), measured


def _of_sources(
    request: Request, question: Question, here: Machine, say: Callable[[str], None]
) -> tuple[tuple[Measured | NotMeasured, ...], Request, list[str]]:
    """Return what was measured of further sources, and the request without those that do not answer, which is said.

    What only a document says is measured before a set can rest on it.
    """
    measured: list[Measured | NotMeasured] = []
    notes: list[str] = []
    for source in sorted(request.sources - {MAIN}) if not question.offline else ():
        from stackfix.indexes import held  # noqa: PLC0415 - HTTP costs 60 ms at import

        try:
            measured += growth_of(here.platform, say, source).newest(held(source, request))
        except NetworkError as error:
            if request.sources == {source}:
                raise
            request = replace(request, sources=request.sources - {source})
            notes.append(f"the source {source} does not answer and is left out: {error.message}")
            say(notes[-1])
    return tuple(measured), request, notes


def _left_out(request: Request, found: Resolution) -> tuple[str, ...]:
    return stand_in_notes(request, found.packages, stands_for(request, found.packages))


def _not_judged(request: Request, found: Resolution) -> tuple[str, ...]:
    """Return what says of what the installer resolves beside a set that no facts are about it."""
    named = [
        *(root.requirement for root in request.others),
        *(f"{root.requirement} ({root.asked_by})" for root in found.beside),
    ]
    return (f"not judged, for no facts are about it: {', '.join(named)}",) if named else ()


def why_not(answer: Answer, question: Question, requirement: str) -> WhyNot:
    """Return why a release is not in an answer's set: the facts against it, or the set with it."""
    from stackfix.solve import why_not as reasons  # noqa: PLC0415 - few questions ask it

    facts = database() if answer.universes is None else answer.universes.facts
    machine, request = with_other_pythons(answer.result.machine, question.machine), answer.request
    unknown = reasons.unknown(requirement, facts, request, machine)
    if unknown is not None:
        return unknown
    asked_too = request_of(replace(question, targets=(*question.targets, requirement)), machine, data_root())
    asked_too = standing(asked_too, question.stand_ins, database(), machine)
    roots = tuple(
        replace(root, asked_by=reasons.ASKED_BY, relaxable=False) if root.requirement == requirement else root
        for root in asked_too.roots
    )
    return reasons.why_not(
        reasons.Doubt(
            machine=machine,
            facts=facts,
            request=request,
            asked_too=replace(asked_too, roots=roots),
            result=answer.result,
            requirement=requirement,
            universes=answer.universes,
        )
    )


def matrix(question: Question, *, folder: Path = Path()) -> tuple[Matrix, str]:
    """Return what goes with what on a machine, a row for each minor of torch; and the date of the facts."""
    from stackfix.solve import matrix as core_matrix  # noqa: PLC0415 - one verb asks it

    facts = database()
    asked, unsaid = question.machine, bool(question.machine.platform and not question.machine.python)
    here = machine_of(replace(asked, python="3.12") if unsaid else asked, facts, folder)
    if unsaid:  # a described platform has no Pythons of which anything is known
        here = replace(here, pythons=(), other_pythons=())
    targets = (core_matrix.PACKAGE, *core_matrix.BESIDE[device_of(here)])
    request = request_of(replace(question, targets=targets), here, facts.root)
    return core_matrix.matrix(here, facts, request), facts.date


def _documented(request: Request, machine: Machine, facts: Database) -> tuple[Documented, ...]:
    from stackfix.facts.documents import documented_for  # noqa: PLC0415 - asked only where there is no set

    return documented_for(request, machine, facts)


def packages_of(request: Request) -> list[str]:
    """Return the packages that a request asks for, in its order of newness."""
    return [name for name in request.newest if name != "python"]


def growth_of(platform: Platform, say: Callable[[str], None], source: str = MAIN) -> Growth:
    """Return what measures releases of an index for a platform, into the overlay of its user."""
    from stackfix.fresh import Growth  # noqa: PLC0415 - HTTP costs 60 ms at import
    from stackfix.index.config import index_config  # noqa: PLC0415 - likewise
    from stackfix.index.network import open_transport  # noqa: PLC0415 - likewise
    from stackfix.indexes import address_of  # noqa: PLC0415 - likewise

    config = index_config()
    return Growth(
        transport=open_transport(),
        index=config.address if source == MAIN else address_of(source),
        source=source,
        platform=platform,
        overlay=overlay_folder(),
        reread=database,
        say=say,
    )
