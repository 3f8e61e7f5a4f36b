"""The verbs: machine → facts → problem → resolution → lock → environment → verdict.

Each verb takes a question and returns a value; the command line and the Python interface call the same ones.
"No" is a value (`Explanation`, a failed `Verdict`); exceptions are for what could not be read or answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from stackfix.asking import MachineQuestion, Question, machine_of, request_of
from stackfix.errors import DiskError, NetworkError, QuestionError
from stackfix.facts.database import Database
from stackfix.facts.root import data_root
from stackfix.model.lock import Lock
from stackfix.model.machine import Machine, Platform
from stackfix.model.report import Report
from stackfix.model.request import Request
from stackfix.model.resolution import Explanation, Resolution
from stackfix.model.wheel import Wheel
from stackfix.solve import resolve as core


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A resolution or an explanation, with the request that it answers and the date of the facts."""

    request: Request
    result: Resolution | Explanation
    facts_date: str


def database() -> Database:
    """Return the facts that this installation carries."""
    return Database(data_root())


def machine(question: MachineQuestion, folder: Path = Path()) -> Machine:
    """Return the machine that the question describes; by default this one."""
    return machine_of(question, database(), folder)


def resolve(question: Question, *, folder: Path = Path(), reasons: core.Reasons = "all") -> Answer:
    """Return the newest set that works, or why there is none. Touches no network."""
    facts = database()
    here = machine_of(question.machine, facts, folder)
    if here.tegra:
        raise QuestionError(
            "this is a Jetson: its driver and CUDA come with JetPack, and the wheels of PyPI do not serve it",
            hint="use NVIDIA's wheels for this JetPack",
        )
    request = request_of(question, here, facts.root)
    result = core.resolve(here, facts, request, reasons=reasons)
    return Answer(request=request, result=result, facts_date=facts.date)


def lock(question: Question, *, folder: Path = Path()) -> Lock | Explanation:
    """Return the set down to every file by address and sha256; asks the index for the addresses."""
    answer = resolve(question, folder=folder, reasons="none")
    if isinstance(answer.result, Explanation):
        return answer.result
    if question.offline:
        raise NetworkError(
            "addresses of files are asked of the index, and `--offline` forbids it",
            hint="install from a lock: `--lock pylock.toml`",
        )
    return _located(answer.result, answer)


def _located(resolution: Resolution, answer: Answer) -> Lock:
    from stackfix.index.artifacts import Index, Wanted, locate  # noqa: PLC0415 - HTTP costs 60 ms at import
    from stackfix.index.config import index_config  # noqa: PLC0415 - likewise
    from stackfix.index.transport import HttpTransport  # noqa: PLC0415 - likewise
    from stackfix.plan.lock import lock_of  # noqa: PLC0415 - 5 ms that a resolve does not need

    config = index_config()
    wanted = [
        Wanted(package=pin.name, name=pin.file.name, sha256=pin.file.sha256, size=pin.file.size)
        for pin in resolution.pins
    ]
    transport = HttpTransport(certificate=config.certificate)
    addresses = locate(wanted, transport, [Index(name="pypi", address=config.address)])
    return lock_of(resolution, addresses, facts_date=answer.facts_date, recipe=answer.request.recipe)


def read_lock(path: Path) -> Lock:
    """Return the lock in a file."""
    from stackfix.plan.lock import from_pylock  # noqa: PLC0415 - 5 ms that a resolve does not need

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionError(f"{path}: cannot be read: {error}") from error
    return from_pylock(text, str(path))


def coverage() -> dict[str, object]:
    """Return the date of the facts, the number of rows, and per package its releases."""
    facts = database()
    found: dict[str, dict[str, object]] = {}
    rows = 0
    for package in facts.packages():
        wheels = facts.wheels(package)
        rows += len(wheels)
        versions = [wheel.version for wheel in wheels]
        found[package] = {
            "releases": len(set(versions)),
            "oldest": str(min(versions)),
            "newest": str(max(versions)),
            "platforms": sorted({wheel.platform for wheel in wheels}),
            "sources": sorted({wheel.source for wheel in wheels}),
        }
    return {"date": facts.date, "rows": rows, "coverage": found}


def show(release: str, platform: str = "") -> list[Wheel]:
    """Return all rows of one release, on one platform or on all."""
    package, separator, version = release.partition("==")
    if not separator or not package or not version:
        raise QuestionError(f"`{release}` is not a release", hint="releases look like `torch==2.15.0`")
    try:
        wanted = Version(version.strip())
    except InvalidVersion as error:
        raise QuestionError(f"`{version}` is not a version") from error
    platforms = {"any", Platform.parse(platform).label} if platform else None
    return [
        wheel
        for wheel in database().wheels(canonicalize_name(package.strip()))
        if wheel.version == wanted and (platforms is None or wheel.platform in platforms)
    ]


def check_facts() -> list[str]:
    """Return every unsoundness of the facts in one line each."""
    from stackfix.facts.invariants import check  # noqa: PLC0415 - only this verb needs it

    return check(data_root())


def write_lock(found: Lock, path: Path) -> None:
    """Write a lock as pylock.toml; whole or not at all."""
    from stackfix.plan.lock import to_pylock  # noqa: PLC0415 - 5 ms that a resolve does not need

    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text(to_pylock(found), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise DiskError(f"{path}: cannot be written: {error.strerror}") from error


def doctor(venv: Path) -> Report:
    """Return what is wrong and right with an installed environment, read from outside."""
    from stackfix.judging import examine  # noqa: PLC0415 - few verbs judge
    from stackfix.probe.environment import read_environment  # noqa: PLC0415 - reads ELF, which few verbs do

    return examine(read_environment(venv), database())
