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
from stackfix.facts.row_files import ANY, FOLDERS, read_file, read_rows, row_files, wheel_of
from stackfix.facts.row_index import INDEX, RowPlace, WheelIndex
from stackfix.facts.rows import WheelRow
from stackfix.model.growth import Documented
from stackfix.model.wheel import ListedWheel, Wheel

_ROW = msgspec.json.Decoder(WheelRow)


class Database(Struct, frozen=True, dict=True):
    """The facts under one data folder, and the rows that an overlay adds to them.

    The overlay is laid out like `wheels/`; its rows win over those of the same release, platform and source that were
    not measured later.
    """

    root: Path
    overlay: Path | None = None
    _wheels: dict[str, tuple[Wheel, ...]] = field(default_factory=dict)
    _files: dict[str, bytes] = field(default_factory=dict)
    _overlaid: dict[str, tuple[Wheel, ...]] = field(default_factory=dict)
    _listings: dict[tuple[str, str], Sequence[ListedWheel]] = field(default_factory=dict)

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
        path = self.root / "wheels" / INDEX
        try:
            return msgspec.json.decode(path.read_bytes(), type=WheelIndex)
        except OSError as error:
            raise DataError(path.name, "", f"cannot be read: {error.strerror}") from error
        except msgspec.DecodeError as error:
            raise DataError(path.name, "", str(error)) from error

    @property
    def date(self) -> str:
        """The newest date on which a wheel was measured (ISO)."""
        return self._index.seen

    def providers(self, soname: str) -> Sequence[str]:
        """Return the packages whose rows provide a soname."""
        return self._with_added(self._index.providers.get(soname, ()), lambda wheel: soname in wheel.provides)

    def owners(self, folder: str) -> Sequence[str]:
        """Return the packages whose rows fill an import folder."""
        return self._with_added(self._index.owners.get(folder, ()), lambda wheel: folder in wheel.owns)

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
        known = self._index.majors.get(package, () if added else (0,))
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
        return any(package in rows for rows in self._index.rows.values()) or bool(self._added(package))

    def wheels(self, package: str) -> Sequence[Wheel]:
        """Return all rows of a package, newest first, every platform; DataError with file and line for a broken one."""
        found = self._wheels.get(package)
        if found is None:
            found = self._wheels[package] = self._load(package)
        return found

    def listed(self, package: str, platform: str) -> Sequence[ListedWheel]:
        """Return the rows of a package that serve a platform, newest first; each is read when it is asked for, once."""
        found = self._listings.get((package, platform))
        if found is None:
            found = self._listings[package, platform] = self._list(package, platform)
        return found

    def _list(self, package: str, platform: str) -> Sequence[ListedWheel]:
        raw = self._index.rows.get(platform, {}).get(package)
        places = _places(raw) if raw is not None else ()
        found = [self._listed(package, place) for place in places]
        overlaid = self._added(package)
        if not overlaid:
            return found
        seen = {(place.version, place.source): place.seen for place in places}
        added = [
            wheel
            for wheel in overlaid
            if wheel.platform in (platform, ANY)
            and wheel.evidence.seen >= seen.get((wheel.key, wheel.source), "")
        ]
        if added:
            replaced = {(wheel.key, wheel.source) for wheel in added}
            found = [each for each in found if (each.key, each.source) not in replaced]
            found += [_already_read(wheel) for wheel in added]
            found.sort(key=lambda each: Version(each.key), reverse=True)
        return found

    def _listed(self, package: str, place: RowPlace) -> ListedWheel:
        return ListedWheel(
            package=package,
            key=place.version,
            source=place.source,
            uploaded=place.uploaded,
            cuda_major=place.cuda_major,
            provides=frozenset(place.provides),
            read=lambda: self._row_at(package, place),
        )

    def _row_at(self, package: str, place: RowPlace) -> Wheel:
        name = f"{place.folder}/{package}.jsonl"
        data = self._files.get(name)
        if data is None:
            data = self._files[name] = read_file(self.root / "wheels" / place.folder / f"{package}.jsonl")
            if len(data) != self._index.sizes.get(name):
                raise DataError(name, "", f"has changed since {INDEX} was made from it")
        try:
            row = _ROW.decode(data[place.start : place.start + place.length])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            line = data.count(b"\n", 0, place.start) + 1
            raise DataError(name, f"line {line}", str(error)) from error
        return wheel_of(row, name, 0)

    def _added(self, package: str) -> Sequence[Wheel]:
        """Return the rows of a package that the overlay adds."""
        if self.overlay is None or not self.overlay.is_dir():
            return ()
        found = self._overlaid.get(package)
        if found is None:
            found = self._overlaid[package] = tuple(_wheels_of(self.overlay, package))
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


def _places(raw: msgspec.Raw) -> tuple[RowPlace, ...]:
    try:
        return msgspec.json.decode(raw, type=tuple[RowPlace, ...])
    except msgspec.DecodeError as error:
        raise DataError(INDEX, "rows", str(error)) from error


def _already_read(wheel: Wheel) -> ListedWheel:
    dates = [file.uploaded for file in wheel.files if file.uploaded]
    return ListedWheel(
        package=wheel.package,
        key=wheel.key,
        source=wheel.source,
        uploaded=min(dates, default=""),
        cuda_major=wheel.cuda_major,
        provides=frozenset(wheel.provides),
        read=lambda: wheel,
    )
