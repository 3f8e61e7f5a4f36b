"""A host's certificate is checked on every connection, although the bundle is read once."""

from __future__ import annotations

import http.server
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from stackfix.web import UnreachableError, Web

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="certificates are made by openssl")


@dataclass
class Host:
    """A server on this machine with a certificate of its own for `localhost`."""

    port: int
    certificate: Path

    def status(self, web: Web, name: str = "localhost") -> int:
        with web.get(f"https://{name}:{self.port}/", {}) as response:
            return response.status


class _Nothing(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("certificates")
    words = "req -x509 -newkey rsa:2048 -nodes -keyout key -out certificate -days 2 -subj /CN=localhost"
    subject = ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(["openssl", *words.split(), *subject], cwd=folder, check=True, capture_output=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Nothing)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate", folder / "key")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Host(server.server_port, folder / "certificate")
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def nothing_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_a_bundle_that_knows_it_is_read_once_for_all_connections(host, monkeypatch):
    read = []
    load = ssl.SSLContext.load_verify_locations

    def counted(context: ssl.SSLContext, *where: object, **more: object) -> None:
        read.append(where)
        load(context, *where, **more)

    monkeypatch.setattr("urllib3.util.ssl_.SSLContext.load_verify_locations", counted)
    web = Web(certificate=str(host.certificate))
    open_at_once = [web.get(f"https://localhost:{host.port}/", {}) for _ in range(4)]
    assert [each.status for each in open_at_once] == [204] * 4
    assert len(read) == 1
    web.close()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_stranger_is_refused_and_so_is_another_name(host, name):
    web = Web(certificate=str(host.certificate) if name == "127.0.0.1" else "")
    for _ in range(2):
        with pytest.raises(
            UnreachableError, match=r"certificate verify failed: (self.signed|IP address mismatch)"
        ):
            host.status(web, name)
    web.close()


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_a_trusted_host_alone_is_taken_as_it_is(host):
    web = Web(trusted=("127.0.0.1",))
    assert host.status(web, "127.0.0.1") == 204
    with pytest.raises(UnreachableError, match="certificate verify failed"):
        host.status(web, "localhost")
    web.close()


def test_a_folder_of_certificates_serves_too(host, tmp_path):
    shutil.copy(host.certificate, tmp_path / "own.pem")
    made = subprocess.run(["openssl", "rehash", str(tmp_path)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("this openssl cannot index a folder")
    web = Web(certificate=str(tmp_path))
    assert host.status(web) == 204
    web.close()
