"""torchvision and torchaudio: what their extension libraries need beside torch's own."""

from __future__ import annotations

import re

from stackfix.measure.archive import Archive
from stackfix.measure.library import linked
from stackfix.measure.measurement import Measurement, base_names, cuda_major, foreign

EXTENSION = re.compile(
    r"(torchvision|torchaudio/lib|torio/lib|torchaudio)/[^/]+\.(so|dll|pyd)",
)
_OF_TORCH = re.compile(r"(lib)?(torch|c10|shm)[^/]*\.(so|dll)|python3\d*\.dll")
_LATER = re.compile(r"[^/]*(image|video|ffmpeg|sox)[^/]*")


def measure_beside_torch(archive: Archive, found: Measurement) -> None:
    """Measure needs: those of optional parts (image, video, ffmpeg, sox) under the part's name.

    torch's own libraries are left out: which torch goes with a release is said by its metadata.
    """
    own = base_names(archive.names)
    needed: dict[str, set[str]] = {}
    for path in archive.names:
        if not EXTENSION.fullmatch(path):
            continue
        part = _LATER.fullmatch(path.rpartition("/")[2])
        with archive.spooled(path) as library:
            names = {name for name in linked(library).needed if not _OF_TORCH.fullmatch(name)}
        needed.setdefault(part[1] if part else "", set()).update(names)
    found.needs.update({part: foreign(names, own) for part, names in needed.items()})
    found.cuda_major = cuda_major(name for names in needed.values() for name in names)
    found.how["needs"] = "names of needed libraries in the extension libraries, torch's own left out"
    if found.cuda_major:
        found.how["cuda_major"] = "sonames that the extension libraries need"
