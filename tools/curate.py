"""Measure the releases that have no row yet; the only writer of data/wheels/*.jsonl.

    python tools/curate.py                 everything that PACKAGES names
    python tools/curate.py torch           one package; torch==2.15.0: one release
    python tools/curate.py --again torch   one package anew, rows that are there too
    python tools/curate.py --ask PYTHON    ONNX opset and IR ceilings, asked of each onnxruntime under PYTHON (Linux x86_64)
    python tools/curate.py --platform win_amd64          one platform
    python tools/curate.py --check         exit 1 if rows are missing or no longer match the index, 3 if it can't be read

Wheels are read by HTTP ranges from the index that pip or uv is configured with; nothing is kept on the disk.
Rows that are there are kept, so an interrupted run goes on where it stopped; the same input gives the same
bytes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import msgspec
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import prepare
from ceilings import ask, numpy_for, tag_of
from claims import record_disagreements
from freshness import check
from rowstore import PLATFORMS, packages, read_rows, write_rows
from stackfix.errors import StackfixError
from stackfix.facts.release import release_rows
from stackfix.facts.rows import WheelRow
from stackfix.index.config import index_config
from stackfix.index.releases import releases
from stackfix.index.simple import IndexFile, project
from stackfix.index.transport import HttpTransport, RangeReader, Transport
from stackfix.measure.archive import Archive
from stackfix.model.machine import Platform
from toolkits import name_toolkits
from wanted import PLAIN_ROOTS, ROOTS, TOOLKIT_NAMES, wanted_plain

WITH_KERNELS = 3


class Curator:
    """One run over the index: pages, measurements, rows."""

    def __init__(
        self,
        transport: Transport,
        index: str,
        today: str,
        *,
        platform: str = "linux_x86_64",
        again: bool = False,
        only: Iterable[str] = (),
        source: str = "pypi",
    ) -> None:
        """Nothing is read before `run`; with `again`, releases that have rows are measured anew.

        `only` are names, or releases ("torch==2.15.0"); empty means everything.
        """
        self.again = again
        self.only = frozenset(each.partition("==")[0] for each in only)
        self.releases_only = frozenset(each for each in only if "==" in each)
        self.platform = Platform.parse(platform)
        self.source = source
        self.transport = transport
        self.index = index
        self.today = today
        self.pages: dict[str, tuple[IndexFile, ...]] = {}
        self.failures: list[str] = []

    def files(self, package: str) -> tuple[IndexFile, ...]:
        """Return the index's files of a package, asked once."""
        if package not in self.pages:
            self.pages[package] = project(self.transport, self.index, package)
        return self.pages[package]

    def wants(self, package: str, version: Version) -> bool:
        """Whether a release is among those that the run is about."""
        named = {each for each in self.releases_only if each.startswith(f"{package}==")}
        return not named or f"{package}=={version}" in named

    def releases(self, package: str) -> dict[Version, list[IndexFile]]:
        """Return the releases of a package that have wheels for the platform, oldest first."""
        return releases(self.files(package), self.platform)

    def archive(self, file: IndexFile, block: int) -> Archive:
        """Return a wheel on the index, read in blocks of `block` bytes."""
        return Archive(RangeReader(self.transport, file.address, file.name, file.size), block=block)

    def measured(self, package: str, files: list[IndexFile], *, kernels: bool) -> list[WheelRow]:
        """Return the rows of one release."""
        return release_rows(
            package, files, self.archive, self.platform, seen=self.today, source=self.source, kernels=kernels
        )


def newest_minors(versions: Iterable[Version], count: int) -> set[Version]:
    """Return the releases of the newest `count` minors."""
    each = sorted(versions)
    minors = sorted({version.release[:2] for version in each})[-count:]
    return {version for version in each if version.release[:2] in minors}


