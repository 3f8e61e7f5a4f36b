"""Pictures of stand-in people, and what is true of them: boxes and keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

VISIBLE = 0.3
# left, top, right, bottom in whole pixels, right and bottom just outside; kept apart, one at the border
PEOPLE = ((60, 120, 150, 400), (290, 60, 390, 372), (520, 150, 640, 440))

_COCO_BODY = (
    (0.50, 0.06), (0.55, 0.04), (0.45, 0.04), (0.60, 0.06), (0.40, 0.06), (0.68, 0.18), (0.32, 0.18),
    (0.80, 0.34), (0.20, 0.34), (0.88, 0.48), (0.12, 0.48), (0.60, 0.52), (0.40, 0.52), (0.62, 0.74),
    (0.38, 0.74), (0.63, 0.94), (0.37, 0.94),
)  # fmt: skip
_FEET = ((0.70, 0.98), (0.74, 0.975), (0.60, 0.97), (0.30, 0.98), (0.26, 0.975), (0.40, 0.97))


def _places() -> tuple[tuple[float, float], ...]:
    """Return where each of the 133 keypoints lies in a person's rectangle: body, feet, face, hands."""
    turn = 2 * np.pi * np.arange(68) / 68
    face = np.stack((0.50 + 0.11 * np.sin(turn), 0.08 + 0.06 * np.cos(turn)), axis=1)
    hands = []
    for wrist in (0.91, 0.09):
        across, down = np.meshgrid(np.linspace(-0.05, 0.05, 7), np.linspace(0.49, 0.55, 3))
        hands.append(np.stack((wrist + across.ravel(), down.ravel()), axis=1))
    places = np.concatenate((np.array(_COCO_BODY + _FEET), face, *hands))
    return tuple((round(float(x), 5), round(float(y), 5)) for x, y in places)


def _scores() -> tuple[float, ...]:
    """Return each keypoint's score: 0.5 to 0.95; every eleventh after the body is 0.15, so not visible."""
    spread = [round(0.5 + 0.45 * ((7 * index) % 20) / 19, 4) for index in range(133)]
    return tuple(0.15 if index > 16 and index % 11 == 0 else score for index, score in enumerate(spread))


KEYPOINT_PLACES = _places()
KEYPOINT_SCORES = _scores()


def draw(width: int, height: int, people: Sequence[tuple[int, int, int, int]], *, seed: int) -> bytes:
    """Return a PNG file: a grey room of uneven brightness, and a rectangle for each person."""
    picture = paint(width, height, people, seed=seed)
    done, data = cv2.imencode(".png", picture[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not done:
        raise RuntimeError("OpenCV did not write a PNG file")
    return data.tobytes()


def paint(width: int, height: int, people: Sequence[tuple[int, int, int, int]], *, seed: int) -> Any:
    """Return the picture as an array, red first."""
    random = np.random.default_rng(seed)
    down, across = np.mgrid[0:height, 0:width]
    slope = random.uniform(-40, 40, 2)
    light = 120 + slope[0] * across / width + slope[1] * down / height
    coarse = random.integers(-6, 7, (height // 8 + 1, width // 8 + 1)).repeat(8, axis=0).repeat(8, axis=1)
    grey = np.clip(light + coarse[:height, :width], 0, 255).astype(np.uint8)
    picture = np.repeat(grey[:, :, None], 3, axis=2)
    for left, top, right, bottom in people:
        inside = picture[top:bottom, left:right]
        green = (inside[:, :, 1] // 8).copy()
        inside[:, :, 0] = green + 200
        inside[:, :, 1] = green
        inside[:, :, 2] = random.integers(0, 256)
    return picture


def truth_of(people: Sequence[tuple[int, int, int, int]]) -> dict[str, Any]:
    """Return boxes, 134 keypoints in OpenPose's order, and their scores, from the rectangles alone."""
    order = (0, None, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3, *range(17, 133))
    found = []
    for left, top, right, bottom in people:
        # pixel middles: the rectangle reaches from half a pixel before its first pixel's middle
        points = [
            (left - 0.5 + x * (right - left), top - 0.5 + y * (bottom - top)) for x, y in KEYPOINT_PLACES
        ]
        neck = ((points[5][0] + points[6][0]) / 2, (points[5][1] + points[6][1]) / 2)
        keypoints = [neck if index is None else points[index] for index in order]
        scores = [1.0 if index is None else KEYPOINT_SCORES[index] for index in order]
        found.append(
            {
                "box": [left, top, right, bottom],
                "keypoints": [[round(x, 3), round(y, 3)] for x, y in keypoints],
                "scores": scores,
            }
        )
    return {"people": found}
