"""Addresses come from the index, and only for the very file that was asked for."""

from __future__ import annotations

import json

import pytest

from stackfix.errors import HashError, NetworkError
from stackfix.index.artifacts import Index, Wanted, locate
from stackfix.index.transport import Answer, FolderTransport

FIRST = Index("pypi", "https://user:secret@index.example/simple")
SECOND = Index("mirror", "https://mirror.example/simple")
WANTED = Wanted(package="Torch_X", name="torch_x-1.0-py3-none-any.whl", sha256="ab" * 32, size=9)


def page(**more: object) -> Answer:
    row = {"filename": WANTED.name, "url": f"../../files/{WANTED.name}#sha256=1", "size": 9} | more
    row.setdefault("hashes", {"sha256": "ab" * 32})
    return Answer(body=json.dumps({"files": [row]}).encode(), content_type="application/json")


def from_index(
    first: Answer | NetworkError | None = None, second: Answer | NetworkError | None = None
) -> str:
    pages = {
        f"{index.address}/torch-x/": answer for index, answer in ((FIRST, first), (SECOND, second)) if answer
    }
    return locate([WANTED], FolderTransport(pages=pages, files={}), [FIRST, SECOND])[WANTED.name].url


def test_the_address_is_absolute_and_holds_no_password():
    assert from_index(page()) == f"https://index.example/files/{WANTED.name}"


def test_an_index_further_down_is_asked_for_what_the_first_lacks():
    assert from_index(None, page()) == f"https://mirror.example/files/{WANTED.name}"


def test_an_index_that_is_not_needed_may_be_down():
    assert from_index(page(), NetworkError("down"))


def test_a_file_with_another_hash_names_both():
    with pytest.raises(HashError) as caught:
        from_index(page(hashes={"sha256": "cd" * 32}))
    assert "ab" * 32 in caught.value.message
    assert f"pypi lists it with sha256 {'cd' * 32}" in caught.value.message


def test_a_file_with_another_size_is_another_file():
    with pytest.raises(HashError, match="pypi lists it with 8 bytes"):
        from_index(page(size=8))


def test_a_file_that_is_gone_is_told_from_a_package_that_is_unknown():
    with pytest.raises(
        NetworkError, match=r"torch_x-1.0-py3-none-any.whl: the index .* no longer lists this file"
    ):
        from_index(page(filename="torch_x-0.9-py3-none-any.whl"))
    with pytest.raises(NetworkError, match="does not know `Torch_X`"):
        from_index()


def test_no_network_is_said_as_it_is():
    with pytest.raises(NetworkError, match="no route"):
        from_index(NetworkError("no route"))


def test_the_index_is_kept_without_its_password():
    transport = FolderTransport(pages={f"{FIRST.address}/torch-x/": page()}, files={})
    assert locate([WANTED], transport, [FIRST])[WANTED.name].index == "https://index.example/simple"
