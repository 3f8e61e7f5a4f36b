"""The database as the rules ask it: reads the packages that a question touches, and no others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import msgspec
from packaging.version import InvalidVersion, Version

from stackfix.errors import DataError, QuestionError
from stackfix.facts import prepared
from stackfix.facts.hardware import Hardware, Libraries
from stackfix.facts.hardware_rows import Gpus, Prepared
from stackfix.facts.rows import WheelRow
from stackfix.model.evidence import Source
from stackfix.model.wheel import DeviceCode, Wheel, WheelFile
from stackfix.versions import CudaVersion

INDEX = "index.json"


class WheelIndex(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which packages provide a soname or own a folder, and the newest date on which a row was measured."""

    seen: str
    providers: dict[str, tuple[str, ...]]
    owners: dict[str, tuple[str, ...]]
    majors: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Database:
    """The facts under one data folder."""

    root: Path
    _wheels: dict[str, tuple[Wheel, ...]] = field(default_factory=dict)

    @cached_property
    def _prepared(self) -> Prepared:
        return prepared.load(self.root)

    @cached_property
    def hardware(self) -> Hardware:
        """Drivers, GPUs and cuDNN."""
        return Hardware(self._prepared)

    @property
    def gpu_rows(self) -> Gpus:
        """The GPU names and capabilities as they stand in gpus.toml."""
        return self._prepared.gpus

    @cached_property
    def libraries(self) -> Libraries:
        """What the system and the driver provide, and which opened libraries matter."""
        return Libraries(self._prepared)

    @cached_property
    def _index(self) -> WheelIndex:
        path = self.root / "wheels" / INDEX
        try:
            return msgspec.json.decode(path.read_bytes(), type=WheelIndex)
        except OSError as error:
            raise DataError(path.name, "", f"cannot be read: {error.strerror}") from error
        except msgspec.DecodeError as error:
            raise DataError(path.name, "", str(error)) from error

    @property
    def date(self) -> str:
        """The newest date on which a wheel was measured (ISO)."""
        return self._index.seen

    def providers(self, soname: str) -> Sequence[str]:
        """Return the packages whose rows provide a soname."""
        return self._index.providers.get(soname, ())

    def owners(self, folder: str) -> Sequence[str]:
        """Return the packages whose rows fill an import folder."""
        return self._index.owners.get(folder, ())

    def majors(self, package: str) -> Sequence[int]:
        """Return the CUDA majors that a package's rows are built for."""
        return self._index.majors.get(package, (0,))

    def packages(self) -> list[str]:
        """Return every package that has rows."""
        return sorted(path.stem for path in (self.root / "wheels").glob("*.jsonl"))

    def wheels(self, package: str) -> Sequence[Wheel]:
        """Return the rows of a package, newest first; DataError with file and line for a broken one."""
        found = self._wheels.get(package)
        if found is None:
            found = self._wheels[package] = self._load(package)
        return found

    def _load(self, package: str) -> tuple[Wheel, ...]:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", package):
            return ()
        path = self.root / "wheels" / f"{package}.jsonl"
        if not path.is_file():
            return ()
        wheels = [_wheel(row, path.name, number) for number, row in enumerate(read_rows(path), start=1)]
        return tuple(sorted(wheels, key=lambda wheel: wheel.version, reverse=True))


def read_rows(path: Path) -> list[WheelRow]:
    """Return the rows of one file; DataError with file and line for anything that is not rows."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(path.name, "", f"cannot be read: {error.strerror}") from error
    decoder = msgspec.json.Decoder(WheelRow)
    try:
        return decoder.decode_lines(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        number, reason = next(_broken_lines(data, decoder))
        raise DataError(path.name, f"line {number}", reason) from None


def _broken_lines(data: bytes, decoder: msgspec.json.Decoder[WheelRow]) -> Iterator[tuple[int, str]]:
    """Yield number and reason of each line that is no row."""
    for number, line in enumerate(data.splitlines(), start=1):
        reason = ""
        try:
            decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            reason = str(error)
        if reason:
            yield number, reason


def _wheel(row: WheelRow, file: str, line: int) -> Wheel:
    """Return a row as a model value; DataError for one that says what cannot be."""
    try:
        if not row.files:
            raise ValueError("no files")  # noqa: TRY301 - one place says file and line
        version = Version(row.version)
        return Wheel(
            package=row.package,
            version=version,
            key=str(version),
            source=row.source,
            platform=row.platform,
            files=tuple(
                WheelFile(
                    name=each.name,
                    size=each.size,
                    sha256=each.sha256,
                    requires_python=each.requires_python,
                    uploaded=each.uploaded,
                )
                for each in row.files
            ),
            requires_dist=row.requires_dist,
            needs={feature: frozenset(names) for feature, names in row.needs.items()},
            opens={feature: frozenset(names) for feature, names in row.opens.items()},
            provides=row.provides,
            cuda=tuple(CudaVersion.parse(each) for each in row.cuda),
            cuda_major=row.cuda_major,
            code=tuple(
                DeviceCode(
                    cubins=frozenset(each.cubins),
                    ptx={name: CudaVersion.parse(cuda) if cuda else None for name, cuda in each.ptx.items()},
                    count=each.count,
                )
                for each in row.code
            ),
            owns=frozenset(row.owns),
            numpy_abi=frozenset(row.numpy_abi),
            onnx_opset=row.onnx_opset or None,
            onnx_ir=row.onnx_ir or None,
            evidence=Source(method=row.evidence, where=row.files[-1].name, seen=row.seen),
        )
    except (InvalidVersion, QuestionError, ValueError) as error:
        raise DataError(file, f"line {line} ({row.package} {row.version})", str(error)) from error


def index_of(root: Path) -> WheelIndex:
    """Return the index of all rows under a data folder, worked out from the rows themselves."""
    providers: dict[str, set[str]] = {}
    owners: dict[str, set[str]] = {}
    majors: dict[str, set[int]] = {}
    seen = ""
    for path in sorted((root / "wheels").glob("*.jsonl")):
        for row in read_rows(path):
            seen = max(seen, row.seen)
            if row.provides:
                majors.setdefault(row.package, set()).add(row.cuda_major)
            for soname in row.provides:
                providers.setdefault(soname, set()).add(row.package)
            for folder in row.owns:
                owners.setdefault(folder, set()).add(row.package)
    return WheelIndex(
        seen=seen,
        providers={soname: tuple(sorted(names)) for soname, names in sorted(providers.items())},
        owners={folder: tuple(sorted(names)) for folder, names in sorted(owners.items())},
        majors={package: tuple(sorted(found)) for package, found in sorted(majors.items())},
    )
