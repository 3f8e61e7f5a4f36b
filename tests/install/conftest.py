"""Tiny wheels, a loopback server that serves them with faults, and a proof that looks at the new environment."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stackfix.model.lock import Lock, LockedFile, LockedPackage

PYTHON = Path(sys.base_prefix) / "bin" / "python3"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def wheel_bytes(
    name: str, version: str, files: dict[str, bytes], scripts: dict[str, str] | None = None
) -> bytes:
    info = f"{name}-{version}.dist-info"
    members = dict(files)
    members[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    members[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    if scripts:
        lines = "".join(f"{script} = {entry}\n" for script, entry in scripts.items())
        members[f"{info}/entry_points.txt"] = f"[console_scripts]\n{lines}".encode()
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for path, data in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.writerow([path, f"sha256={digest}", len(data)])
    rows.writerow([f"{info}/RECORD", "", ""])
    members[f"{info}/RECORD"] = text.getvalue().encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in members.items():
            archive.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), data)
    return out.getvalue()


@dataclass
class Shelf:
    """Wheels on a loopback server; `faults` maps a file name to what goes wrong with it."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

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
        data = wheel_bytes(name, version, own | (files or {}), scripts)
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
    kept = Shelf()
    stop = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            kept.asked.append(name)
            fault = kept.faults.get(name, "")
            body = kept.files.get(name)
            if body is None or fault == "missing":
                self.send_error(404)
                return
            if fault == "broken server":
                self.send_error(500)
                return
            if fault == "stalls":
                stop.wait(20)
            if fault == "web page":
                body = b"<html><body>log in to the network</body></html>"
            if fault == "other bytes":
                body = wheel_bytes("app", "2.0", {"app/__init__.py": b"version = 'rebuilt'"})
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header(
                "Content-Type", "text/html" if fault == "web page" else "application/octet-stream"
            )
            self.send_header("Cache-Control", "max-age=31536000, immutable")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body[: len(body) // 2] if fault == "cut" else body)
            if fault == "cut":
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield kept
    stop.set()
    server.shutdown()
    server.server_close()
    thread.join()


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