def curate(curator: Curator, package: str, wanted: Iterable[Version], *, jobs: int) -> int:
    """Measure the wanted releases that have no row; return how many rows the package has."""
    label = curator.platform.label
    rows = read_rows(package, label)
    found = curator.releases(package)
    missing = [
        version
        for version in wanted
        if version in found
        and curator.wants(package, version)
        and (curator.again or _stale(found[version], rows.get(str(version), ())))
    ]
    deep = newest_minors(found, WITH_KERNELS) if package == "torch" else set()

    def one(version: Version) -> list[WheelRow]:
        try:
            return curator.measured(package, found[version], kernels=version in deep)
        except StackfixError as error:
            curator.failures.append(f"{package} {version} ({label}): {error.message}")
            return []

    with ThreadPoolExecutor(jobs) as pool:
        done = {pool.submit(one, version): version for version in missing}
        for number, each in enumerate(as_completed(done), start=1):
            version = done[each]
            if measured := each.result():
                rows[str(version)] = [_kept(row, rows.get(str(version), [])) for row in measured]
                write_rows(package, rows)
            _say(f"{label} {package} {version}: {number} of {len(missing)}")
    count = sum(len(each) for each in rows.values())
    if not missing:
        _say(f"{label} {package}: {count} rows, none new")
    return count


def _stale(files: Iterable[IndexFile], rows: Iterable[WheelRow]) -> bool:
    """Whether the index has a file of a release that no row of it has."""
    recorded = {file.name for row in rows for file in row.files}
    return any(file.name not in recorded for file in files)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _kept(row: WheelRow, before: list[WheelRow]) -> WheelRow:
    """Return a row with the ONNX ceilings that were asked of the same release earlier."""
    asked = next((old for old in before if old.onnx_opset), None)
    if asked is None:
        return row
    how = {key: value for key, value in asked.measured.items() if key.startswith("onnx_")}
    return msgspec.structs.replace(
        row,
        onnx_opset=asked.onnx_opset,
        onnx_ir=asked.onnx_ir,
        measured=dict(sorted({**row.measured, **how}.items())),
    )


def ask_ceilings(curator: Curator, python: str, packages: Iterable[str]) -> None:
    """Fill the ONNX ceilings of onnxruntime's rows that have none, by asking each release under `python`.

    A wheel of another platform cannot be asked here: it gets what the same release said on this one.
    """
    with tempfile.TemporaryDirectory() as numpy_folder:
        numpy_for(python, Path(numpy_folder))
        tag = tag_of(python)
        for package in packages:
            rows = read_rows(package, curator.platform.label)
            unasked = [v for v, each in rows.items() if any(row.onnx_opset == 0 for row in each)]
            found = curator.releases(package)
            for version in unasked:
                file = next((f for f in found.get(Version(version), ()) if tag in f.name), None)
                if file is None:
                    curator.failures.append(f"{package} {version}: no wheel for {tag}")
                    continue
                try:
                    opset, ir = ask(curator.archive(file, 1 << 22), python, Path(numpy_folder))
                except StackfixError as error:
                    curator.failures.append(f"{package} {version}: {error.message}")
                    continue
                for platform in PLATFORMS:
                    _fill_ceilings(package, version, platform, (opset, ir), file.name)
                _say(f"{package} {version}: opset {opset}, IR {ir}")
            _spread_ceilings(package, curator.platform.label)


def _spread_ceilings(package: str, asked_on: str) -> None:
    """Give the rows of other platforms what the same release said on the one where it was asked."""
    for version, each in read_rows(package, asked_on).items():
        asked = next((row for row in each if row.onnx_opset), None)
        if asked is not None:
            file = asked.measured["onnx_opset"].removeprefix("asked of ")
            for platform in PLATFORMS:
                if any(row.onnx_opset == 0 for row in read_rows(package, platform).get(version, ())):
                    _fill_ceilings(package, version, platform, (asked.onnx_opset, asked.onnx_ir), file)


def _fill_ceilings(package: str, version: str, platform: str, asked: tuple[int, int], file: str) -> None:
    rows = read_rows(package, platform)
    if version in rows:
        how = dict.fromkeys(("onnx_opset", "onnx_ir"), f"asked of {file}")
        rows[version] = [
            msgspec.structs.replace(
                row,
                onnx_opset=asked[0],
                onnx_ir=asked[1],
                measured=dict(sorted({**row.measured, **how}.items())),
            )
            for row in rows[version]
        ]
        write_rows(package, rows)


_ELSEWHERE = {
    "linux": re.compile(r'== "(win32|Windows|darwin|Darwin)"'),
    "windows": re.compile(r'== "(linux|Linux|darwin|Darwin)"'),
}


