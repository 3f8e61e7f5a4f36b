"""Measure the releases that have no row yet; the only writer of data/wheels/*.jsonl.

    python tools/curate.py                 everything that PACKAGES names
    python tools/curate.py torch           one package
    python tools/curate.py --again torch   one package anew, rows that are there too
    python tools/curate.py --ask PYTHON    ONNX opset and IR ceilings, asked of each onnxruntime under PYTHON
    python tools/curate.py --check         exit 1 if the index has releases that have no row

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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ceilings import ask, numpy_for
from stackfix.errors import StackfixError
from stackfix.facts.rows import CodeRow, FileRow, WheelRow
from stackfix.index.config import index_config
from stackfix.index.simple import IndexFile, project
from stackfix.index.transport import HttpTransport, RangeReader, Transport
from stackfix.measure.archive import Archive
from stackfix.measure.measurement import Measurement
from stackfix.measure.wheel import measure, metadata
from stackfix.model.machine import Platform
from stackfix.model.wheel import WheelFile
from stackfix.rules.tags import best_file
from stackfix.versions import PythonVersion

DATA = Path(__file__).resolve().parent.parent / "data" / "wheels"
PLATFORM = Platform.parse("linux_x86_64")
PYTHONS = tuple(PythonVersion(3, minor) for minor in range(8, 15))
BULK = 16 << 20
ASKED_TAG = "-cp311-cp311-"

# package -> oldest release that gets a row
ROOTS = {
    "torch": "2.0.1",
    "torchvision": "0.15.2",
    "onnxruntime-gpu": "1.16.3",
    "onnxruntime": "1.16.0",
    "opencv-python-headless": "4.8.0.74",
    "cuda-toolkit": "12.0.1",
    "cuda-bindings": "12.9",
    "triton": "2.0",
}
TOOLKIT_PARTS = (
    "cublas", "cuda-cccl", "cuda-runtime", "cuda-nvrtc", "cuda-cupti", "cudnn", "cufft", "cufile", "curand", "cusolver",
    "cusparse", "cusparselt", "nccl", "nvjitlink", "nvshmem", "nvtx",
)  # fmt: skip
TOOLKIT_NAMES = frozenset(
    f"nvidia-{part}{suffix}" for part in TOOLKIT_PARTS for suffix in ("", "-cu11", "-cu12", "-cu13")
)
PLAIN_ROOTS = ("numpy", "pip", "pillow")
OLDEST_NUMPY = Version("1.21")


def releases(files: Iterable[IndexFile]) -> dict[Version, list[IndexFile]]:
    """Return the final releases with wheels for the platform, oldest first; pre-releases, stubs and yanked files out."""
    found: dict[Version, list[IndexFile]] = {}
    for file in files:
        if file.yanked or not file.name.endswith(".whl") or not file.sha256:
            continue
        try:
            version = Version(file.name.split("-")[1])
        except (InvalidVersion, IndexError):
            continue
        if version.is_prerelease or version.release[:2] == (0, 0):
            continue
        wheel = WheelFile(name=file.name, size=file.size, sha256=file.sha256)
        if any(best_file((wheel,), python, PLATFORM, None) for python in PYTHONS):
            found.setdefault(version, []).append(file)
    return {version: sorted(found[version], key=lambda file: file.name) for version in sorted(found)}


def wanted_plain(found: dict[Version, list[IndexFile]], specifiers: set[str], package: str) -> set[Version]:
    """Return the newest release per Python within each specifier that some row puts on a plain package."""
    wanted: set[Version] = set()
    for text in {"", *specifiers}:
        specifier = SpecifierSet(text)
        for python in PYTHONS:
            for version in reversed(found):
                files = [
                    WheelFile(name=f.name, size=f.size, sha256=f.sha256, requires_python=f.requires_python)
                    for f in found[version]
                ]
                if specifier.contains(version) and best_file(files, python, PLATFORM, None):
                    wanted.add(version)
                    break
    if package == "numpy":
        minors = {version.release[:2]: version for version in found if version >= OLDEST_NUMPY}
        wanted |= set(minors.values())
    return wanted


class Curator:
    """One run over the index: pages, measurements, rows."""

    def __init__(self, transport: Transport, index: str, today: str, *, again: bool = False) -> None:
        """Nothing is read before `run`; with `again`, releases that have rows are measured anew."""
        self.again = again
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

    def measured(self, package: str, files: list[IndexFile]) -> Iterator[WheelRow]:
        """Yield the rows of one release: one, or several where the wheels' metadata differ."""
        groups: dict[tuple[str, ...], list[IndexFile]] = {}
        ends = [files[0], files[-1]]
        read = {file.name: self._metadata(file) for file in {f.name: f for f in ends}.values()}
        if len(set(read.values())) == 1:
            groups[next(iter(read.values()))] = files
        else:
            for file in files:
                groups.setdefault(read.get(file.name) or self._metadata(file), []).append(file)
        for group in groups.values():
            yield self._row(package, group)

    def archive(self, file: IndexFile, block: int) -> Archive:
        """Return a wheel on the index, read in blocks of `block` bytes."""
        return Archive(RangeReader(self.transport, file.address, file.name, file.size), block=block)

    def _metadata(self, file: IndexFile) -> tuple[str, ...]:
        return metadata(self.archive(file, 1 << 18))[0]

    def _row(self, package: str, files: list[IndexFile]) -> WheelRow:
        file = files[-1]
        found = measure(self.archive(file, 1 << 18), self.archive(file, BULK))
        pure = all(f.name.endswith("-any.whl") for f in files)
        major = re.search(r"-cu(\d+)$", package)
        how = dict(found.how)
        if major and not found.cuda_major:
            how["cuda_major"] = "the package's name"
        return WheelRow(
            package=package,
            version=str(Version(file.name.split("-")[1])),
            source="pypi",
            platform="any" if pure else PLATFORM.label,
            files=tuple(
                FileRow(
                    name=f.name,
                    size=f.size,
                    sha256=f.sha256,
                    uploaded=f.uploaded,
                    requires_python=f.requires_python,
                )
                for f in files
            ),
            evidence="measured",
            seen=self.today,
            requires_dist=found.requires_dist,
            needs={k: v for k, v in sorted(found.needs.items()) if v},
            opens={k: v for k, v in sorted(found.opens.items()) if v},
            provides=dict(sorted(found.provides.items())),
            cuda=(found.cuda,) if found.cuda else (),
            cuda_major=found.cuda_major or (int(major[1]) if major else 0),
            code=_code_rows(found),
            owns=found.owns,
            numpy_abi=found.numpy_abi,
            measured=dict(sorted(how.items())),
        )


