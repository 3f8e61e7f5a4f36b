"""Inventory: what one wheel of a folder has of another, told by files and by the names that stubs and Python define."""

import pytest
from binaries import wheel

from stackfix.errors import MeasureError
from stackfix.measure.archive import Archive
from stackfix.measure.inventory import Inventory, covered, inventory
from stackfix.measure.reader import BytesReader

STUB = b"""
from typing import overload as _o
import cv2.typing
A: int
B = 1
if True:
    def shown(x): ...
class Net:
    size: int
    def run(self): ...
    def run(self, y): ...
"""


def of(files, told_by=".pyi"):
    content = wheel(files, name="some", version="1.0")
    return inventory(Archive(BytesReader("some-1.0-py3-none-any.whl", content)), "cv2", told_by)


def test_names_are_what_files_define_with_the_members_of_classes():
    found = of({"cv2/__init__.pyi": STUB, "cv2/cv2.so": b"x", "other/a.pyi": b"C = 1"})
    assert found.files == {"cv2/__init__.pyi", "cv2/cv2.so"}
    names = {name.partition(":")[2] for name in found.names}
    assert names == {"_o", "cv2.typing", "A", "B", "shown", "Net", "Net.size", "Net.run"}


def test_a_name_or_a_file_less_and_it_does_not_cover():
    more = Inventory(frozenset("ab"), frozenset("xy"))
    others = [("same", more), ("less", Inventory(frozenset("a"), frozenset("x")))]
    others += [
        ("file", Inventory(frozenset("c"), frozenset())),
        ("name", Inventory(frozenset(), frozenset("z"))),
    ]
    assert covered(others, more) == ("less", "same")


@pytest.mark.parametrize("files", [{"cv2/cv2.so": b"x"}, {"cv2/__init__.pyi": b"def ("}])
def test_what_tells_no_names_is_refused(files):
    with pytest.raises(MeasureError):
        of(files)
