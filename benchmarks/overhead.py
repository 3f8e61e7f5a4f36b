"""Time what the steps before and after DWPose's networks cost, the networks imitated by pauses as on a GPU.

    python benchmarks/overhead.py
    python benchmarks/overhead.py --other CHECKOUT --upstream DWPose/ControlNet-v1-1-nightly/annotator/dwpose
    python benchmarks/overhead.py --pauses 0 0
    python benchmarks/overhead.py --busy

Whole ways through a picture, in turn: this checkout's, another's, and DWPose's own code. Printed is what is left of
each when the networks' time is taken off, as median and least of all runs, its share, the processor's time, and by
how much keypoints differ. DWPose's own crops in 64 bits would still be converted by onnxruntime: not counted here.

After a pause the next steps find a core that slept; `--busy` keeps it at work meanwhile, as CUDA keeps it by itself
while it waits for a GPU (cudaDeviceScheduleAuto). That tells more where no other program wants the core.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.util
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import cv2
import numpy as np

INSIDE = Path("src", "stackfix", "validate", "inside")
PICTURES = ((640, 480), (1920, 1080), (3840, 2160))
PEOPLE = (1, 4, 16)
# hashlib lets other threads go on while it reads as much, some 50 us
_BLOCK = bytes(65536)


class Named(NamedTuple):
    """An input or output as a session describes it."""

    name: str
    shape: tuple[int, ...] = ()


def busy(seconds: float) -> None:
    """Wait at work, as long or a block longer."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        hashlib.sha256(_BLOCK)


class Imitated:
    """A session that pauses and then gives the same answers again.

    `spent` is how many seconds that took, `worked` how many of them the processor had to do with it.
    """

    def __init__(
        self,
        answers: dict[str, Any],
        shape: tuple[int, ...],
        pause: float,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.spent = self.worked = 0.0
        self._answers, self._shape, self._pause, self._wait = answers, shape, pause, wait

    def get_inputs(self) -> list[Named]:
        """Return the one input."""
        return [Named("input", self._shape)]

    def get_outputs(self) -> list[Named]:
        """Return the outputs."""
        return [Named(name) for name in self._answers]

    def run(self, _names: Any, _feed: Any) -> list[Any]:
        """Return copies: DWPose's own code writes into them."""
        processor, began = time.thread_time(), time.perf_counter()
        self._wait(self._pause)
        answers = [each.copy() for each in self._answers.values()]
        self.spent += time.perf_counter() - began
        self.worked += time.thread_time() - processor
        return answers


def picture_of(width: int, height: int) -> Any:
    """Return a picture with something in every pixel."""
    coarse = np.random.default_rng(1).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def detector_answer(width: int, height: int, people: int, cells: Any, strides: Any) -> Any:
    """Return [1,8400,85] that names each of people in a row by some twenty boxes, and a bit of everything else."""
    random = np.random.default_rng(people)
    ratio = min(640 / width, 640 / height)
    output = random.uniform(0, 0.3, (1, 8400, 85)).astype(np.float32)
    rows = output[0]
    size = np.array([width / people * 0.6, height * 0.7]) * ratio
    for index in range(people):
        middle = np.array([width / people * (index + 0.5), height * random.uniform(0.4, 0.6)]) * ratio
        near = (np.abs(middle / strides - cells - 0.5) <= 1.5).all(axis=1)
        rows[near, :2] = (middle / strides - cells)[near]
        rows[near, 2:4] = np.log(size / strides)[near] + random.normal(0, 0.02, (near.sum(), 2))
        rows[near, 4:6] = random.uniform(0.6, 0.95, (near.sum(), 2))
    return output


def package(name: str, folder: Path) -> Callable[[str], ModuleType]:
    """Return how to import the modules of a folder as a package of this name, without running its __init__.py."""
    root = ModuleType(name)
    root.__path__ = [str(folder)]
    sys.modules[name] = root
    return lambda module: importlib.import_module(f"{name}.{module}")


def ours(name: str, checkout: Path) -> Callable[[Any, Imitated, Imitated], Any]:
    """Return a checkout's way from picture and sessions to keypoints."""
    modules = package(name, checkout / INSIDE)
    find_people, detect = modules("pipeline").find_people, modules("detect")
    # kept from picture to picture, as the validator keeps it; checkouts of before have none
    kept = {"square": detect.Square()} if hasattr(detect, "Square") else {}

    def way(picture: Any, detector: Imitated, pose: Imitated) -> Any:
        run_detector, run_pose = (lambda _: detector.run(None, None)[0]), (lambda _: pose.run(None, None))
        return find_people(picture, run_detector, run_pose, **kept)[1]

    return way


def upstream(folder: Path) -> Callable[[Any, Imitated, Imitated], Any]:
    """Return the way of DWPose's own code."""
    whole_body = package("upstream", folder)("wholebody").Wholebody

    def way(picture: Any, detector: Imitated, pose: Imitated) -> Any:
        one = whole_body.__new__(whole_body)
        one.session_det, one.session_pose = detector, pose
        return one(picture)[0]

    return way


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--pauses", type=float, nargs=2, default=(8.0, 5.0), help="ms of detector and pose")
    parser.add_argument("--busy", action="store_true", help="pause without sleep, as CUDA waits")
    parser.add_argument("--other", type=Path, help="another checkout of stackfix")
    parser.add_argument("--upstream", type=Path, help="DWPose's own folder annotator/dwpose")
    given = parser.parse_args()
    wait = busy if given.busy else time.sleep
    checkout = Path(__file__).resolve().parent.parent
    ways = {"this": ours("this", checkout)}
    if given.other:
        ways["other"] = ours("other", given.other)
    if given.upstream:
        ways["upstream"] = upstream(given.upstream)
    detect = sys.modules["this.detect"]
    random = np.random.default_rng(0)
    simcc = {name: random.random((1, 133, n), np.float32) for name, n in (("simcc_x", 576), ("simcc_y", 768))}
    for width, height in PICTURES:
        picture = picture_of(width, height)
        for people in PEOPLE:
            output = {"output": detector_answer(width, height, people, detect.CELLS, detect.STRIDE_OF)}
            found: dict[str, Any] = {}
            beside: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ways}
            for turn in range(given.runs + 2):
                # whoever comes after a way that uses much memory finds the caches cold: each is that in turn
                for name, way in sorted(ways.items(), reverse=turn % 2 == 1):
                    detector = Imitated(output, (1, 3, 640, 640), given.pauses[0] / 1000, wait)
                    pose = Imitated(simcc, (1, 3, 384, 288), given.pauses[1] / 1000, wait)
                    processor, began = time.process_time(), time.perf_counter()
                    found[name] = way(picture, detector, pose)
                    whole = time.perf_counter() - began
                    worked = time.process_time() - processor - detector.worked - pose.worked
                    left = whole - detector.spent - pose.spent
                    beside[name].append((left * 1000, left / whole, worked * 1000))
            for name, runs in beside.items():
                left, share, processor = zip(*runs[2:], strict=True)
                apart = float(np.abs(found[name] - found["this"]).max())
                print(  # noqa: T201 - the answer of a script
                    f"{width}x{height} {len(found[name]):2} people {name:9} "
                    f"median {statistics.median(left):6.2f} ms, least {min(left):6.2f} ms, "
                    f"share {statistics.median(share):.1%}; processor {statistics.median(processor):6.2f} ms, "
                    f"least {min(processor):6.2f} ms; keypoints within {apart:.1g} px"
                )


if __name__ == "__main__":
    main()
