"""134 keypoints in OpenPose's order from the 133 of COCO-WholeBody; the neck is added."""

from __future__ import annotations

from typing import Any

import numpy as np

VISIBLE = 0.3
LEFT_SHOULDER, RIGHT_SHOULDER, NECK = 5, 6, 17
BODY, FEET, FACE = slice(0, 18), slice(18, 24), slice(24, 92)
FIRST_HAND, SECOND_HAND = slice(92, 113), slice(113, 134)

# where each of OpenPose's 18 body points stands among COCO's 17 and the neck (17)
_BODY_ORDER = (0, 17, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
# the same for all 134: feet, face and hands follow as they stood
ORDER = (*_BODY_ORDER, *range(18, 134))
_AT_NECK = ORDER.index(NECK)
# among the 133 that have no neck yet: where each stands, and any of them where the neck is to be
_SOURCES = np.array([each - (each >= NECK) for each in ORDER])


def openpose(positions: Any, scores: Any) -> tuple[Any, Any]:
    """Return ([n,134,2], [n,134]) in OpenPose's order; feet, face and hands follow as they stood.

    The neck is the middle of the shoulders, with score 1 if both shoulders score above 0.3, else 0.
    """
    points, marks = positions.take(_SOURCES, axis=1), scores.take(_SOURCES, axis=1)
    points[:, _AT_NECK] = (positions[:, LEFT_SHOULDER] + positions[:, RIGHT_SHOULDER]) / 2
    marks[:, _AT_NECK] = (scores[:, LEFT_SHOULDER] > VISIBLE) & (scores[:, RIGHT_SHOULDER] > VISIBLE)
    return points, marks


def visible(scores: Any) -> Any:
    """Return which keypoints are there: DWPose draws none that scores below 0.3."""
    return scores >= VISIBLE
