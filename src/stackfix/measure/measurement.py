"""Measurement: the values that are read of one wheel, and for each field how; and readings that several share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from stackfix.measure import fatbin
from stackfix.measure.library import known_as

# PTX ISA -> the toolkit that writes it: NVIDIA, PTX ISA, "Release Notes"; 8.5 is written by 12.5 and 12.6. From 9.2
# on, measured: the compiler in nvidia-cuda-nvrtc 13.3.33 knows `ptx92`, 13.4.92 `ptx94`, 13.5.37 `ptx95`.
PTX_TOOLKIT = {
    "7.0": "11.0", "7.1": "11.1", "7.2": "11.2", "7.3": "11.3", "7.4": "11.4", "7.5": "11.5", "7.6": "11.6",
    "7.7": "11.7", "7.8": "11.8", "8.0": "12.0", "8.1": "12.1", "8.2": "12.2", "8.3": "12.3", "8.4": "12.4",
    "8.5": "12.5", "8.7": "12.8", "8.8": "12.9", "9.0": "13.0", "9.1": "13.1", "9.2": "13.2", "9.3": "13.3",
    "9.4": "13.4", "9.5": "13.5",
}  # fmt: skip

NUMPY_2_MARK = b"numpy._core"
NUMPY_MARK = b"numpy.core"

_INTERPRETER = re.compile(r"python3\d*t?\.dll")
_MAJOR_OF = re.compile(
    r"lib(?:cublas|cublasLt|cudart|nvrtc|nvJitLink)\.so\.(\d+)(?:\.0)?"
    r"|(?:cublas|cublaslt|cudart|nvrtc|nvjitlink)(?:64)?_(\d\d)\d?(?:_0)?\.dll"
)


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
    """Return the library names that a wheel does not carry itself; the interpreter's own library is left out."""
    return tuple(sorted(name for name in set(names) - own if not _INTERPRETER.fullmatch(name)))


def base_names(names: Iterable[str]) -> set[str]:
    """Return the names by which a wheel's own libraries are known."""
    return {known_as(name) for name in names}


def cuda_major(names: Iterable[str]) -> int:
    """Return the CUDA major that `libcublas.so.12` or `cublas64_12.dll` tells, 0 where names tell none or several."""
    majors = {int(match[1] or match[2]) for name in names if (match := _MAJOR_OF.fullmatch(name))}
    return majors.pop() if len(majors) == 1 else 0


def code_rows(
    counted: Counter[fatbin.Images],
) -> tuple[tuple[tuple[str, ...], Mapping[str, str], int], ...]:
    """Return how many containers carry which cubins and which PTX by which toolkit, the most frequent first."""
    rows = [
        (cubins, {architecture: PTX_TOOLKIT.get(isa, "") for architecture, isa in ptx}, count)
        for (cubins, ptx), count in counted.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row[2], row[0], sorted(row[1]))))
