"""The cache: one folder for all environments, in it a folder for each recipe with its models under their own names.

So that folder can be given to anything that wants DWPose's two files side by side. A file gets its name only when
its size and sha256 are the recipe's; what is on its way lies beside it as `.NAME.part`.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from stackfix.errors import AnswerError, DataError, DiskError
from stackfix.measure.onnx_model import HEAD, NotAModelError, read_onnx, what_instead
from stackfix.meter import Listener
from stackfix.model.kept import KeptModel, State
from stackfix.model.recipe import Model

VARIABLE = "STACKFIX_MODELS"
_BLOCK = 1 << 20
_WAIT_SECONDS = 900


def models_folder(variables: Mapping[str, str]) -> Path:
    """Return where models lie, there or not: STACKFIX_MODELS, else `models` in the user's cache folder."""
    named = variables.get(VARIABLE, "").strip()
    if named:
        return Path(named).expanduser().absolute()
    from platformdirs import user_cache_path  # noqa: PLC0415 - 6 ms that only this question needs

    return user_cache_path("stackfix", appauthor=False) / "models"


class Place:
    """Where one model of a recipe lies, and what lies beside it on its way there."""

    def __init__(self, folder: Path, recipe: str, model: Model) -> None:
        """Name the place; nothing is read or made."""
        if not model.file or Path(model.file).name != model.file or model.file.startswith("."):
            raise DataError(f"{recipe}.toml", "model", f"`{model.file}` is not a plain file name")
        self.recipe = recipe
        self.model = model
        self.folder = folder / recipe
        self.path = self.folder / model.file
        self.part = self.folder / f".{model.file}.part"
        self.origin = self.folder / f".{model.file}.origin"

    def kept(self) -> KeptModel:
        """Return what is there, with every byte of it read."""
        try:
            if self.path.is_file():
                why = what_is_wrong(self.path, self.model)
                return self._as("damaged" if why else "here", self.path.stat().st_size, why)
            if self.part.is_file() and (size := self.part.stat().st_size):
                return self._as("partial", size, "")
        except OSError as error:
            return self._as("damaged", 0, f"can't be read: {error.strerror or error}")
        return self._as("missing", 0, "")

    def rest(self) -> int:
        """Return how many bytes are still to come."""
        there = self.part.stat().st_size if self.part.is_file() else 0
        return max(0, self.model.bytes - there)

    def _as(self, state: State, present: int, why: str) -> KeptModel:
        return KeptModel(
            recipe=self.recipe,
            model=self.model,
            state=state,
            path=str(self.path),
            present=present,
            why=why,
        )

    @contextmanager
    def alone(self, listener: Listener) -> Iterator[None]:
        """Hold the place against a second stackfix; the second waits, and says so."""
        from filelock import FileLock, Timeout  # noqa: PLC0415 - only writing waits for anybody

        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / f".{self.model.file}.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                listener.stage(f"another stackfix is fetching `{self.model.file}`; waiting for it")
                try:
                    lock.acquire(timeout=_WAIT_SECONDS)
                except Timeout as error:
                    raise AnswerError(
                        f"another stackfix has been fetching `{self.model.file}` for {_WAIT_SECONDS // 60} minutes",
                        hint=f"end it, or name another folder with {VARIABLE}",
                    ) from error
        try:
            yield
        finally:
            lock.release()

    def settle(self) -> None:
        """Give the part, which has been verified, the name of the whole; on the disk before it has the name."""
        with writing(self.folder):
            with self.part.open("rb+") as file:
                os.fsync(file.fileno())
            self.part.replace(self.path)
            self.origin.unlink(missing_ok=True)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Make what the disk refuses a DiskError that says what to do."""
    try:
        yield
    except OSError as error:
        raise DiskError(
            f"{error.filename or folder}: cannot be written: {error.strerror or error}",
            hint=f"name a folder that can be written, with room, in {VARIABLE}",
        ) from error


def digest_of(path: Path) -> str:
    """Return the sha256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def what_is_wrong(path: Path, model: Model) -> str:
    """Return "" if a file is the model, by size and sha256; otherwise what it is, after the words "it is"."""
    size = path.stat().st_size
    if size == model.bytes:
        found = digest_of(path)
        if found == model.sha256:
            return ""
        return f"not the file that the recipe names: sha256 {found}, not {model.sha256}"
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        return "empty"
    instead, words = what_instead(head)
    if instead:
        return f"{words} of {size:,} bytes, not the model"
    if size < model.bytes and _cut_short(path, model):
        return f"cut short: {size:,} of {model.bytes:,} bytes"
    return (
        f"not the file that the recipe names: {size:,} bytes, not {model.bytes:,}{_what_it_does(path, model)}"
    )


def _cut_short(path: Path, model: Model) -> bool:
    """Whether the beginning is that of a model whose end is missing."""
    if model.kind != "onnx":  # a ZIP archive, whose list of contents is at its end
        with path.open("rb") as file:
            return file.read(4) == b"PK\x03\x04" and not zipfile.is_zipfile(file)
    try:
        read_onnx(path)
    except NotAModelError as error:
        return "cut short" in error.message
    return False


def _what_it_does(path: Path, model: Model) -> str:
    if model.kind != "onnx":
        return ""
    try:
        return f"; another network, which {read_onnx(path)}"
    except NotAModelError:
        return ""
