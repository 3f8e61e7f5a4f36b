"""Whether two runs of the same networks gave the same numbers, and the same people."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .pipeline import People
from .skeleton import visible

# Both runs round each product and sum to 24 bits but add in another order. A sum of n terms is then off by at
# most n * 2^-24 of the sum of their sizes, in practice by its root; the longest sum of either network has
# 4608 terms (3x3x512), so a layer adds about 4e-6 and 120 layers, if all errors added up, 5e-4 of the
# largest number. TF32 keeps 10 bits: one layer of it is off by 5e-4, a network by far more.
RELATIVE = 1e-3
# What is left between two answers when both are taken as a whole; TF32, a GPU's default, leaves some hundredths of the
# stand-ins', zeros leave 1 and other numbers more. It tells only that the very thing was computed.
LOOSELY = 0.25
BOX_PIXELS = 1.0
KEYPOINT_PIXELS = 2.0
# the best of 576 bins may change where two are as good as equal; that may befall one keypoint in a hundred
SHARE = 0.99


class Agreement(NamedTuple):
    """Whether they agree, and by how much."""

    ok: bool
    text: str


def finite(outputs: dict[str, list[Any]]) -> bool:
    """Whether every number is one: no infinity, no not-a-number."""
    return all(bool(np.isfinite(array).all()) for arrays in outputs.values() for array in arrays)


def compare_outputs(
    here: dict[str, list[Any]], there: dict[str, list[Any]], whose: str = "the CPU's answer"
) -> Agreement:
    """Return whether every output, for the same inputs, is the same to within 0.1 % of its largest number."""
    parts = []
    good = True
    for name, answers in here.items():
        if len(answers) != len(there[name]) or not answers:
            return Agreement(
                ok=False, text=f"{len(answers)} answers `{name}`, but {len(there[name])} on the CPU"
            )
        first, second = (np.concatenate(each).astype(np.float64) for each in (answers, there[name]))
        scale = max(float(np.abs(second).max()), 1e-6)
        difference = float(np.abs(first - second).max())
        good = good and difference <= RELATIVE * scale
        parts.append(f"{name} {difference:.1e} of {scale:.3g}")
    return Agreement(ok=good, text=f"largest difference from {whose}: " + ", ".join(parts))


def compare_roughly(here: dict[str, list[Any]], there: dict[str, list[Any]]) -> Agreement:
    """Return whether every output, for the same inputs, is the same but for the rounding of a shorter format."""
    parts = []
    good = True
    for name, answers in here.items():
        first, second = (np.concatenate(each).astype(np.float64) for each in (answers, there[name]))
        share = float(np.linalg.norm(first - second) / max(float(np.linalg.norm(second)), 1e-6))
        good = good and share <= LOOSELY
        parts.append(f"{name} {share:.1%}")
    return Agreement(ok=good, text="what differs from the CPU's answer as a whole: " + ", ".join(parts))


def compare_people(here: People, there: People) -> Agreement:
    """Return whether the same people were found, their keypoints within 2 pixels or 0.5 % of the box."""
    if here.boxes.shape != there.boxes.shape:
        return Agreement(ok=False, text=f"{len(here.boxes)} people, but {len(there.boxes)} on the CPU")
    if not len(there.boxes):
        return Agreement(ok=True, text="no people in either run")
    box_difference = float(np.abs(here.boxes - there.boxes).max())
    side = np.maximum(there.boxes[:, 2] - there.boxes[:, 0], there.boxes[:, 3] - there.boxes[:, 1])
    box_allowed = max(BOX_PIXELS, 0.002 * float(side.max()))
    allowed = np.maximum(KEYPOINT_PIXELS, 0.005 * side)[:, None]
    seen = visible(there.scores)
    distance = np.abs(here.keypoints - there.keypoints).max(axis=2)
    share = float((distance <= allowed)[seen].mean()) if seen.any() else 1.0
    good = box_difference <= box_allowed and share >= SHARE
    return Agreement(
        ok=good,
        text=f"{len(here.boxes)} people as on the CPU: boxes within {box_difference:.2g} px, "
        f"{share:.1%} of the visible keypoints where the CPU puts them",
    )
