"""Facts that grow: what the index has and the rows have not, and the rows that measuring it gives."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from stackfix.errors import AnswerError, NetworkError, QuestionError, StackfixError
from stackfix.facts.database import Database
from stackfix.facts.overlay import refuse_unwritable, write
from stackfix.facts.release import release_rows
from stackfix.facts.rows import CodeRow, WheelRow
from stackfix.facts.sources import documented_cuda
from stackfix.facts.toolkits import toolkits_of
from stackfix.index.releases import releases
from stackfix.index.simple import IndexFile, project
from stackfix.index.transport import RangeReader, Transport
from stackfix.measure.archive import Archive
from stackfix.measure.reader import Reader
from stackfix.model.growth import Compared, Measured, NotMeasured, Unmeasured
from stackfix.model.machine import Platform
from stackfix.model.request import MAIN
from stackfix.model.wheel import Wheel
from stackfix.rules.metadata import applies, marker_variables, parse_row
from stackfix.versions import canonical_name

TOOLKIT = "cuda-toolkit"
_MARKER_PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
_EXTRA = re.compile(r"extra == ['\"]([^'\"]+)")
_COMPARED = (
    "requires_dist",
    "needs",
    "opens",
    "provides",
    "cuda",
    "cuda_major",
    "code",
    "owns",
    "numpy_abi",
    "files",
)

Outcome = Measured | NotMeasured


def compared(
    pages: Mapping[str, Sequence[IndexFile] | StackfixError], facts: Database, platform: Platform
) -> Compared:
    """Return the releases on the pages that are newer than the newest row, and the pages that could not be had."""
    found: list[Unmeasured] = []
    problems: list[str] = []
    for package, page in pages.items():
        if isinstance(page, StackfixError):
            problems.append(f"{package}: {page.message}")
        elif not page:
            problems.append(f"the index does not know `{package}`")
        elif newer := newer_releases(package, page, facts, platform):
            found.append(Unmeasured(package=package, versions=tuple(map(str, newer))))
    return Compared(unmeasured=tuple(found), problems=tuple(problems))


def newer_releases(
    package: str, files: Sequence[IndexFile], facts: Database, platform: Platform, source: str = MAIN
) -> list[Version]:
    """Return the releases for a platform that are newer than the newest row, newest first; the newest where none is."""
    listed = facts.listed(package, platform.label)
    known = [Version(each.key) for each in listed if each.source == source]
    if known:
        return list(reversed(releases(files, platform, max(known))))
    return list(releases(files, platform))[-1:]


@dataclass(slots=True)
class _Counted:
    """A reader that counts what is read of it."""

    reader: Reader
    total: list[int]

    @property
    def name(self) -> str:
        return self.reader.name

    @property
    def size(self) -> int:
        return self.reader.size

    def read(self, offset: int, length: int) -> bytes:
        self.total[0] += length
        return self.reader.read(offset, length)


@dataclass
class Growth:
    """One run over an index for a platform: measures releases, writes their rows, follows what they require.

    `reread` returns the facts as they are after the latest write; `say` is told what is being measured.
    """

    transport: Transport
    index: str
    platform: Platform
    overlay: Path
    reread: Callable[[], Database]
    say: Callable[[str], None]
    source: str = MAIN
    facts: Database = field(init=False)
    _pages: dict[str, tuple[IndexFile, ...]] = field(default_factory=dict)
    _new: dict[tuple[str, str], Measured] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the facts as they are before anything is measured."""
        self.facts = self.reread()

    def asked(self, requirement: str) -> tuple[Outcome, ...]:
        """Measure the newest release that a requirement admits, and what its rows require and the facts lack.

        Raises QuestionError for what is no requirement, AnswerError where the index has no such release or the
        release cannot be measured; of what it requires, that is an outcome.
        """
        try:
            wish = Requirement(requirement)
        except InvalidRequirement as error:
            raise QuestionError(
                f"`{requirement}` is not a requirement: {str(error).splitlines()[0]}",
                hint="releases look like `torch==2.15.0`",
            ) from error
        package = canonical_name(wish.name)
        files, version = self._chosen(package, str(wish.specifier))
        measured = self._measure(package, version, files, "")
        return measured, *self._required(measured, frozenset(wish.extras))

    def newest(self, packages: Sequence[str]) -> tuple[Outcome, ...]:
        """Measure what is newer than the newest rows of packages, and what that requires and the facts lack.

        Raises NetworkError where the index cannot be asked; a release that cannot be measured is an outcome.
        """
        outcomes: list[Outcome] = []
        for package in packages:
            files = self._files(package)
            offered = releases(files, self.platform)
            for version in newer_releases(package, files, self.facts, self.platform, self.source):
                try:
                    measured = self._measure(package, version, offered[version], "")
                except AnswerError as error:
                    outcomes.append(NotMeasured(wanted=f"{package}=={version}", reason=error.message))
                    continue
                outcomes += [measured, *self._required(measured, frozenset())]
        return tuple(outcomes)

    def _files(self, package: str) -> tuple[IndexFile, ...]:
        if package not in self._pages:
            self._pages[package] = project(self.transport, self.index, package)
        return self._pages[package]

    def _chosen(self, package: str, specifier: str) -> tuple[list[IndexFile], Version]:
        """Return the newest release on the index within a specifier, with its files."""
        offered = releases(self._files(package), self.platform)
        admitted = [version for version in offered if SpecifierSet(specifier).contains(version)]
        if admitted:
            return offered[admitted[-1]], admitted[-1]
        wanted = f"{package}{specifier}"
        if not self._files(package):
            raise AnswerError(f"the index does not know `{package}`")
        newest = f"the newest release there is {max(offered)}" if offered else ""
        raise AnswerError(f"the index has no release `{wanted}` for {self.platform.label}", hint=newest)

    def _measure(self, package: str, version: Version, files: list[IndexFile], because: str) -> Measured:
        unsized = next((file.name for file in files if not file.size), "")
        if unsized:
            raise NetworkError(
                f"{unsized}: the index does not say its size, so it cannot be read in parts",
                hint="use an index that answers in JSON (PEP 691, PEP 700)",
            )
        refuse_unwritable(self.overlay / self.platform.label)
        self.say(f"measuring {package} {version}" + (f", which {because} requires" if because else ""))
        total = [0]

        def opened(file: IndexFile, block: int) -> Archive:
            reader = RangeReader(self.transport, file.address, file.name, file.size)
            return Archive(_Counted(reader, total), block=block)

        start = time.monotonic()
        today = dt.datetime.now(tz=dt.timezone.utc).date().isoformat()
        rows = release_rows(package, files, opened, self.platform, seen=today, source=self.source)
        seconds = time.monotonic() - start
        before = self._on_record(package, str(version))
        paths = write(self.overlay, [self._completed(row, before) for row in rows])
        self.facts = self.reread()
        after = self._on_record(package, str(version))
        measured = Measured(
            package=package,
            version=str(version),
            platform=self.platform.label,
            wheels=after,
            read_bytes=total[0],
            seconds=seconds,
            written=tuple(map(str, paths)),
            on_record=bool(before),
            differs=_differences(before, after) if before else (),
            because=because,
        )
        self._new[package, str(version)] = measured
        return measured

    def _on_record(self, package: str, version: str) -> tuple[Wheel, ...]:
        served = {self.platform.label, "any"}
        found = [one for one in self.facts.wheels(package) if one.key == version and one.platform in served]
        return tuple(sorted(found, key=lambda wheel: wheel.files[0].name))

    def _completed(self, row: WheelRow, before: Sequence[Wheel]) -> WheelRow:
        """Return a row with what its wheels do not tell by ranges: other packages' rows do, or the row on record."""
        if row.package.startswith("nvidia-"):
            minors, how = toolkits_of(row.package, row.version, self.facts)
            row = msgspec.structs.replace(
                row, cuda=minors or row.cuda, measured={**row.measured, **({"cuda": how} if how else {})}
            )
        said = documented_cuda(self.facts.root, row.package, row.version, self.source)
        if said is not None and said.cuda not in row.cuda:
            measured = " and ".join(row.cuda) or f"major {row.cuda_major or 'none'}"
            otherwise = f"{said.evidence.where} has it as CUDA {said.cuda}; the wheel is CUDA {measured}"
            row = msgspec.structs.replace(row, disagrees=(*row.disagrees, otherwise))
        digests = {file.sha256 for file in row.files}
        same = next((old for old in before if digests <= {file.sha256 for file in old.files}), None)
        if same is None:
            return row
        deeper = sum(code.count for code in same.code) > sum(code.count for code in row.code)
        return msgspec.structs.replace(
            row,
            onnx_opset=same.onnx_opset or row.onnx_opset,
            onnx_ir=same.onnx_ir or row.onnx_ir,
            code=_code_rows(same) if deeper else row.code,
        )

    def _required(self, measured: Measured, extras: frozenset[str]) -> Iterator[Outcome]:
        """Yield what came of each release that new rows require and of which the facts have none."""
        queue = [(measured, extras)]
        done: set[tuple[str, str, frozenset[str]]] = set()
        while queue:
            asker, wanted = queue.pop(0)
            if (asker.package, asker.version, wanted) in done:
                continue
            done.add((asker.package, asker.version, wanted))
            for name, specifier, inner in self._requirements(asker, wanted):
                known = self._known(name, specifier)
                if known is not None:
                    if (name, known) in self._new:
                        queue.append((self._new[name, known], inner))
                    continue
                by = f"{asker.package} {asker.version}"
                try:
                    files, version = self._chosen(name, specifier)
                    found = self._measure(name, version, files, by)
                except AnswerError as error:
                    yield NotMeasured(wanted=f"{name}{specifier}", reason=error.message, because=by)
                    continue
                yield found
                queue.append((found, inner))

    def _known(self, package: str, specifier: str) -> str | None:
        """Return the newest release on record within a specifier."""
        admitted = SpecifierSet(specifier)
        listed = self.facts.listed(package, self.platform.label)
        return next((each.key for each in listed if admitted.contains(each.key)), None)

    def _requirements(
        self, measured: Measured, extras: frozenset[str]
    ) -> Iterator[tuple[str, str, frozenset[str]]]:
        """Yield name, specifier and extras of what a release requires on the platform under some Python.

        Of a toolkit all parts count of which there are facts: wheels need its libraries without naming the packages.
        """
        environments = [marker_variables(self.platform, python, f"{python}.0") for python in _MARKER_PYTHONS]
        texts = dict.fromkeys(text for wheel in measured.wheels for text in wheel.requires_dist)
        toolkit = measured.package == TOOLKIT
        if toolkit:
            extras = frozenset(_EXTRA.findall(" ".join(texts)))
        for text in texts:
            try:
                one = parse_row(text)
            except InvalidRequirement:
                continue
            name = canonical_name(one.name)
            if toolkit and not self.facts.listed(name, self.platform.label):
                continue
            if any(applies(one.marker, each, extra) for each in environments for extra in ("", *extras)):
                yield name, one.specifier, one.extras


def _code_rows(wheel: Wheel) -> tuple[CodeRow, ...]:
    return tuple(
        CodeRow(
            cubins=tuple(sorted(code.cubins)),
            ptx={name: str(cuda or "") for name, cuda in sorted(code.ptx.items())},
            count=code.count,
        )
        for code in wheel.code
    )


def _differences(before: Sequence[Wheel], after: Sequence[Wheel]) -> tuple[str, ...]:
    """Return the fields in which two readings of a release differ."""
    if len(before) != len(after):
        return ("rows",)
    pairs = list(zip(before, after, strict=True))
    return tuple(
        name for name in _COMPARED if any(getattr(old, name) != getattr(new, name) for old, new in pairs)
    )
