"""GPU names as people type them, and as NVML prints them, to what the table knows.

`NVIDIA GeForce RTX 4090`, `rtx4090` and `4090` are one card; `RTX A4000` and `RTX 4000` are two. Words that say
nothing about the chip (memory size, board form, brand) are left out; the rest must match as a whole, so a name
that is not on record is never taken for a near one. A name that fits cards of different compute capability is
refused: `RTX 6000` alone may be the Quadro of 2018, the Ada or the Blackwell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from stackfix.errors import QuestionError
from stackfix.facts.hardware_rows import GpuRow, Gpus
from stackfix.model.evidence import Known, Unknown
from stackfix.model.machine import Gpu
from stackfix.versions import ComputeCapability

_SILENT = re.compile(
    r"\b[0-9]+\s*gb\b|\bsxm[0-9]*\b|\bpcie\b|\bnvl[0-9]*\b|\bhbm[0-9]?e?\b|\bdgxs\b|\bfhhl\b|\blaptop\b|\bmobile\b"
    r"|\bgpu\b|\bgraphics\b|\bmax-?q\b|\bwith\b|\bdesign\b|\bnvidia\b|\bgeforce\b|\btesla\b|\bquadro\b"
    r"|\(r\)|\(tm\)|\(pascal\)|\bgeneration\b|\bedition\b"
)
_GENERATIONS = frozenset({"ada", "blackwell", "pro", "sff", "server", "workstation"})
_LEFT_OUT = _GENERATIONS | {"rtx", "gtx", "jetson"}
_BARE = re.compile(r"[0-9]+( ti| super)*")
_CAPABILITY = re.compile(r"(?:sm_?|compute_)[0-9]{2,3}[af]?|[0-9]{1,2}\.[0-9]", re.IGNORECASE)


def words(name: str) -> tuple[str, ...]:
    """Return the words of a name that tell the chip: letters and numbers apart, in lower case."""
    text = _SILENT.sub(" ", name.lower().replace("_", " "))
    return tuple(re.findall(r"ti(?=super)|[a-z]+|[0-9]+", text))


def _spellings(row: GpuRow) -> Iterator[tuple[str, ...]]:
    """Yield the words of a name as it is listed; what stands in its parentheses is a name of its own."""
    yield words(row.name)
    outside, _, inside = row.name.partition("(")
    yield words(outside)
    if inside:
        yield words(inside.rstrip(") "))


def _leaves_out(asked: Sequence[str], listed: Sequence[str], optional: frozenset[str]) -> bool:
    """Whether `asked` is `listed` in the same order, without some of the optional words."""
    rest = iter(asked)
    wanted = next(rest, None)
    for word in listed:
        if word == wanted:
            wanted = next(rest, None)
        elif word not in optional:
            return False
    return wanted is None


def _found(text: str, rows: Iterable[GpuRow]) -> list[GpuRow]:
    """Return every card that a name may mean, the ones named in full first."""
    asked = words(text)
    quadro = "quadro" in text.lower()
    exact = [row for row in rows if asked in _spellings(row)]
    if exact:
        unsaid = not quadro and any(row.name.startswith("Quadro") for row in exact)
        looser = (row for row in rows if unsaid and row not in exact)
        return exact + [
            row for row in looser if any(_leaves_out(asked, one, _GENERATIONS) for one in _spellings(row))
        ]
    if len(asked) < 2 and not any(word.isdigit() for word in asked):
        return []
    bare = _BARE.fullmatch(" ".join(asked)) is not None
    return [
        row
        for row in rows
        if (not bare or (row.name.startswith("GeForce") and not quadro))
        and any(_leaves_out(asked, one, _LEFT_OUT) for one in _spellings(row))
    ]


def find_gpu(text: str, gpus: Gpus, index: int = 0) -> Gpu:
    """Return the GPU that a name or a compute capability stands for; QuestionError with near names if none."""
    stripped = text.strip()
    if _CAPABILITY.fullmatch(stripped):
        return _by_capability(stripped, gpus, index)
    found = _found(stripped, gpus.gpu)
    if not found:
        raise QuestionError(f"`{text}` is not a GPU that stackfix knows", hint=_near(stripped, gpus.gpu))
    capabilities = {row.capability for row in found}
    if len(capabilities) > 1:
        listed = ", ".join(f"{row.name} ({row.capability})" for row in found)
        raise QuestionError(
            f"`{text}` could be several GPUs: {listed}", hint="name it in full, or use `sm_89`"
        )
    plainest = min(found, key=lambda row: (row.name.lower() != stripped.lower(), len(row.name)))
    capability = ComputeCapability.parse(plainest.capability)
    return Gpu(
        name=plainest.name,
        compute_capability=Known(capability, "--gpu, gpus.toml"),
        memory_bytes=Unknown(("a GPU that is described by name has no memory reading",)),
        index=index,
    )


def _by_capability(text: str, gpus: Gpus, index: int) -> Gpu:
    capability = ComputeCapability.parse(re.sub(r"^sm_?", "sm_", text.lower()).rstrip("af"))
    known = [row.capability for row in gpus.capability]
    if str(capability) not in known:
        listed = ", ".join(ComputeCapability.parse(one).sm for one in known)
        raise QuestionError(
            f"`{text}` is not a compute capability that stackfix knows", hint=f"known: {listed}"
        )
    return Gpu(
        name=capability.sm,
        compute_capability=Known(capability, "--gpu"),
        memory_bytes=Unknown(("a GPU that is described by capability has no memory reading",)),
        index=index,
    )


def _near(text: str, rows: Iterable[GpuRow]) -> str:
    names = {" ".join(words(row.name)): row.name for row in rows}
    import difflib  # noqa: PLC0415 - 5 ms that an answer does not need

    near = difflib.get_close_matches(" ".join(words(text)), names, n=4, cutoff=0.4)
    listed = ", ".join(f"`{names[one]}`" for one in near)
    return (
        f"near names: {listed}; or give its compute capability (`sm_89`)"
        if near
        else "give its compute capability, such as `sm_89`"
    )
