"""Naming the causes of a text: matches -> codes -> the primary first, its consequences after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from stackfix.model.cause import Cause, CauseWords, Knowledge, Pattern
from stackfix.symptoms.circumstances import Builds, Circumstances, circumstances
from stackfix.symptoms.ending import last_failure
from stackfix.symptoms.libraries import Meaning, meanings
from stackfix.symptoms.prose import is_told_of
from stackfix.symptoms.search import compiled, lines_of, places, quoted
from stackfix.symptoms.sees_no_gpu import meanings_of_no_gpu, says_cuda
from stackfix.symptoms.text import Text
from stackfix.symptoms.wrapped import unwrapped

_MATCHES = 6
_BECAUSE = 6
_LIKELY = 0.5
# What a program ended with stands before what it had only warned of, where both are about as sure.
_ENDS = 0.06
# What programs only warn of and go on after is no reason for how a text ends, where that has one of its own.
_WARNED, _ENDED = 0.5, 0.45
# What a text ends with, and is so sure, is a consequence of no warning either.
_SURE = 0.9


@dataclass(slots=True)
class _Sign:
    """What speaks for a code: the strongest confidence, where it was first seen, and the words.

    `ends` is whether it was seen in the failure that ends the text, `warned` whether in nothing but warnings.
    `strongest` is the wording of that confidence, None where circumstances made it.
    """

    confidence: float
    at: int
    because: list[str] = field(default_factory=list)
    ends: bool = False
    warned: bool = True
    strongest: Pattern | None = None

    @property
    def rank(self) -> float:
        """How sure it is, as the order of causes counts it."""
        return self.confidence + (_ENDS if self.ends else 0)

    def add(self, confidence: float, because: Iterable[str], pattern: Pattern | None = None) -> None:
        words = [each for each in because if each and each not in self.because]
        if confidence > self.confidence:  # the strongest words come first
            self.confidence = confidence
            self.strongest = pattern
            self.because = words + self.because
        else:
            self.because += words


def causes_of(text: Text, knowledge: Knowledge, builds: Builds) -> tuple[Cause, ...]:
    """Return the causes of what a text reports, most likely first; none for a text in which nothing is known.

    Where nothing is known in the lines as they are, or what may be the consequence of something that is not told, they
    are joined where the width of a window may have broken them.
    """
    causes = _causes_of_lines(text, knowledge, builds)
    first = knowledge.words.get(causes[0].code) if causes else None
    if causes and not (first and first.after):
        return causes
    for each in unwrapped(text):
        joined = _causes_of_lines(each, knowledge, builds)
        if joined and (first is None or joined[0].code in first.after):
            return joined
    return causes


def _causes_of_lines(text: Text, knowledge: Knowledge, builds: Builds) -> tuple[Cause, ...]:
    where = circumstances(text, knowledge, builds)
    signs: dict[str, _Sign] = {}
    ending = last_failure(text)
    patterns = tuple(pattern for pattern in knowledge.patterns if _counts(pattern, where))
    alone = _alone(text, patterns)
    for pattern in patterns:
        for at, words, found in _matches(text, pattern, where, knowledge, alone):
            sign = signs.setdefault(found.code, _Sign(0, at))
            sign.at = min(sign.at, at)
            sign.ends = sign.ends or at >= ending
            sign.warned = sign.warned and pattern.warns
            sign.add(found.confidence, (words, *found.because), pattern)
    _combined(signs, where, knowledge, builds)
    return tuple(_cause(code, sign, knowledge.words) for code, sign in _ordered(signs, knowledge.words))


def _counts(pattern: Pattern, where: Circumstances) -> bool:
    """Return whether a wording means what it says in these circumstances."""
    needed = not pattern.needs or where.tells(pattern.needs)
    return needed and not (pattern.without and where.tells(pattern.without))


def _alone(text: Text, patterns: Iterable[Pattern]) -> dict[str, str]:
    """Return what a wording says is likelier of a library, wherever else in the text that library is named too."""
    return {
        match["library"]: pattern.alone
        for pattern in patterns
        if pattern.alone
        for match in places(text, pattern.words, pattern.regex, _MATCHES)
    }


def _matches(
    text: Text, pattern: Pattern, where: Circumstances, knowledge: Knowledge, alone: Mapping[str, str]
) -> Iterable[tuple[int, str, Meaning]]:
    for match in places(text, pattern.words, pattern.regex, _MATCHES):
        if pattern.unless and compiled(pattern.unless).search(lines_of(text, match)):
            continue
        if is_told_of(text, match):
            continue
        words = quoted(text, match)
        if not pattern.library:
            yield match.start(), words, Meaning(pattern.code, pattern.weight)
            continue
        for found in meanings(match["library"], where, knowledge, alone.get(match["library"], "")):
            yield match.start(), words, found


def _combined(signs: dict[str, _Sign], where: Circumstances, knowledge: Knowledge, builds: Builds) -> None:
    """Add what signs and circumstances mean together: what lies under a mask, and why a provider does not load."""
    for found in _no_gpu(signs, where, builds):
        _derive(signs, found, signs["torch_cpu_build"])
    for system, code, instead in _INSIDE:
        if (told := where.on(system)) and (sign := signs.get(instead)) and _surest(sign, signs):
            _derive(signs, Meaning(code, _SEEN_INSIDE, (told, *sign.because[:2])), sign)
    for found in (*_both(signs, where), *_builds(signs, where), *_outlived(signs, where, knowledge)):
        first = min(signs.values(), key=lambda sign: sign.at, default=_Sign(0, 0))
        _derive(signs, found, first)


def _derive(signs: dict[str, _Sign], found: Meaning, source: _Sign) -> None:
    """Add what a sign means together with a circumstance; it stands where that sign stands."""
    sign = signs.setdefault(found.code, _Sign(0, source.at))
    sign.ends = sign.ends or source.ends
    sign.warned = False
    sign.add(found.confidence, found.because)


# Where a program runs -> what it means there that it finds no driver, or one that does not answer.
_INSIDE = (
    ("wsl", "wsl2", "driver_missing"),
    ("wsl", "wsl2", "driver_broken_state"),
    ("container", "container_without_gpu", "driver_missing"),
)
_SEEN_INSIDE = 0.92
_OF_THE_DRIVER = ("driver_missing", "driver_broken_state")
# What only says that torch sees no CUDA is at most so sure of a CPU build; and so sure where its release says CUDA.
_SEES_NO_CUDA, _REFUTED = 0.75, 0.3
_DWPOSE = {"dwpose_cpu_fallback", "dwpose_get_providers_none"}


def _surest(sign: _Sign, signs: Mapping[str, _Sign]) -> bool:
    """Whether nothing else that is said of the driver is surer: one that fails is not a missing one."""
    return all(signs[code].confidence <= sign.confidence for code in _OF_THE_DRIVER if code in signs)


def _both(signs: Mapping[str, _Sign], where: Circumstances) -> Iterator[Meaning]:
    """Yield that both packages are installed, where a text names both and lacks CUDA's provider."""
    gpu, cpu = where.first("onnxruntime-gpu"), where.first("onnxruntime")
    without = bool(signs.keys() & {*_DWPOSE, "ort_cpu_only"}) or where.first("providers") is not None
    if without and gpu and cpu and gpu.because != cpu.because:
        yield Meaning("both_ort_packages", 0.92, (cpu.because, gpu.because))


