"""The verbs: machine → facts → problem → resolution → lock → environment → verdict.

Each verb takes a question and returns a value; the command line and the Python interface call the same ones.
"No" is a value (`Explanation`, a failed `Verdict`); exceptions are for what could not be read or answered.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from stackfix.answering import Answer, database, growth_of, matrix, packages_of, resolve, silent, why_not
from stackfix.asking import MachineQuestion, Question, machine_of
from stackfix.facts.root import data_root
from stackfix.installing import (
    Chosen,
    Installed,
    InstallWish,
    installed,
    interpreter_of,
    machine_notes,
    refuse_foreign,
)
from stackfix.model.machine import Machine, Platform
from stackfix.model.request import MAIN
from stackfix.model.resolution import Explanation, Resolution
from stackfix.model.wheel import Wheel

if TYPE_CHECKING:  # named in annotations alone; importing them costs a resolve 12 ms, and HTTP 60 ms
    from stackfix.facts.coverage import Coverage
    from stackfix.index.ask import Pages
    from stackfix.indexes import SourceState
    from stackfix.install.progress import Progress
    from stackfix.install.switch import Undone
    from stackfix.model.cause import Cause
    from stackfix.model.growth import Compared, Measured, NotMeasured
    from stackfix.model.kept import KeptModel
    from stackfix.model.live import LiveRun
    from stackfix.model.lock import Lock
    from stackfix.model.report import Report
    from stackfix.model.trial import Comparison
    from stackfix.model.verdict import Verdict
    from stackfix.render.redaction import Redaction
    from stackfix.repairing import Fixed, FixWish

__all__ = [
    "Answer",
    "Told",
    "ask_index",
    "check_facts",
    "compare",
    "compare_options",
    "coverage",
    "database",
    "doctor",
    "error_blocks",
    "explain_error",
    "fetch_models",
    "fix",
    "import_models",
    "install",
    "lock",
    "lock_text",
    "machine",
    "matrix",
    "measure",
    "models",
    "read_lock",
    "redaction",
    "resolve",
    "show",
    "sources",
    "undo",
    "validate",
    "why_not",
    "write_lock",
]


def machine(question: MachineQuestion, folder: Path = Path()) -> Machine:
    """Return the machine that the question describes; by default this one."""
    return machine_of(question, database(), folder)


def sources(*, offline: bool = False) -> list[SourceState]:
    """Return every further index that the facts know of; those that are configured are asked whether they answer."""
    from stackfix.indexes import states  # noqa: PLC0415 - HTTP costs 60 ms at import

    return states(offline=offline)


def measure(
    requirements: Sequence[str],
    platform: str = "",
    source: str = MAIN,
    *,
    say: Callable[[str], None] = silent,
) -> tuple[Measured | NotMeasured, ...]:
    """Measure releases on the configured index and write their rows beside the facts; and what they require.

    Of each requirement the newest release that it admits is measured. `platform` is a label, "" for this machine's;
    `source` names another index than the main one.
    """
    from stackfix.probe.host import read_platform  # noqa: PLC0415 - few verbs read it alone

    growth = growth_of(Platform.parse(platform or read_platform().label), say, source)
    return tuple(outcome for one in requirements for outcome in growth.asked(one))


def ask_index(answer: Answer, tries: int = 1) -> Pages:
    """Start asking the index for the packages of an answer, beside whatever is done meanwhile."""
    from stackfix.index.ask import Pages  # noqa: PLC0415 - HTTP costs 60 ms at import

    return Pages(packages_of(answer.request), tries)


def compare(answer: Answer, pages: Pages, seconds: float = 2.0) -> Compared:
    """Return the newer releases that the index has and the facts have not, as far as it answers in time."""
    from stackfix.fresh import compared  # noqa: PLC0415 - HTTP costs 60 ms at import

    return compared(pages.answers(seconds), database(), answer.result.machine.platform)


def lock(
    question: Question, *, folder: Path = Path(), say: Callable[[str], None] = silent
) -> Lock | Explanation:
    """Return the set down to every file by address and sha256; asks the index for the addresses."""
    answer = resolve(question, folder=folder, reasons="none", measure_asked=True, say=say)
    if isinstance(answer.result, Explanation):
        return answer.result
    from stackfix.render.resolution_text import cpu_line  # noqa: PLC0415 - asking for the addresses costs far more

    if why := cpu_line(answer.result.machine, answer.result.device):
        say(f"device: {why}")
    return _addressed(answer, question, say)


def _addressed(
    answer: Answer, question: Question, say: Callable[[str], None], pages: Pages | None = None
) -> Lock | Explanation:
    if not isinstance(answer.result, Resolution):
        raise TypeError(answer)
    from stackfix.locking import lock_of_request  # noqa: PLC0415 - HTTP costs 60 ms at import

    return lock_of_request(
        answer.result,
        answer.request,
        database(),
        facts_date=answer.facts_date,
        offline=question.offline,
        transport=pages.transport if pages else None,
        say=say,
    )


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
    """Return every unsoundness of the facts, those measured by their user too, in one line each."""
    from stackfix.facts.invariants import check  # noqa: PLC0415 - only this verb needs it

    facts = database()
    return check(facts.root, facts.overlay)


def lock_text(found: Lock) -> str:
    """Return a lock as the text of a pylock.toml."""
    from stackfix.plan.lock import to_pylock  # noqa: PLC0415 - 5 ms that a resolve does not need

    return to_pylock(found)


def undo(venv: Path, progress: Progress | None = None) -> Undone:
    """Put back the environment that was there before the last change, and say whether that was taken or brought back."""
    from stackfix.install.install import undo as put_back  # noqa: PLC0415 - few verbs install

    return put_back(venv, progress=progress)


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

    `venv` is its folder or interpreter, None the one that this runs in; `question` another machine, its Python aside.
    `live` also imports torch and onnxruntime, in children of its interpreter.
    """
    from stackfix.judging.examine import Patient, examine  # noqa: PLC0415 - few verbs judge
    from stackfix.probe.environment import read_environment  # noqa: PLC0415 - reads ELF, which few verbs do
    from stackfix.probe.meanwhile import Meanwhile  # noqa: PLC0415 - likewise
    from stackfix.probe.surroundings import read_surroundings  # noqa: PLC0415 - likewise

    place = venv if venv is not None else Path(sys.prefix)
    facts = database()
    asked = replace(question or MachineQuestion(), python="")
    machine = Meanwhile(lambda: machine_of(asked, facts, place, pythons=False))
    environment = read_environment(place)
    runs: tuple[LiveRun, ...] = ()
    if live:
        from stackfix.probe.live import look_live  # noqa: PLC0415 - starts processes

        runs = look_live(environment, driver_breaks=machine.result().driver_breaks)
    patient = Patient(
        environment=environment,
        machine=machine.result(),
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
    from stackfix.symptoms.joined import joined, of_environment  # noqa: PLC0415 - likewise
    from stackfix.symptoms.name import causes_of  # noqa: PLC0415 - likewise
    from stackfix.symptoms.text import read_text  # noqa: PLC0415 - likewise

    knowledge = load_causes(data_root())
    blocks = (text.encode("utf-8", "replace"),) if isinstance(text, str) else text
    causes = causes_of(read_text(blocks, knowledge.triggers), knowledge, FactBuilds(database()))
    if venv is None and report is None:
        return Told(causes=causes)
    found = report if report is not None else doctor(venv)
    return Told(causes=of_environment(joined(causes, found.findings), found.path), report=found)


def install(wish: InstallWish, progress: Progress) -> Installed | Explanation:
    """Make the environment that is asked for, proved before it takes its place; or say why there is none."""
    return installed(wish, database(), progress, _chosen)


def _chosen(wish: InstallWish, progress: Progress) -> Chosen | Explanation:
    """Return the newest set for this machine with its lock and what the index has beside it; or why there is none."""
    from stackfix.render.growth_text import growth_notes  # noqa: PLC0415 - few verbs install

    folder = wish.target.absolute().parent
    answer = resolve(wish.question, folder=folder, reasons="none", measure_asked=True, say=progress.stage)
    machine = answer.result.machine
    refuse_foreign(machine.platform)
    if isinstance(answer.result, Explanation):
        return answer.result
    for line in machine_notes(machine, answer.result.device):
        progress.stage(line)
    python = interpreter_of(answer.result.python, wish.question)
    pages = None if wish.question.offline else ask_index(answer, tries=0)
    addressed = _addressed(answer, wish.question, progress.stage, pages)
    if isinstance(addressed, Explanation):
        return addressed
    beside = compare(answer, pages) if pages is not None else None
    for line in growth_notes(beside):
        progress.stage(line)
    return Chosen(lock=addressed, python=python, compared=beside, driver_breaks=machine.driver_breaks)


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
    from stackfix.validating import ProofWish, validated  # noqa: PLC0415 - few verbs prove

    wish = ProofWish(
        weights=weights,
        image=image,
        save=save,
        html=html,
        hide=hide,
        device=device,
        timeout=timeout,
        offline=offline,
    )
    return validated(venv, wish, database(), progress)


def compare_options(
    venv: Path,
    *,
    weights: str = "auto",
    device: str = "auto",
    timeout: int = 600,
    progress: Progress | None = None,
) -> Comparison:
    """Return what the options of a session cost in an environment; full-size twins unless a folder is named."""
    from stackfix.probe.environment import read_environment  # noqa: PLC0415 - few verbs read environments
    from stackfix.proving import compared, device_of  # noqa: PLC0415 - few verbs prove

    environment = read_environment(venv)
    where = device_of(environment, device)
    return compared(environment, where, weights, timeout, progress)
