"""Measure rows again by other means, and say where they differ.

    python tools/oracle.py --sample 8              a random sample; the seed is printed
    python tools/oracle.py --sample 8 --seed 5     the same sample again
    python tools/oracle.py torch onnxruntime-gpu   all rows of packages
    python tools/oracle.py --cubins --sample 3     device code too, by cuobjdump

Names of needed libraries are read by pyelftools and pefile, METADATA by packaging, sizes and digests from the index,
device code by the cuobjdump that triton's wheel carries; nothing of the measuring code is used. Exit 0: they agree,
1: something differs, 3: something could not be looked at.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pefile  # type: ignore[import-untyped,unused-ignore]
from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import Requirement

from rowstore import DATA
from stackfix.errors import StackfixError
from stackfix.facts.rows import WheelRow
from stackfix.index.config import index_config
from stackfix.index.simple import IndexFile, project
from stackfix.index.transport import HttpTransport

CUOBJDUMP = "triton/backends/nvidia/bin/cuobjdump"
PROVIDER = re.compile(r"onnxruntime/capi/(lib)?onnxruntime_providers_cuda\.(so|dll)")
WHERE = {
    "cuda": PROVIDER,
    "tensorrt": re.compile(r"onnxruntime/capi/(lib)?onnxruntime_providers_tensorrt\.(so|dll)"),
}
LATEST_SMALL = 400 << 20


class Lookup:
    """The index, asked once a package."""

    def __init__(self) -> None:
        """Ask nothing yet."""
        config = index_config()
        self.transport = HttpTransport(certificate=config.certificate)
        self.address = config.address
        self.pages: dict[str, dict[str, IndexFile]] = {}

    def file(self, package: str, name: str) -> IndexFile | None:
        """Return what the index has under a file name."""
        if package not in self.pages:
            files = project(self.transport, self.address, package)
            self.pages[package] = {file.name: file for file in files}
        return self.pages[package].get(name)

    def download(self, file: IndexFile, folder: Path) -> Path:
        """Download a file whole."""
        path = folder / file.name
        with path.open("wb") as out:
            for piece in self.transport.stream(file.address):
                out.write(piece)
        return path


def rows(packages: list[str]) -> list[WheelRow]:
    """Return all rows on record, or those of some packages."""
    return [
        msgspec.json.decode(line, type=WheelRow)
        for path in sorted(DATA.rglob("*.jsonl"))
        if not packages or path.stem in packages
        for line in path.read_bytes().splitlines()
    ]


def differences(row: WheelRow, wheel: Path, offered: IndexFile) -> Iterator[str]:
    """Yield in what a row and its newest wheel differ."""
    recorded = row.files[-1]
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != recorded.sha256:
        yield "sha256 of the file"
    if wheel.stat().st_size != recorded.size or offered.size not in (0, recorded.size):
        yield "size of the file"
    with zipfile.ZipFile(wheel) as archive:
        yield from _requirements(row, archive)
        yield from _needs(row, archive)
        provided = {name.rpartition("/")[2].lower() for name in archive.namelist()}
        for soname, path in row.provides.items():
            if path not in archive.namelist() or not soname:
                yield f"provides {soname}: {path} is not in the wheel"
            elif soname.endswith(".dll") and soname not in provided:
                yield f"provides {soname}: not the name of a file"


def _requirements(row: WheelRow, archive: zipfile.ZipFile) -> Iterator[str]:
    name = next(n for n in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n))
    parsed: RawMetadata = parse_email(archive.read(name))[0]
    told = {str(Requirement(text)) for text in parsed.get("requires_dist", [])}
    kept = {str(Requirement(text)) for text in row.requires_dist}
    if told != kept:
        yield f"requires: {sorted(told ^ kept)}"


def _needs(row: WheelRow, archive: zipfile.ZipFile) -> Iterator[str]:
    """Yield each library that the wheel's own provider or module needs and the row lacks."""
    own = {name.rpartition("/")[2].lower() for name in archive.namelist()}
    for feature, where in WHERE.items():
        for name in filter(where.fullmatch, archive.namelist()):
            told = {each for each in _linked(archive, name) if each.lower() not in own}
            kept = {
                each for each in row.needs.get(feature, ()) if "preload" not in row.measured.get("needs", "")
            }
            if not told <= set(row.needs.get(feature, ())):
                yield f"{feature} needs {sorted(told - set(row.needs.get(feature, ())))}"
            elif kept - told and not _versioned(archive, name) >= kept - told:
                yield f"{feature} does not need {sorted(kept - told)}"


