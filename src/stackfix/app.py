"""The verbs: machine → facts → problem → resolution → lock → environment → verdict.

Each verb takes a question and returns a value; the command line and the Python interface call the same ones.
"No" is a value (`Explanation`, a failed `Verdict`); exceptions are for what could not be read or answered.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace
from packaging.version import Version

from stackfix.asking import MachineQuestion, Question, device_of, machine_of, parted, request_of
from stackfix.errors import NetworkError, QuestionError
from stackfix.facts.database import Database
from stackfix.facts.overlay import overlay_folder
from stackfix.facts.root import data_root
from stackfix.installing import Chosen, Installed, InstallWish, installed, interpreter_of, machine_notes
from stackfix.model.machine import Machine, Platform
from stackfix.model.request import MAIN, Request
from stackfix.model.resolution import Explanation, Resolution
from stackfix.model.wheel import Wheel
from stackfix.rules.metadata import parse_row
from stackfix.rules.shipped_together import CUDA_ITSELF
from stackfix.versions import canonical_name

if TYPE_CHECKING:  # named in annotations alone; importing them costs a resolve 12 ms, and HTTP 60 ms
    from stackfix.facts.coverage import Coverage
    from stackfix.fresh import Growth
    from stackfix.index.ask import Pages
    from stackfix.indexes import SourceState
    from stackfix.install.progress import Progress
    from stackfix.model.cause import Cause
    from stackfix.model.growth import Compared, Documented, Measured, NotMeasured
    from stackfix.model.kept import KeptModel
    from stackfix.model.live import LiveRun
    from stackfix.model.lock import Lock
    from stackfix.model.matrix import Matrix
    from stackfix.model.report import Report
    from stackfix.model.trial import Comparison
    from stackfix.model.verdict import Verdict
    from stackfix.model.why_not import WhyNot
    from stackfix.render.redaction import Redaction
    from stackfix.repairing import Fixed, FixWish
    from stackfix.solve.resolve import Reasons
    from stackfix.validate.weights import Weights

_EXACT = re.compile(r"==\s*([^,*=\s]+)")


class Answer(Struct, frozen=True, kw_only=True):
    """A resolution or an explanation, with the request that it answers and the date of the facts.

    `measured` is what was measured for it; `without_facts` are releases that were asked for by their exact version
    and of which there is no row, as `torch==2.16.0`. `documented` is what other indexes are said to hold of what is
    asked for, where no set was found.
    """

    request: Request
    result: Resolution | Explanation
    facts_date: str
    measured: tuple[Measured | NotMeasured, ...] = ()
    without_facts: tuple[str, ...] = ()
    documented: tuple[Documented, ...] = ()


def database() -> Database:
    """Return the facts that this installation carries, and those that were measured by its user."""
    return Database(data_root(), overlay_folder())


def machine(question: MachineQuestion, folder: Path = Path()) -> Machine:
    """Return the machine that the question describes; by default this one."""
    return machine_of(question, database(), folder)


def _silent(text: str) -> None:
    del text


def resolve(
    question: Question,
    *,
    folder: Path = Path(),
    reasons: Reasons = "all",
    measure_new: bool = False,
    say: Callable[[str], None] = _silent,
) -> Answer:
    """Return the newest set that works, or why there is none.

    Touches no network, unless what is new on the index is to be measured first, or another index than the main one
    was named: nothing of it has rows before it is measured.
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
    request = parted(request_of(question, here, facts.root), facts)
    measured: tuple[Measured | NotMeasured, ...] = ()
    if measure_new:
        measured += _growth(here.platform, say).newest(_packages(request))
    found, request, notes = _of_sources(request, question, here, say)
    measured += found
    if measured:
        facts = database()
    from stackfix.solve import resolve as core  # noqa: PLC0415 - a tenth of what an examination takes, which solves nothing

    result = core.resolve(here, facts, request, reasons=reasons)
    if isinstance(result, Resolution):
        result = replace(result, notes=(*result.notes, *notes, *_not_judged(request)))
    elif len(question.machine.machine_files) > 1:
        from stackfix.grouping import with_splitters  # noqa: PLC0415 - few questions are about several machines

        result = with_splitters(result, question, facts, folder)
    return Answer(
        request=request,
        result=result,
        facts_date=facts.date,
        measured=measured,
        without_facts=_without_facts(request, facts, here.platform),
        documented=_documented(request, here, facts) if isinstance(result, Explanation) else (),
    )


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
            measured += _growth(here.platform, say, source).newest(held(source, request))
        except NetworkError as error:
            if request.sources == {source}:
                raise
            request = replace(request, sources=request.sources - {source})
            notes.append(f"the source {source} does not answer and is left out: {error.message}")
            say(notes[-1])
    return tuple(measured), request, notes


