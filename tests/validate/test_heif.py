"""AVIF pictures come upright and bright, whatever their boxes say."""

import struct

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackfix.validate.inside import heif
from stackfix.validate.inside.picture import PictureError, read


def scene() -> np.ndarray:
    picture = np.full((40, 60, 3), 128, np.uint8)
    picture[:10, :20] = (0, 0, 255)
    picture[30:, 40:] = (255, 0, 0)
    return picture


def encoded(picture: np.ndarray, *more: int) -> bytes:
    try:
        done, data = cv2.imencode(".avif", picture, [cv2.IMWRITE_AVIF_QUALITY, 100, *more])
    except (cv2.error, AttributeError):
        done = False
    if not done:
        pytest.skip("this OpenCV writes no AVIF")
    return data.tobytes()


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def with_properties(data: bytes, *properties: bytes) -> bytes:
    """Return the file with further properties of its only picture."""
    start = data.index(b"ipma") + 4
    length = struct.unpack_from(">I", data, start - 8)[0]
    ipma = data[start : start + length - 8]
    ipco_at = data.index(b"ipco") + 4
    ipco_length = struct.unpack_from(">I", data, ipco_at - 8)[0]
    ipco = data[ipco_at : ipco_at + ipco_length - 8]
    assert ipma[:4] == bytes(4), "entries of one byte"
    assert ipma[4:8] == (1).to_bytes(4, "big"), "one picture"
    there = sum(1 for _ in heif._boxes(ipco))
    count = ipma[10]
    new_ipma = ipma[:10] + bytes([count + len(properties)]) + ipma[11 : 11 + count]
    new_ipma += bytes(0x80 | (there + 1 + index) for index in range(len(properties)))
    iprp = box(b"ipco", ipco + b"".join(properties)) + box(b"ipma", new_ipma)
    iprp_at, meta_at = data.index(b"iprp") - 4, data.index(b"meta") - 4
    old_iprp, old_meta = (struct.unpack_from(">I", data, at)[0] for at in (iprp_at, meta_at))
    grown = len(iprp) + 8 - old_iprp
    meta = bytearray(
        data[meta_at + 8 : iprp_at] + box(b"iprp", iprp) + data[iprp_at + old_iprp : meta_at + old_meta]
    )
    # version, sizes and counts, then the picture's number, its source and extents, one of which has the place
    place = bytes(meta).index(b"iloc") + 4 + 4 + 2 + 2 + 2 + 2 + 2
    struct.pack_into(">I", meta, place, struct.unpack_from(">I", meta, place)[0] + grown)
    return data[:meta_at] + box(b"meta", bytes(meta)) + data[meta_at + old_meta :]


def turn(quarters: int) -> bytes:
    return box(b"irot", bytes([quarters]))


def mirror(axis: int) -> bytes:
    return box(b"imir", bytes([axis]))


def aperture(wide: int, high: int, right: int = 0, down: int = 0, of: int = 1, parts: int = 1) -> bytes:
    """Return a clap box: sizes in 1/`parts`, offsets of the middle in 1/`of` pixels."""
    return box(b"clap", struct.pack(">IIIIiIiI", wide, parts, high, parts, right, of, down, of))


def rgb(picture: np.ndarray) -> np.ndarray:
    return picture[:, :, ::-1].astype(int)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ((), lambda p: p),
        ((turn(1),), np.rot90),
        ((turn(2),), lambda p: p[::-1, ::-1]),
        ((turn(3),), lambda p: np.rot90(p, 3)),
        ((mirror(0),), lambda p: p[::-1]),
        ((mirror(1),), lambda p: p[:, ::-1]),
        # what libavif writes for EXIF's orientations 5 and 7
        ((turn(1), mirror(0)), lambda p: p.transpose(1, 0, 2)),
        ((turn(3), mirror(0)), lambda p: p.transpose(1, 0, 2)[::-1, ::-1]),
        ((aperture(40, 20),), lambda p: p[10:30, 10:50]),
        ((aperture(40, 20, -10, 10),), lambda p: p[20:40, :40]),
        ((aperture(31, 21, 1, 1, of=2),), lambda p: p[10:31, 15:46]),
        ((aperture(80, 40, parts=2),), lambda p: p[10:30, 10:50]),
        ((aperture(40, 20, -10, 10), turn(1), mirror(0)), lambda p: np.rot90(p[20:40, :40])[::-1]),
        # neither whole pixels nor inside: no aperture
        ((aperture(31, 21),), lambda p: p),
        ((aperture(41, 20, parts=2),), lambda p: p),
        ((aperture(40, 20, 11, 0),), lambda p: p),
        ((aperture(61, 40),), lambda p: p),
        ((aperture(0, 0),), lambda p: p),
        ((aperture(40, 20, of=0),), lambda p: p),
    ],
)
def test_an_avif_picture_comes_as_its_boxes_cut_turn_and_mirror_it(tmp_path, properties, expected):
    file = tmp_path / "turned.avif"
    data = encoded(scene())
    file.write_bytes(with_properties(data, *properties) if properties else data)
    found, wanted = read(str(file)).astype(int), expected(rgb(scene()))
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() < 40


@pytest.mark.parametrize("bits", [10, 12])
def test_an_avif_picture_of_more_than_8_bits_is_as_bright_as_one_of_8(tmp_path, bits):
    file = tmp_path / "deep.avif"
    file.write_bytes(encoded(scene().astype(np.uint16) << (bits - 8), cv2.IMWRITE_AVIF_DEPTH, bits))
    assert np.abs(read(str(file)).astype(int) - rgb(scene())).max() < 40


def test_a_heic_photo_is_called_one_and_the_way_out_is_told(tmp_path):
    file = tmp_path / "photo.heic"
    file.write_bytes(box(b"ftyp", b"heic" + bytes(4) + b"mif1heic") + box(b"meta", bytes(4)))
    with pytest.raises(PictureError, match="HEIC photo; save it as JPEG or PNG"):
        read(str(file))


@settings(max_examples=300)
@given(st.binary(max_size=400), st.integers(0, 400))
def test_whatever_the_boxes_hold_is_read_as_no_turn_or_one(rubbish, place):
    # a file of this kind without a picture: the boxes alone
    own = box(b"ftyp", b"avif" + bytes(4) + b"mif1") + box(
        b"meta",
        bytes(4)
        + box(b"pitm", bytes(4) + b"\0\1")
        + box(b"iprp", box(b"ipco", turn(1)) + box(b"ipma", bytes(4) + b"\0\0\0\1\0\1\1\x81")),
    )
    assert heif.look(own).turns == (("irot", 1),)
    for data in (
        rubbish,
        own[:place],
        own[:place] + rubbish,
        own[: place % len(own)] + b"\xff" + own[place % len(own) + 1 :],
    ):
        heif.brands(data)
        assert all(kind in ("irot", "imir", "clap") for kind, _ in heif.look(data).turns)
