"""A lock may hold the source of a package that the user lets be built; it is read as strictly as a wheel."""

import pytest
from packaging.pylock import Pylock

from stackfix.errors import DataError
from stackfix.model.lock import Lock, LockedFile, LockedPackage
from stackfix.plan.lock import from_pylock, parse_toml, to_pylock

SOURCE = LockedFile(
    name="thing-1.0.tar.gz", size=7, sha256="a" * 64, url="https://files.example/thing-1.0.tar.gz"
)
LOCK = Lock(
    packages=(LockedPackage(name="thing", version="1.0", file=SOURCE),),
    python="3.12",
    platform="linux_x86_64",
)


def test_a_source_goes_through_the_text_of_a_lock_with_its_hash():
    text = to_pylock(LOCK)
    assert from_pylock(text, "pylock.toml") == LOCK
    assert LOCK.built == ("thing",)
    assert Pylock.from_dict(parse_toml(text)).packages[0].sdist.hashes == {"sha256": "a" * 64}


@pytest.mark.parametrize(
    "name", ["other-1.0.tar.gz", "thing-2.0.tar.gz", "thing-1.0-py3-none-any.whl", "thing"]
)
def test_what_is_not_the_source_of_the_package_is_refused(name):
    text = to_pylock(LOCK).replace(f'name = "{SOURCE.name}"', f'name = "{name}"')
    with pytest.raises(DataError, match="is not the source of"):
        from_pylock(text, "pylock.toml")
