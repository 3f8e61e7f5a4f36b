"""The files of rows: which there are, and each line as a row and as a model value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from packaging.version import InvalidVersion, Version

from stackfix.errors import DataError, QuestionError
from stackfix.facts.rows import CodeRow, WheelRow
from stackfix.model.evidence import Source
from stackfix.model.machine import PLATFORMS
from stackfix.model.wheel import DeviceCode, Wheel, WheelFile
from stackfix.versions import CudaVersion

ANY = "any"
FOLDERS = (*PLATFORMS, ANY)


def row_files(folder: Path | None) -> list[Path]:
    """Return the files with rows under a data folder or an overlay, by platform and package."""
    if folder is None:
        return []
    wheels = folder / "wheels" if (folder / "wheels").is_dir() else folder
    return sorted(path for platform in FOLDERS for path in (wheels / platform).glob("*.jsonl"))


def read_file(path: Path) -> bytes:
    """Return the bytes of a file of rows; DataError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path.parent.name}/{path.name}", "", f"cannot be read: {error.strerror}") from error


def read_part(path: Path, start: int, length: int) -> bytes:
    """Return bytes of a file of the facts; DataError where it cannot be read."""
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(start)
            return file.read(length) or b""
    except OSError as error:
        raise DataError(f"{path.parent.name}/{path.name}", "", f"cannot be read: {error.strerror}") from error


def size_of(path: Path) -> int:
    """Return the bytes of a file of rows; DataError where it cannot be read."""
    try:
        return path.stat().st_size
    except OSError as error:
        raise DataError(f"{path.parent.name}/{path.name}", "", f"cannot be read: {error.strerror}") from error


def read_rows(path: Path) -> list[WheelRow]:
    """Return the rows of one file; DataError with file and line for anything that is not rows."""
    data = read_file(path)
    decoder = msgspec.json.Decoder(WheelRow)
    try:
        return decoder.decode_lines(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        number, reason = next(_broken_lines(data, decoder))
        raise DataError(f"{path.parent.name}/{path.name}", f"line {number}", reason) from None


def of_overlay(error: DataError, overlay: Path) -> DataError:
    """Return what is wrong with a file of an overlay: with its whole path, for its user can mend it."""
    return DataError(
        str(overlay / error.file),
        error.place,
        error.reason,
        hint="delete that file: it holds only what was measured here; `stackfix facts measure` writes it anew",
    )


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


def code_of(rows: Iterable[CodeRow]) -> tuple[DeviceCode, ...]:
    """Return what rows say of code for GPUs as model values."""
    return tuple(
        DeviceCode(
            cubins=frozenset(each.cubins),
            ptx={name: CudaVersion.parse(cuda) if cuda else None for name, cuda in each.ptx.items()},
            count=each.count,
        )
        for each in rows
    )


def wheel_of(row: WheelRow, file: str, line: int) -> Wheel:
    """Return a row as a model value; DataError for one that says what cannot be (`line` 0: not known)."""
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
            code=code_of(row.code),
            owns=frozenset(row.owns),
            numpy_abi=frozenset(row.numpy_abi),
            onnx_opset=row.onnx_opset or None,
            onnx_ir=row.onnx_ir or None,
            evidence=Source(method=row.evidence, where=row.files[-1].name, seen=row.seen),
            disagrees=row.disagrees,
        )
    except (InvalidVersion, QuestionError, ValueError) as error:
        place = f"{row.package} {row.version}"
        raise DataError(file, f"line {line} ({place})" if line else place, str(error)) from error