def asked_of(package: str, names: set[str], platform: Platform) -> Iterator[tuple[str, str]]:
    """Yield (name, specifier) of every plain package that the rows of `package` require."""
    foreign = _ELSEWHERE["windows" if platform.os == "windows" else "linux"]
    for rows in read_rows(package, platform.label).values():
        for row in rows:
            for text in row.requires_dist:
                requirement = Requirement(text)
                marker = str(requirement.marker or "")
                name = canonicalize_name(requirement.name)
                if "extra ==" in marker or foreign.search(marker):
                    continue
                if name not in names:
                    yield name, str(requirement.specifier)


def run(curator: Curator, only: set[str], jobs: int) -> None:
    """Measure everything that is wanted, packages with facts first, then the plain ones they require."""
    named = {*ROOTS, *TOOLKIT_NAMES}
    for package, oldest in ROOTS.items():
        if not only or package in only:
            found = curator.releases(package)
            curate(curator, package, [v for v in found if v >= Version(oldest)], jobs=jobs)
    for package in sorted(TOOLKIT_NAMES):
        if (not only or package in only) and curator.releases(package):
            curate(curator, package, curator.releases(package), jobs=jobs)
    name_toolkits(curator.platform.label)
    record_disagreements(curator.platform.label)
    plain(curator, named, only, jobs)


def plain(curator: Curator, named: set[str], only: set[str], jobs: int) -> None:
    """Measure plain packages until no row requires one that has none."""
    asked: dict[str, set[str]] = {name: set() for name in PLAIN_ROOTS}
    done: dict[str, set[str]] = {}
    queue = [each for each in packages(curator.platform.label) if each in named]
    while queue:
        for package in queue:
            for name, specifier in asked_of(package, named, curator.platform):
                asked.setdefault(name, set()).add(specifier)
        queue = [name for name in sorted(asked) if done.get(name) != asked[name]]
        for name in queue:
            done[name] = set(asked[name])
            if only and name not in only:
                continue
            found = curator.releases(name)
            wanted = wanted_plain(found, asked[name], name, curator.platform)
            curate(curator, name, sorted(wanted), jobs=jobs)


def main() -> int:
    """Run from the command line; exit 1 when something is missing or could not be measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("packages", nargs="*", help="only these packages")
    parser.add_argument("--check", action="store_true", help="say what has no row, measure nothing")
    parser.add_argument("--again", action="store_true", help="measure the named packages' releases anew")
    parser.add_argument(
        "--ask", metavar="PYTHON", help="fill ONNX ceilings by asking; PYTHON is a CPython 3.11"
    )
    parser.add_argument("--platform", choices=PLATFORMS, action="append", help="only this platform")
    parser.add_argument("--jobs", type=int, default=6, help="wheels read at once (default 6)")
    arguments = parser.parse_args()
    if arguments.again and not arguments.packages:
        parser.error("--again wants the names of packages")
    config = index_config()
    today = dt.datetime.now(tz=dt.timezone.utc).date().isoformat()
    transport = HttpTransport(certificate=config.certificate)
    failures: list[str] = []
    stale: list[str] = []
    try:
        for platform in arguments.platform or PLATFORMS:
            curator = Curator(
                transport,
                config.address,
                today,
                platform=platform,
                again=arguments.again,
                only=arguments.packages,
            )
            only = set(curator.only)
            if arguments.check:
                stale += check(curator.files, curator.platform, only)
            elif arguments.ask:
                if platform == PLATFORMS[0]:
                    ask_ceilings(curator, arguments.ask, only or ["onnxruntime", "onnxruntime-gpu"])
            else:
                run(curator, only, arguments.jobs)
            failures += curator.failures
    except KeyboardInterrupt:
        _say("interrupted: rows that were measured are kept; the same command goes on")
        return 130
    except StackfixError as error:
        _say(f"could not look: {error.message}" if arguments.check else f"error: {error.message}")
        return 3
    if arguments.check:
        print("\n".join(stale) if stale else f"no change: every release on the index has a row ({today})")
        return 1 if stale else 0
    prepare.main()
    for failure in failures:
        _say(f"not measured: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
