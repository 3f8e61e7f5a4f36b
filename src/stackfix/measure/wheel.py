"""A wheel's own facts: what it requires, needs, opens, provides, carries; read from its bytes alone.

What a wheel is, is seen from what it holds, never from its name: the same code measures a release for the
database, a new one on a user's machine, and a rebuilt one that nobody has seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.parser import BytesParser

from stackfix.errors import MeasureError
from stackfix.measure.archive import Archive
from stackfix.measure.beside_torch import EXTENSION, measure_beside_torch
from stackfix.measure.measurement import Measurement, numpy_abi
from stackfix.measure.onnxruntime import measure_onnxruntime, module_name
from stackfix.measure.toolkit import measure_toolkit_part
from stackfix.measure.torch import VERSION_FILE, measure_torch

METADATA_LIMIT = 4 << 20

_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")
_TOOLKIT_LIBRARY = re.compile(
    r"[a-z]+/(lib/lib[^/]+\.so(\.\d+)+|bin/[^/]+\.dll)"  # nvidia-cusparselt-cu12 up to 0.6.3
    r"|[^/]+\.data/data/Library/bin/[^/]+\.dll"  # mkl, tbb and intel-openmp for Windows
)
_OPENCV = re.compile(r"cv2/cv2\.([^/]*so|pyd)")


def metadata(archive: Archive) -> tuple[tuple[str, ...], str]:
    """Return Requires-Dist and Requires-Python of a wheel's METADATA."""
    names = [name for name in archive.names if _METADATA.fullmatch(name)]
    if len(names) != 1:
        raise MeasureError(f"{archive.name}: {len(names)} METADATA files instead of one")
    message = BytesParser().parsebytes(archive.read(names[0], METADATA_LIMIT))
    lines = [re.sub(r"\s+", " ", str(line)).strip() for line in message.get_all("Requires-Dist") or []]
    return tuple(lines), str(message.get("Requires-Python") or "")


def measure(archive: Archive, bulk: Archive | None = None) -> Measurement:
    """Return everything that is measured of one wheel.

    `bulk` is the same wheel opened for reading large members whole (its ranges are larger); without it, what
    only hundreds of megabytes would tell of onnxruntime, torch and NVIDIA's own wheels is left out.
    """
    found = Measurement()
    found.requires_dist, found.requires_python = metadata(archive)
    found.owns = tuple(sorted(set(_import_folders(archive))))
    if module_name(archive):
        measure_onnxruntime(archive, bulk, found)
    elif VERSION_FILE in archive.names:
        measure_torch(archive, bulk, found)
    elif any(_TOOLKIT_LIBRARY.fullmatch(name) or name.startswith("nvidia/") for name in archive.names):
        measure_toolkit_part(archive, bulk, found)
    elif any(EXTENSION.fullmatch(name) for name in archive.names):
        measure_beside_torch(archive, found)
    else:
        _opencv(archive, bulk or archive, found)
    if not found.cuda_major and found.cuda:
        found.cuda_major = int(found.cuda.partition(".")[0])
    return found


def _import_folders(archive: Archive) -> Iterator[str]:
    for name in archive.names:
        folder, _, rest = name.partition("/")
        if rest == "__init__.py" and folder != "nvidia":
            yield folder


def _opencv(archive: Archive, large: Archive, found: Measurement) -> None:
    """Measure which numpy opencv's extension module was built for; nothing of a wheel without one."""
    for name in archive.names:
        if _OPENCV.fullmatch(name):
            with large.spooled(name) as module:
                found.numpy_abi = numpy_abi(module.read(0, module.size))
            found.how["numpy_abi"] = f"`numpy._core` in {name}"
