"""The hand-written facts, read fast: prepared JSON when it was made from the TOML that is there, else the TOML.

Reading the TOML takes about 60 ms, the JSON 1 ms. The JSON carries a digest of the TOML files, so it can never
speak for facts that have changed since.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from stackfix.errors import DataError, QuestionError
from stackfix.facts.hardware_rows import Cudnn, Drivers, Gpus, Libraries, Packages, Pairs, Prepared, Speed
from stackfix.versions import ComputeCapability, CudaVersion, DriverVersion

PREPARED = "prepared.json"
_FILES: dict[str, type[msgspec.Struct]] = {
    "drivers": Drivers,
    "gpus": Gpus,
    "cudnn": Cudnn,
    "pairs": Pairs,
    "libraries": Libraries,
    "packages": Packages,
    "speed": Speed,
}

T = TypeVar("T", bound=msgspec.Struct)


def parse_toml(text: str) -> dict[str, Any]:
    """Return a TOML document; raises the parser's ValueError."""
    name = "tomllib" if sys.version_info >= (3, 11) else "tomli"
    document: dict[str, Any] = import_module(name).loads(text)  # 10 ms that most runs do not need
    return document


def read_toml(path: Path, kind: type[T]) -> T:
    """Return a TOML file as rows of a kind; DataError with file and key for anything else."""
    try:
        return msgspec.convert(parse_toml(path.read_text(encoding="utf-8")), type=kind)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(path.name, "", f"cannot be read: {error}") from error
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `")
        raise DataError(path.name, place.rstrip("`").removeprefix("$."), message) from error
    except ValueError as error:
        raise DataError(path.name, "", f"not TOML: {error}") from error


def digest(root: Path) -> str:
    """Return a digest of the TOML files' bytes; DataError for one that cannot be read.

    It notices a change and guards against nobody, so a checksum serves: hashlib costs 3 ms at import.
    """
    return " ".join(digest_of(root / f"{name}.toml") for name in _FILES)


def digest_of(path: Path) -> str:
    """Return a digest of one file's bytes; DataError where it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(path.name, "", f"cannot be read: {error.strerror}") from error
    return f"{len(data)}:{zlib.crc32(data):08x}"


def load(root: Path) -> Prepared:
    """Return all hand-written facts."""
    now = digest(root)
    try:
        prepared = msgspec.json.decode((root / PREPARED).read_bytes(), type=Prepared)
    except (OSError, msgspec.DecodeError):
        return prepare(root)
    return prepared if prepared.digest == now else prepare(root)


def prepare(root: Path) -> Prepared:
    """Return all hand-written facts, read from the TOML files themselves."""
    parts: dict[str, Any] = {name: read_toml(root / f"{name}.toml", kind) for name, kind in _FILES.items()}
    prepared = Prepared(digest=digest(root), **parts)
    for file, place, read, text in _versions(prepared):
        try:
            read(text)
        except QuestionError as error:  # noqa: PERF203 - a broken file ends here
            raise DataError(file, place, error.message) from error
    return prepared


def _versions(prepared: Prepared) -> Iterator[tuple[str, str, Callable[[str], object], str]]:
    """Yield file, place, reader and text of every version in the hand-written facts."""
    rows: tuple[tuple[str, str, tuple[msgspec.Struct, ...]], ...] = (
        ("drivers.toml", "floor", prepared.drivers.floor),
        ("drivers.toml", "release", prepared.drivers.release),
        ("drivers.toml", "minor", prepared.drivers.minor),
        ("drivers.toml", "branch", prepared.drivers.branch),
        ("gpus.toml", "capability", prepared.gpus.capability),
        ("gpus.toml", "gpu", prepared.gpus.gpu),
        ("cudnn.toml", "rule", prepared.cudnn.rule),
    )
    readers: dict[str, Callable[[str], object]] = {
        "linux": DriverVersion.parse,
        "windows": DriverVersion.parse,
        "cuda": CudaVersion.parse,
        "max_cuda": CudaVersion.parse,
        "first_cuda": CudaVersion.parse,
        "last_cuda": CudaVersion.parse,
        "capability": ComputeCapability.parse,
        "min_capability": ComputeCapability.parse,
    }
    for file, kind, each in rows:
        for number, row in enumerate(each):
            for field, read in readers.items():
                text = getattr(row, field, "")
                if text:
                    yield file, f"{kind}[{number}].{field}", read, text


def encoded(prepared: Prepared) -> bytes:
    """Return the bytes of the prepared file."""
    return msgspec.json.encode(prepared) + b"\n"