def _linked(archive: zipfile.ZipFile, name: str) -> set[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = archive.extract(name, folder)
        if name.endswith(".dll"):
            library = pefile.PE(path, fast_load=True)
            library.parse_data_directories(pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_IMPORT"])
            names = {entry.dll.decode().lower() for entry in getattr(library, "DIRECTORY_ENTRY_IMPORT", [])}
            library.close()
            return {each for each in names if not each.startswith(("api-ms-win-", "ext-ms-", "python3"))}
        with Path(path).open("rb") as handle:
            dynamic = ELFFile(handle).get_section_by_name(".dynamic")
            if not isinstance(dynamic, DynamicSection):
                return set()
            return {str(vars(tag)["needed"]) for tag in dynamic.iter_tags("DT_NEEDED")}


def _versioned(archive: zipfile.ZipFile, name: str) -> set[str]:
    if name.endswith(".dll"):
        return set()
    with tempfile.TemporaryDirectory() as folder, Path(archive.extract(name, folder)).open("rb") as handle:
        section = ELFFile(handle).get_section_by_name(".gnu.version_r")
        if not isinstance(section, GNUVerNeedSection):
            return set()
        return {str(version.name) for version, _ in section.iter_versions()}


def cubins(row: WheelRow, wheel: Path, tool: Path, folder: Path) -> Iterator[str]:
    """Yield in what the device code differs from cuobjdump's list; LookupError where it refuses the file."""
    with zipfile.ZipFile(wheel) as archive:
        name = next((n for n in archive.namelist() if PROVIDER.fullmatch(n)), "")
        if not name:
            return
        path = archive.extract(name, folder)
    done = subprocess.run([tool, "--list-elf", path], capture_output=True, text=True, check=False)
    told = set(re.findall(r"\.sm_(\d+[af]?)\.cubin", done.stdout))
    if done.returncode or not told:
        raise LookupError(f"cuobjdump ended with {done.returncode}: {done.stderr.strip()[:200]}")
    kept = {each for code in row.code for each in code.cubins}
    if told != kept:
        yield f"cubins: cuobjdump lists {sorted(told)}, the row {sorted(kept)}"


def cuobjdump(lookup: Lookup, folder: Path) -> Path:
    """Return cuobjdump, taken from the newest triton wheel for this machine."""
    lookup.file("triton", "")
    named = [name for name in lookup.pages["triton"] if "manylinux" in name and "x86_64" in name]
    wheel = lookup.download(lookup.pages["triton"][named[-1]], folder)
    with zipfile.ZipFile(wheel) as archive:
        path = Path(archive.extract(CUOBJDUMP, folder))
    path.chmod(0o755)
    return path


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("packages", nargs="*")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--most", type=int, default=LATEST_SMALL, help="leave out files above so many bytes")
    parser.add_argument("--cubins", action="store_true")
    arguments = parser.parse_args()
    chosen = [row for row in rows(arguments.packages) if row.files[-1].size <= arguments.most]
    seed = random.SystemRandom().randrange(1 << 31) if arguments.seed is None else arguments.seed
    if arguments.sample:
        chosen = random.Random(seed).sample(chosen, min(arguments.sample, len(chosen)))  # noqa: S311 - a sample
        print(f"seed {seed}")
    lookup = Lookup()
    with tempfile.TemporaryDirectory() as scratch:
        tool = cuobjdump(lookup, Path(scratch)) if arguments.cubins else None
        codes = {_one(row, lookup, tool) for row in chosen}
    return 1 if 1 in codes else max(codes, default=0)


def _one(row: WheelRow, lookup: Lookup, tool: Path | None) -> int:
    name = row.files[-1].name
    unseen = ""
    try:
        offered = lookup.file(row.package, name)
        if offered is None:
            print(f"{name}: could not look: no longer on the index")
            return 3
        with tempfile.TemporaryDirectory() as folder:
            wheel = lookup.download(offered, Path(folder))
            found = list(differences(row, wheel, offered))
            if tool is not None and row.code:
                found_code, unseen = _cubins(row, wheel, tool, Path(folder))
                found += found_code
    except (StackfixError, OSError, zipfile.BadZipFile, ELFError, pefile.PEFormatError) as error:
        print(f"{name}: could not look: {error}")
        return 3
    print(
        f"{name}: {'; '.join(found) or 'agrees'}{f'; could not look at its device code: {unseen}' if unseen else ''}"
    )
    return 1 if found else 3 if unseen else 0


def _cubins(row: WheelRow, wheel: Path, tool: Path, folder: Path) -> tuple[list[str], str]:
    """Return differences, and why cuobjdump could not tell."""
    try:
        return list(cubins(row, wheel, tool, folder)), ""
    except LookupError as error:
        return [], str(error)


if __name__ == "__main__":
    sys.exit(main())
