"""Where the two networks come from: the stand-ins that ship with stackfix, or a folder of the user's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from stackfix.errors import DataError, QuestionError

DETECTOR = "yolox_l.onnx"
POSE = "dw-ll_ucoco_384.onnx"
STANDIN = "standin"
TWIN = "twin"
_HEAD = 512
_LENGTH_DELIMITED = 2
_GRAPH = 7
# field number -> wire type of onnx.ModelProto, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
_MODEL_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}


@dataclass(frozen=True, slots=True)
class Weights:
    """Two networks; for stand-ins also the picture and the truth about it, for others both are None."""

    detector: Path
    pose: Path
    scene: Path
    truth: Path | None
    name: str


def standins(data: Path) -> Weights:
    """Return the stand-ins of the data folder `data`; their answer is known."""
    folder = data / "standins"
    files = (folder / DETECTOR, folder / POSE, folder / "scene.png", folder / "truth.json")
    for file in files:
        if not file.is_file():
            raise DataError(str(file), "", "is missing from this installation")
    return Weights(files[0], files[1], files[2], files[3], STANDIN)


def twins(data: Path) -> Weights:
    """Return networks as large as the real ones, with random weights; the worker writes them in its own folder."""
    return Weights(Path(DETECTOR), Path(POSE), standins(data).scene, None, TWIN)


def from_folder(folder: Path, data: Path) -> Weights:
    """Return the networks of a folder; QuestionError names the file that is missing or none of ONNX's."""
    if not folder.is_dir():
        raise QuestionError(f"{folder}: there is no such folder of networks")
    missing = [name for name in (DETECTOR, POSE) if not (folder / name).is_file()]
    if missing:
        raise QuestionError(
            f"{folder}: {' and '.join(f'`{name}`' for name in missing)} missing",
            hint="put both files of DWPose there",
        )
    for name in (DETECTOR, POSE):
        refuse_what_is_no_network(folder / name)
    return Weights(folder / DETECTOR, folder / POSE, standins(data).scene, None, str(folder))


def refuse_what_is_no_network(path: Path) -> None:
    """Raise QuestionError if a file is an LFS pointer, a web page, cut short, or anything but an ONNX model."""
    hint = "download it again, and compare its sha256"
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
            start = head.lstrip().lower()
            if not head:
                raise QuestionError(f"{path}: the file is empty", hint=hint)
            if start.startswith(b"version https://git-lfs"):
                raise QuestionError(
                    f"{path}: is a pointer of Git LFS, not the network itself",
                    hint="run `git lfs pull` in the repository it came from",
                )
            if start.startswith((b"<!doctype", b"<html", b"<?xml")):
                raise QuestionError(f"{path}: is a web page, not a network", hint=hint)
            if start.startswith((b"{", b"<")):
                raise QuestionError(f"{path}: is text, not a network", hint=hint)
            stream.seek(0)
            reason = _broken(stream, size)
    except OSError as error:
        raise QuestionError(f"{path}: can't be read: {error.strerror or error}") from error
    if reason:
        raise QuestionError(f"{path}: {reason}", hint=hint)


def _broken(stream: BinaryIO, size: int) -> str:
    """Return why the top level of these bytes is no ONNX model, "" if it is one; reads only the field heads."""
    place = 0
    graph = False
    while place < size:
        tag, place = _number(stream, place)
        field, wire = tag >> 3, tag & 7
        if _MODEL_FIELDS.get(field) != wire:
            return f"is not an ONNX model (at byte {place})" if place <= size else _short(size)
        length, place = _number(stream, place)
        if wire == _LENGTH_DELIMITED:
            if place + length > size:
                return f"is cut short: byte {place + length} is needed, {size} are there"
            graph = graph or field == _GRAPH
            place += length
            stream.seek(place)
        if place > size:
            return _short(size)
    return "" if graph else "is not an ONNX model: it holds no graph"


def _short(size: int) -> str:
    return f"is cut short at byte {size}"


def _number(stream: BinaryIO, place: int) -> tuple[int, int]:
    """Return the variable-length number at a place, and the place after it."""
    value = shift = 0
    while shift < 70:
        byte = stream.read(1)
        place += 1
        if not byte:
            return 0, place
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            break
        shift += 7
    return value, place
