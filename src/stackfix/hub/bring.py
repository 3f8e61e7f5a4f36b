"""Bring: a model file that somebody has, put into the cache after every byte of it was checked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from stackfix.errors import QuestionError
from stackfix.hub.cache import Place, what_is_wrong, writing
from stackfix.hub.fetch import check_room
from stackfix.measure.onnx_model import NotAModelError, read_onnx
from stackfix.meter import Listener


def place_of(file: Path, places: Sequence[Place]) -> Place:
    """Return the place of the model that a file is; QuestionError says what it is instead.

    A file is known by its size and sha256, whatever its name. One that is none of the models is held against the
    model of its name, or of its size, to say what is wrong with it.
    """
    try:
        if file.is_dir():
            raise QuestionError(f"{file}: is a folder", hint="name the files in it that are models")
        if not file.is_file():
            there = os.path.lexists(file)
            said = "is no file with bytes to copy: a device, a pipe or a link to nothing"
            raise QuestionError(f"{file}: {said if there else 'there is no such file'}")
        size = file.stat().st_size
        by_size = [place for place in places if place.model.bytes == size]
        for place in by_size:
            if not what_is_wrong(file, place.model):
                return place
        named = [place for place in places if file.name.startswith(place.model.file)]
        meant = named or by_size
        if meant:
            model = meant[0].model
            raise QuestionError(
                f"{file}: it is {what_is_wrong(file, model)}",
                hint=f"`{model.file}` has {model.bytes:,} bytes and the sha256 {model.sha256}",
            )
    except OSError as error:
        raise QuestionError(f"{file}: can't be read: {error.strerror or error}") from error
    known = ", ".join(f"`{place.model.file}` ({place.model.bytes:,} bytes)" for place in places)
    raise QuestionError(
        f"{file}: it is no model of a recipe, {size:,} bytes: {_described(file)}", hint=f"models: {known}"
    )


def _described(file: Path) -> str:
    try:
        return f"another network, which {read_onnx(file)}"
    except NotAModelError as error:
        return f"it {error.message}"
    except OSError as error:
        return f"it can't be read: {error.strerror or error}"


def bring(file: Path, place: Place, listener: Listener) -> Path:
    """Copy a file into the cache, check the copy, and give it its name; return where it lies."""
    with place.alone(listener):
        if place.kept().here:
            return place.path
        with writing(place.folder):
            place.part.unlink(missing_ok=True)
            place.origin.unlink(missing_ok=True)
        check_room(place)
        try:
            with writing(place.folder):
                _copy(file, place.part)
                why = what_is_wrong(place.part, place.model)
            if why:
                raise QuestionError(f"{file}: it changed while it was copied: it is {why}")
            place.settle()
        finally:
            place.part.unlink(missing_ok=True)
    return place.path


def _copy(file: Path, part: Path) -> None:
    """Copy the bytes; on Linux the kernel does it, and shares them where the file system can."""
    with file.open("rb") as source, part.open("wb") as target:
        if hasattr(os, "copy_file_range"):
            left = os.fstat(source.fileno()).st_size
            try:
                while left > 0 and (
                    count := os.copy_file_range(source.fileno(), target.fileno(), min(left, 1 << 28))
                ):
                    left -= count
            except OSError:  # other file systems, old kernels: begin again below
                source.seek(0)
                target.seek(0)
                target.truncate()
            else:
                return
        shutil.copyfileobj(source, target, 1 << 20)
