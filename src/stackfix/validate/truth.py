"""Whether the people who were found are those of the stand-in picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stackfix.errors import DataError
from stackfix.model.verdict import Check, Person

BOX_PIXELS = 1.0
KEYPOINT_PIXELS = 0.9
# the hill of an answer is sampled at half pixels, at most a quarter bin beside its top and 0.01 of noise
SCORE = 0.03
VISIBLE = 0.3


def read(path: Path) -> tuple[Person, ...]:
    """Return the people of a truth file."""
    try:
        return people_from(json.loads(path.read_text(encoding="utf-8"))["people"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(str(path), "", f"is not a file of people: {error}") from error


def people_from(entries: Any) -> tuple[Person, ...]:
    """Return people from JSON; raises KeyError, TypeError or ValueError where it is something else."""
    return tuple(
        Person(
            box=tuple(map(_number, entry["box"])),
            keypoints=tuple(tuple(map(_number, point)) for point in entry["keypoints"]),
            scores=tuple(map(_number, entry["scores"])),
        )
        for entry in entries
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def compare(found: Sequence[Person], truth: Sequence[Person]) -> tuple[Check, ...]:
    """Return two checks: boxes within 1 pixel, and keypoints within 0.9 with the scores that they have."""
    if len(found) != len(truth):
        text = f"{len(found)} people found, {len(truth)} are in the picture"
        return (Check(name="boxes", ok=False, text=text),)
    pairs = list(zip(sorted(found, key=_middle), sorted(truth, key=_middle), strict=True))
    box = max(_distance(mine.box, true.box) for mine, true in pairs)
    keypoint = score = 0.0
    for mine, true in pairs:
        for index, truly in enumerate(true.scores):
            score = max(score, _distance((mine.scores[index],), (truly,)))
            if truly is not None and truly >= VISIBLE:
                keypoint = max(keypoint, _distance(mine.keypoints[index], true.keypoints[index]))
    return (
        Check(
            name="boxes",
            ok=box <= BOX_PIXELS,
            text=f"{len(found)} people, boxes within {box:.2f} px of the truth ({BOX_PIXELS} allowed)",
        ),
        Check(
            name="keypoints",
            ok=keypoint <= KEYPOINT_PIXELS and score <= SCORE,
            text=f"visible keypoints within {keypoint:.2f} px of the truth ({KEYPOINT_PIXELS} allowed), "
            f"scores within {score:.3f} ({SCORE} allowed)",
        ),
    )


def _middle(person: Person) -> tuple[float, ...]:
    left, top, right, bottom = (float("inf") if each is None else each for each in person.box)
    return (left + right, top + bottom)


def _distance(first: Sequence[float | None], second: Sequence[float | None]) -> float:
    if len(first) != len(second):
        return float("inf")
    return max(
        float("inf") if one is None or other is None else abs(one - other)
        for one, other in zip(first, second, strict=True)
    )