def _not_judged(request: Request) -> tuple[str, ...]:
    names = ", ".join(root.requirement for root in request.others)
    return (f"not judged, for no facts are about it: {names}",) if names else ()


def why_not(answer: Answer, question: Question, requirement: str) -> WhyNot:
    """Return why a release is not in an answer's set: the facts against it, or the set with it."""
    from stackfix.solve import why_not as reasons  # noqa: PLC0415 - few questions ask it

    facts, machine, request = database(), answer.result.machine, answer.request
    unknown = reasons.unknown(requirement, facts, request, machine)
    if unknown is not None:
        return unknown
    asked_too = request_of(replace(question, targets=(*question.targets, requirement)), machine, facts.root)
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


def _packages(request: Request) -> list[str]:
    return [name for name in request.newest if name != "python"]


def _without_facts(request: Request, facts: Database, platform: Platform) -> tuple[str, ...]:
    """Return the releases that are asked for by exact version and of which no row for the platform is on record."""
    found: list[str] = []
    for root in request.roots:
        wish = parse_row(root.requirement)
        exact = _EXACT.fullmatch(wish.specifier)
        if exact is None or wish.name == CUDA_ITSELF:  # a CUDA is no package that could be measured
            continue
        package, version = canonical_name(wish.name), Version(exact[1])
        if all(Version(each.key) != version for each in facts.listed(package, platform.label)):
            found.append(f"{package}=={version}")
    return tuple(found)


def _growth(platform: Platform, say: Callable[[str], None], source: str = MAIN) -> Growth:
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


def sources(*, offline: bool = False) -> list[SourceState]:
    """Return every further index that the facts know of; those that are configured are asked whether they answer."""
    from stackfix.indexes import states  # noqa: PLC0415 - HTTP costs 60 ms at import

    return states(offline=offline)


def measure(
    requirements: Sequence[str],
    platform: str = "",
    source: str = MAIN,
    *,
    say: Callable[[str], None] = _silent,
) -> tuple[Measured | NotMeasured, ...]:
    """Measure releases on the configured index and write their rows beside the facts; and what they require.

    Of each requirement the newest release that it admits is measured. `platform` is a label, "" for this machine's;
    `source` names another index than the main one.
    """
    from stackfix.probe.host import read_platform  # noqa: PLC0415 - few verbs read it alone

    growth = _growth(Platform.parse(platform or read_platform().label), say, source)
    return tuple(outcome for one in requirements for outcome in growth.asked(one))


def ask_index(answer: Answer) -> Pages:
    """Start asking the index for the packages of an answer, beside whatever is done meanwhile."""
    from stackfix.index.ask import Pages  # noqa: PLC0415 - HTTP costs 60 ms at import

    return Pages(_packages(answer.request))


def compare(answer: Answer, pages: Pages, seconds: float = 2.0) -> Compared:
    """Return the newer releases that the index has and the facts have not, as far as it answers in time."""
    from stackfix.fresh import compared  # noqa: PLC0415 - HTTP costs 60 ms at import

    return compared(pages.answers(seconds), database(), answer.result.machine.platform)


def lock(
    question: Question, *, folder: Path = Path(), say: Callable[[str], None] = _silent
) -> Lock | Explanation:
    """Return the set down to every file by address and sha256; asks the index for the addresses."""
    answer = resolve(question, folder=folder, reasons="none", say=say)
    return answer.result if isinstance(answer.result, Explanation) else _addressed(answer, question)


def _addressed(answer: Answer, question: Question) -> Lock | Explanation:
    if not isinstance(answer.result, Resolution):
        raise TypeError(answer)
    if question.offline:
        raise NetworkError(
            "addresses of files are asked of the index, and `--offline` forbids it",
            hint="install from a lock: `--lock pylock.toml`",
        )
    from stackfix.locking import lock_of_request  # noqa: PLC0415 - HTTP costs 60 ms at import

    return lock_of_request(answer.result, answer.request, database(), facts_date=answer.facts_date)


def read_lock(path: Path) -> Lock:
    """Return the lock in a file."""
    from stackfix.lock_file import read_lock as read  # noqa: PLC0415 - 5 ms that a resolve does not need

    return read(path)


def coverage() -> Coverage:
    """Return what the facts cover."""
    from stackfix.facts.coverage import coverage_of  # noqa: PLC0415 - one verb asks it

    return coverage_of(database())


