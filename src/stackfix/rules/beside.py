"""Facts, and beside them rows that are not on record: what is installed, or what is supposed for the sake of a question."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from msgspec import Struct
from packaging.version import Version

from stackfix.model.growth import Documented
from stackfix.model.wheel import ListedWheel
from stackfix.rules.scene import Facts, HardwareFacts, LibraryFacts


class FactsBeside(Struct, frozen=True):
    """Facts, and rows by package that win over those of the same release."""

    facts: Facts
    rows: Mapping[str, Sequence[ListedWheel]]

    @property
    def hardware(self) -> HardwareFacts:
        """Drivers, GPUs and cuDNN."""
        return self.facts.hardware

    @property
    def libraries(self) -> LibraryFacts:
        """What the system and the driver provide."""
        return self.facts.libraries

    @property
    def date(self) -> str:
        """The newest date on which a wheel was measured (ISO)."""
        return self.facts.date

    def knows(self, package: str) -> bool:
        """Whether there is a row of a package."""
        return package in self.rows or self.facts.knows(package)

    def is_whole(self, package: str) -> bool:
        """Whether the rows hold every release of a package up to the newest."""
        return self.facts.is_whole(package)

    def listed(self, package: str, platform: str) -> Sequence[ListedWheel]:
        """Return the rows of a package, newest first."""
        listed, added = self.facts.listed(package, platform), self.rows.get(package, ())
        if not added:
            return listed
        keys = {each.key for each in added}
        kept = [each for each in listed if each.key not in keys]
        return sorted((*added, *kept), key=lambda each: Version(each.key), reverse=True)

    def providers(self, soname: str) -> Sequence[str]:
        """Return the packages whose rows provide a soname."""
        found = self.facts.providers(soname)
        return list(
            dict.fromkeys([*found, *(each.package for each in self._all() if soname in each.provides)])
        )

    def majors(self, package: str) -> Sequence[int]:
        """Return the CUDA majors that the package's rows are built for."""
        added = [each.cuda_major for each in self.rows.get(package, ()) if each.provides]
        return [*self.facts.majors(package), *added]

    def owners(self, folder: str) -> Sequence[str]:
        """Return the packages whose rows fill an import folder."""
        found = self.facts.owners(folder)
        return list(
            dict.fromkeys([*found, *(each.package for each in self._all() if folder in each.wheel.owns)])
        )

    def documented(self, package: str, platform: str) -> Sequence[Documented]:
        """Return what documents say that other indexes hold of a package."""
        return self.facts.documented(package, platform)

    def held_by(self, index: str) -> Collection[str]:
        """Return the packages that an index beside the main one is said to hold."""
        return self.facts.held_by(index)

    def serves_any_minor(self, index: str) -> bool:
        """Whether an index's builds serve every minor of their CUDA major."""
        return self.facts.serves_any_minor(index)

    def _all(self) -> Iterator[ListedWheel]:
        return (each for rows in self.rows.values() for each in rows)
