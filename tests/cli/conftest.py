"""An index on this machine, with wheels that a test makes, and the command line that is pointed to it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "measure"))


class Index:
    """Wheels by name, served with their project pages and by ranges; `sized` says whether pages tell sizes."""

    def __init__(self, folder: Path) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.sized = True
        self.stalls = threading.Event()
        self.wait = 0.0
        self.data = folder / "data"
        self.address = ""

    def publish(self, name: str, data: bytes) -> None:
        self.files[name] = data

    def page(self, package: str) -> bytes | None:
        rows = []
        for name, data in self.files.items():
            if name.split("-")[0].replace("_", "-") == package:
                row = {"filename": name, "url": f"{self.address}/files/{name}"}
                row["hashes"] = {"sha256": hashlib.sha256(data).hexdigest()}
                row["upload-time"] = "2026-11-20T01:02:03Z"
                rows.append({**row, "size": len(data)} if self.sized else row)
        return json.dumps({"files": rows}).encode() if rows else None

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run stackfix with this index and a data folder of its own."""
        settings = {
            "STACKFIX_SOURCE_PYPI": f"{self.address}/simple",
            "STACKFIX_DATA": str(self.data),
            "NO_PROXY": "127.0.0.1",
        }
        return subprocess.run(
            [sys.executable, "-m", "stackfix", *words],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, **settings, **environment},
            check=False,
        )

    def written(self) -> list[str]:
        """Return what lies in the overlay, the lock aside."""
        facts = self.data / "facts"
        found = (path.relative_to(facts).as_posix() for path in facts.rglob("*") if path.is_file())
        return sorted(name for name in found if name != ".lock")


@pytest.fixture
def index(tmp_path):
    made = Index(tmp_path)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            made.asked.append(self.path)
            kind, name = self.path.strip("/").split("/", 1)
            made.stalls.wait(made.wait)
            body = made.page(name) if kind == "simple" else made.files.get(name)
            status = 404 if body is None else 200
            if body is not None and "Range" in self.headers:
                first, last = self.headers["Range"].removeprefix("bytes=").split("-")
                status, body = 206, body[int(first) : int(last) + 1]
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body or b"")

        def do_HEAD(self):
            self.do_GET()

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request, client_address):
            pass  # a client that did not wait has gone

    server = Server(("127.0.0.1", 0), Handler)
    made.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.stalls.set()
    server.shutdown()
    server.server_close()
    thread.join()
