"""The CPythons of this machine that can make environments, newest first."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from stackfix.errors import QuestionError
from stackfix.model.machine import Interpreter
from stackfix.probe.child import Broken, ChildAnswer, Ended, first_line, run_child, run_together
from stackfix.probe.python_cache import PythonCache, Told, default_cache_file
from stackfix.probe.python_places import Candidate, Surroundings, candidates
from stackfix.versions import PythonVersion

_SECONDS = 10.0
_RELEASE = re.compile(r"\d\.\d{1,2}\.\d{1,3}")
# Without site (-S) and user settings (-I) an interpreter answers in about 10 ms. No module but sys is loaded:
# `json` alone would double that. `_multiarch` names the C library the interpreter was built for.
_QUESTION = """\
import sys
print("|".join([
    "stackfix", sys.implementation.name, "%d.%d.%d" % sys.version_info[:3],
    "t" if "free-threading build" in sys.version else "", "64" if sys.maxsize > 2**32 else "32",
    getattr(sys.implementation, "_multiarch", ""), sys.base_prefix]))
"""


class _Answer(msgspec.Struct, frozen=True):
    implementation: str
    version: str
    free_threaded: bool
    bits: str
    multiarch: str
    base_prefix: str


def find_pythons(
    around: Surroundings | None = None, *, cache_file: Path | None = None
) -> tuple[Interpreter, ...]:
    """Return the 64-bit CPythons found, newest first, each once by the real path of its base interpreter.

    Files that were run before and have not changed are not run again; scripts always are, for what a script
    starts can change without it.
    """
    around = around or Surroundings(environ=os.environ, home=Path.home())
    cache = PythonCache.open(cache_file or default_cache_file())
    found = candidates(around)
    told = {candidate.path: cache.told(candidate.path) for candidate in found}
    asked = [candidate.path for candidate in found if told[candidate.path] is None]
    if asked:
        answers = run_together([_command(path) for path in asked], seconds=_SECONDS)
        said = {path: _told(path, answer) for path, answer in zip(asked, answers, strict=True)}
        told.update(said)
        settled = [
            (path, said[path]) for path, answer in zip(asked, answers, strict=True) if _settled(path, answer)
        ]
        if settled:
            cache.keep(settled)
    return _interpreters(found, told)


def python_at(path: str) -> Interpreter:
    """Return the interpreter at `path` (of an environment: its base), or raise QuestionError saying why not."""
    answer = run_child(_command(path), seconds=_SECONDS)
    told = _told(os.path.realpath(path), answer)
    if not told.version:
        raise QuestionError(f"`{path}` is not a Python that stackfix can use: {_why_not(answer)}")
    return _interpreter(told, "--python")


def _command(path: str) -> list[str]:
    return [path, "-I", "-S", "-c", _QUESTION]


def _settled(path: str, answer: ChildAnswer) -> bool:
    """Whether an answer is worth keeping: not a timeout, not a script that can answer otherwise tomorrow."""
    if isinstance(answer, Broken):
        return False
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a path kept as text
            return file.read(2) != b"#!"
    except OSError:
        return False


def _parse(answer: ChildAnswer) -> _Answer | None:
    if isinstance(answer, Broken) or answer.code != 0:
        return None
    parts = answer.out.rstrip("\r\n").split("|", 6)
    if len(parts) != 7 or parts[0] != "stackfix" or not _RELEASE.fullmatch(parts[2]):
        return None
    return _Answer(parts[1], parts[2], parts[3] == "t", parts[4], parts[5], parts[6])


def _told(path: str, answer: ChildAnswer) -> Told:
    parsed = _parse(answer)
    if parsed is None or _refused(parsed):
        return Told()
    base = _base_executable(parsed) or path
    return Told(version=parsed.version, free_threaded=parsed.free_threaded, path=base)


def _refused(answer: _Answer) -> str:
    if answer.implementation != "cpython":
        return f"it is {answer.implementation}, and the wheels are built for CPython"
    if answer.version.startswith("2."):
        return f"it is Python {answer.version}"
    if answer.bits != "64":
        return "it is a 32-bit build, and the wheels are 64-bit"
    ours = getattr(sys.implementation, "_multiarch", "")
    if answer.multiarch.endswith("musl") and not ours.endswith("musl"):
        return "it is built for musl, and the wheels are built for glibc"
    return ""


def _base_executable(answer: _Answer) -> str:
    """Return the interpreter of the installation itself: an environment's Python is only a door to it."""
    prefix = Path(answer.base_prefix)
    if sys.platform == "win32":
        names: Sequence[str] = ("python.exe",)
    else:
        minor = PythonVersion.parse(answer.version).minor_version
        names = (f"bin/python{minor}{'t' if answer.free_threaded else ''}", f"bin/python{minor}")
    return next((str(prefix / name) for name in names if os.access(prefix / name, os.X_OK)), "")


def _interpreters(found: Sequence[Candidate], told: dict[str, Told | None]) -> tuple[Interpreter, ...]:
    once: dict[str, Interpreter] = {}
    for candidate in found:
        answer = told[candidate.path]
        if answer is not None and answer.version:
            once.setdefault(os.path.realpath(answer.path), _interpreter(answer, candidate.found_via))
    newest_first = sorted(once.values(), key=lambda python: python.path)
    return tuple(sorted(newest_first, key=lambda python: _order(python.version), reverse=True))


def _order(version: PythonVersion) -> tuple[int, int, int]:
    return version.major, version.minor, version.patch or 0


def _interpreter(told: Told, found_via: str) -> Interpreter:
    return Interpreter(
        version=PythonVersion.parse(told.version),
        path=told.path,
        free_threaded=told.free_threaded,
        found_via=found_via,
    )


def _why_not(answer: ChildAnswer) -> str:
    match answer:
        case Broken(reason):
            return f"it {reason}"
        case Ended() as ended:
            parsed = _parse(ended)
            if parsed is not None:
                return _refused(parsed)
            said = first_line(ended.err) or first_line(ended.out) or "nothing"
            if (
                _QUESTION.partition("\n")[0] in said
            ):  # ours, not its own words: it took the question for a file name
                return f"it ended with {ended.code}, as no Python does"
            return f"it ended with {ended.code} and said `{said}`"
