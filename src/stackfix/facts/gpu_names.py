"""GPU names as people type them, and as NVML prints them, to what the table knows.

`NVIDIA GeForce RTX 4090`, `rtx4090` and `4090` are one card; `RTX A4000` and `RTX 4000` are two. Words that say
nothing about the chip (memory size, board form, brand, the slice of a virtual GPU) are left out; the rest must match
as a whole, so a name that is not on record is never taken for a near one. A name that fits cards of different
compute capability is refused: `RTX 6000` alone may be the Quadro of 2018, the Ada or the Blackwell. A Jetson is known
and refused, as it is where the machine itself is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from stackfix.errors import QuestionError
from stackfix.facts.hardware_rows import CapabilityRow, GpuRow, Gpus
from stackfix.model.evidence import Known, Unknown
from stackfix.model.machine import Gpu, Platform
from stackfix.versions import ComputeCapability

_JOINED = re.compile(r"(nvidia|geforce|tesla|quadro|titan|jetson|rtx|gtx)")
_SILENT = re.compile(
    r"\bmig\b.*|(-[0-9]+)+[abcq]\b|\b[0-9]+\s*gb?\b|\bsxm[0-9]*( ac)?\b|\bpcie\b|\bnvl[0-9]*\b|\bhbm[0-9]?e?\b"
    r"|\b[dh]gxs?\b|\bfhhl\b|\blaptop\b|\bmobile\b|\bgpu\b|\bgraphics\b|\bgrid\b|\bmax-?q\b|\bwith\b|\bdesign\b"
    r"|\bnvidia\b|\bgeforce\b|\btesla\b|\bquadro\b|\(r\)|\(tm\)|\(pascal\)|\(nvgpu\)|\bgeneration\b|\bedition\b"
)
_SUPER = re.compile(r"(?<![a-z0-9])([0-9]{4})\s*(ti?)?\s*s\b")
_NOTEBOOK = re.compile(r"(?<![a-z0-9])([0-9]{4})\s*m\b")
_GENERATIONS = frozenset({"ada", "blackwell", "pro", "sff", "server", "workstation"})
_LEFT_OUT = _GENERATIONS | {"rtx", "gtx"}
_MODULES = frozenset({"jetson", "agx", "nx", "nano"})
_BARE = re.compile(r"[0-9]+( ti| super| d)*")
_CAPABILITY = re.compile(
    r"(?:(?:cc|compute capability|sm|compute)[\s_-]*)?([0-9]{1,2})[.,]([0-9])[af]?"
    r"|(?:cc|compute capability|sm|compute)[\s_-]*([0-9]{1,2})([0-9])[af]?",
    re.IGNORECASE,
)
_PLAIN_NUMBER = re.compile(r"([0-9]{1,2})([0-9])")
_LIKE_ONE = re.compile(
    r"(?:cc|compute capability|sm|compute)[\s_-]*[0-9].*|[0-9]+[.,][0-9.,]*", re.IGNORECASE
)
_SEVERAL = re.compile(r"[0-9]{1,2}\s*[x\u00d7]\s+\S.*", re.IGNORECASE)


def words(name: str) -> tuple[str, ...]:
    """Return the words of a name that tell the chip: letters and numbers apart, in lower case.

    `4080S` and `4070 TiS` are the SUPER cards, `3080M` is the 3080 of notebooks; `GTX 960M` and `M5000M`, which
    are chips of their own, stay what they are.
    """
    text = _JOINED.sub(r" \1 ", name.lower().replace("_", " "))
    text = _SILENT.sub(" ", text)
    text = _SUPER.sub(lambda found: f"{found[1]} {'ti ' if found[2] else ''}super", text)
    text = _NOTEBOOK.sub(r"\1", text)
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
    numbers = [word for word in asked if word.isdigit()]
    rows = [row for row in rows if all(number in row.name for number in numbers)]  # the rest have other words
    quadro = "quadro" in text.lower()
    exact = [row for row in rows if asked in _spellings(row)]
    if exact:
        unsaid = not quadro and any(row.name.startswith("Quadro") for row in exact)
        looser = (row for row in rows if unsaid and row not in exact)
        return exact + [
            row for row in looser if any(_leaves_out(asked, one, _GENERATIONS) for one in _spellings(row))
        ]
    bare = _BARE.fullmatch(" ".join(asked)) is not None
    named = len(asked) > 1 or any(word.isdigit() for word in asked)
    return [
        row
        for row in rows
        if (not bare or (row.name.startswith("GeForce") and not quadro))
        and (named or row.kind == "jetson")
        and any(_leaves_out(asked, one, _optional(row)) for one in _spellings(row))
        and not _optional(row).issuperset(asked)
    ]


def _optional(row: GpuRow) -> frozenset[str]:
    """Return the words of a card's name that people leave out."""
    return _MODULES if row.kind == "jetson" else _LEFT_OUT


