"""Which CUDA minors a release of one of NVIDIA's packages belongs to, as other rows tell."""

from __future__ import annotations

import re

import msgspec
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from rowstore import packages, read_rows, write_rows
from stackfix.facts.rows import WheelRow


def toolkit_minors(platform: str) -> dict[tuple[str, str], set[str]]:
    """Return (package, release prefix) -> CUDA minors, as the releases of cuda-toolkit pin them."""
    found: dict[tuple[str, str], set[str]] = {}
    for rows in read_rows("cuda-toolkit", platform).values():
        for row in rows:
            minor = ".".join(row.version.split(".")[:2])
            for text in row.requires_dist:
                match = re.match(r"(nvidia-[a-z0-9-]+)\s*\(?==\s*([0-9.]+?)(?:\.\*)?\)?\s*(?:;|$)", text)
                if match:
                    found.setdefault((match[1], match[2]), set()).add(minor)
    return found


VERSIONED = re.compile(r"nvidia-(cuda-(runtime|nvrtc|cupti)|nvtx|nvjitlink)(-cu\d+)?")
UNTIED = re.compile(r"nvidia-(cudnn|nccl|cusparselt|nvshmem)(-cu\d+)?")

# Two releases of each package are on PyPI for CUDA 11: torch 2.0, built with 11.7, pins the older one of each but of
# cuFFT, and the newer ones were uploaded with the 11.8 runtime.
CUDA_11 = {
    ("nvidia-cublas-cu11", "11.10.3.66"): "11.7",
    ("nvidia-cublas-cu11", "11.11.3.6"): "11.8",
    ("nvidia-cufft-cu11", "10.7.2.91"): "11.7",
    ("nvidia-cufft-cu11", "10.9.0.58"): "11.8",
    ("nvidia-curand-cu11", "10.2.10.91"): "11.7",
    ("nvidia-curand-cu11", "10.3.0.86"): "11.8",
    ("nvidia-cusolver-cu11", "11.4.0.1"): "11.7",
    ("nvidia-cusolver-cu11", "11.4.1.48"): "11.8",
    ("nvidia-cusparse-cu11", "11.7.4.91"): "11.7",
    ("nvidia-cusparse-cu11", "11.7.5.86"): "11.8",
}


def torch_pins(platform: str) -> dict[tuple[str, str], set[str]]:
    """Return (package, version) -> CUDA minors of the torch releases that pin exactly this version."""
    found: dict[tuple[str, str], set[str]] = {}
    for rows in read_rows("torch", platform).values():
        for row in rows:
            for text in row.requires_dist:
                requirement = Requirement(text)
                for clause in requirement.specifier:
                    if clause.operator == "==" and row.cuda:
                        key = (str(canonicalize_name(requirement.name)), clause.version)
                        found.setdefault(key, set()).add(row.cuda[0])
    return found


def named_toolkits(
    package: str,
    version: str,
    shipped: dict[tuple[str, str], set[str]],
    pinned: dict[tuple[str, str], set[str]],
) -> tuple[set[str], str]:
    """Return the CUDA minors that a release of one of NVIDIA's packages belongs to, and how that is known."""
    known: set[str] = set()
    how: list[str] = []
    if UNTIED.fullmatch(package):
        return known, ""
    for (name, prefix), minors in shipped.items():
        if name == package and f"{version}.".startswith(f"{prefix}."):
            known |= minors
            how = ["pins of cuda-toolkit"]
    if not known and VERSIONED.fullmatch(package):
        known, how = {".".join(version.split(".")[:2])}, ["its own version"]
    if not known and (package, version) in CUDA_11:
        known, how = (
            {CUDA_11[package, version]},
            ["inferred: the older of two CUDA 11 releases goes with 11.7, the newer with 11.8"],
        )
    if beside := pinned.get((package, version), set()) - known:
        known, how = known | beside, [*how, f"torch built with CUDA {' and '.join(sorted(beside))} pins it"]
    return known, "; ".join(how)


def name_toolkits(platform: str) -> None:
    """Fill `cuda` of NVIDIA's rows: the toolkit minors that ship the release, or its own version where it tells."""
    shipped, pinned = toolkit_minors(platform), torch_pins(platform)
    for package in packages(platform):
        if not package.startswith("nvidia-"):
            continue
        rows = read_rows(package, platform)
        for version, each in rows.items():
            known, how = named_toolkits(package, version, shipped, pinned)
            ordered = tuple(sorted(known, key=Version))
            rows[version] = [
                msgspec.structs.replace(row, cuda=ordered, measured=_with(row, how)) for row in each
            ]
        write_rows(package, rows)


def _with(row: WheelRow, how: str) -> dict[str, str]:
    rest = {key: value for key, value in row.measured.items() if key != "cuda"}
    return dict(sorted({**rest, **({"cuda": how} if how else {})}.items()))
