"""What a text tells of the circumstances: releases, CUDA and cuDNN majors, the system, the date."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from stackfix.model.cause import Knowledge
from stackfix.symptoms.search import places, quoted
from stackfix.symptoms.text import Text

_MOST = 12
_LOCAL = re.compile(r"\+cu(\d{2,3})")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_IN_WORDS = re.compile(r"(?P<month>[a-z]{3})[a-z]* (?P<day>\d{1,2})\b.* (?P<year>\d{4})$", re.IGNORECASE)


class Builds(Protocol):
    """What releases are built for, as the facts know it."""

    def cuda(self, package: str, version: str) -> int | None:
        """Return the CUDA major of a release, None where it is not known."""

    def cudnn(self, package: str, version: str) -> int | None:
        """Return the cuDNN major of a release, None where it is not known."""

    def released(self, package: str, version: str) -> str:
        """Return the day (ISO) on which a release came out, "" where it is not known."""


@dataclass(frozen=True, slots=True)
class NoBuilds:
    """Knows no release."""

    def cuda(self, package: str, version: str) -> int | None:
        """Return None."""
        del package, version
        return None

    def cudnn(self, package: str, version: str) -> int | None:
        """Return None."""
        del package, version
        return None

    def released(self, package: str, version: str) -> str:
        """Return ""."""
        del package, version
        return ""


@dataclass(frozen=True, slots=True)
class Told:
    """One circumstance: its value and the words that tell it."""

    value: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a text tells beside its error, each kind in the order of the text.

    `cuda` and `cudnn` map each major that is there, or that another library is built for, to the words that say so;
    what onnxruntime itself is built for is apart, for it is what asks. `when` is the day of the text: a date in it,
    else the day on which the release of onnxruntime that it names came out; None where neither is told.
    """

    told: dict[str, tuple[Told, ...]]
    cuda: dict[int, str]
    cudnn: dict[int, str]
    runtime_cuda: dict[int, str]
    runtime_cudnn: dict[int, str]
    when: Told | None

    def all(self, says: str) -> tuple[Told, ...]:
        """Return all that is told of one kind."""
        return self.told.get(says, ())

    def first(self, says: str) -> Told | None:
        """Return what is told first of one kind."""
        return next(iter(self.all(says)), None)

    def tells(self, circumstance: str) -> bool:
        """Return whether a circumstance ("kind" or "kind=value") is told."""
        says, _, value = circumstance.partition("=")
        return any(not value or each.value == value for each in self.all(says))

    def on(self, system: str) -> str:
        """Return the words that say that this is the system ("windows", "wsl", "container"), or ""."""
        return next((each.because for each in self.all("system") if each.value == system), "")


def circumstances(text: Text, knowledge: Knowledge, builds: Builds) -> Circumstances:
    """Return what a text tells of where and with what it was printed."""
    told: dict[str, list[Told]] = {}
    for clue in knowledge.clues:
        for match in places(text, clue.words, clue.regex, _MOST):
            value = clue.value or _value(match)
            if value and value not in {each.value for each in told.get(clue.says, ())}:
                told.setdefault(clue.says, []).append(Told(value, quoted(text, match)))
    for release in _runtime_by_source(text, knowledge):
        told.setdefault("onnxruntime-gpu", []).append(release)
    found = {says: tuple(values) for says, values in told.items()}
    runtime_cuda, runtime_cudnn = _built_for(found.get("onnxruntime-gpu", ()), "onnxruntime-gpu", builds)
    runtime_cuda = _asked(found, "asks cuda") or runtime_cuda
    runtime_cudnn = _asked(found, "asks cudnn") or runtime_cudnn
    cuda, cudnn = _built_for(found.get("torch", ()), "torch", builds)
    for says, majors in (("cuda", cuda), ("cudnn", cudnn)):
        for each in found.get(says, ()):
            major = _major(each.value)
            if major is not None:
                majors.setdefault(major, each.because)
    return Circumstances(
        told=found,
        cuda=cuda,
        cudnn=cudnn,
        runtime_cuda=runtime_cuda,
        runtime_cudnn=runtime_cudnn,
        when=_when(found, builds),
    )


def _asked(found: dict[str, tuple[Told, ...]], says: str) -> dict[int, str]:
    """Return the majors that onnxruntime itself says that it requires, which no release has to tell then."""
    return {int(each.value): each.because for each in found.get(says, ())}


def _when(found: dict[str, tuple[Told, ...]], builds: Builds) -> Told | None:
    """Return the day of a text: the first date in it, or that of the newest release of onnxruntime that it names."""
    if dates := found.get("date"):
        return Told(_iso(dates[0].value), dates[0].because)
    package = "onnxruntime-gpu"
    days = [
        Told(day, f"{each.because}: {package} {each.value} came out on {day}")
        for each in found.get(package, ())
        if (day := builds.released(package, each.value))
    ]
    return max(days, key=lambda each: each.value, default=None)


def _iso(date: str) -> str:
    """Return a date as 2025-01-31, of "Jan 31, 2025", "Jan 31 10:00:00 2025", "2025/01/31" or "01/31/2025"."""
    if words := _IN_WORDS.match(date):
        return f"{words['year']}-{_MONTHS.index(words['month'].lower()) + 1:02d}-{int(words['day']):02d}"
    parts = date.replace("/", "-").split("-")
    return "-".join(parts if len(parts[0]) == len("2025") else (parts[2], *parts[:2]))


def _value(match: re.Match[str]) -> str:
    return next((value for value in match.groupdict().values() if value), "")


def _major(value: str) -> int | None:
    """Return the major of "12.4", "12" or "124" (as in cu124), "1108" never."""
    number = value.split(".", maxsplit=1)[0]
    if not number.isdigit():
        return None
    return int(number[:-1]) if len(number) == 3 else int(number)


def _built_for(
    releases: Sequence[Told], package: str, builds: Builds
) -> tuple[dict[int, str], dict[int, str]]:
    cuda: dict[int, str] = {}
    cudnn: dict[int, str] = {}
    for each in releases:
        local = _LOCAL.search(each.value)
        major = _major(local[1]) if local else builds.cuda(package, each.value)
        usual = "" if local else ", where it comes from the main index"
        if "+cpu" not in each.value and major is not None:
            cuda.setdefault(major, f"{each.because}: {package} {each.value} is built for CUDA {major}{usual}")
        needed = builds.cudnn(package, each.value)
        if "+cpu" not in each.value and needed is not None:
            cudnn.setdefault(needed, f"{each.because}: {package} {each.value} is built for cuDNN {needed}")
    return cuda, cudnn


def _runtime_by_source(text: Text, knowledge: Knowledge) -> list[Told]:
    """Return the release of onnxruntime by the lines of its source that it prints with its errors."""
    seen: dict[str, str] = {}
    for file, lines in knowledge.source_lines.items():
        for match in places(text, (f"{file}.cc",), rf"{file}\.cc:(?P<line>\d{{3,5}})", _MOST):
            for release in lines.get(match["line"], ()):
                seen.setdefault(release, quoted(text, match))
    return [Told(release, because) for release, because in seen.items()]
