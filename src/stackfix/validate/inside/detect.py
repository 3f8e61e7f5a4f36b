"""Boxes of people from YOLOX: letterbox, decode, non-maximum suppression, people only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np

from .picture import planes_of

SIDE = 640
PAD = 114
STRIDES = (8, 16, 32)
CANDIDATE_SCORE = 0.1
PERSON_SCORE = 0.3
OVERLAP = 0.45
PERSON = 0
_ODD = frozenset((1, 3, 5, 7, 9, 11))


class Letterbox(NamedTuple):
    """The picture as the detector takes it, [1, 3, 640, 640], and by how much it was scaled."""

    tensor: Any
    ratio: float


class Square:
    """The detector's input, kept from picture to picture: what is grey already is not made grey again."""

    def __init__(self) -> None:
        self._tensor = np.empty((1, 3, SIDE, SIDE), np.float32)
        self._height = self._width = SIDE

    def hold(self, picture: Any) -> Letterbox:
        """Return the picture scaled into the top left of a grey square, values 0 to 255, channels first.

        The next picture is written over it.
        """
        height, width = picture.shape[:2]
        ratio = min(SIDE / height, SIDE / width)
        # a picture 2000 times as wide as high would otherwise be scaled to no rows at all
        tall, wide = max(1, int(height * ratio)), max(1, int(width * ratio))
        self._tensor[:, :, tall : self._height, : self._width] = PAD
        self._tensor[:, :, :tall, wide : self._width] = PAD
        self._tensor[0, :, :tall, :wide] = planes_of(_scaled(picture, tall, wide))
        self._height, self._width = tall, wide
        return Letterbox(self._tensor, ratio)


def letterbox(picture: Any) -> Letterbox:
    """Return the picture in a square of its own."""
    return Square().hold(picture)


def _scaled(picture: Any, tall: int, wide: int) -> Any:
    """Return the picture in another size, each pixel the mean of the four next to its place.

    Where an odd number of pixels becomes one, such as three of 1920, that place is the middle one's own.
    """
    height, width = picture.shape[:2]
    step = width // wide
    if (height, width) == (tall * step, wide * step) and step in _ODD:
        if step == 1:
            return picture
        inner = picture[step // 2 :, step // 2 :]
        return cv2.resize(inner, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_NEAREST)
    return cv2.resize(picture, (wide, tall), interpolation=cv2.INTER_LINEAR)


def _grid() -> tuple[Any, Any]:
    """Return for each of the 8400 rows its cell (across, down) and the side of its cell in pixels."""
    cells = []
    strides = []
    for stride in STRIDES:
        count = SIDE // stride
        across, down = np.meshgrid(np.arange(count), np.arange(count))
        cells.append(np.stack((across, down), axis=2).reshape(-1, 2))
        strides.append(np.full((count * count, 1), stride))
    return np.concatenate(cells), np.concatenate(strides)


CELLS, STRIDE_OF = _grid()


def decode(output: Any, which: Any) -> Any:
    """Return (centre x, centre y, width, height) in letterbox pixels of those of the 8400 rows that `which` picks."""
    rows = np.array(output[0, which, :4], dtype=np.float32)
    rows[:, :2] = (rows[:, :2] + CELLS[which]) * STRIDE_OF[which]
    # an exponent that overflows is a box of infinite size; it is the model's answer, not a fault here
    with np.errstate(over="ignore"):
        rows[:, 2:4] = np.exp(rows[:, 2:4]) * STRIDE_OF[which]
    return rows


def suppress(boxes: Any, scores: Any, overlap: float = OVERLAP) -> list[int]:
    """Return the indices of boxes to keep, best first: each overlaps no better one by more than `overlap`.

    A box is measured in whole pixels, both borders included, as YOLOX's own code measures it.
    """
    left, top, right, bottom = boxes.T
    area = (right - left + 1) * (bottom - top + 1)
    order = scores.argsort()[::-1]
    kept: list[int] = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        width = np.maximum(0.0, np.minimum(right[best], right[rest]) - np.maximum(left[best], left[rest]) + 1)
        height = np.maximum(
            0.0, np.minimum(bottom[best], bottom[rest]) - np.maximum(top[best], top[rest]) + 1
        )
        shared = width * height
        order = rest[shared / (area[best] + area[rest] - shared) <= overlap]
    return kept


def people(output: Any, ratio: float) -> Any:
    """Return [n, 4] boxes (left, top, right, bottom) of people in the picture's own pixels, best first.

    Suppression is per class, so the other 79 classes can't change which people are kept.
    """
    scores = output[0, :, 4] * output[0, :, 5 + PERSON]
    # indices: numpy takes four times as long to pick by 8400 yeses and noes
    candidates = np.flatnonzero(scores > CANDIDATE_SCORE)
    if not len(candidates):
        return np.empty((0, 4), np.float32)
    rows, scores = decode(output, candidates), scores[candidates]
    half = rows[:, 2:4] / 2.0
    boxes = np.concatenate((rows[:, :2] - half, rows[:, :2] + half), axis=1) / np.float32(ratio)
    kept = suppress(boxes, scores)
    # the second threshold is one of 64 bits, as in DWPose's own code: 0.3 rounded to 32 bits passes it
    return boxes[kept][scores[kept].astype(np.float64) > PERSON_SCORE]


def detect(picture: Any, run_detector: Callable[[Any], Any], square: Square | None = None) -> Any:
    """Return the boxes of people in an RGB picture; `run_detector` maps [1,3,640,640] to [1,8400,85].

    It is given a square that holds the picture until the next one: `square`, or one of its own.
    """
    boxed = (square or Square()).hold(picture)
    return people(run_detector(boxed.tensor), boxed.ratio)
