"""A package index and file server on this machine that misbehaves as it is told, and a proxy that wants a password."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import socket
import struct
import threading
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

S = TypeVar("S", bound="Server")
Fault = Callable[["Handler", bytes], None]


def wheel_bytes(
    name: str,
    version: str,
    *,
    weight: int = 0,
    files: Mapping[str, bytes] | None = None,
    scripts: Mapping[str, str] | None = None,
) -> bytes:
    """Return a whole wheel with one script; `weight` bytes of it cannot be compressed.

    `files` go into it too, in place of its own where they have the same path; `scripts` are there instead of the one.
    """
    info = f"{name}-{version}.dist-info"
    code = f"version = {version!r}\n\n\ndef main() -> None:\n    print({name!r}, version)\n"
    members = {
        f"{name}/__init__.py": code.encode(),
        f"{name}/data.bin": hashlib.shake_128(name.encode()).digest(weight + 1),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        **(files or {}),
    }
    commands = {f"run-{name}": f"{name}:main"} if scripts is None else scripts
    if commands:
        lines = "".join(f"{command} = {entry}\n" for command, entry in commands.items())
        members[f"{info}/entry_points.txt"] = f"[console_scripts]\n{lines}".encode()
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for path, data in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.writerow([path, f"sha256={digest}", len(data)])
    rows.writerow([f"{info}/RECORD", "", ""])
    members[f"{info}/RECORD"] = text.getvalue().encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path, data in members.items():
            archive.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), data)
    return out.getvalue()


@dataclass
class Server:
    """What is served: wheels by file name; `faults` says of a file, or of a project's page, what goes wrong.

    `kept_for` is how long clients may keep a file ("max-age=..."). `plain` pages are HTML with relative links, as
    mirrors serve them.
    """

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    headers: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    kept_for: str = ""
    plain: bool = False

    def publish(self, name: str, version: str, *, weight: int = 0) -> str:
        """Put a wheel on the shelf and return its file name."""
        file = f"{name}-{version}-py3-none-any.whl"
        self.files[file] = wheel_bytes(name, version, weight=weight)
        return file

    def page(self, package: str) -> bytes | None:
        """Return a project's page (PEP 691, or PEP 503), None for a project that is not there."""
        if self.plain:
            return self._links(package)
        rows = [
            {
                "filename": name,
                "url": f"{self.address}/files/{name}",
                "hashes": {"sha256": hashlib.sha256(data).hexdigest()},
                "size": len(data),
                "upload-time": "2026-11-20T01:02:03Z",
            }
            for name, data in self.files.items()
            if name.split("-")[0].replace("_", "-") == package
        ]
        return (
            json.dumps({"meta": {"api-version": "1.0"}, "name": package, "files": rows}).encode()
            if rows
            else None
        )

    def _links(self, package: str) -> bytes | None:
        links = [
            f'<a href="../../files/{name}#sha256={hashlib.sha256(data).hexdigest()}">{name}</a><br/>'
            for name, data in self.files.items()
            if name.split("-")[0].replace("_", "-") == package
        ]
        return (
            "\n".join(["<!DOCTYPE html><html><body>", *links, "</body></html>"]).encode() if links else None
        )


