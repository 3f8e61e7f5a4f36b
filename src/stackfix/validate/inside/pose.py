"""133 keypoints of each box from DWPose's SimCC network, in the picture's own pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np

from .picture import planes_of

WIDTH, HEIGHT = FRAME = 288, 384
BINS_PER_PIXEL = 2.0
PADDING = 1.25
KEYPOINTS = 133
# of boxes with millions of pixels a side OpenCV loses count: it has 21 bits for them
_LEAST_SCALE = 2e-4
MEAN = (123.675, 116.28, 103.53)
DEVIATION = (58.395, 57.12, 57.375)
# each of the 256 values of a channel, normalised once in 64 bits as DWPose's own code does it for every pixel
NORMALISED = tuple(
    ((np.arange(256) - mean) / deviation).astype(np.float32)
    for mean, deviation in zip(MEAN, DEVIATION)  # noqa: B905 - 3.8
)


class Crop(NamedTuple):
    """The part of a picture that is looked at: its centre and its size, both (x, y), in pixels.

    `frame` is the (width, height) at which the network sees it.
    """

    centre: Any
    size: Any
    frame: tuple[int, int] = FRAME


def crop_of(box: Any, frame: tuple[int, int] = FRAME) -> Crop:
    """Return the crop of a box: same centre, a quarter larger, and extended to the shape of the frame.

    In 64 bits, as DWPose's own code reckons from here on: in 32 a picture of 8K is off by 0.0005 pixels.
    """
    left, top, right, bottom = np.asarray(box, dtype=np.float64)
    centre = np.array([left + right, top + bottom]) * 0.5
    width = (right - left) * PADDING
    height = (bottom - top) * PADDING
    aspect = frame[0] / frame[1]
    if width > height * aspect:
        return Crop(centre, np.array([width, width / aspect]), frame)
    return Crop(centre, np.array([height * aspect, height]), frame)


def warp_matrix(crop: Crop) -> Any:
    """Return the 2x3 matrix that takes the picture's pixels to the network's.

    Three points define it: the centre, half a width above it, and the point that makes a right angle.
    OpenCV takes them in 32 bits, and the third is made of the other two as they stand there.
    """
    source = _triangle(crop.centre, crop.size[0])
    return cv2.getAffineTransform(source, _target(crop.frame))


@lru_cache
def _target(frame: tuple[int, int]) -> Any:
    return _triangle(np.array(frame) * 0.5, frame[0])


def _triangle(centre: Any, width: float) -> Any:
    points = np.empty((3, 2), np.float32)
    points[0] = centre
    points[1] = centre
    points[1, 1] = centre[1] + width * -0.5
    difference = points[0] - points[1]
    points[2, 0] = points[1, 0] - difference[1]
    points[2, 1] = points[1, 1] + difference[0]
    return points


def tensor_of(picture: Any, *crops: Crop) -> Any:
    """Return n crops as the network takes them: [n, 3, height, width], normalised; black outside the picture.

    Above and below it, where more than half of a wide picture's own crop lies, black is written, not looked up.
    """
    frame = crops[0].frame
    tensor = np.empty((len(crops), 3, frame[1], frame[0]), np.float32)
    for crop, channels in zip(crops, tensor):  # noqa: B905 - 3.8
        matrix = warp_matrix(crop)
        warped = cv2.warpAffine(picture, matrix, frame, flags=cv2.INTER_LINEAR)
        first, end = _rows_that_see(matrix, len(picture), len(warped))
        for plane, values, channel in zip(planes_of(warped[first:end]), NORMALISED, channels):  # noqa: B905 - 3.8
            if end - first < len(channel):
                channel[:first] = channel[end:] = values[0]
            cv2.LUT(plane, values, channel[first:end])
    return tensor


def _rows_that_see(matrix: Any, height: int, tall: int) -> tuple[int, int]:
    """Return the first of `tall` rows that may see something of a picture, and the first after it that can't.

    A row sees the picture's pixels next to it, above and below: with one more on each side no rounding counts.
    """
    scale, top = matrix[1, 1:].tolist()
    if not scale > _LEAST_SCALE:  # or where it is no number
        return 0, tall
    first = min(max(0, top - 2 * scale - 1), tall - 1)
    return int(first), int(max(min(tall, top + scale * (height + 1) + 2), first + 1))


def decode(simcc_x: Any, simcc_y: Any) -> tuple[Any, Any]:
    """Return ([n,133,2] positions in network pixels, [n,133] scores); no response is (-0.5, -0.5)."""
    positions = np.empty((*simcc_x.shape[:2], 2))
    scores = np.minimum(_best(simcc_x, positions[:, :, 0]), _best(simcc_y, positions[:, :, 1]))
    positions[scores <= 0.0] = -1
    positions /= BINS_PER_PIXEL
    return positions, scores


def _best(bins: Any, positions: Any) -> Any:
    """Write which bin of each keypoint is the best, and return what stands there.

    To ask for the maximum too would take twice the time.
    """
    best = bins.argmax(axis=2)
    positions[:] = best
    best += np.arange(0, bins.size, bins.shape[2]).reshape(best.shape)
    return bins.take(best)


def to_picture(positions: Any, crop: Crop) -> Any:
    """Return positions in network pixels as positions in the picture."""
    return positions / np.array(crop.frame) * crop.size + crop.centre - crop.size / 2


def read(answers: tuple[Any, Any], crops: Sequence[Crop]) -> tuple[Any, Any]:
    """Return ([n,133,2] positions in the picture, [n,133] scores) from the network's answers about n crops."""
    positions, scores = decode(*answers)
    for each, crop in zip(positions, crops):  # noqa: B905 - 3.8
        each[:] = to_picture(each, crop)
    return positions, scores


def estimate(
    picture: Any,
    boxes: Any,
    run_pose: Callable[[Any], tuple[Any, Any]],
    batch: int = 1,
    frame: tuple[int, int] = FRAME,
) -> tuple[Any, Any]:
    """Return ([n,133,2] positions, [n,133] scores); without a box the whole picture is one.

    `run_pose` maps [b,3,h,w] to ([b,133,2w], [b,133,2h]) for up to `batch` people and a frame of (w, h); DWPose's own
    code takes one box a call, ComfyUI's all of them at once. While it runs, a thread crops those who come next and
    reads the answers about those before: OpenCV and the runtimes of networks let other threads go on.
    """
    height, width = picture.shape[:2]
    looked_at = boxes if len(boxes) else np.array([[0, 0, width, height]])
    crops = [crop_of(box, frame) for box in looked_at]
    groups = [crops[start : start + batch] for start in range(0, len(crops), batch)]
    tensor = tensor_of(picture, *groups[0])
    if len(groups) == 1:
        positions, scores = read(run_pose(tensor), crops)
        return positions, scores.astype(np.float64)
    before = []
    with ThreadPoolExecutor(max_workers=1) as beside:
        for group, following in zip(groups, groups[1:]):  # noqa: B905, RUF007 - 3.8
            coming = beside.submit(tensor_of, picture, *following)
            before.append(beside.submit(read, run_pose(tensor), group))
            tensor = coming.result()
        last = read(run_pose(tensor), groups[-1])
    positions, scores = zip(*(each.result() for each in before), last)  # noqa: B905 - 3.8
    return np.concatenate(positions), np.concatenate(scores).astype(np.float64)
