"""Modules: what is held for a text that ends before its end."""

from __future__ import annotations

import pytest

from stackfix.probe import modules
from stackfix.probe.modules import does_not_compile


@pytest.mark.parametrize(
    "text",
    [
        b'"""never closed\n',
        b"f(1,\n",
        b"x = 'half",
        b"def f():\n",
        b"try:\n    import a\n",
        b"x = 1\nfrom a import\n",
        b"x = 1\n\0\0\0\0",
    ],
)
def test_what_was_cut_is_told(tmp_path, text):
    module = tmp_path / "module.py"
    module.write_bytes(text)
    assert does_not_compile(str(module))


@pytest.mark.parametrize(
    "text", [b"", b"x = 1\n", b"print 'python 2'\nx = 1\ny = 2\n", b"(" * 5000 + b")" * 5000 + b"\nx = 1\n"]
)
def test_what_is_whole_or_of_another_python_is_not(tmp_path, text):
    module = tmp_path / "module.py"
    module.write_bytes(text)
    assert not does_not_compile(str(module))


def test_what_cannot_be_read_or_is_too_much_is_not(tmp_path, monkeypatch):
    module = tmp_path / "module.py"
    module.write_bytes(b"f(1,\n")
    assert not does_not_compile(str(tmp_path))
    assert not does_not_compile(str(tmp_path / "none.py"))
    monkeypatch.setattr(modules, "_MAX_BYTES", 4)
    assert not does_not_compile(str(module))
