"""Subject: what is exported, and the sentences that every format says of it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stackfix.model.lock import Lock, LockedPackage
from stackfix.render.units import size


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A set and what must be said of it.

    `name` is the word for files and folders ("dwpose"), `asked` what was typed. `driver_floor` is the oldest driver
    that runs the set, "" where it needs none; `glibc` the oldest glibc that its files accept, "" where none is named.
    `added` are files for site-packages, by name; `sources` names the index of a package that isn't on the main one.
    `functions` is the text of the functions that shell scripts share (`tool/shared.sh` of the data).
    """

    lock: Lock
    name: str
    asked: tuple[str, ...]
    driver_floor: str = ""
    glibc: str = ""
    added: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    functions: str = ""

    @property
    def packages(self) -> Sequence[LockedPackage]:
        """The packages by name."""
        return sorted(self.lock.packages, key=lambda each: each.name)

    @property
    def windows(self) -> bool:
        """Whether the set is for Windows."""
        return self.lock.platform.startswith("win_")


def heading(subject: Subject, format_name: str) -> list[str]:
    """Return what every exported file says first, without comment signs."""
    lock = subject.lock
    asked = " ".join(shlex.quote(word) for word in subject.asked)
    cuda = f", CUDA {lock.cuda}" if lock.cuda else ""
    hashes = "no file's sha256" if format_name == "pyproject" else "every file by its sha256"
    lines = [
        f"`stackfix export {asked} --format {format_name}`",
        f"for {lock.platform}, Python {lock.python}{cuda}; facts of {lock.facts_date}",
        f"{len(lock.packages)} packages, {size(lock.download_bytes)} to download; {hashes}",
    ]
    if subject.driver_floor:
        lines.append(
            f"needs NVIDIA driver {subject.driver_floor} or newer on the machine; nothing else of CUDA"
        )
    if lock.gpus:
        lines.append(f"worked out for {', '.join(lock.gpus)}, driver {lock.driver or 'not known'}")
    if subject.glibc:
        lines.append(f"needs glibc {subject.glibc} or newer")
    for package, source in sorted(subject.sources.items()):
        lines.append(
            f"{package} is not on the main index: name the one that `stackfix facts sources` calls {source}"
        )
    return [_printable(line) for line in lines]


def commented(lines: Sequence[str], sign: str = "#") -> list[str]:
    """Return lines as comments."""
    return [f"{sign} {line}" for line in lines]


def loading_note(subject: Subject) -> list[str]:
    """Return what to do where no import hook comes along, for sets whose onnxruntime needs its libraries loaded."""
    if not subject.added:
        return []
    return [
        "onnxruntime does not find the CUDA libraries of these wheels by itself: call",
        "`onnxruntime.preload_dlls()` before the first session, or let `stackfix fix` add its import hook",
    ]


def _printable(text: str) -> str:
    """Return a text that stays within its one line of comment."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)
