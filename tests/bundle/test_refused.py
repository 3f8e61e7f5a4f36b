"""A bundle that is refused leaves nothing behind, and what was there before as it was."""

import pytest

from stackfix import bundling
from stackfix.errors import DiskError
from stackfix.install.progress import Silent


class _Full:
    def free_bytes(self, folder):
        return 1000

    def disk(self, folder):
        return 0


@pytest.fixture
def on_a_full_disk(monkeypatch, tmp_path):
    """Try a bundle of one wheel of 1 GB, whose place nobody is asked for, in `tmp_path / "new"`."""
    wheel = bundling.Wanted(path="wheels/a-1-py3-none-any.whl", address="", size=10**9, sha256="a" * 64)
    monkeypatch.setattr(bundling, "Disks", _Full)

    def tried():
        bundling.begun([wheel], {}, tmp_path / "new", Silent())

    return tried


def test_no_room_leaves_no_folder(on_a_full_disk, tmp_path):
    with pytest.raises(DiskError, match="not enough room") as refused:
        on_a_full_disk()
    assert "-o FOLDER" in refused.value.hint
    assert list(tmp_path.iterdir()) == []


def test_no_room_keeps_what_an_earlier_run_fetched(on_a_full_disk, tmp_path):
    kept = tmp_path / "new" / "wheels" / "b-1-py3-none-any.whl"
    kept.parent.mkdir(parents=True)
    kept.touch()
    with pytest.raises(DiskError):
        on_a_full_disk()
    assert kept.exists()
