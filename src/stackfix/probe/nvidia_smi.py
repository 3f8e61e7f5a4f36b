"""What nvidia-smi says of driver and GPUs, by its query and never by its table.

The header's labels change between releases; `--query-gpu` with `noheader` does not.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from stackfix.errors import QuestionError
from stackfix.model.evidence import Known, Reading, Unknown
from stackfix.model.machine import Gpu
from stackfix.probe.child import Broken, Ended, first_line, run_child
from stackfix.probe.nvidia import NvidiaReadings
from stackfix.versions import ComputeCapability, DriverVersion

_VIA = "nvidia-smi"
_SECONDS = 30.0
_FIELDS = "driver_version,name,compute_cap,memory.total"
_FIELDS_BEFORE_R510 = "driver_version,name,memory.total"
_UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_MEMORY = re.compile(r"(\d{1,12})(?:[.,]\d+)?\s*(B|KiB|MiB|GiB)")
_FOLDERS = ("usr/lib/wsl/lib", "usr/local/nvidia/bin", "opt/bin")
_NOT_ASKED = Unknown(("nvidia-smi: its query does not tell the CUDA version",))


def read_nvidia_smi(root: Path = Path("/")) -> NvidiaReadings:
    """Return what nvidia-smi says; a driver too old to know `compute_cap` is asked again without it."""
    program = shutil.which("nvidia-smi") or _beside(root)
    if not program:
        return _nothing("nvidia-smi: not on PATH")
    answer = _query(program, _FIELDS)
    if isinstance(answer, Ended) and answer.code and "not a valid field" in answer.out + answer.err:
        answer = _query(program, _FIELDS_BEFORE_R510)
        if isinstance(answer, Ended) and answer.code == 0:
            return parse_csv(answer.out, has_capability=False)
    match answer:
        case Broken(reason):
            return _nothing(f"nvidia-smi: {reason}")
        case Ended(code=0, out=out):
            return parse_csv(out)
        case Ended(code=code, out=out, err=err):
            said = first_line(out) or first_line(err) or "nothing"
            return _nothing(f"nvidia-smi ended with {code} and said `{said}`")


def _query(program: str, fields: str) -> Ended | Broken:
    environ = {**os.environ, "LC_ALL": "C"}
    return run_child(
        [program, f"--query-gpu={fields}", "--format=csv,noheader"], seconds=_SECONDS, environ=environ
    )


def _beside(root: Path) -> str:
    for folder in _FOLDERS:
        program = root / folder / "nvidia-smi"
        if os.access(program, os.X_OK):
            return str(program)
    return ""


def parse_csv(text: str, *, has_capability: bool = True) -> NvidiaReadings:
    """Return the readings in the lines `driver, name, capability, memory` (or without capability)."""
    driver: Reading[DriverVersion] = Unknown((f"nvidia-smi said `{first_line(text) or 'nothing'}`",))
    gpus: list[Gpu] = []
    notes: list[str] = []
    for line in filter(str.strip, text.splitlines()):
        cells = [cell.strip() for cell in line.split(", ")]  # a bare comma may be a decimal one
        if len(cells) < (4 if has_capability else 3):
            notes.append(f"nvidia-smi said `{first_line(line)}`")
            continue
        try:
            release = DriverVersion.parse(cells[0])
        except QuestionError:
            notes.append(f"nvidia-smi said `{first_line(line)}`")
            continue
        if isinstance(driver, Unknown):
            driver = Known(release, _VIA)
        gpus.append(
            Gpu(
                # A name may hold a comma; the cells beside it may not.
                name=_name(", ".join(cells[1 : -2 if has_capability else -1])),
                compute_capability=_capability(cells[-2] if has_capability else ""),
                memory_bytes=_memory(cells[-1]),
                index=len(gpus),
            )
        )
    found: Reading[tuple[Gpu, ...]] = Known(tuple(gpus), _VIA)
    if not gpus:
        found = Unknown(tuple(notes) or ("nvidia-smi said `nothing`",))
    return NvidiaReadings(driver=driver, cuda=_NOT_ASKED, gpus=found, notes=tuple(notes) if gpus else ())


def _name(cell: str) -> str:
    return "" if cell.startswith("[") else cell


def _capability(cell: str) -> Reading[ComputeCapability]:
    if not cell:
        return Unknown(("nvidia-smi: this driver's does not know `compute_cap`",))
    try:
        return Known(ComputeCapability.parse(cell), _VIA)
    except QuestionError:
        return Unknown((f"nvidia-smi, compute_cap: `{cell}`",))


def _memory(cell: str) -> Reading[int]:
    match = _MEMORY.fullmatch(cell)
    if match is None:
        return Unknown((f"nvidia-smi, memory.total: `{cell}`",))
    return Known(int(match[1]) * _UNITS[match[2]], _VIA)


def _nothing(reason: str) -> NvidiaReadings:
    unknown = Unknown((reason,))
    return NvidiaReadings(driver=unknown, cuda=unknown, gpus=unknown, failed=reason)
