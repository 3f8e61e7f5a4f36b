"""A lock whose files lie beside it: paths instead of addresses (PEP 751), and none that leads elsewhere."""

import pytest
from msgspec.structs import replace
from packaging.pylock import Pylock

from stackfix import app
from stackfix.errors import DataError, QuestionError
from stackfix.model.lock import Lock, LockedFile, LockedPackage
from stackfix.plan.lock import from_pylock, parse_toml, placed, to_pylock

NAME = "torch-2.15.0+cu130-py3-none-any.whl"
LOCK = Lock(
    packages=(
        LockedPackage(
            name="torch",
            version="2.15.0+cu130",
            file=LockedFile(name=NAME, size=7, sha256="ab" * 32, url=f"wheels/{NAME}"),
        ),
    ),
    python="3.12",
    platform="linux_x86_64",
)


def test_a_file_beside_the_lock_is_a_path_for_an_independent_reader():
    read = Pylock.from_dict(parse_toml(to_pylock(LOCK)))
    assert read.packages[0].wheels[0].path == f"wheels/{NAME}"
    assert read.packages[0].wheels[0].url is None


def test_reading_gives_back_what_was_written():
    assert from_pylock(to_pylock(LOCK), "pylock.toml") == LOCK


def test_a_lock_that_is_read_from_a_folder_names_its_files_there(tmp_path):
    folder = tmp_path / "my stick$"
    folder.mkdir()
    (folder / "pylock.toml").write_text(to_pylock(LOCK))
    found = app.read_lock(folder / "pylock.toml").packages[0].file.url
    assert found == (folder / "wheels" / NAME).as_uri()


def test_an_address_stays_what_it_is():
    url = "https://files.example/torch.whl"
    elsewhere = replace(
        LOCK,
        packages=(replace(LOCK.packages[0], file=replace(LOCK.packages[0].file, url=url)),),
    )
    assert placed(elsewhere, "file:///folder").packages[0].file.url == url


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a//b", "./a", "a/..", "c:/x", "a\\\\b", ""])
def test_a_path_that_leads_out_of_the_folder_is_refused(path):
    text = to_pylock(LOCK).replace(f'"wheels/{NAME}"', f'"{path}"')
    with pytest.raises(DataError, match="path beside the lock"):
        from_pylock(text, "pylock.toml")


def test_a_lock_that_is_not_there_is_named_once_with_what_writes_one(tmp_path):
    with pytest.raises(QuestionError) as refused:
        app.read_lock(tmp_path / "nofile")
    assert refused.value.message == f"{tmp_path / 'nofile'}: there is no such lock"
    assert "stackfix lock" in refused.value.hint
    with pytest.raises(QuestionError) as refused:
        app.read_lock(tmp_path)
    assert refused.value.message == f"{tmp_path}: cannot be read: Is a directory"
