"""Cause: what an error text means; and the knowledge by which one is named, as it is read from `data/causes`."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field


class Cause(Struct, frozen=True, kw_only=True):
    """One cause of a failure, by its code.

    `confidence` orders causes, from 0 to 1: 0.9 and more is what only this cause prints, under 0.6 is the likeliest of
    several that print the same. `because` are the words that were seen, with their line, and what they say.
    """

    code: str
    confidence: float
    because: tuple[str, ...]
    consequence: str
    fix: str


class CauseWords(Struct, frozen=True, kw_only=True):
    """What a code means for the user, and the way out; `after` are the codes of which it is a consequence."""

    code: str
    consequence: str
    fix: str
    after: frozenset[str] = frozenset()


class OwnWords(Struct, frozen=True, kw_only=True):
    """What follows, and what to do, where a wording knows it better than its code."""

    consequence: str
    fix: str


class Pattern(Struct, frozen=True, kw_only=True):
    """One wording of one cause, or (`library`) one wording that a library is missing, which the library decides.

    `words` are lower case; where none of them stands in a text the regular expression is not asked. `unless` is what
    must not stand on the lines of a match. `alone`: as of a `LibraryKind`, for this wording. `needs` and `without` are
    circumstances ("kind" or "kind=value") that the text must tell for this wording to count, or must not tell. `warns`:
    programs go on after it, so it yields to what a text ends with. `says` is what is true of this wording in place of
    what a code says, by code: a library may mean several.
    """

    name: str
    code: str
    weight: float
    words: tuple[str, ...]
    regex: str
    unless: str = ""
    library: bool = False
    description: str = ""
    examples: tuple[str, ...] = ()
    counter_examples: tuple[str, ...] = ()
    gives: str = ""
    alone: str = ""
    needs: str = ""
    without: str = ""
    warns: bool = False
    says: Mapping[str, OwnWords] = {}


class Clue(Struct, frozen=True, kw_only=True):
    """One wording by which a text tells a circumstance: a release, a CUDA, an operating system.

    `says` is the circumstance ("torch", "cuda", "system", …); its value is `value`, or the group of that name.
    """

    says: str
    words: tuple[str, ...]
    regex: str
    value: str = ""
    examples: tuple[str, ...] = ()


class LibraryKind(Struct, frozen=True, kw_only=True):
    """Libraries of one kind by their file names; group `major` is the number in the name.

    `code` is the cause when one is missing, "" for those whose cause hangs on the CUDA or the cuDNN that is there.
    `cuda` says for each number in the name which CUDA majors ship it. `alone` says for a number in the name ("*" for
    any) what is likelier where the text tells nothing else: that the library is "missing" or of another major
    ("mismatch"); without it the day decides. `wheel` is the middle of the name of NVIDIA's wheel that brings them.
    """

    kind: str
    regex: str
    code: str = ""
    cuda: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    alone: Mapping[str, str] = field(default_factory=dict)
    wheel: str = ""


class Triggers(Struct, frozen=True):
    """The words (lower case) by which lines of a long log are kept: `telling` ones before `others`."""

    telling: tuple[str, ...]
    others: tuple[str, ...]


class Knowledge(Struct, frozen=True, kw_only=True):
    """All that is known of error texts.

    `newer_since`: "cuda" or "cudnn" -> a major -> the day (ISO) since which a plain install brings it.
    `source_lines`: a file of onnxruntime's source -> a line of it that stands in its errors -> the releases
    (major.minor) that print it.
    """

    words: Mapping[str, CauseWords]
    patterns: tuple[Pattern, ...]
    clues: tuple[Clue, ...]
    libraries: tuple[LibraryKind, ...]
    newer_since: Mapping[str, Mapping[str, str]]
    source_lines: Mapping[str, Mapping[str, tuple[str, ...]]]
    triggers: Triggers