def _code_rows(found: Measurement) -> tuple[CodeRow, ...]:
    return tuple(
        CodeRow(cubins=cubins, ptx=dict(sorted(ptx.items())), count=count)
        for cubins, ptx, count in found.code
    )


def read_rows(package: str) -> dict[str, list[WheelRow]]:
    """Return version -> rows that are in the data folder."""
    path = DATA / f"{package}.jsonl"
    rows: dict[str, list[WheelRow]] = {}
    if path.exists():
        for line in path.read_bytes().splitlines():
            row = msgspec.json.decode(line, type=WheelRow)
            rows.setdefault(row.version, []).append(row)
    return rows


def write_rows(package: str, rows: dict[str, list[WheelRow]]) -> None:
    """Write the rows of a package, by version and first file, one object a line."""
    ordered = [
        row
        for version in sorted(rows, key=Version)
        for row in sorted(rows[version], key=lambda row: row.files[0].name)
    ]
    lines = b"".join(msgspec.json.encode(row) + b"\n" for row in ordered)
    path = DATA / f"{package}.jsonl"
    temporary = path.with_suffix(".part")
    temporary.write_bytes(lines)
    temporary.replace(path)


def curate(curator: Curator, package: str, wanted: Iterable[Version], *, jobs: int) -> int:
    """Measure the wanted releases that have no row; return how many rows the package has."""
    rows = read_rows(package)
    found = releases(curator.files(package))
    missing = [v for v in wanted if v in found and (curator.again or str(v) not in rows)]

    def one(version: Version) -> list[WheelRow]:
        try:
            return list(curator.measured(package, found[version]))
        except StackfixError as error:
            curator.failures.append(f"{package} {version}: {error.message}")
            return []

    with ThreadPoolExecutor(jobs) as pool:
        for version, measured in zip(missing, pool.map(one, missing), strict=True):
            if measured:
                rows[str(version)] = [_kept(row, rows.get(str(version), [])) for row in measured]
                write_rows(package, rows)
    count = sum(len(each) for each in rows.values())
    print(f"{package}: {count} rows, {len(missing)} new", file=sys.stderr, flush=True)
    return count


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


def toolkit_minors() -> dict[tuple[str, str], set[str]]:
    """Return (package, release prefix) -> CUDA minors, as the releases of cuda-toolkit pin them."""
    found: dict[tuple[str, str], set[str]] = {}
    for rows in read_rows("cuda-toolkit").values():
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


def torch_pins() -> dict[tuple[str, str], set[str]]:
    """Return (package, version) -> CUDA minors of the torch releases that pin exactly this version."""
    found: dict[tuple[str, str], set[str]] = {}
    for rows in read_rows("torch").values():
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


def name_toolkits() -> None:
    """Fill `cuda` of NVIDIA's rows: the toolkit minors that ship the release, or its own version where it tells."""
    shipped, pinned = toolkit_minors(), torch_pins()
    for path in sorted(DATA.glob("nvidia-*.jsonl")):
        package = path.stem
        rows = read_rows(package)
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


