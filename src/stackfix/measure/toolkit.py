"""One of NVIDIA's wheels: which libraries it provides, and what these need."""

from __future__ import annotations

import re

from stackfix.measure.archive import Archive
from stackfix.measure.measurement import Measurement, base_names, cuda_major, foreign, library_names

_LIBRARY = re.compile(r"lib[^/]+\.so(\.\d+)+")
_FOLDER = re.compile(r"nvidia/cu(\d+)/")


def measure_toolkit_part(archive: Archive, large: Archive | None, found: Measurement) -> None:
    """Measure sonames and needs; without `large`, a library whose names are far behind is left unread.

    What then is not known stands in `found.how` under the library's name.
    """
    own = base_names(archive.names)
    needed: set[str] = set()
    unread: list[str] = []
    for path in archive.names:
        library = path.rpartition("/")[2]
        if not _LIBRARY.fullmatch(library) or "/stubs/" in path:
            continue
        soname, names = library_names(archive, large, path)
        found.provides[soname or library] = path
        if names is None:
            unread.append(library)
        else:
            needed |= set(names)
    found.needs[""] = foreign(needed, own)
    folder = next((match for name in archive.names if (match := _FOLDER.match(name))), None)
    found.cuda_major = int(folder[1]) if folder else cuda_major(found.needs[""])
    if found.cuda_major:
        found.how["cuda_major"] = "folder nvidia/cuNN" if folder else "sonames that its libraries need"
    if found.provides:
        found.how["provides"] = found.how["needs"] = "string tables and dynamic sections of the libraries"
    if unread:
        found.how["not read"] = " ".join(sorted(unread))
