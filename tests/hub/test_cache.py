"""The cache: what a file is called that is not the model, and files that people bring."""

import os
import sys
import zipfile
from pathlib import Path

import pytest
from lying_hub import DATA, Heard, model_of

from stackfix.errors import QuestionError
from stackfix.facts.root import data_root
from stackfix.hub import bring as bringing
from stackfix.hub import cache as caching
from stackfix.hub.bring import bring, place_of
from stackfix.hub.cache import Place, models_folder, what_is_wrong
from stackfix.meter import Meter, amount, progress_line

STANDIN = data_root() / "standins" / "yolox_l.onnx"
NETWORK = STANDIN.read_bytes()
LONGER = NETWORK + b"\x42\x02xx"  # a model's further part: a longer file whose beginning is this one


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (NETWORK[:1000], "cut short: 1,000 of 402,156 bytes"),
        (NETWORK[:-1], "cut short: 402,151 of 402,156 bytes"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS of 43 bytes, not the model"),
        (b"<html></html>", "a web page of 13 bytes, not the model"),
        (
            NETWORK,
            (
                "not the file that the recipe names: 402,152 bytes, not 402,156; another network, which takes "
                "`images` [1,3,640,640] and gives `output` [1,8400,85]"
            ),
        ),
        (b"x" * 10, "not the file that the recipe names: 10 bytes, not 402,156"),
        (LONGER[:-1] + b"y", "not the file that the recipe names: sha256 "),
        (LONGER + b"x", "not the file that the recipe names: 402,157 bytes, not 402,156"),
        (LONGER, ""),
    ],
)
def test_a_file_that_is_not_the_model_is_called_what_it_is(tmp_path, content, words):
    (tmp_path / "net.onnx").write_bytes(content)
    found = what_is_wrong(tmp_path / "net.onnx", model_of(LONGER))
    assert found.startswith(words)
    assert bool(found) is bool(words)


def test_an_archive_without_its_end_is_cut_short(tmp_path):
    whole = tmp_path / "net.pt"
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("data.pkl", b"x" * 1000)
    model = model_of(whole.read_bytes(), kind="torchscript")
    assert what_is_wrong(whole, model) == ""
    cut = tmp_path / "cut.pt"
    cut.write_bytes(whole.read_bytes()[:-30])
    assert what_is_wrong(cut, model).startswith("cut short: ")
    with zipfile.ZipFile(cut, "w") as archive:
        archive.writestr("data.pkl", b"other")
    assert what_is_wrong(cut, model).startswith("not the file that the recipe names")


def test_both_files_of_a_recipe_lie_in_one_folder_under_their_own_names(tmp_path):
    first, second = (Place(tmp_path, "pose", model_of(file=name)) for name in ("a.onnx", "b.onnx"))
    assert (first.path, second.path) == (tmp_path / "pose" / "a.onnx", tmp_path / "pose" / "b.onnx")


def test_the_folder_is_the_variables_or_in_the_users_cache(tmp_path):
    assert models_folder({"STACKFIX_MODELS": str(tmp_path)}) == tmp_path
    assert models_folder({}).parts[-2:] == ("stackfix", "models")


@pytest.fixture
def places(tmp_path):
    models = model_of(NETWORK, "yolox_l.onnx"), model_of(DATA, "pose.onnx")
    return [Place(tmp_path / "models", "pose", model) for model in models]


