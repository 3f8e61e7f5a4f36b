"""The version kinds of a CUDA stack, each its own type: 580.65.06 is never 13.0.

Package versions are `packaging.version.Version`; they are not repeated here.
"""

from __future__ import annotations

import re

from msgspec import Struct

from stackfix.errors import QuestionError

_DRIVER = re.compile(r"\d{3,4}(\.\d{1,4}){0,3}")
_TWO_PARTS = re.compile(r"(\d{1,3})\.(\d{1,3})(\.\d+)*")
_CAPABILITY = re.compile(r"(\d{1,2})\.(\d)")
_SM = re.compile(r"(?:sm_|compute_)(\d{1,2})(\d)([af]?)", re.IGNORECASE)


def canonical_name(name: str) -> str:
    """Return a package name as indexes compare it (PEP 503).

    `packaging.utils` has the same function, and imports 12 ms of what a resolve does not need.
    """
    return re.sub(r"[-_.]+", "-", name).lower()


class DriverVersion(Struct, frozen=True):
    """NVIDIA driver release such as 535.104.05; compared number by number."""

    parts: tuple[int, ...]
    text: str

    @classmethod
    def parse(cls, text: str) -> DriverVersion:
        """Return the release named by `text`, or raise QuestionError naming what is wrong."""
        stripped = text.strip()
        if not _DRIVER.fullmatch(stripped):
            raise QuestionError(
                f"`{text}` is not an NVIDIA driver release",
                hint="drivers look like `580.95.05`; `nvidia-smi` prints yours",
            )
        return cls(tuple(int(part) for part in stripped.split(".")), stripped)

    @property
    def branch(self) -> int:
        """First number of the release: 535 for 535.104.05."""
        return self.parts[0]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DriverVersion) and _stripped(self.parts) == _stripped(other.parts)

    def __lt__(self, other: DriverVersion) -> bool:
        return _stripped(self.parts) < _stripped(other.parts)

    def __le__(self, other: DriverVersion) -> bool:
        return _stripped(self.parts) <= _stripped(other.parts)

    def __gt__(self, other: DriverVersion) -> bool:
        return _stripped(self.parts) > _stripped(other.parts)

    def __ge__(self, other: DriverVersion) -> bool:
        return _stripped(self.parts) >= _stripped(other.parts)

    def __hash__(self) -> int:
        return hash(_stripped(self.parts))

    def __str__(self) -> str:
        return self.text


def _stripped(parts: tuple[int, ...]) -> tuple[int, ...]:
    end = len(parts)
    while end > 1 and parts[end - 1] == 0:
        end -= 1
    return parts[:end]


class CudaVersion(Struct, frozen=True, order=True):
    """CUDA toolkit or driver API version, major and minor: 12.8."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> CudaVersion:
        """Return major and minor of `text` ("12.8", "12.8.1"), or raise QuestionError."""
        match = _TWO_PARTS.fullmatch(text.strip())
        if not match:
            raise QuestionError(f"`{text}` is not a CUDA version", hint="CUDA versions look like `12.8`")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def from_driver_api(cls, number: int) -> CudaVersion:
        """Return the version that cuDriverGetVersion and NVML encode as 1000·major + 10·minor."""
        return cls(number // 1000, number % 1000 // 10)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


class ComputeCapability(Struct, frozen=True, order=True):
    """Compute capability of a GPU: 8.9."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> ComputeCapability:
        """Return the capability of `8.9`, `sm_89` or `compute_89`, or raise QuestionError."""
        stripped = text.strip()
        match = _CAPABILITY.fullmatch(stripped) or _SM.fullmatch(stripped)
        if not match:
            raise QuestionError(
                f"`{text}` is not a compute capability", hint="capabilities look like `sm_89` or `8.9`"
            )
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    @property
    def sm(self) -> str:
        """Architecture name as the compiler writes it: sm_89."""
        return f"sm_{self.major}{self.minor}"


class PythonVersion(Struct, frozen=True, order=True):
    """Python's major and minor (a wheel's tag), with the patch when an interpreter told it."""

    major: int
    minor: int
    patch: int | None = None

    @classmethod
    def parse(cls, text: str) -> PythonVersion:
        """Return the version of "3.12" or "3.12.1", or raise QuestionError."""
        match = re.fullmatch(r"(\d)\.(\d{1,2})(?:\.(\d{1,3})\S*)?", text.strip())
        if not match:
            raise QuestionError(f"`{text}` is not a Python version", hint="Python versions look like `3.12`")
        return cls(int(match[1]), int(match[2]), int(match[3]) if match[3] else None)

    @property
    def minor_version(self) -> str:
        """Major and minor, as tags and markers compare them: 3.12."""
        return f"{self.major}.{self.minor}"

    def __str__(self) -> str:
        return self.minor_version if self.patch is None else f"{self.minor_version}.{self.patch}"
