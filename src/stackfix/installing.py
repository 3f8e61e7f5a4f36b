"""Installing: a set that was chosen, or a lock's, made an environment that is proved before it takes its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from stackfix.asking import Question, machine_of
from stackfix.errors import QuestionError
from stackfix.facts.database import Database
from stackfix.model.evidence import Known, Unknown
from stackfix.model.machine import Interpreter, Machine, Platform
from stackfix.model.resolution import Explanation
from stackfix.versions import canonical_name

if TYPE_CHECKING:  # named in annotations alone; the command line loads this before it knows the verb
    from stackfix.install.progress import Progress
    from stackfix.model.environment import Environment
    from stackfix.model.growth import Compared
    from stackfix.model.lock import Lock
    from stackfix.model.verdict import Verdict
    from stackfix.validate.weights import Weights


class InstallWish(Struct, frozen=True, kw_only=True):
    """What `install` is asked: the set (or a lock), where, with what, and how it is to be proved."""

    question: Question
    target: Path
    lock_file: str = ""
    installer: Literal["auto", "uv", "pip"] = "auto"
    replace: bool = False
    validate: bool = True
    weights: str = "auto"


class Installed(Struct, frozen=True, kw_only=True):
    """What came of an install: the lock, the verdict, and the environment's path ("" when none was left).

    `compared` is what the index had beside the facts, None where a lock said what to install; `notes` are what is
    to be said of a lock that was taken all the same.
    """

    path: str
    lock: Lock
    verdict: Verdict
    compared: Compared | None = None
    notes: tuple[str, ...] = ()


class Chosen(Struct, frozen=True, kw_only=True):
    """What is to be installed, and the Python that makes the environment; the rest as in `Installed` and `Machine`."""

    lock: Lock
    python: Interpreter
    driver_breaks: str = ""
    compared: Compared | None = None
    notes: tuple[str, ...] = ()


Choose: TypeAlias = Callable[[InstallWish, "Progress"], Chosen | Explanation]


def installed(
    wish: InstallWish, facts: Database, progress: Progress, choose: Choose
) -> Installed | Explanation:
    """Make the environment that is asked for; `choose` says what goes into it, or why there is no set."""
    from stackfix.install.install import install  # noqa: PLC0415 - few verbs install
    from stackfix.install.staging import NotProvedError  # noqa: PLC0415 - likewise
    from stackfix.install.target import judge, resolved  # noqa: PLC0415 - likewise
    from stackfix.probe.environment import read_environment  # noqa: PLC0415 - likewise
    from stackfix.proving import proof  # noqa: PLC0415 - likewise
    from stackfix.reaching import installer_variables  # noqa: PLC0415 - likewise

    if wish.question.machine.platform:
        refuse_foreign(Platform.parse(wish.question.machine.platform))
    if wish.lock_file:
        from stackfix.beside_lock import refuse_choosing  # noqa: PLC0415 - only where there is a lock

        refuse_choosing(wish.question)
    offline = wish.question.offline
    weights: Weights | None = None
    if wish.validate:
        from stackfix.networks import at_once  # noqa: PLC0415 - HTTP costs 150 ms, which a lock does not need

        weights = at_once(wish.weights)
    judge(resolved(wish.target), replace=wish.replace)
    progress.stage(
        "reading the machine and the lock"
        if wish.lock_file
        else "reading the machine, working out the newest set that works on it"
    )
    chosen = _locked(wish, facts, progress) if wish.lock_file else choose(wish, progress)
    if isinstance(chosen, Explanation):
        return chosen
    lock = chosen.lock
    _refuse_unasked_builds(lock, wish.question)
    modelled = wish.validate and bool(lock.recipe)
    if modelled and weights is None:
        from stackfix.networks import networks  # noqa: PLC0415 - likewise

        weights = networks(wish.weights, progress, offline=offline)
    verdicts: list[Verdict] = []

    def prove(staged: Environment) -> bool:
        tried = weights if modelled else None
        verdict = proof(
            staged,
            Path(staged.executable),
            facts,
            lock.device,
            tried,
            driver_breaks=chosen.driver_breaks,
            progress=progress,
        )
        verdicts.append(verdict)
        return not verdict.failed

    made: Path | None
    try:
        made = install(
            lock,
            wish.target,
            Path(chosen.python.path),
            minor_version=chosen.python.version.minor_version,
            builds=lock.built,
            read=read_environment,
            prove=prove,
            installer=wish.installer,
            progress=progress,
            replace=wish.replace,
            variables=installer_variables(offline=offline),
        )
    except NotProvedError:
        made = None
    return Installed(
        path=str(made or ""),
        lock=lock,
        verdict=verdicts[-1],
        compared=chosen.compared,
        notes=chosen.notes,
    )


def _locked(wish: InstallWish, facts: Database, progress: Progress) -> Chosen | Explanation:
    """Return the lock of a file and the Python for it; or why it does not fit what is asked, or this machine."""
    from stackfix.beside_lock import describes_gpu, idle_gpu, not_for_gpu, unheld  # noqa: PLC0415 - likewise
    from stackfix.fitting import broken_rules, misfit  # noqa: PLC0415 - only where there is a lock
    from stackfix.lock_file import read_lock  # noqa: PLC0415 - likewise

    lock = read_lock(Path(wish.lock_file))
    asked = replace(wish.question.machine, python=wish.question.machine.python or lock.python)
    here = machine_of(asked, facts, wish.target.absolute().parent)
    refuse_foreign(here.platform)
    wrong = unheld(wish.question, lock, here, facts)
    if wrong is not None:
        progress.stage(f"{wish.lock_file} does not hold what is asked for beside it")
        return wrong
    idle = idle_gpu(lock, here)
    wrong = not_for_gpu(lock, here) if idle and describes_gpu(asked) else misfit(lock, here, facts)
    if wrong is not None:
        rules = ", ".join(broken_rules(wrong.conflict)) or "what it asks for"
        progress.stage(f"{wish.lock_file} does not fit this machine; it breaks: {rules}")
        return wrong
    if idle:
        progress.stage(idle)
    return Chosen(
        lock=lock,
        python=interpreter_of(here.pythons[0], wish.question),
        driver_breaks=here.driver_breaks,
        notes=(idle,) if idle else (),
    )


def refuse_foreign(platform: Platform) -> None:
    """Raise QuestionError where what is asked for is another platform's, of which nothing runs here."""
    from stackfix.probe.host import read_platform  # noqa: PLC0415 - few verbs install

    here = read_platform().label
    if platform.label != here:
        raise QuestionError(
            f"this machine is {here}: a set for {platform.label} cannot be installed here",
            hint="`stackfix lock`, `stackfix export` and `stackfix bundle` make one for another machine",
        )


