"""Bytes and seconds that it takes to learn what a release on the index needs and provides, without its GPU code.

    python benchmarks/linkage.py onnxruntime-gpu==1.31.1 [--platform linux_x86_64]

Reads the newest wheel of the release by ranges: the zip's directory, METADATA, and the heads of its libraries. With
`--all` the whole measurement is timed too. The goal for onnxruntime-gpu is 150 KB.
"""

from __future__ import annotations

import argparse
import time

from packaging.version import Version

from stackfix.index.config import index_config
from stackfix.index.releases import releases
from stackfix.index.simple import IndexFile, project
from stackfix.index.transport import HttpTransport, RangeReader
from stackfix.measure.archive import Archive
from stackfix.measure.wheel import measure
from stackfix.model.machine import Platform

BLOCK = 1 << 13


class Counted:
    """A reader that counts what is read of it."""

    def __init__(self, reader: RangeReader) -> None:
        """Count from zero."""
        self.reader = reader
        self.bytes = self.requests = 0

    @property
    def name(self) -> str:
        """File name."""
        return self.reader.name

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.reader.size

    def read(self, offset: int, length: int) -> bytes:
        """Read and count."""
        self.bytes += length
        self.requests += 1
        return self.reader.read(offset, length)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("release")
    parser.add_argument("--platform", default="linux_x86_64")
    parser.add_argument("--all", action="store_true")
    arguments = parser.parse_args()
    package, _, version = arguments.release.partition("==")
    config = index_config()
    transport = HttpTransport(certificate=config.certificate)
    offered = releases(project(transport, config.address, package), Platform.parse(arguments.platform))
    file: IndexFile = offered[Version(version)][-1]
    small = Counted(RangeReader(transport, file.address, file.name, file.size))
    started = time.perf_counter()
    found = measure(Archive(small, block=BLOCK))
    seconds = time.perf_counter() - started
    print(f"{file.name}: {small.bytes / 1000:.0f} KB in {small.requests} requests, {seconds:.2f} s")  # noqa: T201
    for feature, names in sorted(found.needs.items()):
        print(f"  needs {feature or '(always)'}: {' '.join(names)}")  # noqa: T201
    if arguments.all:
        small = Counted(RangeReader(transport, file.address, file.name, file.size))
        large = Counted(RangeReader(transport, file.address, file.name, file.size))
        started = time.perf_counter()
        measure(Archive(small, block=1 << 18), Archive(large, block=16 << 20))
        seconds = time.perf_counter() - started
        read = small.bytes + large.bytes
        print(f"  whole measurement: {read / 1e6:.0f} MB, {seconds:.1f} s")  # noqa: T201


if __name__ == "__main__":
    main()