def _builds(signs: Mapping[str, _Sign], where: Circumstances) -> Iterator[Meaning]:
    """Yield that onnxruntime is built for another major than what is there, where its provider does not load."""
    named = signs.get("windows_error_126")
    provider = named is not None and any(_of_onnxruntime(words) for words in named.because)
    if not (provider or signs.keys() & {*_DWPOSE, "cuda_runtime_missing"}):
        return
    for kind, asks, there in (
        ("cuda", where.runtime_cuda, where.cuda),
        ("cudnn", where.runtime_cudnn, where.cudnn),
    ):
        if asks and there and not set(asks) & set(there):
            because = (*asks.values(), *list(there.values())[:2])
            yield Meaning(f"{kind}_major_mismatch", 0.9 if kind == "cuda" else 0.89, because)


def _outlived(signs: Mapping[str, _Sign], where: Circumstances, knowledge: Knowledge) -> Iterator[Meaning]:
    """Yield that there is a newer cuDNN, where the provider is not created, no library is named, and the day tells it."""
    sign, when = signs.get("cuda_runtime_missing"), where.when
    if sign is None or sign.confidence >= _LIKELY or "windows_error_126" in signs or when is None:
        return
    for major, because in where.runtime_cudnn.items():
        since = knowledge.newer_since["cudnn"].get(str(major + 1), "")
        if since and when.value >= since and not where.cudnn:
            told = f"{when.because}: cuDNN {major + 1} was what a new torch brought then"
            yield Meaning("cudnn_major_mismatch", 0.5, (because, told))


def _no_gpu(signs: dict[str, _Sign], where: Circumstances, builds: Builds) -> tuple[Meaning, ...]:
    """Return why torch sees no GPU, where its build may be the reason and is not told to be."""
    sign = signs.get("torch_cpu_build")
    if sign is None or sign.confidence > _SEES_NO_CUDA or where.all("torch cpu"):
        return ()
    found = tuple(meanings_of_no_gpu(where, builds))
    if found and says_cuda(where):
        sign.confidence = min(sign.confidence, _REFUTED)
    return found


def _of_onnxruntime(words: str) -> bool:
    return "onnxruntime" in words or "CUDA_PATH" in words


def _ordered(signs: Mapping[str, _Sign], words: Mapping[str, CauseWords]) -> list[tuple[str, _Sign]]:
    """Return the codes, the surest first, and after them those that are consequences of one that is there."""
    ended = any(sign.ends and sign.confidence >= _ENDED for sign in signs.values())

    def yields(sign: _Sign) -> bool:
        return ended and sign.warned and not sign.ends

    def consequence(code: str, sign: _Sign) -> bool:
        after = words[code].after if code in words else frozenset[str]()
        sure = sign.ends and sign.confidence >= _SURE
        return any(
            other in after and its.confidence >= _LIKELY and not (sure and yields(its))
            for other, its in signs.items()
        )

    def place(each: tuple[str, _Sign]) -> tuple[bool, float, int]:
        code, sign = each
        return consequence(code, sign), -sign.rank + (_WARNED if yields(sign) else 0), sign.at

    return sorted(signs.items(), key=place)


def _cause(code: str, sign: _Sign, words: Mapping[str, CauseWords]) -> Cause:
    own = sign.strongest.says.get(code) if sign.strongest else None
    told = own or words[code]
    return Cause(
        code=code,
        confidence=round(sign.confidence, 2),
        because=tuple(sign.because[:_BECAUSE]),
        consequence=told.consequence,
        fix=told.fix,
    )