def _refuse_unasked_builds(lock: Lock, question: Question) -> None:
    """Refuse to build what was not named on the command line: whoever wrote a lock file may not have been the user."""
    unasked = sorted(set(lock.built) - {canonical_name(name) for name in question.builds})
    if unasked:
        names = " and ".join(f"`{name}`" for name in unasked)
        raise QuestionError(
            f"the lock has {names} as source alone, and nothing is built from source without being asked for",
            hint="let it be built, which runs its own code here: "
            "`" + " ".join(f"--build-from-source {name}" for name in unasked) + "`",
        )


def machine_notes(machine: Machine, device: str) -> list[str]:
    """Return what must be said before anything is installed: for the CPU that no driver was found, and what was tried.

    For a GPU that its driver does not come back: nothing that is installed can be proved then.
    """
    if device == "gpu":
        return [note for note in machine.notes if machine.driver_breaks and machine.driver_breaks in note]
    if isinstance(machine.gpus, Known):
        return ["no GPU (as asked): making the CPU environment"]
    tried = machine.driver.tried if isinstance(machine.driver, Unknown) else ()
    lines = ["no NVIDIA driver was found; tried:", *(f"  {one}" for one in tried)]
    return [*lines, *machine.notes, "making the CPU environment"]


def interpreter_of(python: Interpreter, question: Question) -> Interpreter:
    """Return a Python with its file, looked for on this machine where it was only described."""
    if python.path:
        return python
    from stackfix.probe.python import find_pythons  # noqa: PLC0415 - starts every Python that is new to it

    wanted = python.version
    for one in find_pythons():
        same = (one.version.major, one.version.minor) == (wanted.major, wanted.minor)
        if same and not one.free_threaded and wanted.patch in (None, one.version.patch):
            return one
    raise QuestionError(
        f"there is no Python {python.version} on this machine",
        hint=f"`uv python install {python.version}` brings it; or ask for one that is here"
        + (" (leave out `--python`)" if question.machine.python else ""),
    )