def test_a_file_is_known_by_its_bytes_whatever_its_name(tmp_path, places, heard):
    (tmp_path / "download (1)").write_bytes(DATA)
    place = place_of(tmp_path / "download (1)", places)
    assert bring(tmp_path / "download (1)", place, heard) == places[1].path
    assert places[1].path.read_bytes() == DATA
    assert (tmp_path / "download (1)").read_bytes() == DATA


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("yolox_l.onnx", NETWORK[:5000], "it is cut short: 5,000 of 402,152 bytes"),
        ("yolox_l.onnx.part", NETWORK[:5000], "it is cut short: 5,000 of 402,152 bytes"),
        ("yolox_l.onnx", b"<html>", "it is a web page of 6 bytes"),
        ("net", NETWORK[:-1] + b"x", "it is not the file that the recipe names: sha256"),
        ("net", b"x", "it is no model of a recipe, 1 bytes: it is not an ONNX model (at byte 1)"),
        ("net", NETWORK[:-9], "it is no model of a recipe, 402,143 bytes: it is cut short"),
        ("net", LONGER, "it is no model of a recipe, 402,156 bytes: another network, which takes `images`"),
    ],
)
def test_a_file_that_is_no_model_is_refused_with_what_it_is(tmp_path, places, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(QuestionError) as raised:
        place_of(tmp_path / name, places)
    assert raised.value.message.startswith(f"{tmp_path / name}: {words}")
    assert "402,152 bytes" in raised.value.hint


def test_a_file_that_is_not_there_is_refused(tmp_path, places):
    with pytest.raises(QuestionError, match="there is no such file"):
        place_of(tmp_path / "nowhere", places)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither")
def test_a_pipe_a_device_and_a_lost_link_are_not_called_absent(tmp_path, places):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/nowhere/at/all")
    for file in (tmp_path / "pipe", tmp_path / "link", Path("/dev/zero")):
        with pytest.raises(QuestionError, match="a device, a pipe or a link to nothing"):
            place_of(file, places)


def test_a_file_that_changes_while_it_is_copied_never_gets_the_name(tmp_path, places, heard, monkeypatch):
    monkeypatch.setattr(bringing, "_copy", lambda file, part: part.write_bytes(DATA[:-1]))
    with pytest.raises(QuestionError, match="it changed while it was copied"):
        bring(tmp_path, places[1], heard)
    assert not places[1].path.exists()
    assert not places[1].part.exists()


def test_a_file_is_copied_where_the_kernel_cannot_do_it(tmp_path, places, heard, monkeypatch):
    def refuses(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(bringing.os, "copy_file_range", refuses)
    (tmp_path / "net").write_bytes(DATA)
    bring(tmp_path / "net", places[1], heard)
    assert places[1].path.read_bytes() == DATA


def test_a_file_is_copied_where_there_is_no_such_kernel(tmp_path, places, heard, monkeypatch):
    monkeypatch.delattr(bringing.os, "copy_file_range")
    (tmp_path / "net").write_bytes(DATA)
    bring(tmp_path / "net", places[1], heard)
    assert places[1].path.read_bytes() == DATA


def test_a_disk_that_cannot_be_read_is_said(tmp_path, places, monkeypatch):
    def broken(*_):
        raise OSError(5, "Input/output error")

    for module in (bringing, caching):
        monkeypatch.setattr(module, "what_is_wrong", broken)
    (tmp_path / "net").write_bytes(DATA)
    with pytest.raises(QuestionError, match="can't be read: Input/output error"):
        place_of(tmp_path / "net", places)
    places[1].folder.mkdir(parents=True)
    places[1].path.write_bytes(DATA)
    kept = places[1].kept()
    assert (kept.state, kept.why) == ("damaged", "can't be read: Input/output error")


def test_bringing_what_is_here_changes_nothing(tmp_path, places, heard):
    (tmp_path / "net").write_bytes(DATA)
    bring(tmp_path / "net", places[1], heard)
    before = places[1].path.stat()
    bring(tmp_path / "net", places[1], heard)
    assert places[1].path.stat().st_ino == before.st_ino


def test_a_line_of_progress_says_how_much_how_fast_and_how_long():
    assert progress_line("net.onnx", 54_200_000, 216_746_733, 0) == "net.onnx   25 %  54 MB of 217 MB"
    line = progress_line("net.onnx", 54_200_000, 216_746_733, 1_300_000)
    assert line == "net.onnx   25 %  54 MB of 217 MB  1.3 MB/s  2 min 05 s left"


def test_progress_is_drawn_a_few_times_a_second_with_the_rate_of_the_last_seconds():
    clock = iter([0.0, 0.1, 1.0, 7.0, 8.0])
    person = Heard(bars=True)
    meter = Meter(person, "net", 1000, lambda: next(clock))
    for done in (0, 10, 100, 200, 300):
        meter.at(done)
    lines = [line.strip() for line in person.drawn.decode().replace("\x1b[K", "").split("\r") if line]
    assert lines == [
        "net    0 %  0 B of 1.0 kB",
        "net   10 %  100 B of 1.0 kB  100 B/s  9 s left",
        "net   20 %  200 B of 1.0 kB",
        "net   30 %  300 B of 1.0 kB  100 B/s  7 s left",
    ]


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (216_746_733, "217 MB"), (5.7e9, "5.7 GB")],
)
def test_amounts_are_read_by_people(size, text):
    assert amount(size) == text


def test_a_folder_that_is_imported_is_called_one(tmp_path):
    with pytest.raises(QuestionError, match="is a folder") as refused:
        place_of(tmp_path, ())
    assert "name the files in it" in refused.value.hint