def cards(text: str, gpus: Gpus) -> Sequence[GpuRow]:
    """Return the cards on record that a name stands for, all of one capability; QuestionError if there is none."""
    found = _found(text.strip(), gpus.gpu)
    if not found:
        raise QuestionError(f"`{text}` is not a GPU that stackfix knows", hint=_hint(text.strip(), gpus))
    if len({row.capability for row in found}) > 1:
        listed = ", ".join(f"{row.name} ({row.capability})" for row in found)
        raise QuestionError(
            f"`{text}` could be several GPUs: {listed}", hint="name it in full, or use `sm_89`"
        )
    return found


def find_gpu(text: str, gpus: Gpus, index: int = 0) -> Gpu:
    """Return the GPU that a name or a compute capability stands for; QuestionError with near names if none."""
    stripped = text.strip()
    capability = _capability(stripped, gpus)
    if capability is not None:
        return _by_capability(text, capability, gpus, index)
    found = cards(stripped, gpus)
    if any(row.kind == "jetson" for row in found):
        raise _jetson(text)
    plainest = min(found, key=lambda row: (row.name.lower() != stripped.lower(), len(row.name)))
    return Gpu(
        name=plainest.name if len(found) == 1 or plainest.name.lower() == stripped.lower() else stripped,
        compute_capability=Known(ComputeCapability.parse(plainest.capability), "--gpu, gpus.toml"),
        memory_bytes=Unknown(("a GPU that is described by name has no memory reading",)),
        index=index,
    )


def refuse_other_processor(texts: Iterable[str], platform: Platform, gpus: Gpus) -> None:
    """Raise QuestionError for a described GPU that exists with another processor alone than the platform's."""
    for text in (each.strip() for each in texts):
        rows = [] if _capability(text, gpus) else _found(text, gpus.gpu)
        processors = {row.processor for row in rows}
        if not rows or "" in processors or platform.arch in processors:
            continue
        row = rows[0]
        hint = f"describe its machine: `--platform linux_{row.processor}`, with its `--driver` and `--python`"
        if any(card.capability == row.capability and not card.processor for card in gpus.gpu):
            hint += f"; or only its compute capability: `--gpu {ComputeCapability.parse(row.capability).sm}`"
        raise QuestionError(
            f"`{text}` is not made for {platform.label}: {row.name} sits on one board with an Arm processor "
            f"({row.processor}), and there is none without [{row.processor_source}]",
            hint=hint,
        )


def _capability(text: str, gpus: Gpus) -> ComputeCapability | None:
    """Return the capability that a text is; a plain number is one if it is on record and no card is called that."""
    said = _CAPABILITY.fullmatch(text)
    if said:
        major, minor = (one for one in said.groups() if one is not None)
        return ComputeCapability(int(major), int(minor))
    plain = _PLAIN_NUMBER.fullmatch(text)
    if plain:
        capability = ComputeCapability(int(plain[1]), int(plain[2]))
        on_record = any(row.capability == str(capability) for row in gpus.capability)
        return capability if on_record and not _found(text, gpus.gpu) else None
    return None


def _by_capability(text: str, capability: ComputeCapability, gpus: Gpus, index: int) -> Gpu:
    row = next((row for row in gpus.capability if row.capability == str(capability)), None)
    if row is None:
        listed = ", ".join(ComputeCapability.parse(one.capability).sm for one in gpus.capability)
        raise QuestionError(
            f"`{text}` is not a compute capability that stackfix knows", hint=f"known: {listed}"
        )
    if row.jetson:
        raise _jetson(text)
    return Gpu(
        name=capability.sm,
        compute_capability=Known(capability, "--gpu"),
        memory_bytes=Unknown(("a GPU that is described by capability has no memory reading",)),
        index=index,
    )


def _jetson(text: str) -> QuestionError:
    """Return why no set is looked for: what a Jetson runs comes with its JetPack."""
    return QuestionError(
        f"`{text}` is a Jetson: its driver and CUDA come with JetPack, and the wheels of PyPI do not serve it",
        hint="use NVIDIA's wheels for its JetPack",
    )


def _hint(text: str, gpus: Gpus) -> str:
    """Return what to type instead of a name that is not on record."""
    if _SEVERAL.fullmatch(text):
        return "give each GPU a `--gpu` of its own"
    if _LIKE_ONE.fullmatch(text):
        return "compute capabilities look like `sm_89` or `8.9`"
    generation = [row for row in gpus.capability if _is_of(row, text)]
    if generation:
        listed = ", ".join(f"`{ComputeCapability.parse(row.capability).sm}`" for row in generation)
        return f"that is a generation: name the card, or give its compute capability ({listed})"
    return _near(text, gpus.gpu)


def _is_of(row: CapabilityRow, text: str) -> bool:
    """Whether a text is the name of a capability's architecture, such as `Hopper` or `Ada`."""
    said = text.lower()
    plain = row.architecture.lower().partition(" (")[0]
    return bool(said) and not row.jetson and said in (plain, plain.split()[0])


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
