"""A picture as DWPose takes it: height x width x 3, 8 bits, red first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from . import exif, heif

# cv2.warpAffine asserts that both sides are below SHRT_MAX
LARGEST_SIDE = 32766
_JPEG = b"\xff\xd8\xff"
# with what a whole file begins and ends; a few bytes may follow
_WHOLE = ((_JPEG, b"\xff\xd9"), (b"\x89PNG\r\n", b"IEND"))
_TAIL = 64
_AVIF = {b"avif", b"avis"}
_HEIC = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis"}
_NO_AVIF = ": it is AVIF, which OpenCV's wheels read from 4.12"
# how JPEG, PNG, and WebP name what says how a camera was held
_EXIF = (b"Exif", b"eXIf", b"EXIF")


class PictureError(Exception):
    """The file or array is not a picture."""


def read(path: str) -> Any:
    """Return the picture in a file, or raise PictureError naming the file and what is wrong.

    A grey PNG that names one grey as transparent (tRNS) keeps it as it is: so read it OpenCV, with which DWPose does,
    and Pillow's `convert("RGB")`, with which ComfyUI does.
    """
    try:
        # cv2.imread says nothing of why it failed, and on Windows reads no path outside the code page
        data = Path(path).read_bytes()
    except OSError as error:
        raise PictureError(f"{path}: {error.strerror or error}") from error
    if not data:
        raise PictureError(f"{path}: the file is empty")
    brands = heif.brands(data)
    decoded = _avif(path, data) if _AVIF & {*brands} else _any(path, data, _otherwise(data, brands))
    if max(decoded.shape[:2]) > LARGEST_SIDE:
        raise PictureError(f"{path}: OpenCV can't warp a picture with more than {LARGEST_SIDE} pixels a side")
    if decoded.ndim == 3 and decoded.shape[2] >= 3:
        decoded = decoded.copy()
        decoded[:, :, :3] = decoded[:, :, 2::-1]
    try:
        return as_rgb(decoded)
    except PictureError as error:
        raise PictureError(f"{path}: {error}") from error


def planes_of(picture: Any) -> Any:
    """Return the three channels of a picture one after the other, [3, height, width].

    In one block that OpenCV fills: the three arrays that it makes by itself take three times as long.
    """
    planes = np.empty((3, *picture.shape[:2]), np.uint8)
    cv2.split(picture, list(planes))
    return planes


def _any(path: str, data: bytes, otherwise: str) -> Any:
    # only as it stands does OpenCV keep transparency, and only in colour does it turn a photo upright (EXIF)
    jpeg = data.startswith(_JPEG)
    decoded = _decoded(path, data, cv2.IMREAD_COLOR if jpeg else cv2.IMREAD_UNCHANGED, otherwise)
    if jpeg or not any(name in data for name in _EXIF):
        return decoded
    if _opaque(decoded):
        return _decoded(path, data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    return heif.Look(exif.turns(data), 8).of(decoded)


def _avif(path: str, data: bytes) -> Any:
    """Return an AVIF picture upright: by its own boxes, which win over EXIF, and by that where they say nothing."""
    look = heif.look(data)
    decoded = look.in_8_bits(_decoded(path, data, cv2.IMREAD_UNCHANGED, _NO_AVIF))
    if look.turns:
        return look.of(decoded)
    return _decoded(path, data, cv2.IMREAD_COLOR) if _opaque(decoded) else decoded


def _opaque(decoded: Any) -> bool:
    return decoded.ndim == 2 or decoded.shape[2] in {1, 3}


def _otherwise(data: bytes, brands: tuple[bytes, ...]) -> str:
    """Return what a file is that OpenCV does not read, as far as its first and last bytes tell."""
    if _HEIC & {*brands}:
        return ": it is a HEIC photo; save it as JPEG or PNG"
    cut = any(data.startswith(head) and end not in data[-_TAIL:] for head, end in _WHOLE)
    return ": it is cut short; copy or download it again" if cut else ""


def _decoded(path: str, data: bytes, how: int, otherwise: str = "") -> Any:
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), how)
    except cv2.error as error:
        raise PictureError(f"{path}: not a picture that OpenCV reads: {error}") from error
    if decoded is None:
        raise PictureError(f"{path}: not a picture that OpenCV reads{otherwise}")
    return decoded


def as_rgb(array: Any) -> Any:
    """Return grey, grey with one channel, RGB or RGBA as RGB; transparent parts become white."""
    picture = np.asarray(array)
    if picture.dtype == np.uint16:
        picture = (picture >> 8).astype(np.uint8)
    if picture.dtype != np.uint8:
        raise PictureError(f"pictures hold 8-bit numbers, this one holds {picture.dtype}")
    if picture.ndim == 2:
        picture = picture[:, :, None]
    if picture.ndim != 3 or picture.shape[2] not in {1, 3, 4} or 0 in picture.shape:
        raise PictureError(f"an array of shape {np.asarray(array).shape} is not a picture")
    if picture.shape[2] == 1:
        return np.repeat(picture, 3, axis=2)
    if picture.shape[2] == 3:
        return np.ascontiguousarray(picture)
    alpha = picture[:, :, 3:].astype(np.float32) / 255.0
    mixed = picture[:, :, :3].astype(np.float32) * alpha + 255.0 * (1.0 - alpha)
    return mixed.clip(0, 255).astype(np.uint8)
