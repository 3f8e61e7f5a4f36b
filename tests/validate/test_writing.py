"""What `validate` is asked to write is refused before a run where it could not be written."""

import re
from pathlib import Path

import pytest

from stackfix import app
from stackfix.errors import QuestionError

NOWHERE = Path("no environment is read for this")


@pytest.mark.parametrize("name", ["x.xyz", "x.PDF", "x.png.txt"])
def test_an_ending_that_opencv_does_not_write_is_refused(name):
    with pytest.raises(QuestionError, match=re.escape(f"{name}: OpenCV writes no picture")) as refused:
        app.validate(NOWHERE, save=name)
    assert ".png, .jpg" in refused.value.hint


@pytest.mark.parametrize(("flag", "name"), [("save", "x.png"), ("html", "x.html")])
def test_a_folder_that_is_not_there_is_refused(flag, name, tmp_path):
    file = str(tmp_path / "none" / name)
    with pytest.raises(QuestionError, match=r"none` to write into") as refused:
        app.validate(NOWHERE, **{flag: file})
    assert refused.value.hint == f"make it, or name another: `--{flag} FILE`"


@pytest.mark.parametrize("flag", ["save", "html"])
def test_a_folder_in_the_place_of_the_file_is_a_question_that_cannot_be_read(flag, tmp_path):
    with pytest.raises(QuestionError, match=": is a folder") as refused:
        app.validate(NOWHERE, **{flag: str(tmp_path)})
    assert f"`--{flag} FILE`" in refused.value.hint


@pytest.mark.parametrize("name", ["x.PNG", "x.jpeg", "x.webp", "x"])
def test_other_pictures_get_as_far_as_the_environment(name):
    with pytest.raises(QuestionError, match=str(NOWHERE)):
        app.validate(NOWHERE, save=name)
