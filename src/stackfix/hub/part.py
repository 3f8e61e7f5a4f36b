"""Part: the bytes of a model that are there already, hashed as they come, and where they came from."""

from __future__ import annotations

import hashlib
import json
from typing import BinaryIO

from stackfix.hub.cache import Place, writing

_BLOCK = 1 << 20


class Part:
    """A file that grows; `with` opens it. What was there before is read once, to go on with its digest."""

    def __init__(self, place: Place) -> None:
        """Name the part; nothing is opened."""
        self._place = place
        self._file: BinaryIO | None = None
        self._digest = hashlib.sha256()
        self.size = 0
        self.address = ""
        self.etag = ""

    def __enter__(self) -> Part:  # noqa: PYI034 - typing.Self came with Python 3.11
        with writing(self._place.folder):
            self._file = self._place.part.open("ab+")
            self._origin()
            self._file.seek(0)
            while block := self._file.read(_BLOCK):
                self._take(block)
            if self.size > self._place.model.bytes:
                self._cut()
        return self

    def __exit__(self, *_: object) -> None:
        with writing(self._place.folder):
            self._opened().close()
            if not self.size:  # a part of nothing is no part
                self._place.part.unlink(missing_ok=True)
                self._place.origin.unlink(missing_ok=True)

    @property
    def sha256(self) -> str:
        """The digest of all bytes that are there."""
        return self._digest.hexdigest()

    def begin(self, address: str, etag: str, *, over: bool) -> None:
        """Remember where the next bytes come from; `over` drops those that are there."""
        with writing(self._place.folder):
            if over:
                self._cut()
            self.address, self.etag = address, etag
            origin = {"sha256": self._place.model.sha256, "address": address, "etag": etag}
            self._place.origin.write_text(json.dumps(origin), encoding="utf-8")

    def append(self, piece: bytes) -> None:
        """Add bytes."""
        with writing(self._place.folder):
            self._opened().write(piece)
        self._take(piece)

    def drop(self) -> None:
        """Forget every byte."""
        with writing(self._place.folder):
            self._cut()

    def flush(self) -> None:
        """Write what is buffered."""
        with writing(self._place.folder):
            self._opened().flush()

    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("the part is not open")
        return self._file

    def _take(self, block: bytes) -> None:
        self._digest.update(block)
        self.size += len(block)

    def _cut(self) -> None:
        self._opened().truncate(0)
        self._digest = hashlib.sha256()
        self.size = 0
        self.address = self.etag = ""

    def _origin(self) -> None:
        """Read where the bytes came from; those of another model than the recipe's are dropped."""
        try:
            found = json.loads(self._place.origin.read_text(encoding="utf-8"))
            sha256, address, etag = (str(found[key]) for key in ("sha256", "address", "etag"))
        except (OSError, ValueError, KeyError, TypeError):
            return
        if sha256 == self._place.model.sha256:
            self.address, self.etag = address, etag
        else:
            self._cut()
