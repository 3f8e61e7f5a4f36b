"""docs/sources.md names variables: each is one that is read."""

import re
from pathlib import Path

import stackfix

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(stackfix.__file__).parent


def test_every_variable_of_the_page_is_read_somewhere():
    page = (ROOT / "docs" / "sources.md").read_text()
    code = "\n".join(path.read_text() for path in SOURCE.rglob("*.py"))
    named = set(re.findall(r"\b(?:UV|PIP|HF|SSL)_[A-Z_]+", page))
    assert {"PIP_INDEX_URL", "UV_FIND_LINKS", "HF_ENDPOINT"} <= named
    by_setting = {"PIP_CERT", "PIP_NO_INDEX"}  # read as pip's settings `cert` and `no-index`
    assert {name for name in named - by_setting if name not in code} == set()
    assert '"no-index"' in code
    assert "STACKFIX_SOURCE_" in code
