"""The database as the rules ask it: reads the packages that a question touches, and no others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import msgspec
from msgspec import Struct, field
from packaging.version import Version

from stackfix.errors import DataError
from stackfix.facts import prepared
from stackfix.facts.hardware import Hardware, Libraries
from stackfix.facts.hardware_rows import Gpus, Prepared
from stackfix.facts.row_files import (
    ANY,
    FOLDERS,
    code_of,
    of_overlay,
    read_part,
    read_rows,
    row_files,
    size_of,
    wheel_of,
)
from stackfix.facts.row_index import INDEX, PackageRows, WheelIndex
from stackfix.facts.rows import WheelRow
from stackfix.model.growth import Documented
from stackfix.model.wheel import ListedWheel, Listing, Outline, RowKind, Wheel
from stackfix.rules.metadata import pins_of
from stackfix.rules.shipped_together import asks_of_cuda

_ROW = msgspec.json.Decoder(WheelRow)
_NONE = PackageRows((), (), (), (), (), (), (), (), ())
_PART = 1 << 16
"""So many bytes of a file of rows are read at once."""


class Database(Struct, frozen=True, dict=True):
    """The facts under one data folder, and the rows that an overlay adds to them.

    The overlay is laid out like `wheels/`; its rows win over those of the same release, platform and source that were
    not measured later.
    """

    root: Path
    overlay: Path | None = None
    _wheels: dict[str, tuple[Wheel, ...]] = field(default_factory=dict)
    _parts: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    _overlaid: dict[str, tuple[Wheel, ...]] = field(default_factory=dict)
    _listings: dict[tuple[str, str], Listing] = field(default_factory=dict)

    @cached_property
    def _prepared(self) -> Prepared:
        return prepared.load(self.root)

    @cached_property
    def hardware(self) -> Hardware:
        """Drivers, GPUs and cuDNN."""
        return Hardware(self._prepared)

    @property
    def gpu_rows(self) -> Gpus:
        """The GPU names and capabilities as they stand in gpus.toml."""
        return self._prepared.gpus

    @cached_property
    def libraries(self) -> Libraries:
        """What the system and the driver provide, and which opened libraries matter."""
        return Libraries(self._prepared)

    @cached_property
    def _index(self) -> WheelIndex:
        return WheelIndex(self.root / "wheels" / INDEX)

    @property
    def date(self) -> str:
        """The newest date on which a wheel was measured (ISO)."""
        return self._index.head.seen

    def providers(self, soname: str) -> Sequence[str]:
        """Return the packages whose rows provide a soname."""
        return self._with_added(
            self._index.head.providers.get(soname, ()), lambda wheel: soname in wheel.provides
        )

    def owners(self, folder: str) -> Sequence[str]:
        """Return the packages whose rows fill an import folder."""
        return self._with_added(self._index.head.owners.get(folder, ()), lambda wheel: folder in wheel.owns)

    def documented(self, package: str, platform: str) -> Sequence[Documented]:
        """Return what documents say that other indexes hold of a package."""
        from stackfix.facts.sources import documented  # noqa: PLC0415 - asked only where there is no set

        return tuple(documented(self.root, package, platform))

    def held_by(self, index: str) -> Sequence[str]:
        """Return the packages that an index is said to hold."""
        from stackfix.facts.sources import read_sources  # noqa: PLC0415 - asked only where there is no set

        return [
            name for each in read_sources(self.root).source if each.name == index for name in each.packages
        ]

    def serves_any_minor(self, index: str) -> bool:
        """Whether an index's builds serve every minor of their CUDA major."""
        from stackfix.facts.sources import read_sources  # noqa: PLC0415 - asked only where there is no set

        return any(each.name == index and each.any_minor for each in read_sources(self.root).source)

    def majors(self, package: str) -> Sequence[int]:
        """Return the CUDA majors that a package's rows are built for."""
        added = {wheel.cuda_major for wheel in self._added(package) if wheel.provides}
        known = self._index.head.majors.get(package, () if added else (0,))
        return (*known, *sorted(added - set(known)))

    def _with_added(self, packages: tuple[str, ...], holds: Callable[[Wheel], bool]) -> Sequence[str]:
        """Return packages, and those of the overlay of which a row holds."""
        added = {path.stem for path in self._overlay_files if any(map(holds, self._added(path.stem)))}
        return (*packages, *sorted(added - set(packages)))

    @cached_property
    def _overlay_files(self) -> list[Path]:
        return row_files(self.overlay)

    def overlaid_sources(self) -> frozenset[str]:
        """Return the names of the indexes that the rows of the overlay come from."""
        return frozenset(wheel.source for path in self._overlay_files for wheel in self._added(path.stem))

    def packages(self) -> list[str]:
        """Return every package that has rows."""
        return sorted(
            {path.stem for path in row_files(self.root)} | {p.stem for p in row_files(self.overlay)}
        )

    def knows(self, package: str) -> bool:
        """Whether there is any row of a package, for whatever platform."""
        return any(package in rows for rows in self._index.head.rows.values()) or bool(self._added(package))

    def is_whole(self, package: str) -> bool:
        """Whether there is a row of every release of a package between the oldest and the newest that have one."""
        return package in self._prepared.packages.since or package in self._toolkit

    @cached_property
    def _toolkit(self) -> frozenset[str]:
        return self._prepared.packages.toolkit.names()

    def wheels(self, package: str) -> Sequence[Wheel]:
        """Return all rows of a package, newest first, every platform; DataError with file and line for a broken one."""
        found = self._wheels.get(package)
        if found is None:
            found = self._wheels[package] = self._load(package)
        return found

    def listed(self, package: str, platform: str) -> Listing:
        """Return the rows of a package that serve a platform, newest first; each is read when it is asked for, once."""
        found = self._listings.get((package, platform))
        if found is None:
            found = self._listings[package, platform] = self._list(package, platform)
        return found

    def _list(self, package: str, platform: str) -> Listing:
        rows = self._index.rows(platform, package) or _NONE
        found = self._shipped(package, rows)
        overlaid = self._added(package)
        if not overlaid:
            return found
        dates = (rows.kinds[kind].seen for kind in rows.like)
        seen = {(each.key, each.source): date for each, date in zip(found, dates, strict=True)}
        added = [
            wheel
            for wheel in overlaid
            if wheel.platform in (platform, ANY)
            and wheel.evidence.seen >= seen.get((wheel.key, wheel.source), "")
        ]
        replaced = {(wheel.key, wheel.source) for wheel in added}
        kept = [each for each in found if (each.key, each.source) not in replaced]
        both = [*kept, *(_already_read(wheel) for wheel in added)]
        return Listing.of(sorted(both, key=lambda each: Version(each.key), reverse=True))

    def _shipped(self, package: str, rows: PackageRows) -> Listing:
        provided = [frozenset(each) for each in rows.provided]
        code = [code_of(each) for each in rows.code]
        kinds = [
            RowKind(
                source=kind.source,
                cuda_major=kind.cuda_major,
                provides=provided[kind.provides],
                cuda=kind.cuda,
                pins=kind.pins,
                outline=Outline(
                    files=rows.files[kind.files],
                    method=kind.method,
                    seen=kind.seen,
                    toolkit=kind.toolkit,
                    code=code[kind.code],
                ),
            )
            for kind in rows.kinds
        ]

        def listed(place: int) -> ListedWheel:
            kind = kinds[rows.like[place]]
            return ListedWheel(
                package=package,
                key=rows.versions[place],
                source=kind.source,
                uploaded=rows.uploaded[place],
                cuda_major=kind.cuda_major,
                provides=kind.provides,
                cuda=kind.cuda,
                pins=kind.pins,
                read=lambda: self._row_at(package, rows, place),
            )

        return Listing(rows.versions, rows.uploaded, rows.like, kinds, listed)

    def _row_at(self, package: str, rows: PackageRows, place: int) -> Wheel:
        kind = rows.kinds[rows.like[place]]
        name = f"{kind.folder}/{package}.jsonl"
        start = rows.starts[place]
        try:
            row = _ROW.decode(self._line(name, start, rows.lengths[place]))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            line = read_part(self.root / "wheels" / name, 0, start).count(b"\n") + 1
            raise DataError(name, f"line {line}", str(error)) from error
        return wheel_of(row, name, 0)

    def _line(self, name: str, start: int, length: int) -> bytes:
        """Return a line of a file of rows, and keep what stands before it: what is asked for next is often older."""
        first, part = self._parts.get(name, (0, b""))
        end = start + length
        if not (first <= start and end <= first + len(part)):
            path = self.root / "wheels" / name
            if size_of(path) != self._index.head.sizes.get(name):
                raise DataError(name, "", f"has changed since {INDEX} was made from it")
            first = max(0, end - max(length, _PART))
            part = read_part(path, first, end - first)
            self._parts[name] = first, part
        return part[start - first : end - first]

    def _added(self, package: str) -> Sequence[Wheel]:
        """Return the rows of a package that the overlay adds."""
        if self.overlay is None or not self.overlay.is_dir():
            return ()
        found = self._overlaid.get(package)
        if found is None:
            try:
                found = self._overlaid[package] = tuple(_wheels_of(self.overlay, package))
            except DataError as error:
                raise of_overlay(error, self.overlay) from None
        return found

    def _load(self, package: str) -> tuple[Wheel, ...]:
        shipped = list(_wheels_of(self.root / "wheels", package))
        seen = {(wheel.key, wheel.platform, wheel.source): wheel.evidence.seen for wheel in shipped}
        added = [
            wheel
            for wheel in self._added(package)
            if wheel.evidence.seen >= seen.get((wheel.key, wheel.platform, wheel.source), "")
        ]
        replaced = {(wheel.key, wheel.platform, wheel.source) for wheel in added}
        kept = [each for each in shipped if (each.key, each.platform, each.source) not in replaced]
        return tuple(sorted([*added, *kept], key=lambda wheel: wheel.version, reverse=True))


def _wheels_of(folder: Path, package: str) -> Iterator[Wheel]:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", package):
        return
    for platform in FOLDERS:
        path = folder / platform / f"{package}.jsonl"
        if path.is_file():
            for number, row in enumerate(read_rows(path), start=1):
                yield wheel_of(row, f"{platform}/{path.name}", number)


def _already_read(wheel: Wheel) -> ListedWheel:
    dates = [file.uploaded for file in wheel.files if file.uploaded]
    return ListedWheel(
        package=wheel.package,
        key=wheel.key,
        source=wheel.source,
        uploaded=min(dates, default=""),
        cuda_major=wheel.cuda_major,
        provides=frozenset(wheel.provides),
        cuda=asks_of_cuda(wheel.package, tuple(map(str, wheel.cuda)), wheel.cuda_major, wheel.requires_dist),
        pins=pins_of(wheel.requires_dist),
        read=lambda: wheel,
    )
