"""pylock.toml: what is written can be read by anyone, the same lock is the same bytes, nonsense is named."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.pylock import Pylock

from stackfix.errors import DataError
from stackfix.model.lock import Lock, LockedFile, LockedPackage
from stackfix.plan.lock import MAX_TEXT, from_pylock, parse_toml, to_pylock


def package(name: str = "torch", version: str = "2.15.0", **more: object) -> LockedPackage:
    file = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    values = {
        "name": file,
        "size": 7,
        "sha256": "ab" * 32,
        "url": f"https://files.example/{file.replace('+', '%2B')}",
    }
    return LockedPackage(name=name, version=version, file=LockedFile(**(values | more)))


LOCK = Lock(
    packages=(package("torch", "2.15.0+cu130"), package("nvidia-cudnn-cu13", "9.28.1.4")),
    python="3.12",
    platform="linux_x86_64",
    glibc="2.35",
    driver="580.95.05",
    cuda="13.0",
    gpus=('NVIDIA "RTX" 4090 (sm_89)',),
    device="gpu",
    facts_date="2026-11-24",
    recipe="dwpose",
    stands_for={"torch": ("pytorch", "tensors")},
)


def test_the_written_lock_is_valid_for_an_independent_reader():
    other = Pylock.from_dict(parse_toml(to_pylock(LOCK)))
    other.validate()
    assert [(str(each.name), str(each.version)) for each in other.packages] == [
        ("nvidia-cudnn-cu13", "9.28.1.4"),
        ("torch", "2.15.0+cu130"),
    ]
    assert [each.wheels[0].size for each in other.packages] == [7, 7]
    assert str(other.requires_python) == "==3.12.*"
    assert other.tool["stackfix"]["driver"] == "580.95.05"


def test_reading_gives_back_what_was_written_in_any_order():
    read = from_pylock(to_pylock(LOCK), "pylock.toml")
    assert read.versions == LOCK.versions
    assert set(read.packages) == set(LOCK.packages)
    assert to_pylock(read) == to_pylock(LOCK)
    assert read.stands_for == LOCK.stands_for
    assert (read.gpus, read.driver, read.recipe) == (LOCK.gpus, LOCK.driver, LOCK.recipe)


def test_what_was_not_known_is_not_written():
    text = to_pylock(Lock(packages=(), python="3.10", platform="win_amd64"))
    assert "driver" not in text
    assert "gpus" not in text
    assert from_pylock(text + "", "x") == Lock(packages=(), python="3.10", platform="win_amd64")


def test_a_lock_without_packages_says_that_they_are_missing_or_none():
    with pytest.raises(DataError, match="packages: is missing"):
        from_pylock(to_pylock(LOCK).replace("[[packages]]", "[[package]]"), "x")


@given(st.integers(min_value=0, max_value=len(to_pylock(LOCK)) - 2))
def test_a_lock_cut_off_anywhere_is_refused(length):
    text = to_pylock(LOCK)[:length]
    with pytest.raises(DataError, match=r"^pylock\.toml: "):
        from_pylock(text, "pylock.toml")


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_the_files_name(text):
    with pytest.raises(DataError, match=r"^l\.toml: "):
        from_pylock(text, "l.toml")


WRONG = [
    (r'lock-version = "1.0"', 'lock-version = "2.0"', "lock-version"),
    (r'lock-version = "1.0"', "lock-version = 1.0", "lock-version"),
    (r'name = "torch"', 'name = "Torch_X"', r"packages\[1\].name"),
    (r'name = "torch"', 'name = "nvidia-cudnn-cu13"', r"packages\[1\]"),
    (r'version = "2.15.0\+cu130"', 'version = "2.14"', r"packages\[1\].wheels\[0\].name"),
    (r'version = "2.15.0\+cu130"', "version = 2", r"packages\[1\].version"),
    (r"size = 7", "size = -7", r"packages\[0\].wheels\[0\].size"),
    (r"size = 7", "size = true", r"packages\[0\].wheels\[0\].size"),
    (r"size = 7", "size = 99999999999999", r"packages\[0\].wheels\[0\].size"),
    (r'sha256 = "ab', 'sha256 = "zz', r"packages\[0\].wheels\[0\].hashes.sha256"),
    (r'sha256 = "ab', 'sha512 = "ab', r"packages\[0\].wheels\[0\].hashes.sha256"),
    (r'url = "https://files', 'url = "file://server', r"packages\[0\].wheels\[0\].url"),
    (r'url = "https:', 'url = "ftp:', r"packages\[0\].wheels\[0\].url"),
    (r'url = "https:', 'url = "git+https:', r"packages\[0\].wheels\[0\].url"),
    (r'url = "https:', r'url = "https:\\n--index-url ', r"packages\[0\].wheels\[0\].url"),
    (r'url = "https:', r'url = "https:${HOME}', r"packages\[0\].wheels\[0\].url"),
    (r'url = "https:', r'url = "https://[', r"packages\[0\].wheels\[0\].url"),
    (r'wheels = \[\{ name = "nv', 'wheels = [{ name = "../nv', r"packages\[0\].wheels\[0\].name"),
    (r"wheels = \[.*", "wheels = []", r"packages\[0\].wheels"),
    (r"wheels = \[.*", "wheels = [3]", r"packages\[0\].wheels"),
    (r'python = "3.12"', 'python = "python"', "tool.stackfix.python"),
    (r'platform = "linux_x86_64"', 'platform = "amiga"', "tool.stackfix.platform"),
    (r"gpus = \[", "gpus = [3, ", "tool.stackfix.gpus"),
    (r'driver = "580.95.05"', "driver = 580", "tool.stackfix.driver"),
    (r"stands-for = \{ torch", "stands-for = { absent", "tool.stackfix.stands-for"),
    (r'"pytorch", ', '"nvidia-cudnn-cu13", ', "tool.stackfix.stands-for.torch"),
    (r'\["pytorch", "tensors"\]', '"pytorch"', "tool.stackfix.stands-for.torch"),
    (r"\[tool.stackfix\]", "[tool.other]", "tool.stackfix"),
]


@pytest.mark.parametrize(("pattern", "instead", "place"), WRONG)
def test_what_is_wrong_is_named_with_its_place(pattern, instead, place):
    text, changed = re.subn(pattern, instead, to_pylock(LOCK), count=1)
    assert changed
    with pytest.raises(DataError) as caught:
        from_pylock(text, "my.toml")
    assert caught.value.file == "my.toml"
    assert re.match(place, caught.value.place), caught.value.message


def test_deep_nesting_is_refused():
    with pytest.raises(DataError):
        from_pylock("a = " + "[" * 100_000, "deep.toml")


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40))
def test_any_name_of_a_gpu_survives(name):
    lock = Lock(packages=(), python="3.12", platform="linux_x86_64", gpus=(name,))
    assert from_pylock(to_pylock(lock), "x").gpus == (name,)


def test_a_text_that_is_too_large_is_not_even_parsed():
    with pytest.raises(DataError, match="are not those of a lock"):
        from_pylock("#" * (MAX_TEXT + 1), "huge.toml")
