"""HTTP: ranges, retries and limits against a real server on this machine."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from stackfix.errors import MeasureError, NetworkError
from stackfix.index import transport as transports
from stackfix.index.transport import HttpTransport, RangeReader
from stackfix.web import public, reason

DATA = bytes(range(256)) * 4


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        server = self.server
        server.asked.append(self.path)
        answer = getattr(self, self.path.split("/")[1].replace("-", "_"))
        answer(server.asked.count(self.path))

    def send(self, status, body=b"", length=None, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def page(self, time):
        self.send(200, b"words", Content_Type="text/html")

    def flaky(self, time):
        self.send(503 if time == 1 else 200, b"late")

    def broken(self, time):
        self.send(500, b"no")

    def missing(self, time):
        self.send(404)

    def locked(self, time):
        self.send(403, b"no")

    def file(self, time):
        first, last = self.headers["Range"].removeprefix("bytes=").split("-")
        self.send(206, DATA[int(first) : int(last) + 1])

    def no_ranges(self, time):
        self.send(200, DATA)

    def short(self, time):
        self.send(206, b"abc")

    def wrong(self, time):
        self.send(206, DATA)

    def cut(self, time):
        self.close_connection = True
        self.send(206 if "Range" in self.headers else 200, b"abc", length=100)

    def whole(self, time):
        self.send(200, DATA)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(transports.time, "sleep", lambda seconds: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked = []
        server.address = f"http://user:secret@127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def http():
    made = HttpTransport()
    yield made
    made.close()


def test_a_page_is_its_bytes_and_its_type(server, http):
    answer = http.page(f"{server.address}/page/", "text/html")
    assert (answer.body, answer.content_type) == (b"words", "text/html")


def test_a_missing_page_is_none(server, http):
    assert http.page(f"{server.address}/missing/", "text/html") is None


def test_a_server_that_is_busy_once_is_asked_again(server, http):
    assert http.page(f"{server.address}/flaky/", "text/html").body == b"late"
    assert len(server.asked) == 2


def test_a_server_that_stays_broken_is_named_with_what_it_answered(server, http):
    with pytest.raises(
        NetworkError, match=r"^http://127\.0\.0\.1:\d+/broken/: the server answered 500$"
    ) as raised:
        http.page(f"{server.address}/broken/", "text/html")
    assert raised.value.hint
    assert len(server.asked) == 4


def test_a_refusal_is_not_asked_again(server, http):
    with pytest.raises(NetworkError, match="answered 403"):
        http.page(f"{server.address}/locked/", "text/html")
    assert len(server.asked) == 1


def test_a_page_larger_than_the_limit_is_refused(server, http, monkeypatch):
    monkeypatch.setattr(transports, "PAGE_LIMIT", 3)
    with pytest.raises(NetworkError, match="more than 3 bytes is refused"):
        http.page(f"{server.address}/page/", "text/html")


def test_a_range_is_exactly_the_bytes_that_were_asked_for(server, http):
    reader = RangeReader(http, f"{server.address}/file/x", "x.whl", len(DATA))
    assert reader.read(300, 50) == DATA[300:350]
    assert reader.read(300, 0) == b""


def test_a_range_outside_the_file_is_refused_before_the_server_is_asked(server, http):
    reader = RangeReader(http, f"{server.address}/file/x", "x.whl", len(DATA))
    with pytest.raises(MeasureError, match=r"x\.whl: byte 1000: 100 bytes are expected, the file has 1024"):
        reader.read(1000, 100)
    assert server.asked == []


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("no-ranges", "does not serve byte ranges"),
        ("short", "3 bytes instead of 10"),
        ("wrong", "11 bytes instead of 10|1024 bytes instead of 10"),
        ("cut", "cut off"),
    ],
)
def test_a_range_that_is_not_served_is_an_error(server, http, path, reason):
    with pytest.raises(NetworkError, match=reason) as raised:
        http.span(f"{server.address}/{path}/x", 0, 10)
    assert "secret" not in raised.value.message


def test_a_file_is_streamed_whole_or_not_at_all(server, http):
    assert b"".join(http.stream(f"{server.address}/whole/x")) == DATA
    with pytest.raises(NetworkError, match="cut off"):
        list(http.stream(f"{server.address}/cut/x"))


def test_a_server_that_is_not_there_is_named_with_the_reason(server, http):
    with pytest.raises(NetworkError, match=r"^http://127\.0\.0\.1:9/simple/: .*refused"):
        http.page("http://user:secret@127.0.0.1:9/simple/", "text/html")


@pytest.mark.parametrize(
    "address", ["user:secret@index.test/simple/", "http://[x/simple/", "gopher://index.test/"]
)
def test_what_is_no_address_is_said_at_once_without_credentials(http, address):
    with pytest.raises(NetworkError, match="is not an address of a package index") as raised:
        http.page(address, "text/html")
    assert "secret" not in raised.value.message


def test_a_shown_address_has_no_credentials_and_no_query():
    assert (
        public("https://user:secret@index.test:8443/simple/?token=secret")
        == "https://index.test:8443/simple/"
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("\x1b]0;mine\x07 \x9b31m", "?]0;mine? ?31m"),
        ("x" * 5000, "x" * 300 + "..."),
        ("one\ntwo", "one"),
        ("", "ValueError"),
    ],
)
def test_what_a_server_sends_in_place_of_an_answer_moves_no_cursor(said, told):
    assert reason(ValueError(said)) == told
