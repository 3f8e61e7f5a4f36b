"""The rows of `data/wheels/*.jsonl`: one JSON object a line, unknown keys refused.

A row is one release of one package on one platform, for all the Pythons whose wheels agree; where they
do not agree a release has several rows, each with its own files.

Annotations are evaluated here, not kept as text: msgspec would compile each text before it reads a row.
"""

from typing import Annotated

import msgspec


class FileRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One wheel file. `uploaded` is an ISO date. The address is never stored."""

    name: str
    size: Annotated[int, msgspec.Meta(gt=0)]
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    uploaded: str
    requires_python: str = ""


class CodeRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`count` containers that carry exactly these images; PTX arch -> toolkit that wrote it ("" unknown)."""

    cubins: tuple[str, ...] = ()
    ptx: dict[str, str] = {}
    count: int = 1


class WheelRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One release on one platform ("linux_x86_64", "win_amd64", or "any" for pure Python).

    `needs`, `opens`: feature -> sonames not carried by the wheel itself. `provides`: soname -> path. `cuda`: CUDA
    minors it was built with or belongs to ("12.8"); several when several toolkit releases ship this very build;
    `cuda_major`: 0 when none could be told. `numpy_abi`: numpy majors its extension modules load under. `measured`:
    what was measured how ("needs": "DT_NEEDED of …"), `seen`: ISO date of the measurement.
    """

    package: str
    version: str
    source: str
    platform: str
    files: tuple[FileRow, ...]
    evidence: str
    seen: str
    requires_dist: tuple[str, ...] = ()
    needs: dict[str, tuple[str, ...]] = {}
    opens: dict[str, tuple[str, ...]] = {}
    provides: dict[str, str] = {}
    cuda: tuple[str, ...] = ()
    cuda_major: int = 0
    code: tuple[CodeRow, ...] = ()
    owns: tuple[str, ...] = ()
    numpy_abi: tuple[int, ...] = ()
    onnx_opset: int = 0
    onnx_ir: int = 0
    measured: dict[str, str] = {}
    disagrees: tuple[str, ...] = ()
