"""The wheels of the newest set for a machine, and those that stackfix itself needs there, cut into parts."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import parts
import tomli
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

CHECKOUT = Path(__file__).resolve().parent.parent.parent
LOCK = "pylock.toml"
PYTHONS = range(10, 15)


def pack(folder: Path, target: str, flags: Sequence[str], only: Sequence[str] = ()) -> dict[str, Any]:
    """Return the list of what was packed; wheels are checked by the sha256 of their locks.

    `only` names the packages of the set that travel, for a machine whose own Python has the others.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gpu-proof-", dir=folder.parent) as own:
        scratch = Path(own)
        lock, needs = scratch / LOCK, scratch / "pylock.needs.toml"
        stackfix = [sys.executable, "-m", "stackfix", "lock", target, "-o", str(lock), *flags]
        subprocess.run(stackfix, check=True)
        uv = [sys.executable, "-m", "uv", "pip", "compile", "-q", "--only-binary", ":all:", "--extra", "uv"]
        uv += [
            "--universal",
            "--python-version",
            f"3.{PYTHONS[0]}",
            "--format",
            LOCK,
            str(CHECKOUT / "pyproject.toml"),
            "-o",
            str(needs),
        ]
        subprocess.run(uv, check=True)
        chosen = chosen_of(_packages(lock), only)
        named = [package["wheels"][0] for package in chosen]
        own_needs = []
        for package in _packages(needs):
            marker = f"; {package['marker']}" if package.get("marker") else ""
            own_needs.append(f"{package['name']}=={package['version']}{marker}")
            named += wheels_for(package["wheels"])
        files = {lock.name: lock}
        for wheel in named:
            name = _name(wheel)
            if name not in files:
                files[name] = _download(wheel, scratch / name)
        beside = [f"{one['name']}=={one['version']}" for one in chosen if one["name"] in only]
        return parts.split(list(files.values()), folder, stackfix=sorted(own_needs), beside=beside)


def chosen_of(packages: list[dict[str, Any]], only: Sequence[str]) -> list[dict[str, Any]]:
    """Return the packages of a set that travel: all of them where none is named, else those and pip, which installs them."""
    names = {str(package["name"]) for package in packages}
    if strange := sorted({*only} - names):
        raise parts.PartError(f"the set has no {', '.join(strange)}; it has {', '.join(sorted(names))}")
    return [package for package in packages if not only or package["name"] in {*only, "pip"}]


def _packages(lock: Path) -> list[dict[str, Any]]:
    packages: list[dict[str, Any]] = tomli.loads(lock.read_text(encoding="utf-8"))["packages"]
    return packages


def wheels_for(wheels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the best wheel of a package for each Python that stackfix runs on: which one is there is not known here."""
    best = {}
    for minor in PYTHONS:
        tags = [*cpython_tags((3, minor)), *compatible_tags((3, minor), f"cp3{minor}")]
        ranks = {tag: rank for rank, tag in enumerate(tags)}
        wheel = min(wheels, key=lambda wheel: _rank(wheel, ranks))
        if _rank(wheel, ranks) < len(ranks):
            best[_name(wheel)] = wheel
    if not best:
        raise parts.PartError(f"none of these runs on any Python here: {[_name(wheel) for wheel in wheels]}")
    return list(best.values())


def _name(wheel: dict[str, Any]) -> str:
    return str(wheel["url"]).rsplit("/", 1)[-1].partition("#")[0]


def _rank(wheel: dict[str, Any], ranks: dict[Any, int]) -> int:
    _, _, _, tags = parse_wheel_filename(_name(wheel))
    return min((ranks[tag] for tag in tags if tag in ranks), default=len(ranks))


def _download(wheel: dict[str, Any], path: Path) -> Path:
    with urllib.request.urlopen(wheel["url"]) as source, path.open("wb") as out:  # noqa: S310 - the lock's address
        while block := source.read(1 << 20):
            out.write(block)
    if parts.sha256_of(path) != wheel["hashes"]["sha256"]:
        raise parts.PartError(f"{path.name} is not the file that the lock names")
    return path
