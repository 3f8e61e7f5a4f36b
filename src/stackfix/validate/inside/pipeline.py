"""DWPose from picture to people: boxes, 134 keypoints and scores; the two networks are callables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .detect import Square, detect
from .pose import FRAME, estimate
from .skeleton import openpose

# A crowd at the detector's 640 pixels a side is some hundreds; the 8400 rows of numbers that are wrong can be
# thousands of people, and each would be posed alone.
MOST_PEOPLE = 1000


class CrowdError(Exception):
    """The detector finds more people than a picture holds: its numbers are wrong."""


class People(NamedTuple):
    """What DWPose found: [n,4] boxes, [m,134,2] keypoints, [m,134] scores.

    m is n; but with no box at all the whole picture was posed, and m is 1.
    """

    boxes: Any
    keypoints: Any
    scores: Any


def find_people(
    picture: Any,
    run_detector: Callable[[Any], Any],
    run_pose: Callable[[Any], tuple[Any, Any]],
    batch: int = 1,
    frame: tuple[int, int] = FRAME,
    square: Square | None = None,
) -> People:
    """Return the people in an RGB picture, as DWPose's own code finds them with the same networks.

    `frame` is the (width, height) that the pose network takes; in `square` the detector's input is kept for the next
    picture, and the networks may keep it no longer than that. CrowdError where there are too many to be people.
    """
    boxes = detect(picture, run_detector, square)
    if len(boxes) > MOST_PEOPLE:
        raise CrowdError(f"the detector finds {len(boxes)} people in one picture: its numbers are wrong")
    positions, scores = estimate(picture, boxes, run_pose, batch, frame)
    keypoints, keypoint_scores = openpose(positions, scores)
    return People(boxes, keypoints, keypoint_scores)
