"""Pages that are not project pages: one error each, which names the address."""

from __future__ import annotations

import pytest

from stackfix.errors import NetworkError
from stackfix.index.simple import project
from stackfix.index.transport import Answer, FolderTransport

INDEX = "http://index.example/simple"
ADDRESS = f"{INDEX}/torch/"
JSON = "application/vnd.pypi.simple.v1+json"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html><title>Sign in</title></html>", "text/html"),
        (b"[]", JSON),
        (b"{}", JSON),
        (b'{"files": 3}', JSON),
        (b'{"files": [{"filename": "../../x.whl", "url": "x"}]}', JSON),
        (b'{"files": [{"filename": "a.whl", "url": "x", "size": Infinity}]}', JSON),
        (b"[" * 200_000, JSON),
    ],
)
def test_a_page_that_is_no_project_page_is_one_error(body: bytes, kind: str) -> None:
    pages = {ADDRESS: Answer(body=body, content_type=kind)}
    with pytest.raises(NetworkError, match=ADDRESS):
        project(FolderTransport(pages=pages, files={}), INDEX, "torch")
