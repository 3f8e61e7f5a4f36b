import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackfix.validate.inside import exif
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


def test_a_grey_that_a_png_calls_transparent_stays_that_grey(tmp_path):
    grey = np.full((4, 6), 90, np.uint8)
    grey[0] = 7
    data = cv2.imencode(".png", grey)[1].tobytes()
    body = b"tRNS" + struct.pack(">H", 7)
    chunk = struct.pack(">I", 2) + body + struct.pack(">I", zlib.crc32(body))
    place = data.index(b"IDAT") - 4
    file = tmp_path / "grey.png"
    file.write_bytes(data[:place] + chunk + data[place:])
    assert np.array_equal(read(str(file)), np.dstack([grey] * 3))
    assert np.array_equal(read(str(file)), cv2.imread(str(file)))


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


def test_sixteen_bits_keep_their_upper_eight(tmp_path):
    cv2.imwrite(str(tmp_path / "p.png"), np.full((2, 3, 3), (0x1E42, 0x14FF, 0x0A00), np.uint16))
    assert read(str(tmp_path / "p.png"))[0, 0].tolist() == [0x0A, 0x14, 0x1E]
    cv2.imwrite(str(tmp_path / "g.png"), np.full((2, 3), 0x7FFF, np.uint16))
    assert read(str(tmp_path / "g.png"))[1, 2].tolist() == [0x7F] * 3


def test_a_photo_that_says_it_lies_on_its_side_is_turned_upright(tmp_path):
    picture = np.zeros((16, 32, 3), np.uint8)
    picture[:, :16] = 255
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    # one entry: orientation (0x0112), a short, 6: turn a quarter to the right
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    marker = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big")
    (tmp_path / "p.jpg").write_bytes(jpeg[:2] + marker + exif + jpeg[2:])
    upright = read(str(tmp_path / "p.jpg"))
    assert upright.shape == (32, 16, 3)
    assert upright[0, 0].min() > 200
    assert upright[-1, -1].max() < 50


def test_a_picture_wider_than_opencv_can_warp_is_refused_by_its_size(tmp_path):
    cv2.imwrite(str(tmp_path / "p.png"), np.zeros((2, 32767, 3), np.uint8))
    with pytest.raises(PictureError, match="32766 pixels"):
        read(str(tmp_path / "p.png"))
    cv2.imwrite(str(tmp_path / "p.png"), np.zeros((2, 32766), np.uint8))
    assert read(str(tmp_path / "p.png")).shape == (2, 32766, 3)


def test_a_png_that_says_it_lies_on_its_side_is_turned_upright_too(tmp_path):
    picture = np.zeros((16, 32, 3), np.uint8)
    picture[:, :16] = 255
    png = cv2.imencode(".png", picture)[1].tobytes()
    exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    body = b"eXIf" + exif
    chunk = len(exif).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    (tmp_path / "p.png").write_bytes(png[:33] + chunk + png[33:])
    plain = cv2.imread(str(tmp_path / "p.png"), cv2.IMREAD_COLOR)
    assert read(str(tmp_path / "p.png")).shape == plain.shape == (32, 16, 3)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_transparent_png_is_turned_as_opencv_turns_an_opaque_one(tmp_path, orientation, order):
    opaque = np.random.default_rng(orientation).integers(0, 256, (16, 32, 3), dtype=np.uint8)
    tag = struct.pack(order + "HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    body = b"eXIf" + (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8) + tag
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    found = []
    for name, picture in (
        ("o.png", opaque),
        ("t.png", np.dstack((opaque, np.full((16, 32), 255, np.uint8)))),
    ):
        png = cv2.imencode(".png", picture)[1].tobytes()
        (tmp_path / name).write_bytes(png[:33] + chunk + png[33:])
        found.append(read(str(tmp_path / name)))
    assert found[0].shape == ((16, 32, 3) if orientation < 5 else (32, 16, 3))
    assert np.array_equal(*found)


@given(st.binary(max_size=60), st.integers(0, 60))
def test_whatever_stands_where_exif_should_is_no_turn_or_one(rubbish, cut):
    whole = b"eXIfMM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    assert exif.turns(rubbish + whole) == (("irot", 3),) or b"II*" in rubbish or b"MM" in rubbish
    assert all(kind in ("irot", "imir") for kind, _ in exif.turns(whole[:cut] + rubbish))


def test_a_picture_of_fractions_is_refused_with_the_name_of_its_file(tmp_path):
    cv2.imwrite(str(tmp_path / "p.tiff"), np.zeros((4, 4, 3), np.float32))
    with pytest.raises(PictureError, match=r"p\.tiff: .*float32"):
        read(str(tmp_path / "p.tiff"))


@pytest.mark.parametrize("ending", [".jpg", ".png"])
def test_a_file_that_is_cut_short_is_told_so_where_opencv_refuses_it(tmp_path, ending):
    done, data = cv2.imencode(ending, np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    assert done
    path = tmp_path / f"cut{ending}"
    path.write_bytes(data.tobytes()[:100])
    with pytest.raises(PictureError, match="cut short"):
        read(str(path))
