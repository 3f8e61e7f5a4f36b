"""What releases that a text names are built for, by the rows of the database."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from packaging.version import InvalidVersion, Version

from stackfix.facts.database import Database
from stackfix.model.wheel import ListedWheel

_PLATFORM = "linux_x86_64"
_CUDNN = re.compile(r"libcudnn(?:_\w+)?\.so\.(\d+)")


@dataclass(frozen=True, slots=True)
class FactBuilds:
    """The CUDA and cuDNN majors of releases of the main index; of "1.18" those of the newest 1.18."""

    facts: Database
    _found: dict[tuple[str, str], ListedWheel | None] = field(default_factory=dict)

    def cuda(self, package: str, version: str) -> int | None:
        """Return the CUDA major of a release, None where there is no row of it."""
        row = self._row(package, version)
        return (row.cuda_major or None) if row else None

    def cudnn(self, package: str, version: str) -> int | None:
        """Return the cuDNN major of a release, None where there is no row of it or it needs none."""
        row = self._row(package, version)
        if row is None:
            return None
        wheel = row.read()
        names = (name for kind in (wheel.needs, wheel.opens) for names in kind.values() for name in names)
        majors = {int(match[1]) for name in names if (match := _CUDNN.match(name))}
        return majors.pop() if len(majors) == 1 else None

    def released(self, package: str, version: str) -> str:
        """Return the day of a release's oldest file, "" where there is no row of it."""
        row = self._row(package, version)
        return row.uploaded if row else ""

    def _row(self, package: str, version: str) -> ListedWheel | None:
        key = (package, version)
        if key not in self._found:
            self._found[key] = self._nearest(package, version)
        return self._found[key]

    def _nearest(self, package: str, version: str) -> ListedWheel | None:
        try:
            wanted = Version(version)
        except InvalidVersion:
            return None
        for each in self.facts.listed(package, _PLATFORM):
            there = Version(each.key)
            if there.release[:2] == wanted.release[:2]:
                return each
        return None
