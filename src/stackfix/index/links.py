"""Places where files lie side by side, without a page a package: pip's and uv's find-links, and flat mirrors.

A file is taken from such a place only where its bytes are the wanted ones: a folder's files are read for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from stackfix.errors import NetworkError
from stackfix.index.download import is_whole
from stackfix.index.local import path_of
from stackfix.index.simple import IndexFile, linked_files, project
from stackfix.index.transport import Transport


@dataclass(frozen=True, slots=True)
class Links:
    """The find-links that are configured, as they are written there: folders, files and addresses of pages."""

    places: tuple[str, ...]

    def folder_file(self, name: str, size: int, sha256: str) -> str:
        """Return the address of a wanted file in one of the folders; "" where none has it with these bytes."""
        for place in self.places:
            path = path_of(place)
            if path is None:
                continue
            found = path if path.name == name else path / name
            try:
                if is_whole(found, size, sha256):
                    return found.resolve().as_uri()
            except OSError:  # a folder that may not be read has nothing for us
                continue
        return ""

    def page_files(self, transport: Transport) -> Iterator[tuple[str, IndexFile]]:
        """Yield place and file of all pages; a page that does not answer has nothing, as for pip."""
        for place in self.places:
            if path_of(place) is not None:
                continue
            try:
                for file in linked_files(transport, place):
                    yield place, file
            except NetworkError:
                continue


def of_package(files: Iterable[IndexFile], package: str) -> tuple[IndexFile, ...]:
    """Return the files of one package among those of many."""
    return tuple(file for file in files if canonicalize_name(file.name.split("-")[0]) == package)


def held(transport: Transport, index: str, package: str) -> tuple[IndexFile, ...]:
    """Return the files of a package on an index beside the main one, which may be one flat page of links.

    That is how some mirrors of the builds for one CUDA look. The main index is never asked so: its root names
    every project there is.
    """
    files = project(transport, index, package)
    return files or of_package(linked_files(transport, index), package)
