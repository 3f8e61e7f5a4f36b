"""Measurement: the values that are read of one wheel, and for each field how; and readings that several share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from stackfix.measure import elf
from stackfix.measure.archive import Archive
from stackfix.measure.reader import Reader

HEADS = (1 << 15, 1 << 18, 1 << 22)
NUMPY_2_MARK = b"numpy._core"
NUMPY_MARK = b"numpy.core"

_MAJOR_OF = re.compile(r"lib(?:cublas|cublasLt|cudart|nvrtc|nvJitLink)\.so\.(\d+)(?:\.0)?")


@dataclass(slots=True)
class Measurement:
    """What was measured. Shapes as in `model.wheel.Wheel`, versions as text; `how` by field."""

    requires_dist: tuple[str, ...] = ()
    requires_python: str = ""
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    opens: dict[str, tuple[str, ...]] = field(default_factory=dict)
    provides: dict[str, str] = field(default_factory=dict)
    cuda: str = ""
    cuda_major: int = 0
    code: tuple[tuple[tuple[str, ...], Mapping[str, str], int], ...] = ()
    owns: tuple[str, ...] = ()
    numpy_abi: tuple[int, ...] = ()
    how: dict[str, str] = field(default_factory=dict)


def numpy_abi(data: bytes) -> tuple[int, ...]:
    """Return the numpy majors that an extension module loads under.

    numpy 2's headers (and pybind11 from 2.12) import `numpy._core` and fall back to `numpy.core`, so they
    serve both; older ones know `numpy.core` alone. Neither name: it does not use numpy's C interface.
    """
    if NUMPY_2_MARK in data:
        return (1, 2)
    return (1,) if NUMPY_MARK in data else ()


def foreign(names: Iterable[str], own: set[str]) -> tuple[str, ...]:
    """Return the library names that a wheel does not carry itself."""
    return tuple(sorted(set(names) - own))


def base_names(names: Iterable[str]) -> set[str]:
    """Return the file names of paths."""
    return {name.rpartition("/")[2] for name in names}


def cuda_major(names: Iterable[str]) -> int:
    """Return the CUDA major that sonames such as `libcublas.so.12` tell, 0 where they tell none or several."""
    majors = {int(match[1]) for name in names if (match := _MAJOR_OF.fullmatch(name))}
    return majors.pop() if len(majors) == 1 else 0


def library_names(archive: Archive, large: Archive | None, path: str) -> tuple[str, tuple[str, ...] | None]:
    """Return soname and needed libraries of a member; needed is None where they could not be reached.

    Its head tells them where the string table stands there, which is a kilobyte to 4 MiB; otherwise it is
    inflated from `large`, or left unread where there is none.
    """
    library = path.rpartition("/")[2]
    for length in HEADS:
        names = elf.names_in_head(archive.head(path, length), library)
        if names is not None:
            return library, names
    if large is None:
        return "", None
    with large.spooled(path) as opened:
        dynamic = elf.dynamic(opened)
    return dynamic.soname, dynamic.needed


def section_bytes(reader: Reader, name: str) -> bytes:
    """Return the bytes of a named section of a library, empty where it has none."""
    found = elf.section(reader, name)
    return reader.read(*found) if found is not None else b""
