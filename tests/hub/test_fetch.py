"""Fetching against a server that stalls, cuts and lies: whole and verified, or nothing and every reason."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from lying_hub import DATA, PAGE, Heard, chunked, model_of, moved, page, ranges, said, stalls, whole

from stackfix.errors import AnswerError, DataError, DiskError
from stackfix.hub import cache, fetch, transfer
from stackfix.hub.cache import Place
from stackfix.hub.fetch import NotHadError, check_room
from stackfix.hub.mirrors import Mirror
from stackfix.hub.part import Part
from stackfix.hub.transfer import Patience
from stackfix.web import Web

HALF = len(DATA) // 2


@pytest.fixture
def get(place, web, heard, patience):
    def got(*addresses, token=""):
        mirrors = [Mirror(address=each, token=token) for each in addresses]
        return fetch.fetch(place, mirrors, web, heard, patience)

    return got


def why(raised):
    return [each.why for each in raised.value.attempts]


def lying_there(place):
    return sorted(path.name for path in place.folder.iterdir() if not path.name.endswith(".lock"))


def test_a_model_comes_whole_under_its_own_name_and_nothing_stays_beside_it(hub, get, place, heard):
    assert get(hub.serve("/net", ranges())) == place.path
    assert place.path.read_bytes() == DATA
    assert lying_there(place) == ["net.onnx"]
    assert heard.said == [
        "fetching `net.onnx`, 102 kB, from 127.0.0.1",
        "`net.onnx` is here, and its sha256 is the recipe's",
    ]


def test_a_model_that_is_here_is_not_asked_for_again(hub, get):
    address = hub.serve("/net", ranges())
    get(address)
    get(address)
    assert len(hub.asked) == 1


def test_a_damaged_file_is_replaced(hub, get, place):
    place.folder.mkdir(parents=True)
    place.path.write_bytes(DATA[:-1] + b"x")
    get(hub.serve("/net", ranges()))
    assert place.kept().here


@pytest.mark.parametrize(
    "cut",
    [
        ranges(sent=HALF),
        whole(DATA[:HALF], length=len(DATA)),
        stalls(after=HALF),
        chunked([DATA[:HALF]]),
    ],
)
def test_a_line_that_breaks_goes_on_where_it_stopped(hub, get, place, cut, pauses):
    get(hub.serve("/net", cut, ranges()))
    assert place.path.read_bytes() == DATA
    assert hub.headers("Range") == [None, f"bytes={HALF}-"]
    assert pauses == [1.0]


def test_a_later_run_goes_on_where_an_earlier_one_stopped_if_the_file_there_is_the_same(hub, get, place):
    address = hub.serve("/net", ranges(sent=HALF), said(404), ranges())
    with pytest.raises(NotHadError):
        get(address)
    assert (place.kept().state, place.kept().present) == ("partial", HALF)
    get(address)
    assert hub.headers("If-Range")[-1] == '"1"'
    assert hub.headers("Range")[-1] == f"bytes={HALF}-"
    assert place.kept().here


def test_a_part_is_gone_on_with_at_another_mirror_without_the_mark_of_the_first(hub, get, place):
    first = hub.serve("/first", ranges(sent=HALF), said(403))
    get(first, hub.serve("/second", ranges(etag='"other"')))
    assert place.kept().here
    assert hub.asked[-1][0] == "/second"
    assert hub.headers("Range")[-1] == f"bytes={HALF}-"
    assert hub.headers("If-Range")[-1] is None


def test_a_file_that_changed_between_its_parts_is_fetched_from_its_beginning(hub, get, place):
    get(hub.serve("/net", ranges(b"\x08" * len(DATA), sent=HALF), ranges(etag='"2"')))
    assert place.path.read_bytes() == DATA


def test_a_server_that_ignores_the_condition_but_shows_another_mark_is_asked_from_the_beginning(
    hub, get, place
):
    def careless(handler):
        del handler.headers["If-Range"]
        ranges(etag='"2"')(handler)

    get(hub.serve("/net", ranges(b"\x08" * len(DATA), sent=HALF), careless))
    assert place.path.read_bytes() == DATA
    assert hub.headers("Range") == [None, f"bytes={HALF}-", None]


def test_a_server_that_ignores_ranges_sends_all_again(hub, get, place):
    get(hub.serve("/net", whole(DATA[:HALF], length=len(DATA)), whole()))
    assert place.path.read_bytes() == DATA


@pytest.mark.parametrize("wrong", [ranges(shift=7), said(206), said(416)])
def test_a_server_whose_ranges_are_wrong_is_asked_for_the_whole_file(hub, get, place, wrong):
    get(hub.serve("/net", ranges(sent=HALF), wrong, whole()))
    assert place.path.read_bytes() == DATA
    assert hub.headers("Range") == [None, f"bytes={HALF}-", None]


def test_a_part_that_was_poisoned_is_found_out_and_fetched_anew(hub, get, place):
    poison = hub.serve("/poison", whole(b"\x08" * HALF, length=len(DATA)), said(404))
    get(poison, hub.serve("/net", ranges()))
    assert place.path.read_bytes() == DATA


def test_a_part_of_another_model_is_not_gone_on_with(hub, get, place, tmp_path, web, heard, patience):
    other = Place(tmp_path / "models", "pose", model_of(b"\x08" + DATA[:-1]))
    address = hub.serve("/net", ranges(sent=HALF), said(404), ranges())
    with pytest.raises(NotHadError):
        fetch.fetch(other, [Mirror(address=address)], web, heard, patience)
    get(address)
    assert hub.headers("Range")[-1] is None
    assert place.kept().here


def test_a_part_longer_than_the_model_is_dropped(hub, get, place):
    place.folder.mkdir(parents=True)
    place.part.write_bytes(DATA + b"more")
    get(hub.serve("/net", ranges()))
    assert place.path.read_bytes() == DATA


def test_a_whole_part_needs_no_server(get, place):
    place.folder.mkdir(parents=True)
    place.part.write_bytes(DATA)
    get("http://127.0.0.1:9/net")
    assert place.path.read_bytes() == DATA


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            page(),
            f"a web page of {len(PAGE)} bytes instead of 102,411 bytes: a captive portal or a login page?",
        ),
        (page(PAGE * 9000), "a web page of 630,000 bytes instead of 102,411 bytes: a captive portal"),
        (page(PAGE, length=len(DATA)), "a web page"),
        (page(b"Welcome"), "a web page of 7 bytes instead of 102,411 bytes"),
        (chunked([PAGE]), f"a web page of {len(PAGE)} bytes instead"),
        (chunked([PAGE] * 20), "a web page instead of 102,411 bytes"),
        (whole(b"version https://git-lfs.github.com/spec/v1\n"), "a pointer of Git LFS of 43 bytes instead"),
        (whole(b'{"error": "gone"}'), "text of 17 bytes instead"),
        (whole(DATA[:-1]), "102,410 bytes instead of 102,411"),
        (whole(DATA + b"x"), "102,412 bytes instead of 102,411"),
        (whole(DATA[:-1] + b"x"), "102,411 bytes, but not the file that the recipe names: sha256"),
        (chunked([DATA, b"x"]), "more than 102,411 bytes"),
        (chunked([DATA] * 50), "more than 102,411 bytes"),
        (said(403), "the server answered 403"),
        (said(404), "the server answered 404"),
        (said(429, Retry_After="3600"), "the server answered 429 and asks to be left alone for 3600 s"),
        (whole(Content_Encoding="gzip"), "the file, packed"),
        (moved("gopher://there/net"), "is not an address"),
    ],
)
def test_an_address_that_gives_something_else_is_named_with_what_came_and_the_next_is_tried(
    hub, get, place, answer, reason, pauses
):
    lying = hub.serve("/lying", answer)
    get(lying, hub.serve("/net", ranges()))
    assert place.path.read_bytes() == DATA
    place.path.unlink()
    with pytest.raises(NotHadError) as raised:
        get(lying)
    assert why(raised)[0].startswith(reason)
    assert raised.value.message.startswith(f"`net.onnx` could not be had:\n  {lying}: {reason}")
    assert raised.value.exit_code == 3
    assert lying_there(place) == []
    assert pauses == []


def test_a_part_of_a_file_of_another_size_is_refused(hub, get, place):
    with pytest.raises(NotHadError, match="a file of 7 bytes instead of 102,411"):
        get(hub.serve("/net", ranges(sent=HALF), ranges(total=7)))
    assert place.kept().present == HALF


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_busy_server_is_asked_again_and_left_alone_as_long_as_it_asks(hub, get, place, status, pauses):
    get(hub.serve("/net", said(status), said(status, Retry_After="7"), ranges()))
    assert place.kept().here
    assert pauses == [1.0, 7.0]


def test_a_server_that_stays_broken_is_given_up_and_all_attempts_are_listed(hub, get, place, pauses):
    addresses = hub.serve("/a", said(500)), hub.serve("/b", said(404)), "http://127.0.0.1:9/c"
    with pytest.raises(NotHadError) as raised:
        get(*addresses)
    assert [path for path, _ in hub.asked] == ["/a"] * 4 + ["/b"]
    assert pauses == [1.0, 3.0, 9.0] * 2
    lines = raised.value.message.splitlines()
    assert lines[1:3] == [
        f"  {addresses[0]}: the server answered 500",
        f"  {addresses[1]}: the server answered 404",
    ]
    assert "refused" in lines[3]
    assert "models import" in raised.value.hint


def test_a_line_that_breaks_often_but_brings_bytes_is_not_given_up(hub, get, place, monkeypatch):
    monkeypatch.setattr(fetch, "_PROGRESS", 1000)
    get(hub.serve("/net", *[ranges(sent=HALF // 5)] * 9, ranges()))
    assert place.path.read_bytes() == DATA


def test_a_server_that_begins_anew_each_time_and_never_ends_is_given_up(hub, get, place, monkeypatch):
    monkeypatch.setattr(fetch, "_PROGRESS", 1000)
    short, longer = (whole(DATA[:size], length=len(DATA)) for size in (2000, 4000))
    with pytest.raises(NotHadError):
        get(hub.serve("/net", *[short, longer] * 20))
    assert len(hub.asked) < 10


def test_a_trickle_counts_as_a_stall(hub, place, web, heard):
    clock = iter(range(0, 10**6, 40))
    slow = Patience(stall_seconds=30, tries=1, pause=lambda seconds: None, clock=lambda: next(clock))
    address = hub.serve("/net", chunked([DATA[i : i + 10] for i in range(0, 600, 10)]))
    with pytest.raises(NotHadError, match=r"only \d+ bytes came in \d+ s"):
        fetch.fetch(place, [Mirror(address=address)], web, heard, slow)


def test_what_comes_slowly_but_steadily_is_no_stall(hub, place, web, heard):
    clock = iter(range(10**6))
    slow = Patience(stall_seconds=0.01, tries=1, pause=lambda seconds: None, clock=lambda: next(clock))
    address = hub.serve("/net", chunked([DATA[i : i + 50_000] for i in range(0, len(DATA), 50_000)]))
    fetch.fetch(place, [Mirror(address=address)], web, heard, slow)
    assert place.kept().here


def test_an_interrupted_fetch_of_which_nothing_came_leaves_nothing(hub, place, web, patience):
    class Impatient(Heard):
        def stage(self, text):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.fetch(place, [Mirror(address=hub.serve("/net", ranges()))], web, Impatient(), patience)
    assert lying_there(place) == []


def test_a_part_is_written_only_while_it_is_open(place):
    with pytest.raises(ValueError, match="not open"):
        Part(place).append(b"x")


def test_a_redirect_to_another_host_gets_neither_token_nor_password_but_the_range(hub, get, place):
    elsewhere = hub.serve("/elsewhere", ranges()).replace("127.0.0.1", "localhost")

    def locked(handler):
        answer = moved(elsewhere) if handler.headers.get("Authorization") == "Bearer key" else said(401)
        answer(handler)

    place.folder.mkdir(parents=True)
    place.part.write_bytes(DATA[:HALF])
    get(hub.serve("/net", locked), token="key")
    assert place.path.read_bytes() == DATA
    shown = [(path, headers.get("Authorization"), headers.get("Range")) for path, headers in hub.asked]
    rest = f"bytes={HALF}-"
    assert shown == [("/net", None, rest), ("/net", "Bearer key", rest), ("/elsewhere", None, rest)]


def test_a_password_in_an_address_is_sent_to_its_host_alone_and_never_shown(hub, get, place, heard):
    elsewhere = hub.serve("/elsewhere", ranges(sent=HALF), said(404)).replace("127.0.0.1", "localhost")
    address = hub.serve("/net", moved(elsewhere)).replace("//", "//user:secret@")
    with pytest.raises(NotHadError) as raised:
        get(address)
    assert [headers.get("Authorization") is not None for _, headers in hub.asked] == [True, False] * 2
    assert hub.headers("If-Range")[-1] == '"1"'
    assert "secret" not in raised.value.message + "".join(heard.said) + place.origin.read_text()


def test_a_redirect_within_the_hub_is_followed_and_one_in_a_circle_is_given_up(hub, get, place):
    hub.serve("/there", ranges())
    get(hub.serve("/net", moved("/there")))
    assert place.path.read_bytes() == DATA
    place.path.unlink()
    with pytest.raises(NotHadError, match="redirects"):
        get(hub.serve("/circle", moved("/circle")))


@pytest.mark.parametrize("address", ["hub.test/net", "http://[x/net", "gopher://hub.test/net"])
def test_what_is_no_address_is_said(get, address):
    with pytest.raises(NotHadError, match="is not an address"):
        get(address)


def test_an_interrupted_fetch_keeps_its_part_and_says_so(hub, place, web, heard, patience):
    class Impatient(Heard):
        def draw(self, data):
            super().draw(data)
            if b"%" in data:
                raise KeyboardInterrupt

    person = Impatient(bars=True)
    address = hub.serve("/net", stalls(after=HALF), ranges())
    with pytest.raises(KeyboardInterrupt):
        fetch.fetch(place, [Mirror(address=address)], web, person, patience)
    there = place.kept().present
    assert place.kept().state == "partial"
    assert 0 < there <= HALF
    assert place.part.read_bytes() == DATA[:there]
    assert person.drawn.endswith(b"\r\x1b[K")
    assert person.said[-1].endswith("of `net.onnx` are kept; the next fetch goes on from there")
    fetch.fetch(place, [Mirror(address=address)], web, heard, patience)
    assert hub.headers("Range")[-1] == f"bytes={there}-"
    assert place.path.read_bytes() == DATA


def test_two_at_once_download_once(hub, place, patience):
    asked, go_on = threading.Event(), threading.Event()

    def slow(handler):
        asked.set()
        go_on.wait(20)
        ranges()(handler)

    mirrors = [Mirror(address=hub.serve("/net", slow))]
    second = Heard()
    second.stage = lambda text: (second.said.append(text), go_on.set())

    def run(listener):
        web = Web(read_seconds=20)
        fetch.fetch(place, mirrors, web, listener, patience)
        web.close()

    first = threading.Thread(target=run, args=(Heard(),))
    first.start()
    asked.wait(20)
    run(second)
    first.join()
    assert len(hub.asked) == 1
    assert second.said == ["another stackfix is fetching `net.onnx`; waiting for it"]


def test_a_fetch_that_another_never_ends_is_an_error(hub, get, place, heard, monkeypatch):
    monkeypatch.setattr(cache, "_WAIT_SECONDS", 0.05)
    with place.alone(heard):
        address = hub.serve("/net", ranges())
        with (
            ThreadPoolExecutor(1) as second,
            pytest.raises(AnswerError, match="another stackfix has been fetching"),
        ):
            second.submit(get, address).result()
    assert hub.asked == []


def test_a_disk_without_room_is_said_before_a_byte_is_asked_for(place):
    place.folder.mkdir(parents=True)
    with pytest.raises(
        DiskError, match=r"not enough room on the disk of .*pose`: 17 MB are needed, 1.0 kB are free"
    ):
        check_room(place, free=1000)


def test_a_folder_that_cannot_be_made_is_named_with_the_variable(tmp_path, web, heard, patience):
    (tmp_path / "models").write_text("a file")
    place = Place(tmp_path / "models", "pose", model_of())
    with pytest.raises(DiskError, match="cannot be written") as raised:
        fetch.fetch(place, [], web, heard, patience)
    assert "STACKFIX_MODELS" in raised.value.hint


def test_a_disk_that_fills_up_is_an_error_that_keeps_the_part(hub, get, place, monkeypatch):
    monkeypatch.setattr(transfer, "_PIECE", 1000)

    def full(part, piece):
        if part.size > HALF:
            with cache.writing(place.folder):
                raise OSError(28, "No space left on device", str(place.part))
        part.appended(piece)

    monkeypatch.setattr(fetch.Part, "appended", fetch.Part.append, raising=False)
    monkeypatch.setattr(fetch.Part, "append", full)
    with pytest.raises(DiskError, match=r"\.part: cannot be written: No space left on device"):
        get(hub.serve("/net", ranges()))
    assert place.kept().state == "partial"
    assert not place.path.exists()


@pytest.mark.parametrize("name", ["../net.onnx", "a/b.onnx", ".hidden", ""])
def test_a_model_never_lies_outside_its_folder(tmp_path, name):
    with pytest.raises(DataError, match="not a plain file name"):
        Place(tmp_path, "pose", model_of(file=name))


def test_on_a_terminal_the_progress_is_one_line_that_goes_away(hub, place, web, patience):
    person = Heard(bars=True)
    fetch.fetch(place, [Mirror(address=hub.serve("/net", ranges()))], web, person, patience)
    assert person.drawn.startswith(b"\rnet.onnx  ")
    assert person.drawn.endswith(b"\r\x1b[K")
