"""A hub on this machine that serves, stalls, cuts and lies as a test tells it; models of a few kilobytes."""

from __future__ import annotations

import hashlib
import itertools
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from stackfix.model.recipe import Model

DATA = b"\x08\x06\x12\x07pytorch" + bytes(range(256)) * 400
PAGE = b"<!DOCTYPE html><html><body>Please sign in to the network</body></html>"


class Hub:
    """Paths with what each answers, request by request (the last answer goes on for ever); who asked with what."""

    def __init__(self) -> None:
        self.answers = {}
        self.asked = []
        self.address = ""
        self.released = threading.Event()

    def serve(self, path, *answers):
        self.answers[path] = itertools.chain(answers[:-1], itertools.repeat(answers[-1]))
        return f"{self.address}{path}"

    def headers(self, name):
        return [headers.get(name) for _, headers in self.asked]


def whole(data=DATA, status=200, length=None, **headers):
    """Answer everything, whatever range was asked for."""

    def answer(handler):
        handler.say(status, {"Content-Length": len(data) if length is None else length, **headers}, data)

    return answer


def ranges(data=DATA, etag='"1"', sent=None, shift=0, total=None):
    """Answer ranges as a good server does; `sent` cuts the body, `shift` moves the range, `total` lies."""

    def answer(handler):
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", handler.headers.get("Range", ""))
        unchanged = handler.headers.get("If-Range", etag) == etag
        if asked is None or not unchanged:
            body = data if sent is None else data[:sent]
            handler.say(200, {"Content-Length": len(data), "ETag": etag}, body)
            return
        first = int(asked[1]) + shift
        last = min(int(asked[2] or len(data)), len(data) - 1)
        place = f"bytes {first}-{last}/{total or len(data)}"
        body = data[first : last + 1]
        headers = {"Content-Length": len(body), "Content-Range": place, "ETag": etag}
        handler.say(206, headers, body if sent is None else body[:sent])

    return answer


def said(status, **headers):
    return lambda handler: handler.say(status, {"Content-Length": 0, **headers}, b"")


def page(body=PAGE, length=None, **headers):
    kind = {"Content-Type": "text/html; charset=utf-8", **headers}
    return whole(body, length=length, **kind)


def moved(address):
    return said(302, Location=address)


def chunked(pieces):
    """Answer without a length, piece by piece."""

    def answer(handler):
        handler.say(200, {"Transfer-Encoding": "chunked"}, b"")
        for piece in pieces:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        handler.wfile.write(b"0\r\n\r\n")

    return answer


def stalls(data=DATA, after=1000):
    """Send the beginning, then nothing until the test is over."""

    def answer(handler):
        handler.say(200, {"Content-Length": len(data)}, data[:after])
        handler.wfile.flush()
        handler.server.hub.released.wait(20)
        handler.close_connection = True

    return answer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        hub = self.server.hub
        hub.asked.append((self.path, dict(self.headers)))
        next(hub.answers.get(self.path, itertools.repeat(said(404))))(self)

    def say(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)
        if int(headers.get("Content-Length", len(body))) != len(body):
            self.close_connection = True


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # a client that went away


class Heard:
    """Keeps what is said and drawn."""

    def __init__(self, *, bars=False):
        self.bars = bars
        self.said = []
        self.drawn = b""

    def stage(self, text):
        self.said.append(text)

    def draw(self, data):
        self.drawn += data


def model_of(data=DATA, file="net.onnx", **changes):
    facts = {
        "file": file,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "urls": (),
        "licence": "Apache-2.0",
    }
    return Model(**{**facts, **changes})
