"""The verbs: machine → facts → problem → resolution → lock → environment → verdict.

Each verb takes a question and returns a value; the command line and the Python interface call the same ones.
"No" is a value (`Explanation`, a failed `Verdict`); exceptions are for what could not be read or answered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from stackfix.asking import MachineQuestion, Question, machine_of, recipe_of, request_of
from stackfix.errors import NetworkError, QuestionError
from stackfix.facts.database import Database
from stackfix.facts.root import data_root
from stackfix.model.environment import Environment
from stackfix.model.lock import Lock
from stackfix.model.machine import Machine
from stackfix.model.request import Request
from stackfix.model.resolution import Explanation, Resolution
from stackfix.model.verdict import Check, Verdict
from stackfix.plan.lock import from_pylock, lock_of
from stackfix.solve import resolve as core


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A resolution or an explanation, with the request that it answers and the date of the facts."""

    request: Request
    result: Resolution | Explanation
    facts_date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """An environment that was made, what it was made from, and what its proof said."""

    environment: Environment
    lock: Lock
    verdict: Verdict


Say = Callable[[str], None]


def database() -> Database:
    """Return the facts that this installation carries."""
    return Database(data_root())


def machine(question: MachineQuestion, folder: Path = Path()) -> Machine:
    """Return the machine that the question describes; by default this one."""
    return machine_of(question, database(), folder)


def resolve(question: Question, *, folder: Path = Path(), reasons: bool = True) -> Answer:
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
    answer = resolve(question, folder=folder, reasons=False)
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
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionError(f"{path}: cannot be read: {error}") from error
    return from_pylock(text, str(path))
