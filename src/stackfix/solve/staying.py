"""Staying: of the packages that fill one import folder, which is there at the end of a repair.

Who fills a folder is told by the facts and by the disk alike: there are builds of onnxruntime (-openvino, -directml,
-training) that nobody has facts about, and each overwrites the others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from stackfix.model.environment import Environment
from stackfix.rules.scene import Facts
from stackfix.versions import canonical_name

FOLDERS = ("onnxruntime", "cv2")
_CPU, _GPU = "onnxruntime", "onnxruntime-gpu"


def fillers(environment: Environment, facts: Facts) -> dict[str, frozenset[str]]:
    """Return import folder -> packages that fill it, installed or not."""
    return {folder: frozenset(facts.owners(folder)) | environment.fillers(folder) for folder in FOLDERS}


def staying(
    names: Collection[str],
    environment: Environment,
    filling: Mapping[str, frozenset[str]],
    *,
    gpu: bool,
    keep: frozenset[str],
) -> set[str]:
    """Return packages without those that give way in a folder which several fill.

    What is to be kept stays. Of onnxruntimes it is the one for CUDA where a GPU is wanted, else one that somebody chose
    (-openvino) before the plain one, which others pull in. Of opencv it is the fullest.
    """
    left = set(names)
    runtimes = left & filling["onnxruntime"]
    if gpu and runtimes & {_CPU, _GPU}:
        runtimes |= {_GPU}
    ranked = sorted(
        runtimes, key=lambda name: (name not in keep, (name == _GPU) is not gpu, name == _CPU, name)
    )
    left -= filling["onnxruntime"]
    left.update(ranked[:1])
    opencvs = sorted(
        left & filling["cv2"],
        key=lambda name: (
            name not in keep,
            "-contrib-" not in name,
            not _is_required(name, environment),
            not name.endswith("-headless"),
            name,
        ),
    )
    return left - set(opencvs[1:])


def _is_required(name: str, environment: Environment) -> bool:
    """Whether another installed package asks for this one by name."""
    for each in environment.distributions:
        for text in each.requires_dist:
            head = re.match(r"[A-Za-z0-9._-]+", text)
            if head is not None and "extra" not in text and canonical_name(head[0]) == name:
                return True
    return False
