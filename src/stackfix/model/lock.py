"""Lock: every file of an environment by address and sha256, and the machine it was worked out for."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field


class Address(Struct, frozen=True, kw_only=True):
    """Where an index says that a file lies, and that index's own address; neither holds credentials."""

    url: str
    index: str = ""


class LockedFile(Struct, frozen=True, kw_only=True):
    """One wheel: the file itself (name, size, sha256) and the one address it is taken from.

    Of a package that the user lets be built it is the source: then no wheel of it is taken.
    """

    name: str
    size: int
    sha256: str
    url: str

    @property
    def is_source(self) -> bool:
        """Whether it has to be built before it can be installed."""
        return not self.name.endswith(".whl")


class LockedPackage(Struct, frozen=True, kw_only=True):
    """One package and the wheel that was chosen of it.

    `index` is the address of the index that lists it, "" if none does: uv finds in its cache by it what the
    user had installed from there before.
    """

    name: str
    version: str
    file: LockedFile
    requires_python: str = ""
    index: str = ""


class Lock(Struct, frozen=True, kw_only=True):
    """A whole environment, as text that another machine can read.

    `python` is major and minor ("3.12"), `platform` a label such as linux_x86_64. What was not known of the machine
    is "" or empty: `glibc` ("2.35"), `driver`, `cuda` (the set's), `gpus` (names with their sm). `device` is "gpu" or
    "cpu", `facts_date` the date of the facts, `recipe` the word that was asked for. `stands_for` maps a package to
    those that were asked for too, and are left out because it has everything of them.
    """

    packages: tuple[LockedPackage, ...]
    python: str
    platform: str
    glibc: str = ""
    driver: str = ""
    cuda: str = ""
    gpus: tuple[str, ...] = ()
    device: str = ""
    facts_date: str = ""
    recipe: str = ""
    stands_for: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def download_bytes(self) -> int:
        """Sum of the sizes of all files."""
        return sum(package.file.size for package in self.packages)

    @property
    def built(self) -> tuple[str, ...]:
        """The packages that are built from source, by name."""
        return tuple(sorted(package.name for package in self.packages if package.file.is_source))

    @property
    def versions(self) -> dict[str, str]:
        """Package name to version, by name."""
        return {
            package.name: package.version for package in sorted(self.packages, key=lambda each: each.name)
        }
