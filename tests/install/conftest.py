"""Tiny wheels, a loopback server that serves them with faults, and a proof that looks at the new environment."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))

import fault_server as faults
from fault_server import Fault, Handler, wheel_bytes

from stackfix.model.lock import Lock, LockedFile, LockedPackage

PYTHON = Path(sys.base_prefix) / "bin" / "python3"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def rebuilt(handler: Handler, _: bytes) -> None:
    """Send a wheel of the same name that was built anew."""
    handler.whole(wheel_bytes("app", "2.0", files={"app/__init__.py": b"version = 'rebuilt'"}))


FAULTS: dict[str, Fault] = {
    "missing": faults.status(404),
    "broken server": faults.status(500),
    "stalls": faults.stall,
    "web page": faults.web_page,
    "other bytes": rebuilt,
    "cut": faults.cut,
}


class Shelf(faults.Server):
    """Wheels on a loopback server, as packages of a lock."""

    def wheel(
        self,
        name: str,
        version: str = "1.0",
        *,
        files: dict[str, bytes] | None = None,
        scripts: dict[str, str] | None = None,
    ) -> LockedPackage:
        own = {
            f"{name}/__init__.py": f"version = {version!r}\ndef main(): print('{name}', version)\n".encode()
        }
        data = wheel_bytes(name, version, files=own | (files or {}), scripts=scripts or {})
        file = f"{name}-{version}-py3-none-any.whl"
        self.files[file] = data
        return LockedPackage(
            name=name,
            version=version,
            file=LockedFile(
                name=file,
                size=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
                url=f"{self.address}/files/{file}",
            ),
            index=f"{self.address}/simple",
        )

    def lock(self, *packages: LockedPackage, python: str = VERSION) -> Lock:
        return Lock(packages=packages, python=python, platform="linux_x86_64", facts_date="2026-11-24")


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with faults.index(Shelf(kept_for="max-age=31536000, immutable")) as up:
        yield up


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """The variables of a user with a fresh uv cache, who does not want to wait for retries."""
    return dict(os.environ) | {
        "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
        "UV_HTTP_RETRIES": "0",
        "PIP_RETRIES": "0",
        "PIP_CACHE_DIR": str(tmp_path / "pip-cache"),
    }


def said(python: Path, code: str) -> str:
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip()


def beside(target: Path) -> list[str]:
    """Return what lies beside a target, itself aside."""
    names = {"uv-cache", "pip-cache", target.name}
    return sorted(each.name for each in target.parent.iterdir() if each.name not in names)


def snapshot(folder: Path) -> dict[str, bytes | str]:
    """Return everything in a folder: path to content, or to the target of a link."""
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }
