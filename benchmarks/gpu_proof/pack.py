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
from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename

CHECKOUT = Path(__file__).resolve().parent.parent.parent
LOCK = "pylock.toml"


def pack(folder: Path, target: str, flags: Sequence[str]) -> dict[str, Any]:
    """Return the list of what was packed; wheels are checked by the sha256 of their locks."""
    with tempfile.TemporaryDirectory(prefix="gpu-proof-", dir=folder.parent) as own:
        scratch = Path(own)
        lock, needs = scratch / LOCK, scratch / "pylock.needs.toml"
        stackfix = [sys.executable, "-m", "stackfix", "lock", target, "-o", str(lock), *flags]
        subprocess.run(stackfix, check=True)
        uv = [sys.executable, "-m", "uv", "pip", "compile", "-q", "--only-binary", ":all:", "--extra", "uv"]
        subprocess.run(
            [*uv, "--format", LOCK, str(CHECKOUT / "pyproject.toml"), "-o", str(needs)], check=True
        )
        files = {lock.name: lock}
        own_names = []
        for listed in (lock, needs):
            for package in tomli.loads(listed.read_text(encoding="utf-8"))["packages"]:
                wheel = _chosen(package["wheels"], any_wheel=listed is lock)
                name = wheel["url"].rsplit("/", 1)[-1].partition("#")[0]
                if listed is needs:
                    own_names.append(name)
                if name not in files:
                    files[name] = _download(wheel, scratch / name)
        return parts.split(list(files.values()), folder, stackfix=sorted(own_names))


def _chosen(wheels: list[dict[str, Any]], *, any_wheel: bool) -> dict[str, Any]:
    """Return the wheel of a package that this Python takes; a lock of stackfix names one only."""
    if any_wheel:
        return wheels[0]
    ranks = {tag: rank for rank, tag in enumerate(sys_tags())}
    best = min(wheels, key=lambda wheel: _rank(wheel["url"], ranks))
    if _rank(best["url"], ranks) == len(ranks):
        raise parts.PartError(f"none of these runs on this Python: {[wheel['url'] for wheel in wheels]}")
    return best


def _rank(url: str, ranks: dict[Any, int]) -> int:
    _, _, _, tags = parse_wheel_filename(url.rsplit("/", 1)[-1].partition("#")[0])
    return min((ranks[tag] for tag in tags if tag in ranks), default=len(ranks))


def _download(wheel: dict[str, Any], path: Path) -> Path:
    with urllib.request.urlopen(wheel["url"]) as source, path.open("wb") as out:  # noqa: S310 - the lock's address
        while block := source.read(1 << 20):
            out.write(block)
    if parts.sha256_of(path) != wheel["hashes"]["sha256"]:
        raise parts.PartError(f"{path.name} is not the file that the lock names")
    return path
