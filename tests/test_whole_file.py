"""Files that are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackfix.whole_file import write_whole


def test_what_cannot_be_written_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "pylock.toml"
    path.write_text("before")

    def full(self, text, **_):
        with self.open("w") as file:
            file.write(text[:3])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "after")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_links_and_devices_stay_what_they_are(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "file")
    write_whole(link, "text", executable=True)
    assert link.is_symlink()
    assert (tmp_path / "file").read_text() == "text"
    assert (tmp_path / "file").stat().st_mode & 0o111
    write_whole(Path("/dev/null"), "text")
    assert Path("/dev/null").is_char_device()
