"""The room of each disk that files go through is asked for; what a cache holds, or links to, takes none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace
from test_downloads import lock

from stackfix.errors import DiskError
from stackfix.install.installer import Installer
from stackfix.install.settings import link_mode
from stackfix.install.space import MARGIN, Disks, Way, check_room
from stackfix.install.way import kept, way_of
from stackfix.model.lock import Lock
from stackfix.plan.unpacked import EMPTY_ENVIRONMENT, installed_bytes

HERE, CACHE, TEMPORARY = Path("/here"), Path("/cache"), Path("/temporary")
SIZE = 1_000_000_000
UNZIPPED = int(SIZE * 2.15)  # of torch
WHOLE = UNZIPPED + EMPTY_ENVIRONMENT


@dataclass
class Space:
    """Disks, each a group of folders, with what is free on it."""

    free: dict[tuple[Path, ...], int]

    def free_bytes(self, folder: Path) -> int:
        return next(free for folders, free in self.free.items() if folder in folders)

    def disk(self, folder: Path) -> int:
        return next(number for number, folders in enumerate(self.free) if folder in folders)


def ours() -> Lock:
    return lock(torch=SIZE)


UV = Way(through=CACHE, unpacked=True)
KEPT = Way(through=CACHE, unpacked=True, kept=frozenset({"torch-1.0+cu-py3-none-any.whl"}))
COPIED = Way(through=CACHE, unpacked=True, copies=True)
PIP = Way(through=TEMPORARY, unpacked=False)


@pytest.mark.parametrize(
    ("way", "needs"),
    [
        (UV, {(HERE, CACHE): UNZIPPED}),
        (UV, {(HERE,): WHOLE, (CACHE,): UNZIPPED}),
        (COPIED, {(HERE, CACHE): WHOLE + UNZIPPED}),
        (KEPT, {(HERE, CACHE): 0}),
        (KEPT, {(HERE,): WHOLE}),
        (PIP, {(HERE, TEMPORARY): WHOLE + SIZE}),
        (PIP, {(HERE,): WHOLE, (TEMPORARY,): SIZE}),
    ],
)
def test_each_disk_must_hold_what_is_written_on_it_and_no_more(way, needs):
    enough = {folders: size + MARGIN for folders, size in needs.items()}
    others = {
        (each,): 0 for each in (HERE, CACHE, TEMPORARY) if not any(each in folders for folders in needs)
    }
    check_room(ours(), HERE, way, Space(enough | others))
    for folders in needs:
        with pytest.raises(DiskError, match="not enough room on the disk of") as caught:
            check_room(ours(), HERE, way, Space(enough | {folders: enough[folders] - 1} | others))
        assert f"`{folders[0]}`: about" in caught.value.message


@pytest.mark.parametrize(
    ("way", "lacking", "said", "variable"),
    [
        (UV, CACHE, "(2.1 GB for uv's cache `/cache`, 67.1 MB to spare), 5 B are free", "UV_CACHE_DIR"),
        (
            PIP,
            TEMPORARY,
            "(1.0 GB for what pip downloads into `/temporary`, 67.1 MB to spare), 5 B",
            "TMPDIR",
        ),
        (UV, HERE, "(2.2 GB for the environment in `/here`, 67.1 MB to spare), 5 B are free", "another disk"),
    ],
)
def test_it_is_said_which_disk_lacks_what(way, lacking, said, variable):
    disks = {(each,): 5 if each == lacking else 10**12 for each in (HERE, CACHE, TEMPORARY)}
    with pytest.raises(DiskError) as caught:
        check_room(ours(), HERE, way, Space(disks))
    assert f"not enough room on the disk of `{lacking}`" in caught.value.message
    assert said in caught.value.message
    assert variable in caught.value.hint


@pytest.mark.parametrize(
    ("sizes", "on_the_disk"),
    [
        (
            {
                "flatbuffers": 26661,
                "numpy": 15720599,
                "onnxruntime": 27780211,
                "opencv-python-headless": 61204038,
                "packaging": 129956,
                "pip": 1950951,
                "protobuf": 343223,
            },
            301_981_696,
        ),
        ({"torch": 797168571, "nvidia-cudnn-cu12": 664752741, "triton": 209464695}, 3_260_780_544),
    ],
)
def test_what_a_set_takes_is_what_du_said_of_it_and_at_most_a_tenth_more(sizes, on_the_disk):
    assert on_the_disk <= installed_bytes(lock(**sizes)) <= 1.1 * on_the_disk


def test_what_is_in_the_cache_is_no_download():
    room = check_room(ours(), HERE, KEPT, Space({(HERE, CACHE): 10**10}))
    assert str(room) == "1.0 GB are in uv's cache, 0 B to download, about 2.2 GB installed, 10.0 GB free"


def test_a_file_is_in_uvs_cache_if_its_sha256_is_and_what_it_was_unpacked_to(tmp_path):
    wanted = ours()
    entry = tmp_path / "wheels-v8" / "index" / "0123" / "torch" / "1.0+cu-py3-none-any.http"
    entry.parent.mkdir(parents=True)
    assert not kept(wanted, tmp_path)
    entry.write_bytes(b"\x93" + b"1" * 64)
    assert not kept(wanted, tmp_path)
    entry.write_bytes(b"\x93" + b"0" * 64)
    assert not kept(wanted, tmp_path)
    (tmp_path / "archive").mkdir()
    entry.with_suffix("").symlink_to(tmp_path / "archive")
    assert kept(wanted, tmp_path) == {"torch-1.0+cu-py3-none-any.whl"}
    (tmp_path / "archive").rmdir()
    assert not kept(wanted, tmp_path)


def test_pips_way_is_its_temporary_folder(tmp_path):
    pip = Installer("pip", ("pip",))
    way = way_of(ours(), pip, scratch=tmp_path, variables={"TMPDIR": str(tmp_path)})
    assert way == Way(through=tmp_path, unpacked=False)


def test_how_uv_is_told_to_link_is_read(tmp_path):
    assert link_mode({"UV_LINK_MODE": "copy"}) == "copy"
    file = tmp_path / "uv.toml"
    file.write_text('link-mode = "symlink"\n')
    assert link_mode({"UV_CONFIG_FILE": str(file)}) == "symlink"
    file.write_text('[pip]\nlink-mode = "copy"\n')
    assert link_mode({"UV_CONFIG_FILE": str(file)}) == "copy"
    assert link_mode({"UV_NO_CONFIG": "1"}) == ""


def test_the_real_disks_tell_of_a_folder_that_is_not_there_yet(tmp_path):
    assert Disks().free_bytes(tmp_path / "a" / "b") > 0
    assert Disks().disk(tmp_path / "a") == Disks().disk(tmp_path)


def test_files_of_a_bundle_are_not_called_a_download():
    told = lock(torch=SIZE)
    beside = replace(
        told,
        packages=tuple(
            replace(one, file=replace(one.file, url=f"file:///bundle/wheels/{one.file.name}"))
            for one in told.packages
        ),
    )
    room = check_room(beside, HERE, UV, Space({(HERE, CACHE): 10**10}))
    assert str(room).startswith("1.0 GB from the files that are here (a bundle, a folder), about ")
    assert "download" not in str(room)