def ask_ceilings(curator: Curator, python: str, packages: Iterable[str]) -> None:
    """Fill the ONNX ceilings of onnxruntime's rows that have none, by asking each release under `python`."""
    with tempfile.TemporaryDirectory() as numpy_folder:
        numpy_for(python, Path(numpy_folder))
        for package in packages:
            rows = read_rows(package)
            for version, found in releases(curator.files(package)).items():
                each = rows.get(str(version), [])
                if not any(row.onnx_opset == 0 for row in each):
                    continue
                file = next((f for f in found if ASKED_TAG in f.name), None)
                if file is None:
                    curator.failures.append(f"{package} {version}: no wheel for {ASKED_TAG}")
                    continue
                try:
                    opset, ir = ask(curator.archive(file, 1 << 22), python, Path(numpy_folder))
                except StackfixError as error:
                    curator.failures.append(f"{package} {version}: {error.message}")
                    continue
                how = {"onnx_opset": f"asked of {file.name}", "onnx_ir": f"asked of {file.name}"}
                rows[str(version)] = [
                    msgspec.structs.replace(
                        row,
                        onnx_opset=opset,
                        onnx_ir=ir,
                        measured=dict(sorted({**row.measured, **how}.items())),
                    )
                    for row in each
                ]
                write_rows(package, rows)
                print(f"{package} {version}: opset {opset}, IR {ir}", file=sys.stderr, flush=True)


def asked_of(package: str, names: set[str]) -> Iterator[tuple[str, str]]:
    """Yield (name, specifier) of every plain package that the rows of `package` require."""
    for rows in read_rows(package).values():
        for row in rows:
            for text in row.requires_dist:
                requirement = Requirement(text)
                marker = str(requirement.marker or "")
                name = canonicalize_name(requirement.name)
                if "extra ==" in marker or re.search(r'== "(win32|Windows|darwin|Darwin)"', marker):
                    continue
                if name not in names:
                    yield name, str(requirement.specifier)


def run(curator: Curator, only: set[str], jobs: int) -> None:
    """Measure everything that is wanted, packages with facts first, then the plain ones they require."""
    named = {*ROOTS, *TOOLKIT_NAMES}
    for package, oldest in ROOTS.items():
        if not only or package in only:
            found = releases(curator.files(package))
            curate(curator, package, [v for v in found if v >= Version(oldest)], jobs=jobs)
    for package in sorted(TOOLKIT_NAMES):
        if (not only or package in only) and releases(curator.files(package)):
            curate(curator, package, releases(curator.files(package)), jobs=jobs)
    name_toolkits()
    plain(curator, named, only, jobs)


def plain(curator: Curator, named: set[str], only: set[str], jobs: int) -> None:
    """Measure plain packages until no row requires one that has none."""
    asked: dict[str, set[str]] = {name: set() for name in PLAIN_ROOTS}
    done: dict[str, set[str]] = {}
    queue = sorted(path.stem for path in DATA.glob("*.jsonl") if path.stem in named)
    while queue:
        for package in queue:
            for name, specifier in asked_of(package, named):
                asked.setdefault(name, set()).add(specifier)
        queue = [name for name in sorted(asked) if done.get(name) != asked[name]]
        for name in queue:
            done[name] = set(asked[name])
            if only and name not in only:
                continue
            found = releases(curator.files(name))
            curate(curator, name, sorted(wanted_plain(found, asked[name], name)), jobs=jobs)


def check(curator: Curator) -> list[str]:
    """Return the releases of the packages with facts that the index has and the rows have not."""
    missing: list[str] = []
    for package in [*ROOTS, *sorted(TOOLKIT_NAMES)]:
        rows = read_rows(package)
        oldest = Version(ROOTS.get(package, "0"))
        if rows or package in ROOTS:
            found = releases(curator.files(package))
            missing += [f"{package}=={v}" for v in found if v >= oldest and str(v) not in rows]
    return missing


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
    parser.add_argument("--jobs", type=int, default=6, help="wheels read at once (default 6)")
    arguments = parser.parse_args()
    if arguments.again and not arguments.packages:
        parser.error("--again wants the names of packages")
    DATA.mkdir(parents=True, exist_ok=True)
    config = index_config()
    today = dt.datetime.now(tz=dt.timezone.utc).date().isoformat()
    curator = Curator(
        HttpTransport(certificate=config.certificate), config.address, today, again=arguments.again
    )
    try:
        if arguments.check:
            missing = check(curator)
            print("\n".join(missing) if missing else "every release has a row")
            return 1 if missing else 0
        if arguments.ask:
            ask_ceilings(curator, arguments.ask, arguments.packages or ["onnxruntime", "onnxruntime-gpu"])
            return _told(curator)
        run(curator, set(arguments.packages), arguments.jobs)
    except StackfixError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 3
    return _told(curator)


def _told(curator: Curator) -> int:
    for failure in curator.failures:
        print(f"not measured: {failure}", file=sys.stderr)
    return 1 if curator.failures else 0


if __name__ == "__main__":
    sys.exit(main())