def show(release: str, platform: str = "") -> list[Wheel]:
    """Return all rows of one release, on one platform or on all."""
    from stackfix.facts.coverage import rows_of  # noqa: PLC0415 - one verb asks it

    return rows_of(database(), release, platform)


def check_facts() -> list[str]:
    """Return every unsoundness of the facts in one line each."""
    from stackfix.facts.invariants import check  # noqa: PLC0415 - only this verb needs it

    return check(data_root())


def lock_text(found: Lock) -> str:
    """Return a lock as the text of a pylock.toml."""
    from stackfix.plan.lock import to_pylock  # noqa: PLC0415 - 5 ms that a resolve does not need

    return to_pylock(found)


def undo(venv: Path) -> None:
    """Put back the environment that was there before the last install."""
    from stackfix.install.install import undo as put_back  # noqa: PLC0415 - few verbs install

    put_back(venv)


def write_lock(found: Lock, path: Path) -> None:
    """Write a lock as pylock.toml, whole or not at all; through links, and into pipes and devices."""
    from stackfix.lock_file import write_lock as write  # noqa: PLC0415 - 5 ms that a resolve does not need

    write(found, path)


def models() -> tuple[KeptModel, ...]:
    """Return every model of every recipe, and how it lies in the cache."""
    from stackfix.networks import kept  # noqa: PLC0415 - HTTP costs 60 ms at import

    return kept()


def fetch_models(
    wished: Sequence[str], progress: Progress, *, optional: bool = False, offline: bool = False
) -> tuple[KeptModel, ...]:
    """Return models (of recipes, or by file name), fetched where they were not here."""
    from stackfix.networks import fetched  # noqa: PLC0415 - HTTP costs 60 ms at import

    return fetched(wished, progress, optional=optional, offline=offline)


def import_models(files: Sequence[Path], progress: Progress) -> tuple[KeptModel, ...]:
    """Return the models that these files are, copied into the cache."""
    from stackfix.networks import brought  # noqa: PLC0415 - HTTP costs 60 ms at import

    return brought(files, progress)


def doctor(
    venv: Path | None = None,
    question: MachineQuestion | None = None,
    *,
    models: Sequence[Path] = (),
    live: bool = False,
) -> Report:
    """Return what is wrong and right with an installed environment on a machine, read from outside.

    `venv` is its folder or its interpreter, None the environment that this runs in. `question` describes another
    machine than this one; its Python does not count, the environment has its own. `live` also imports torch and
    onnxruntime, in children of its interpreter.
    """
    from stackfix.judging.examine import Patient, examine  # noqa: PLC0415 - few verbs judge
    from stackfix.probe.environment import read_environment  # noqa: PLC0415 - reads ELF, which few verbs do
    from stackfix.probe.surroundings import read_surroundings  # noqa: PLC0415 - likewise

    place = venv if venv is not None else Path(sys.prefix)
    facts = database()
    environment = read_environment(place)
    runs: tuple[LiveRun, ...] = ()
    if live:
        from stackfix.probe.live import look_live  # noqa: PLC0415 - starts processes

        runs = look_live(environment)
    patient = Patient(
        environment=environment,
        machine=machine_of(replace(question or MachineQuestion(), python=""), facts, place, pythons=False),
        surroundings=read_surroundings(),
        models=tuple(models),
        live=runs,
    )
    return examine(patient, facts)


def redaction(venv: Path | None = None, named: Sequence[str] = ()) -> Redaction:
    """Return what takes user, host, homes, folders and GPU UUIDs out of a text about an environment.

    `named` are files that were named beside it, whose folders are taken out too.
    """
    from stackfix.probe.identity import read_identity  # noqa: PLC0415 - few answers are for strangers
    from stackfix.render import redaction as render  # noqa: PLC0415 - likewise

    return render.redaction(read_identity(venv, [Path(one) for one in named if one]))


def fix(venv: Path, wish: FixWish, progress: Progress) -> Fixed | Explanation:
    """Mend an environment by the smallest change after which every rule holds, and prove it; or say why not."""
    from stackfix.repairing import mended  # noqa: PLC0415 - few verbs mend

    return mended(venv, wish, database(), progress)


class Told(Struct, frozen=True, kw_only=True):
    """What an error text means, the likeliest cause first; `report` is the doctor's where an environment was named."""

    causes: tuple[Cause, ...]
    report: Report | None = None


def error_blocks(name: str) -> Iterable[bytes]:
    """Yield the bytes of an error text's file, or of standard input for "-"."""
    from stackfix.probe.error_text import blocks_of  # noqa: PLC0415 - one verb reads it

    return blocks_of(name)


