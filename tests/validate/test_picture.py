import cv2
import numpy as np
import pytest

from stackfix.validate.inside.picture import PictureError, as_rgb, read


def test_a_png_is_read_red_first(tmp_path):
    cv2.imwrite(str(tmp_path / "p.png"), np.full((4, 5, 3), (30, 20, 10), np.uint8))
    assert read(str(tmp_path / "p.png"))[0, 0].tolist() == [10, 20, 30]


def test_grey_and_one_channel_become_three():
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3)
    for array in (grey, grey[:, :, None]):
        assert as_rgb(array)[1, 2].tolist() == [5, 5, 5]


def test_what_is_transparent_is_white(tmp_path):
    picture = np.zeros((2, 1, 4), np.uint8)
    picture[1] = (30, 20, 10, 255)
    cv2.imwrite(str(tmp_path / "p.png"), picture)
    assert read(str(tmp_path / "p.png")).tolist() == [[[255, 255, 255]], [[10, 20, 30]]]


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_no_picture_is_an_error_that_names_the_file(tmp_path, content):
    (tmp_path / "p.png").write_bytes(content)
    with pytest.raises(PictureError, match=r"p\.png"):
        read(str(tmp_path / "p.png"))


@pytest.mark.parametrize(
    "array", [np.zeros((2, 2, 2), np.uint8), np.zeros((0, 4, 3), np.uint8), np.zeros((2, 2, 3))]
)
def test_an_array_that_is_no_picture_is_an_error(array):
    with pytest.raises(PictureError):
        as_rgb(array)