class Handler(BaseHTTPRequestHandler):
    """Answers as it must, or as the fault says."""

    kept: Server

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        kind, _, name = self.path.split("?")[0].strip("/").partition("/")
        self.kept.asked.append(name)
        self.kept.headers.append((name, dict(self.headers)))
        body = self.kept.page(name) if kind == "simple" else self.kept.files.get(name)
        fault = self.kept.faults.get(name)
        if fault is not None:
            fault(self, body or b"")
        elif body is None:
            self.send_error(404)
        else:
            self.whole(body)

    def whole(
        self, body: bytes, *, status: int = 200, content_type: str = "", length: int | None = None
    ) -> None:
        """Send a whole answer, or a part where a range is asked for."""
        span = self.headers.get("Range", "")
        if span.startswith("bytes=") and status == 200:
            first, _, last = span.removeprefix("bytes=").partition("-")
            status, body = 206, body[int(first) : int(last) + 1 if last else None]
        self.send_response(status)
        listing = "text/html" if self.kept.plain else "application/vnd.pypi.simple.v1+json"
        page = listing if self.path.startswith("/simple") else "application/octet-stream"
        if self.kept.kept_for and not self.path.startswith("/simple"):
            self.send_header("Cache-Control", self.kept.kept_for)
        self.send_header("Content-Type", content_type or page)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Threads(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that was killed, or did not wait, is gone


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve on a free port of the loopback, and yield the address."""
    server = _Threads(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def index(kept: S) -> Iterator[S]:
    """Serve what is kept, and yield it with its address."""
    with serving(type("Own", (Handler,), {"kept": kept})) as address:
        kept.address = address
        yield kept
        kept.held.set()


class Proxy(BaseHTTPRequestHandler):
    """Lets nobody through who has no password; who has "anna:secret" gets what is asked for."""

    def do_GET(self) -> None:
        said = self.headers.get("Proxy-Authorization", "")
        if said == "Basic " + base64.b64encode(b"anna:secret").decode():
            self._pass_on()
            return
        self.send_response(407)
        self.send_header("Proxy-Authenticate", 'Basic realm="office"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _pass_on(self) -> None:
        own = {name: value for name, value in self.headers.items() if not name.lower().startswith("proxy-")}
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        asked = urllib.request.Request(self.path, headers=own, method=self.command)
        try:
            with opener.open(asked) as answer:
                status, headers, body = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            status, headers, body = error.code, error.headers, error.read()
        self.send_response(status)
        for name in ("Content-Type", "Content-Range", "Accept-Ranges"):
            if name in headers:
                self.send_header(name, headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_CONNECT(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


def status(code: int) -> Fault:
    """Answer with an error."""
    return lambda handler, _: handler.send_error(code)


def web_page(handler: Handler, _: bytes) -> None:
    """Answer as a hotel's network does before one has logged in."""
    handler.whole(b"<html><body>log in to the network</body></html>", content_type="text/html")


def short(handler: Handler, body: bytes) -> None:
    """End in the middle and say nothing of it."""
    handler.whole(body[: len(body) // 2])


def longer(handler: Handler, body: bytes) -> None:
    """Send more than there is."""
    handler.whole(body + b"\0" * 100)


def empty(handler: Handler, _: bytes) -> None:
    """Send nothing at all, successfully."""
    handler.whole(b"")


def other(handler: Handler, body: bytes) -> None:
    """Send another file of the same size."""
    handler.whole(hashlib.shake_128(b"another").digest(len(body)))


def corrupt(handler: Handler, body: bytes) -> None:
    """Turn one bit of the data round."""
    at = body.find(b"version = ") + 3
    handler.whole(body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :])


def cut(handler: Handler, body: bytes) -> None:
    """Promise all, send half, hang up."""
    handler.whole(body[: len(body) // 2], length=len(body))
    handler.close_connection = True


def reset(handler: Handler, body: bytes) -> None:
    """Reset the connection in the middle."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def loop(handler: Handler, _: bytes) -> None:
    """Redirect to the same place."""
    handler.send_response(302)
    handler.send_header("Location", handler.path)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def elsewhere(name: str) -> Fault:
    """Redirect to another file."""

    def redirect(handler: Handler, _: bytes) -> None:
        handler.send_response(302)
        handler.send_header("Location", f"{handler.kept.address}/files/{name}")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return redirect


def stall(handler: Handler, body: bytes) -> None:
    """Send half and then nothing more."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.wfile.flush()
    handler.kept.held.wait(30)
    handler.close_connection = True


def slowly(piece: int) -> Fault:
    """Send everything, so many bytes at a time, twenty times a second."""

    def fault(handler: Handler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        for start in range(0, len(body), piece):
            handler.wfile.write(body[start : start + piece])
            handler.wfile.flush()
            handler.kept.held.wait(0.05)

    return fault


slow = slowly(256)


def once(fault: Fault) -> Fault:
    """Go wrong the first time and then no more."""
    asked: list[int] = []

    def first(handler: Handler, body: bytes) -> None:
        if handler.command == "GET":
            asked.append(1)
        if len(asked) == 1:
            fault(handler, body)
        else:
            handler.whole(body)

    return first


def says(document: object) -> Fault:
    """Answer with a JSON document."""
    return lambda handler, _: handler.whole(json.dumps(document).encode())


def bomb(handler: Handler, _: bytes) -> None:
    """Answer with a quarter of a megabyte that unpacks to a quarter of a gigabyte."""
    pack = zlib.compressobj(1, zlib.DEFLATED, 31)
    zeros = bytes(1 << 20)
    body = b"".join([*(pack.compress(zeros) for _ in range(256)), pack.flush()])
    handler.send_response(200)
    handler.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def endless(handler: Handler, body: bytes) -> None:
    """Send all, and go on with other bytes as long as somebody listens, 4 GB at most."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/octet-stream")
    handler.end_headers()
    handler.wfile.write(body)
    for _ in range(4096):
        handler.wfile.write(bytes(1 << 20))
    handler.close_connection = True


def too_many(seconds: int) -> Fault:
    """Return a fault that says how long to wait before the next try."""

    def fault(handler: Handler, _: bytes) -> None:
        handler.send_response(429)
        handler.send_header("Retry-After", str(seconds))
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return fault
