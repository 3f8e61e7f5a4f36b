"""GPU names as people type them, and as NVML prints them, to what the table knows.

`NVIDIA GeForce RTX 4090`, `rtx4090` and `4090` are one card; `RTX A4000` and `RTX 4000` are two. Words that say
nothing about the chip (memory size, board form, brand) are left out; the rest must match as a whole, so a name
that is not on record is never taken for a near one.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

from stackfix.errors import QuestionError
from stackfix.facts.hardware_rows import GpuRow, Gpus
from stackfix.model.evidence import Known, Unknown
from stackfix.model.machine import Gpu
from stackfix.versions import ComputeCapability

_SILENT = re.compile(
    r"\b\d+\s*gb\b|\bsxm\d*\b|\bpcie\b|\bnvl\b|\bhbm\d?e?\b|\blaptop\b|\bmobile\b|\bgpu\b|\bgraphics\b"
    r"|\bmax-?q\b|\bwith\b|\bdesign\b|\bnvidia\b|\bgeforce\b|\btesla\b|\bquadro\b|\(r\)|\(tm\)|\bgeneration\b"
)
_BRANDS = frozenset({"rtx", "gtx", "gt"})
_CAPABILITY = re.compile(r"(?:sm_?|compute_)\d{2,3}[af]?|\d{1,2}\.\d", re.IGNORECASE)


def words(name: str) -> tuple[str, ...]:
    """Return the words of a name that tell the chip: letters and numbers apart, in lower case."""
    text = _SILENT.sub(" ", name.lower().replace("_", " "))
    return tuple(re.findall(r"[a-z]+|\d+", text))


def _short(parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part for part in parts if part not in _BRANDS)


def _spellings(row: GpuRow) -> Iterator[str]:
    """Yield a name as it is listed, and what stands in its parentheses as a name of its own."""
    outside, _, inside = row.name.partition("(")
    yield outside
    if inside:
        yield inside.rstrip(") ")


def find_gpu(text: str, gpus: Gpus, index: int = 0) -> Gpu:
    """Return the GPU that a name or a compute capability stands for; QuestionError with near names if none."""
    stripped = text.strip()
    if _CAPABILITY.fullmatch(stripped):
        return _by_capability(stripped, gpus, index)
    asked = words(stripped)
    found = [row for row in gpus.gpu if any(words(name) == asked for name in _spellings(row))]
    if not found and asked and not _BRANDS & set(asked):
        found = [row for row in gpus.gpu if any(_short(words(name)) == asked for name in _spellings(row))]
    if not asked or not found:
        raise QuestionError(f"`{text}` is not a GPU that stackfix knows", hint=_near(stripped, gpus.gpu))
    capabilities = {row.capability for row in found}
    if len(capabilities) > 1:
        listed = ", ".join(f"{row.name} ({row.capability})" for row in found)
        raise QuestionError(
            f"`{text}` could be several GPUs: {listed}", hint="name it in full, or use `sm_89`"
        )
    capability = ComputeCapability.parse(found[0].capability)
    return Gpu(
        name=found[0].name,
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
    near = difflib.get_close_matches(" ".join(words(text)), names, n=4, cutoff=0.4)
    listed = ", ".join(f"`{names[one]}`" for one in near)
    return (
        f"near names: {listed}; or give its compute capability (`sm_89`)"
        if near
        else "give its compute capability, such as `sm_89`"
    )
