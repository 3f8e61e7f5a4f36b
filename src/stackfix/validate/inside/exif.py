"""How a camera was held, as EXIF in a PNG or WebP says it: OpenCV turns no picture that it reads with transparency."""

from __future__ import annotations

import struct

ORIENTATION = 0x0112
# quarter turns against the clock, then a mirror: 0 exchanges top and bottom, 1 left and right
_TURNS = {
    2: (("imir", 1),),
    3: (("irot", 2),),
    4: (("imir", 0),),
    5: (("irot", 1), ("imir", 0)),
    6: (("irot", 3),),
    7: (("irot", 3), ("imir", 0)),
    8: (("irot", 1),),
}
_NAMES = (b"eXIf", b"EXIF", b"Exif")
# a TIFF head and the order of its bytes; before it WebP has a size, and some writers a name
_HEADS = {b"II*\0": "<", b"MM\0*": ">"}
_AHEAD = 16
_MOST_ENTRIES = 1000


def turns(data: bytes) -> tuple[tuple[str, int], ...]:
    """Return how the picture in a file is to be turned and mirrored, () where nothing says so."""
    for name in _NAMES:
        place = data.find(name)
        while place >= 0:
            for head, order in _HEADS.items():
                start = data.find(head, place, place + len(name) + _AHEAD)
                if start >= 0:
                    return _TURNS.get(_orientation(data[start:], order), ())
            place = data.find(name, place + 1)
    return ()


def _orientation(tiff: bytes, order: str) -> int:
    try:
        first = struct.unpack_from(order + "I", tiff, 4)[0]
        count = struct.unpack_from(order + "H", tiff, first)[0]
        for index in range(min(count, _MOST_ENTRIES)):
            tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, first + 2 + 12 * index)
            if tag == ORIENTATION:
                return int(value)
    except struct.error:
        pass
    return 1
