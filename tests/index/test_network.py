"""How pip and uv are configured to reach an index is how this reaches it: patience, proxy, certificates, trust."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from stackfix.index.network import SECONDS, TRIES, Network, network
from stackfix.index.transport import HttpTransport
from stackfix.web import Web

NOWHERE = {"PIP_CONFIG_FILE": "/dev/null", "HOME": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent"}


def test_without_settings_nothing_but_the_usual_patience_is_set():
    assert network(NOWHERE) == Network()


def test_settings_of_pip_and_uv_are_taken():
    given = NOWHERE | {
        "PIP_CERT": "/ca.pem",
        "PIP_CLIENT_CERT": "/own.pem",
        "PIP_PROXY": "http://proxy.example:3128",
        "PIP_TRUSTED_HOST": "one.example two.example:8443",
        "UV_INSECURE_HOST": "three.example",
        "UV_HTTP_RETRIES": "0",
        "UV_HTTP_TIMEOUT": "7.5",
    }
    assert network(given) == Network(
        certificate="/ca.pem",
        client_certificate="/own.pem",
        proxy="http://proxy.example:3128",
        trusted=("one.example", "two.example:8443", "three.example"),
        tries=1,
        seconds=7.5,
    )


@pytest.mark.parametrize("text", ["soon", "-1", "0", "nan", ""])
def test_a_patience_that_is_none_is_the_usual_one(text):
    assert network(NOWHERE | {"UV_HTTP_TIMEOUT": text, "UV_HTTP_RETRIES": "many"}) == Network(
        tries=TRIES, seconds=SECONDS
    )


def test_only_a_trusted_host_is_taken_without_looking_at_its_certificate():
    web = Web(certificate="/ca.pem", trusted=("one.example", "two.example:8443"))
    assert web._verified("https://user:word@one.example/simple/") is False
    assert web._verified("https://two.example:8443/simple/") is False
    assert web._verified("https://two.example/simple/") == "/ca.pem"
    assert web._verified("https://not-one.example/simple/") == "/ca.pem"
    assert web._verified("https://[broken/") == "/ca.pem"


def test_a_configured_proxy_is_asked_instead_of_the_server(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    asked = []

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        transport = HttpTransport(proxy=f"http://127.0.0.1:{server.server_port}", tries=1)
        try:
            answer = transport.page("http://index.example/simple/torch/", "text/html")
        finally:
            transport.close()
            server.shutdown()
            thread.join()
    assert answer.body == b"ok"
    assert asked == ["http://index.example/simple/torch/"]
