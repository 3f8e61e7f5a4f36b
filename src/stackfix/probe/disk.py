"""The free bytes where a folder stands or would stand."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stackfix.model.evidence import Known, Reading, Unknown
from stackfix.probe.driver_files import reason


def read_free_disk(folder: Path) -> Reading[int]:
    """Return the bytes this user may still write at `folder`, or at its nearest parent that exists."""
    absolute = folder.absolute()
    try:
        place = next((place for place in (absolute, *absolute.parents) if place.exists()), absolute)
        return Known(_free(place), f"the file system of {place}")
    except OSError as error:
        return Unknown((f"{absolute}: {reason(error)}",))


def _free(place: Path) -> int:
    if sys.platform == "win32":
        import shutil  # noqa: PLC0415 - 3 ms at import, and other systems tell by one call

        return shutil.disk_usage(place).free
    told = os.statvfs(place)
    return told.f_bavail * told.f_frsize
