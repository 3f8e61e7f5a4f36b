"""Where the data lies: inside the installed package, or in the checkout beside it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from stackfix.errors import DataError

_PACKAGE = Path(__file__).resolve().parent.parent
_MARK = "drivers.toml"


@cache
def data_root() -> Path:
    """Return the data folder.

    In a checkout the package folder has no data of its own, so an editable install reads the checkout's and
    never a copy that an earlier build left behind.
    """
    checkout = _PACKAGE.parent.parent / "data"
    candidates = (checkout, _PACKAGE / "data") if (checkout / _MARK).is_file() else (_PACKAGE / "data",)
    for folder in candidates:
        if (folder / _MARK).is_file():
            return folder
    raise DataError(str(_PACKAGE / "data"), "", "the data folder is missing from this installation")