def explain_error(
    text: str | Iterable[bytes], *, venv: Path | None = None, report: Report | None = None
) -> Told:
    """Return the causes of an error text (or of a log, as blocks); what an environment shows of them wins.

    `report` is the doctor's on the environment `venv`, where it has been asked already.
    """
    from stackfix.facts.builds import FactBuilds  # noqa: PLC0415 - one verb explains texts
    from stackfix.facts.causes import load_causes  # noqa: PLC0415 - likewise
    from stackfix.symptoms.joined import joined  # noqa: PLC0415 - likewise
    from stackfix.symptoms.name import causes_of  # noqa: PLC0415 - likewise
    from stackfix.symptoms.text import read_text  # noqa: PLC0415 - likewise

    knowledge = load_causes(data_root())
    blocks = (text.encode("utf-8", "replace"),) if isinstance(text, str) else text
    causes = causes_of(read_text(blocks, knowledge.triggers), knowledge, FactBuilds(database()))
    if venv is None and report is None:
        return Told(causes=causes)
    found = report if report is not None else doctor(venv)
    return Told(causes=joined(causes, found.findings), report=found)


def install(wish: InstallWish, progress: Progress) -> Installed | Explanation:
    """Make the environment that is asked for, proved before it takes its place; or say why there is none."""
    return installed(wish, database(), progress, _chosen)


def _chosen(wish: InstallWish, progress: Progress) -> Chosen | Explanation:
    """Return the newest set for this machine with its lock and what the index has beside it; or why there is none."""
    from stackfix.render.growth_text import growth_notes  # noqa: PLC0415 - few verbs install

    folder = wish.target.absolute().parent
    answer = resolve(wish.question, folder=folder, reasons="none", say=progress.stage)
    if isinstance(answer.result, Explanation):
        return answer.result
    for line in machine_notes(answer.result.machine, answer.result.device):
        progress.stage(line)
    python = interpreter_of(answer.result.python, wish.question)
    pages = None if wish.question.offline else ask_index(answer)
    addressed = _addressed(answer, wish.question)
    if isinstance(addressed, Explanation):
        return addressed
    beside = compare(answer, pages) if pages is not None else None
    for line in growth_notes(beside):
        progress.stage(line)
    return Chosen(lock=addressed, python=python, compared=beside)


def validate(
    venv: Path,
    *,
    weights: str = "auto",
    image: str = "",
    save: str = "",
    html: str | Callable[[str], None] = "",
    hide: Redaction | None = None,
    device: str = "auto",
    timeout: int = 600,
    offline: bool = False,
    progress: Progress | None = None,
) -> Verdict:
    """Return whether DWPose runs in an environment, where, and whether its numbers are right.

    `html` is a file for the report on it, or what takes its text; `hide` (see `redaction`) takes out of it
    what is not to be told.
    """
    from stackfix.install.progress import Silent  # noqa: PLC0415 - few verbs prove
    from stackfix.networks import at_once, networks  # noqa: PLC0415 - likewise
    from stackfix.probe.environment import read_environment  # noqa: PLC0415 - few verbs read environments
    from stackfix.proving import device_of, proof  # noqa: PLC0415 - likewise

    picture = Path(image) if image else None
    if picture is not None and not picture.is_file():
        raise QuestionError(f"{image}: there is no such picture")
    chosen = at_once(weights)

    def fetched() -> Weights:
        return networks(weights, progress or Silent(), offline=offline)

    environment = read_environment(venv)
    facts = database()
    device = device_of(environment, device)
    interpreter = Path(environment.executable)

    def proved(page: Path | None = None) -> Verdict:
        return proof(
            environment,
            interpreter,
            facts,
            device,
            chosen or fetched,
            image=picture,
            save=Path(save) if save else None,
            page=page,
            timeout=timeout,
        )

    if not html:
        return proved()
    from stackfix.render.redaction import same  # noqa: PLC0415 - likewise
    from stackfix.reporting import into, reported  # noqa: PLC0415 - few verdicts become a report

    write = into(Path(html)) if isinstance(html, str) else html
    return reported(environment, facts, proved, write, hide or same)


def compare_options(
    venv: Path, *, weights: str = "auto", device: str = "auto", timeout: int = 600
) -> Comparison:
    """Return what the options of a session cost in an environment; full-size twins unless a folder is named."""
    from stackfix.probe.environment import read_environment  # noqa: PLC0415 - few verbs read environments
    from stackfix.proving import compared, device_of  # noqa: PLC0415 - few verbs prove

    environment = read_environment(venv)
    where = device_of(environment, device)
    return compared(Path(environment.executable), where, weights, timeout)
