"""One of NVIDIA's wheels: which libraries it provides, and what these need."""

from __future__ import annotations

import re

from stackfix.measure.archive import Archive
from stackfix.measure.library import known_as, linked_member
from stackfix.measure.measurement import Measurement, base_names, cuda_major, foreign

_LIBRARY = re.compile(r"lib[^/]+\.so(\.\d+)+|[^/]+\.dll")
_FOLDER = re.compile(r"nvidia/cu(\d+)/")


def measure_toolkit_part(archive: Archive, large: Archive | None, found: Measurement) -> None:
    """Measure sonames and needs; without `large`, a library whose names are far behind is left unread.

    What then is not known stands in `found.how` under the library's name.
    """
    own = base_names(archive.names)
    needed: set[str] = set()
    unread: list[str] = []
    later: set[str] = set()
    for path in archive.names:
        library = known_as(path)
        if not _LIBRARY.fullmatch(library) or "/stubs/" in path:
            continue
        names = linked_member(archive, large, path)
        if names is None:
            found.provides[library] = path
            unread.append(library)
            continue
        found.provides[library if library.endswith(".dll") else names.soname or library] = path
        needed |= set(names.needed)
        later |= set(names.delayed)
    found.needs[""] = foreign(needed, own)
    if later:
        found.opens[""] = foreign(later, {*own, *needed})
    folder = next((match for name in archive.names if (match := _FOLDER.match(name))), None)
    found.cuda_major = int(folder[1]) if folder else cuda_major((*found.needs[""], *found.provides))
    if found.cuda_major:
        found.how["cuda_major"] = (
            "folder nvidia/cuNN" if folder else "names of libraries that it provides or needs"
        )
    if found.provides:
        found.how["provides"] = found.how["needs"] = "string tables and dynamic sections of the libraries"
    if unread:
        found.how["not read"] = " ".join(sorted(unread))
