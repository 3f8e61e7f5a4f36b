"""Files as one stream cut into parts of at most 52 MiB, and put together again, checked by size and sha256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

LIST = "parts.json"
# where 64 MiB travel at a time, a part goes with this checkout, which has 8
LARGEST = 52 * 1024 * 1024
_BLOCK = 1 << 20


class PartError(Exception):
    """A part or a file is missing or is not the one that was packed."""


def split(files: Sequence[Path], folder: Path, largest: int = LARGEST, **more: Any) -> dict[str, Any]:
    """Write files as parts into a folder, and the list of both; return the list."""
    folder.mkdir(parents=True, exist_ok=True)
    listed: dict[str, Any] = {"files": [], "parts": [], **more}
    room, out = 0, None
    for file in files:
        digest = hashlib.sha256()
        with file.open("rb") as stream:
            while block := stream.read(min(_BLOCK, room or _BLOCK)):
                digest.update(block)
                while block:
                    if not room:
                        out = _next(folder, listed, out)
                        room = largest
                    taken, block = block[:room], block[room:]
                    out.write(taken)
                    room -= len(taken)
        listed["files"].append(
            {"name": file.name, "bytes": file.stat().st_size, "sha256": digest.hexdigest()}
        )
    if out is not None:
        out.close()
    for part in listed["parts"]:
        path = folder / part["name"]
        part.update(bytes=path.stat().st_size, sha256=sha256_of(path))
    (folder / LIST).write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")
    return listed


def _next(folder: Path, listed: dict[str, Any], last: BinaryIO | None) -> BinaryIO:
    if last is not None:
        last.close()
    name = f"part-{len(listed['parts']):03}"
    listed["parts"].append({"name": name})
    return (folder / name).open("wb")


def join(folder: Path, target: Path, *, consume: bool = False) -> dict[str, Any]:
    """Write the files of a folder's parts into another; PartError names what is missing or was changed.

    With `consume` each part is removed once it is read, so that the disk need not hold everything twice.
    """
    listed = read_list(folder)
    left = lacking(folder)
    if left:
        raise PartError(f"{len(left)} parts are lacking or were changed: {', '.join(left[:5])}")
    target.mkdir(parents=True, exist_ok=True)
    stream = _stream(folder, listed, consume=consume)
    held = b""
    for file in listed["files"]:
        name = str(file["name"])
        if PurePosixPath(name).name != name or name in ("", ".", "..") or "\\" in name:
            raise PartError(f"`{name}` is not a file name")
        digest = hashlib.sha256()
        left_over = int(file["bytes"])
        with (target / name).open("wb") as out:
            while left_over:
                if not held:
                    held = next(stream, b"")
                    if not held:
                        raise PartError(f"the parts end within {name}")
                taken, held = held[:left_over], held[left_over:]
                digest.update(taken)
                out.write(taken)
                left_over -= len(taken)
        if digest.hexdigest() != file["sha256"]:
            raise PartError(f"{name} has another sha256 than when it was packed")
    if held or next(stream, b""):
        raise PartError("the parts hold more than the files")
    return listed


def joined(folder: Path, target: Path) -> dict[str, Any] | None:
    """Return the list if all its files are in the other folder already, as they were packed."""
    listed = read_list(folder)
    whole = all(
        (target / file["name"]).is_file() and sha256_of(target / file["name"]) == file["sha256"]
        for file in listed["files"]
    )
    return listed if whole else None


def read_list(folder: Path) -> dict[str, Any]:
    """Return the list of parts and files."""
    try:
        listed = json.loads((folder / LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PartError(f"{folder / LIST}: {error}") from error
    if not isinstance(listed, dict):
        raise PartError(f"{folder / LIST}: is no list of parts")
    return listed


def lacking(folder: Path) -> list[str]:
    """Return the names of parts that are not there, or not as they were packed."""
    return [part["name"] for part in read_list(folder)["parts"] if not is_whole(folder, part)]


def is_whole(folder: Path, part: dict[str, Any]) -> bool:
    """Whether a part is there as it was packed."""
    return _is_long(folder, part) and sha256_of(folder / part["name"]) == part["sha256"]


def received(folder: Path, name: str) -> list[str]:
    """Return what lacks once a part has come, which alone is read: all of them each time would take hours."""
    return [
        part["name"]
        for part in read_list(folder)["parts"]
        if not (is_whole if part["name"] == name else _is_long)(folder, part)
    ]


def _is_long(folder: Path, part: dict[str, Any]) -> bool:
    path = folder / part["name"]
    return path.is_file() and path.stat().st_size == part["bytes"]


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _stream(folder: Path, listed: dict[str, Any], *, consume: bool) -> Iterator[bytes]:
    for part in listed["parts"]:
        path = folder / part["name"]
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                yield block
        if consume:
            path.unlink()
