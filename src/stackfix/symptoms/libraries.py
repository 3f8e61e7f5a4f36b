"""What a missing library means: which code, how surely, and why, by its kind, its number and the circumstances."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stackfix.model.cause import Knowledge, LibraryKind
from stackfix.symptoms.circumstances import Circumstances
from stackfix.symptoms.search import compiled

CUDNN, DRIVER, DRIVER_LINK = "cudnn", "driver", "driver link name"
_WHEEL = re.compile(r"(?P<name>[a-z-]+)-cu(?P<cuda>\d\d)\W+(?P<release>\d+)")


@dataclass(frozen=True, slots=True)
class Meaning:
    """A code with its confidence, and the sentences that say why beside the words that were seen."""

    code: str
    confidence: float
    because: tuple[str, ...] = ()


def meanings(library: str, where: Circumstances, knowledge: Knowledge, alone: str = "") -> list[Meaning]:
    """Return what it may mean that a library is missing, most likely first; nothing for one of no known kind.

    `alone` is what the wording says is likelier ("missing" or "mismatch") where the text tells nothing else.
    """
    for kind in knowledge.libraries:
        match = compiled(kind.regex).search(library)
        if match is not None:
            asked = _Asked(library, kind, _number(match), where, knowledge, alone)
            return sorted(_meanings(asked), key=lambda each: -each.confidence)
    return []


@dataclass(frozen=True, slots=True)
class _Asked:
    """A library that something asked for and did not get."""

    library: str
    kind: LibraryKind
    number: str
    where: Circumstances
    knowledge: Knowledge
    alone: str


def _number(match: re.Match[str]) -> str:
    groups = match.groupdict()
    return groups.get("major") or groups.get("windows") or ""


def _meanings(asked: _Asked) -> list[Meaning]:
    kind, where = asked.kind, asked.where
    if kind.kind == DRIVER_LINK:
        return [Meaning("wsl2", 0.65), Meaning("driver_missing", 0.55)]
    if kind.kind == DRIVER:
        return _driver(where)
    if there := _installed(asked.library, where):
        sentence = f"{there}: the file is in the environment, and was not found"
        return [Meaning("import_order_preload", 0.92, (sentence,))]
    if wheel := _wheel(asked):
        sentence = f"{wheel}: NVIDIA's wheel with the file is in the environment, and the file was not found"
        return [Meaning("import_order_preload", 0.84, (sentence,))]
    if kind.code:
        return [Meaning(kind.code, 0.9)]
    return _cudnn(asked) if kind.kind == CUDNN else _cuda(asked)


def _installed(library: str, where: Circumstances) -> str:
    """Return the words that show the library's file in an environment, or ""."""
    return next((each.because for each in where.all("file") if each.value.lower() == library.lower()), "")


def _wheel(asked: _Asked) -> str:
    """Return the words that show NVIDIA's wheel of a library, of the major that is asked for, or ""."""
    wanted = (
        {asked.number} if asked.kind.kind == CUDNN else set(map(str, asked.kind.cuda.get(asked.number, ())))
    )
    for each in asked.where.all("wheel") if asked.kind.wheel else ():
        match = _WHEEL.fullmatch(each.value.lower().replace("_", "-"))
        major = match and match["release" if asked.kind.kind == CUDNN else "cuda"]
        if match and match["name"] == asked.kind.wheel and major in wanted:
            return each.because
    return ""


def _driver(where: Circumstances) -> list[Meaning]:
    if wsl := where.on("wsl"):
        return [Meaning("wsl2", 0.9, (wsl,)), Meaning("driver_missing", 0.4)]
    if container := where.on("container"):
        return [Meaning("container_without_gpu", 0.85, (container,)), Meaning("driver_missing", 0.4)]
    return [Meaning("driver_missing", 0.85)]


def _cudnn(asked: _Asked) -> list[Meaning]:
    wanted, where = int(asked.number or 0), asked.where
    sentence = f"{asked.library} is of cuDNN {wanted}" if wanted else f"{asked.library} is of cuDNN"
    missing, mismatch = "cudnn_missing", "cudnn_major_mismatch"
    if cpu := where.first("torch cpu"):
        return [Meaning("torch_cpu_build", 0.88, (sentence, cpu.because)), Meaning(missing, 0.5, (sentence,))]
    if wanted in where.cudnn:
        return [Meaning(missing, 0.8, (sentence, where.cudnn[wanted])), Meaning(mismatch, 0.3, (sentence,))]
    other = next(iter(where.cudnn.values()), "")
    if other and wanted:
        return [Meaning(mismatch, 0.9, (sentence, other)), Meaning(missing, 0.4, (sentence,))]
    newer, because = _newer(asked, "cudnn", wanted)
    likelier, other_code = (mismatch, missing) if newer else (missing, mismatch)
    return [Meaning(likelier, 0.6, (sentence, because)), Meaning(other_code, 0.4, (sentence,))]


def _cuda(asked: _Asked) -> list[Meaning]:
    where = asked.where
    wanted = _wanted(asked.kind.cuda.get(asked.number, ()), where)
    missing, mismatch = "cuda_runtime_missing", "cuda_major_mismatch"
    if not wanted:
        return [Meaning(missing, 0.7), Meaning(mismatch, 0.3)]
    sentence = f"{asked.library} is of CUDA {' or '.join(map(str, wanted))}"
    same = next((because for major, because in where.cuda.items() if major in wanted), "")
    other = next((because for major, because in where.cuda.items() if major not in wanted), "")
    if other and not same:
        return [Meaning(mismatch, 0.93, (sentence, other)), Meaning(missing, 0.4, (sentence,))]
    if same:
        return [Meaning(missing, 0.85, (sentence, same)), Meaning(mismatch, 0.4, (sentence, other))]
    newer, because = _newer(asked, "cuda", max(wanted))
    likelier, other_code = (mismatch, missing) if newer else (missing, mismatch)
    return [Meaning(likelier, 0.6, (sentence, because)), Meaning(other_code, 0.4, (sentence,))]


def _newer(asked: _Asked, stack: str, wanted: int) -> tuple[bool, str]:
    """Return whether what is there is likelier of a newer major than not there at all, and why.

    What the kind of library says comes first; then whether a newer major was what one got on the day of the text; then
    what the wording says, and that the text was printed now. A library without a number in its name is of no major.
    """
    since = asked.knowledge.newer_since.get(stack, {}).get(str(wanted + 1), "")
    when = asked.where.when
    likelier = asked.kind.alone.get(asked.number) or asked.kind.alone.get("*")
    if not likelier and not (since and when and when.value >= since):
        likelier = asked.alone
    if likelier:
        return likelier == "mismatch", ""
    if not since or when is None:
        return wanted > 0, ""
    newer = when.value >= since
    name = {"cuda": "CUDA", "cudnn": "cuDNN"}[stack]
    told = "was" if newer else "was not yet"
    return newer, f"{when.because}: {name} {wanted + 1} {told} what a new torch brought then"


def _wanted(majors: tuple[int, ...], where: Circumstances) -> tuple[int, ...]:
    """Return the CUDA majors of a name, fewer where what asks for it is known to be built for one of them."""
    return tuple(major for major in majors if major in where.runtime_cuda) or majors
