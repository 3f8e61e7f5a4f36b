"""The skeleton over a picture in DWPose's colours: limbs, joints, hands, and white dots for the face."""

from __future__ import annotations

import colorsys
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .skeleton import BODY, FACE, FIRST_HAND, SECOND_HAND, visible

# between OpenPose's 18 body points: neck to shoulders, arms, hips and legs, then the head
LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10),
    (1, 11), (11, 12), (12, 13), (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip
# a wheel of 18 colours from red over green and blue to red again
COLOURS = (
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0),
    (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255),
    (170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85),
)  # fmt: skip
# five fingers of four bones, each from the wrist
FINGERS = tuple(
    (0 if bone == 0 else 4 * finger + bone, 4 * finger + bone + 1) for finger in range(5) for bone in range(4)
)
JOINT, FACE_DOT, STICK, BONE = 4, 3, 4, 2
DARKER = 0.6
_PLAIN_SIDE = 512


def draw(picture: Any, keypoints: Any, scores: Any) -> Any:
    """Return an RGB picture with everybody's skeleton; keypoints are [n,134,2], scores [n,134]."""
    canvas = np.ascontiguousarray(picture).copy()
    # DWPose draws pictures of about 512 pixels; a line four pixels wide is not seen in one of 8K
    scale = max(1, round(min(canvas.shape[:2]) / _PLAIN_SIDE))
    people = [
        [_point(place) if there else None for place, there in zip(points, visible(np.asarray(marks)))]  # noqa: B905 - 3.8
        for points, marks in zip(np.asarray(keypoints, dtype=np.float64), scores)  # noqa: B905 - 3.8
    ]
    for index, (first, second) in enumerate(LIMBS):
        for points in people:
            _limb(canvas, points[first], points[second], COLOURS[index], scale)
    for index, colour in enumerate(COLOURS):
        for points in people:
            _dot(canvas, points[BODY][index], JOINT * scale, colour)
    for hand in (FIRST_HAND, SECOND_HAND):
        for points in people:
            _hand(canvas, points[hand], scale)
    for points in people:
        for place in points[FACE]:
            _dot(canvas, place, FACE_DOT * scale, (255, 255, 255))
    return canvas


def save(picture: Any, path: str) -> None:
    """Write an RGB picture to a file, in the format that its name asks for, whole or not at all (OSError)."""
    try:
        done, data = cv2.imencode(Path(path).suffix or ".png", picture[:, :, ::-1])
    except cv2.error as error:
        raise OSError(f"this OpenCV has no encoder for {Path(path).suffix}") from error
    if not done:
        raise OSError(f"OpenCV can't write {path}")
    target = Path(path).resolve()
    if target.exists() and not target.is_file():  # a device, a pipe
        target.write_bytes(data.tobytes())
        return
    part = target.with_name(f"{target.name}.part")
    try:
        part.write_bytes(data.tobytes())
        part.replace(target)
    except OSError:
        if part.exists():
            part.unlink()
        raise


def _point(place: Any) -> tuple[float, float] | None:
    x, y = float(place[0]), float(place[1])
    # OpenCV takes coordinates of 32 bits; what a broken network puts far outside is not drawn
    return (x, y) if abs(x) < 2**20 and abs(y) < 2**20 else None


def _limb(canvas: Any, first: Any, second: Any, colour: Any, scale: int) -> None:
    if first is None or second is None:
        return
    across, down = first[0] - second[0], first[1] - second[1]
    middle = (int((first[0] + second[0]) / 2), int((first[1] + second[1]) / 2))
    half = (int(math.hypot(across, down) / 2), STICK * scale)
    shape = cv2.ellipse2Poly(middle, half, int(math.degrees(math.atan2(down, across))), 0, 360, 1)
    cv2.fillConvexPoly(canvas, np.asarray(shape), [int(part * DARKER) for part in colour])


def _dot(canvas: Any, place: Any, radius: int, colour: Any) -> None:
    if place is not None:
        cv2.circle(canvas, (int(place[0]), int(place[1])), radius, colour, thickness=-1)


def _hand(canvas: Any, points: Any, scale: int) -> None:
    for index, (first, second) in enumerate(FINGERS):
        ends = [points[each] for each in (first, second)]
        if None not in ends:
            colour = [part * 255 for part in colorsys.hsv_to_rgb(index / len(FINGERS), 1.0, 1.0)]
            (left, top), (right, bottom) = ends
            start, end = (int(left), int(top)), (int(right), int(bottom))
            cv2.line(canvas, start, end, colour, thickness=BONE * scale)
    for place in points:
        _dot(canvas, place, JOINT * scale, (0, 0, 255))
