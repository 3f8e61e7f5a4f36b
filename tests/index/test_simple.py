"""Project pages: JSON and HTML say the same files; anything else is one clear NetworkError."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackfix.errors import NetworkError
from stackfix.index.simple import IndexFile, project
from stackfix.index.transport import Answer, FolderTransport

INDEX = "https://user:secret@index.test/simple/"
PAGE = INDEX + "torch/"
JSON = "application/vnd.pypi.simple.v1+json"
HASH = "0" * 64


def asked(body, content_type=JSON):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    transport = FolderTransport(pages={PAGE: Answer(body=data, content_type=content_type)}, files={})
    return project(transport, INDEX, "torch")


def row(**more):
    return {
        "filename": "torch-2.0.1-cp310-none-any.whl",
        "url": "../../files/t.whl",
        "hashes": {"sha256": HASH},
        **more,
    }


def test_json_files_keep_what_the_page_says():
    files = asked(
        {
            "files": [
                row(
                    **{
                        "size": 9,
                        "requires-python": ">=3.8",
                        "upload-time": "2023-05-08T10:00:00Z",
                        "yanked": "bad",
                    }
                )
            ]
        }
    )
    assert files == (
        IndexFile(
            name="torch-2.0.1-cp310-none-any.whl",
            address="https://user:secret@index.test/files/t.whl",
            sha256=HASH,
            size=9,
            requires_python=">=3.8",
            uploaded="2023-05-08",
            yanked=True,
        ),
    )


def test_what_a_json_page_does_not_say_stays_unsaid():
    (file,) = asked({"files": [row(hashes={}, size=None, **{"requires-python": None})]})
    assert (file.sha256, file.size, file.requires_python, file.uploaded, file.yanked) == (
        "",
        0,
        "",
        "",
        False,
    )


def test_html_files_are_read_with_their_attributes():
    page = (
        b'<html><head><title>Links for torch</title></head><body><a href="../">up</a>'
        b'<a href="/files/torch-2.0.1%2Bcu117-cp310-none-any.whl#sha256=' + HASH.encode() + b'"'
        b' data-requires-python="&gt;=3.8" data-yanked="">torch</a></body></html>'
    )
    assert asked(page, "text/html") == (
        IndexFile(
            name="torch-2.0.1+cu117-cp310-none-any.whl",
            address="https://user:secret@index.test/files/torch-2.0.1%2Bcu117-cp310-none-any.whl",
            sha256=HASH,
            requires_python=">=3.8",
            yanked=True,
        ),
    )


def test_a_package_that_the_index_does_not_know_has_no_files():
    assert project(FolderTransport(pages={}, files={}), INDEX, "nothing") == ()


def test_a_project_page_without_files_is_empty():
    assert asked({"files": []}) == ()
    assert asked(b"<html><title>Links for torch</title></html>", "text/html") == ()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"files": [{"filename": "tor', JSON),
        (b"[" * 100_000, JSON),
        (b'{"message": "log in first"}', JSON),
        (b'{"files": [1, 2]}', JSON),
        (b'{"files": [{"filename": "../../evil.whl", "url": "x", "hashes": {}}]}', JSON),
        (b"<html><body>502 Bad Gateway</body></html>", "text/html"),
        (b'<html><body>Log in <a href="/login">here</a></body></html>', "text/html"),
        (b'<a href="http://[broken/torch.whl">x</a>', "text/html"),
        (b"\xff\xfe\x00", ""),
    ],
)
def test_what_is_no_project_page_is_one_error_that_names_the_address(body, content_type):
    with pytest.raises(
        NetworkError, match=r"^https://index\.test/simple/torch/: not a project page"
    ) as raised:
        asked(body, content_type)
    assert "secret" not in raised.value.message


@given(st.binary(max_size=300), st.sampled_from([JSON, "text/html", ""]))
def test_any_answer_is_files_or_a_network_error(body, content_type):
    with contextlib.suppress(NetworkError):
        asked(body, content_type)


VALUES = st.none() | st.integers() | st.text(max_size=5) | st.lists(st.none(), max_size=2) | st.booleans()


@given(
    st.dictionaries(
        st.sampled_from(["filename", "url", "hashes", "size", "requires-python", "yanked"]), VALUES
    )
)
def test_any_row_is_a_file_or_a_network_error(fields):
    with contextlib.suppress(NetworkError):
        asked({"files": [fields]})
