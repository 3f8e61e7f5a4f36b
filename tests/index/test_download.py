"""A download is whole and right, or a part that the next one goes on with; never a wrong file under its name."""

import hashlib

import pytest

from stackfix.errors import DiskError, HashError, NetworkError
from stackfix.index.download import download, is_whole

DATA = bytes(range(256)) * 100_000
SHA256 = hashlib.sha256(DATA).hexdigest()


class Server:
    """Serves DATA; `cuts` are the lengths after which a whole stream breaks off, one an attempt."""

    def __init__(self, data=DATA, cuts=(), ranges=True):
        self.data = data
        self.cuts = list(cuts)
        self.ranges = ranges
        self.asked = []

    def page(self, address, accept):
        raise AssertionError(address)

    def stream(self, address):
        self.asked.append("stream")
        cut = self.cuts.pop(0) if self.cuts else None
        yield self.data[: cut or len(self.data)]
        if cut is not None:
            raise NetworkError("cut off")

    def span(self, address, offset, length):
        self.asked.append((offset, length))
        if not self.ranges:
            raise NetworkError("the server does not serve byte ranges")
        return self.data[offset : offset + length]


def fetch(server, target, **more):
    heard = []
    download(
        server,
        "https://u:p@index/file",
        target,
        **{"size": len(DATA), "sha256": SHA256, "heard": heard.append, **more},
    )
    return sum(heard)


def test_a_file_is_fetched_in_one_stream_and_every_byte_is_heard_of(tmp_path):
    server = Server()
    assert fetch(server, tmp_path / "file") == len(DATA)
    assert server.asked == ["stream"]
    assert (tmp_path / "file").read_bytes() == DATA
    assert is_whole(tmp_path / "file", len(DATA), SHA256)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_stream_that_breaks_is_gone_on_with_where_it_broke(tmp_path):
    server = Server(cuts=[1000])
    assert fetch(server, tmp_path / "file") == len(DATA)
    assert server.asked[:2] == ["stream", (1000, 8 << 20)]
    assert (tmp_path / "file").read_bytes() == DATA


def test_what_an_earlier_run_got_is_not_fetched_again(tmp_path):
    (tmp_path / "file.part").write_bytes(DATA[:-10])
    server = Server()
    assert fetch(server, tmp_path / "file") == len(DATA)
    assert server.asked == [(len(DATA) - 10, 10)]


def test_a_server_without_ranges_is_asked_for_the_whole_again(tmp_path):
    (tmp_path / "file.part").write_bytes(DATA[:5])
    server = Server(ranges=False)
    assert fetch(server, tmp_path / "file") == len(DATA)
    assert server.asked[-1] == "stream"
    assert (tmp_path / "file").read_bytes() == DATA


def test_a_server_that_keeps_breaking_leaves_the_part_for_the_next_run(tmp_path):
    server = Server(cuts=[7, 7, 7], ranges=False)
    with pytest.raises(NetworkError):
        fetch(server, tmp_path / "file")
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("data", [DATA[:-1], DATA[:-1] + b"x", DATA + b"x"])
def test_another_file_is_refused_and_nothing_of_it_is_left(tmp_path, data):
    with pytest.raises(HashError, match="is not the file of sha256") as caught:
        fetch(Server(data), tmp_path / "file")
    assert "u:p" not in caught.value.message
    assert list(tmp_path.iterdir()) == []


def test_a_part_with_a_wrong_beginning_is_taken_away_not_kept_for_ever(tmp_path):
    (tmp_path / "file.part").write_bytes(b"wrong")
    with pytest.raises(HashError):
        fetch(Server(), tmp_path / "file")
    fetch(Server(), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == DATA


def test_a_file_of_unknown_size_is_fetched_from_its_start(tmp_path):
    (tmp_path / "file.part").write_bytes(DATA[:5])
    assert fetch(Server(), tmp_path / "file", size=0) == len(DATA)


def test_a_place_that_cannot_be_written_is_a_disk_error(tmp_path):
    (tmp_path / "folder").write_text("a file")
    with pytest.raises(DiskError):
        fetch(Server(), tmp_path / "folder" / "file")
