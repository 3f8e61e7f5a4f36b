"""Measure rows again by other means, and say where they differ.

    python tools/oracle.py --sample 8              a random sample; the seed is printed
    python tools/oracle.py --sample 8 --seed 5     the same sample again
    python tools/oracle.py torch onnxruntime-gpu   all rows of packages
    python tools/oracle.py --cubins --sample 3     device code too, by cuobjdump
    python tools/oracle.py --every torch           no library, but METADATA and tags of every file of every row

A wheel is downloaded and read whole by zipfile, pyelftools and pefile, METADATA and tags by packaging, the index's page
as JSON, device code by the cuobjdump that triton's wheel carries; nothing of the measuring code is used. Held against
the row are: names, sizes, digests, dates and Pythons of all its files, requirements, tags, needs by feature, sonames,
opened names, CUDA, import folders, numpy's interface, architectures. Exit 0: they agree, 1: something differs, 3:
something could not be looked at.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import msgspec
import pefile  # type: ignore[import-untyped,unused-ignore]
from elftools.common.exceptions import ELFError

from compared import differences, metadata_differences
from rowstore import DATA
from stackfix.errors import StackfixError
from stackfix.facts.rows import FileRow, WheelRow
from stackfix.index.config import index_config
from stackfix.index.transport import HttpTransport
from whole_wheel import WholeWheel

CUOBJDUMP = "triton/backends/nvidia/bin/cuobjdump"
LATEST_SMALL = 400 << 20
TAIL = 1 << 18


class Lookup:
    """The index, asked once a package."""

    def __init__(self) -> None:
        """Ask nothing yet."""
        config = index_config()
        self.transport = HttpTransport(certificate=config.certificate)
        self.address = config.address
        self.pages: dict[str, dict[str, dict[str, Any]]] = {}

    def page(self, package: str) -> dict[str, dict[str, Any]]:
        """Return file name -> what the index says of it; LookupError where the index has no such page."""
        if package not in self.pages:
            address = f"{self.address.rstrip('/')}/{package}/"
            answer = self.transport.page(address, "application/vnd.pypi.simple.v1+json")
            if answer is None:
                raise LookupError(f"the index has no page of {package}")
            files = json.loads(answer.body)["files"]
            self.pages[package] = {
                file["filename"]: {**file, "url": urljoin(address, file["url"])} for file in files
            }
        return self.pages[package]

    def download(self, package: str, name: str, folder: Path) -> Path:
        """Download a file whole."""
        path = folder / name
        with path.open("wb") as out:
            for piece in self.transport.stream(self.page(package)[name]["url"]):
                out.write(piece)
        return path


class FarFile(io.RawIOBase):
    """A file on the index that can be read from anywhere; its last quarter of a megabyte is asked for once."""

    def __init__(self, transport: HttpTransport, address: str, size: int) -> None:
        """Ask for the end of the file, where a zip has its directory."""
        self._transport, self._address, self._size, self._at = transport, address, size, 0
        self._tail = transport.span(address, max(0, size - TAIL), min(size, TAIL))

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def seekable(self) -> bool:
        """Whether any place can be gone to: yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        """Return where it stands."""
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # any writable buffer
        """Fill a buffer with the next bytes."""
        length = min(len(buffer), max(0, self._size - self._at))
        start = self._at - (self._size - len(self._tail))
        if not length:
            return 0
        inside = start >= 0
        data = (
            self._tail[start : start + length]
            if inside
            else self._transport.span(self._address, self._at, length)
        )
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def rows(packages: list[str]) -> list[WheelRow]:
    """Return all rows on record, or those of some packages."""
    return [
        msgspec.json.decode(line, type=WheelRow)
        for path in sorted(DATA.rglob("*.jsonl"))
        if not packages or path.stem in packages
        for line in path.read_bytes().splitlines()
    ]


def on_the_index(row: WheelRow, page: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield in what a row's files differ from what the index says of them."""
    for file in row.files:
        offered = page.get(file.name)
        if offered is None:
            yield f"{file.name}: no longer on the index"
            continue
        told = FileRow(
            name=file.name,
            size=offered["size"],
            sha256=offered["hashes"]["sha256"],
            uploaded=offered["upload-time"][:10],
            requires_python=offered.get("requires-python") or "",
        )
        if told != file or offered.get("yanked"):
            yield f"{file.name}: the index says {told}{' (yanked)' if offered.get('yanked') else ''}"


def cuobjdump(lookup: Lookup, folder: Path) -> Path:
    """Return cuobjdump, taken from the newest triton wheel for this machine."""
    named = [name for name in lookup.page("triton") if "manylinux" in name and "x86_64" in name]
    wheel = lookup.download("triton", named[-1], folder)
    with zipfile.ZipFile(wheel) as archive:
        path = Path(archive.extract(CUOBJDUMP, folder))
    path.chmod(0o755)
    wheel.unlink()
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
    parser.add_argument("--every", action="store_true")
    parser.add_argument("--platform", default="")
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    chosen = [
        row
        for row in rows(arguments.packages)
        if (arguments.every or row.files[-1].size <= arguments.most)
        and arguments.platform in ("", row.platform)
    ]
    seed = random.SystemRandom().randrange(1 << 31) if arguments.seed is None else arguments.seed
    if arguments.sample:
        chosen = random.Random(seed).sample(chosen, min(arguments.sample, len(chosen)))  # noqa: S311 - a sample
        print(f"seed {seed}")
    lookup = Lookup()
    for row in chosen:
        lookup.page(row.package)
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(arguments.jobs) as pool:
        tool = cuobjdump(lookup, Path(scratch)) if arguments.cubins else None
        codes = set()
        for code, text in pool.map(lambda row: _one(row, lookup, tool, every=arguments.every), chosen):
            codes.add(code)
            print(text, flush=True)
    return 1 if 1 in codes else max(codes, default=0)


def _one(row: WheelRow, lookup: Lookup, tool: Path | None, *, every: bool) -> tuple[int, str]:
    """Return 0, 1 or 3, and the line that says it."""
    found: list[str] = []
    try:
        found += on_the_index(row, lookup.page(row.package))
        if every:
            found += _every_file(row, lookup)
        else:
            with tempfile.TemporaryDirectory() as folder:
                wheel = lookup.download(row.package, row.files[-1].name, Path(folder))
                found += differences(row, wheel, Path(folder), tool)
    except (StackfixError, LookupError, OSError, zipfile.BadZipFile, ELFError, pefile.PEFormatError) as error:
        found.append(f"?{error}")
    unseen = [text[1:] for text in found if text.startswith("?")]
    differ = [text for text in found if not text.startswith("?")]
    could_not = f"; could not look: {'; '.join(unseen)}" if unseen else ""
    code = 1 if differ else 3 if unseen else 0
    return code, f"{row.files[-1].name}: {'; '.join(differ) or 'agrees'}{could_not}"


def _every_file(row: WheelRow, lookup: Lookup) -> Iterator[str]:
    for file in row.files:
        address = lookup.page(row.package)[file.name]["url"]
        with tempfile.TemporaryDirectory() as folder:
            wheel = WholeWheel(io.BufferedReader(FarFile(lookup.transport, address, file.size)), Path(folder))
            yield from (f"{file.name}: {text}" for text in metadata_differences(row, file, wheel))


if __name__ == "__main__":
    sys.exit(main())
