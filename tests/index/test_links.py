"""Files that lie side by side: folders of find-links, their pages, and mirrors that are one flat page."""

from __future__ import annotations

import hashlib

import pytest

from stackfix.errors import HashError, NetworkError
from stackfix.index.artifacts import Index, Wanted, locate
from stackfix.index.links import Links, held
from stackfix.index.transport import Answer, FolderTransport, HttpTransport

DATA = b"a wheel"
NAME = "torch-2.6.0+cu126-cp312-cp312-linux_x86_64.whl"
WANTED = Wanted(package="torch", name=NAME, sha256=hashlib.sha256(DATA).hexdigest(), size=len(DATA))
FLAT = b"""<html><head><title>Index of /pytorch-wheels/cu126/</title></head><body><a href="../">../</a>
<a href="torch-2.6.0%2Bcu126-cp312-cp312-linux_x86_64.whl">torch-2.6.0+cu126-cp312-cp312-linux_x86_64.whl</a> 1 GB
<a href="torchvision-0.21.0%2Bcu126-cp312-cp312-linux_x86_64.whl">torchvision</a></body></html>"""
MAIN, EXTRA = "https://main.test/simple", "https://mirror.test/pytorch-wheels/cu126"


def pages(**more: Answer | NetworkError) -> FolderTransport:
    known = {f"{EXTRA}/": Answer(body=FLAT, content_type="text/html")}
    return FolderTransport(pages=known | more, files={})


def test_a_mirror_that_is_one_flat_page_has_the_files_of_each_package():
    assert [file.name for file in held(pages(), EXTRA, "torch")] == [NAME]
    assert held(pages(), EXTRA, "numpy") == ()


def test_the_main_index_is_never_asked_for_its_root():
    with pytest.raises(NetworkError, match="does not know `torch`"):
        locate([WANTED], pages(), [Index("pypi", EXTRA)])


def test_a_file_is_found_on_a_flat_page_beside_the_main_index():
    found = locate([WANTED], pages(), [Index("pypi", MAIN), Index("pytorch-cu126", EXTRA)])
    assert found[NAME].url == f"{EXTRA}/{NAME.replace('+', '%2B')}"


def test_an_index_that_does_not_answer_is_gone_round_where_another_place_has_the_file(tmp_path):
    dead = pages(**{f"{MAIN}/torch/": NetworkError("the server answered 500")})
    with pytest.raises(NetworkError, match="answered 500"):
        locate([WANTED], dead, [Index("pypi", MAIN)])
    (tmp_path / NAME).write_bytes(DATA)
    found = locate([WANTED], dead, [Index("pypi", MAIN)], Links((str(tmp_path),)))
    assert found[NAME].url == (tmp_path / NAME).as_uri()


@pytest.mark.parametrize("place", ["folder", "address", "file"])
def test_a_folder_is_named_as_a_path_an_address_or_by_the_file(tmp_path, place):
    (tmp_path / NAME).write_bytes(DATA)
    named = {"folder": str(tmp_path), "address": tmp_path.as_uri(), "file": str(tmp_path / NAME)}[place]
    found = locate([WANTED], pages(), [], Links((named,)))
    assert found[NAME].url == (tmp_path / NAME).as_uri()


def test_other_bytes_of_the_same_name_are_another_file(tmp_path):
    (tmp_path / NAME).write_bytes(DATA[::-1])
    with pytest.raises(NetworkError, match="no index may be asked"):
        locate([WANTED], pages(), [], Links((str(tmp_path),)))


def test_an_index_that_is_a_folder_is_read(tmp_path):
    page = tmp_path / "simple" / "torch"
    page.mkdir(parents=True)
    (tmp_path / NAME).write_bytes(DATA)
    (page / "index.html").write_text(f'<a href="../../{NAME}#sha256={WANTED.sha256}">torch</a>')
    transport = HttpTransport()
    found = locate([WANTED], transport, [Index("local", (tmp_path / "simple").as_uri())])
    assert found[NAME].url.startswith("file://")
    assert b"".join(transport.stream(found[NAME].url)) == DATA
    assert transport.span(found[NAME].url, 2, 3) == DATA[2:5]
    with pytest.raises(NetworkError, match="cut off"):
        transport.span(found[NAME].url, 2, 100)
    (page / "index.html").write_text(f'<a href="../../{NAME}#sha256={"0" * 64}">torch</a>')
    with pytest.raises(HashError, match="lists it with sha256 0000"):
        locate([WANTED], transport, [Index("local", (tmp_path / "simple").as_uri())])
