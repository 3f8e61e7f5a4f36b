"""TensorRT, where its libraries are in the environment: its own child says whether the networks run on it.

No promise rests on it: DWPose runs on CUDA without it. So its check is a yes or is not answered, never a no.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stackfix.model.environment import Environment, SharedLibrary
from stackfix.model.verdict import Check
from stackfix.validate.journal import Journal
from stackfix.validate.torch_orders import Asked
from stackfix.validate.weights import DETECTOR, POSE, Weights

NAME = "tensorrt"
_PROVIDER = re.compile(r"(lib)?onnxruntime_providers_tensorrt\.(so|dll)")
_LIBRARY = re.compile(
    r"(?:lib)?(?P<stem>nvinfer|nvonnxparser|nvinfer_plugin)(?:\.so\.|_)(?P<major>\d+)(?:\.dll)?"
)


@dataclass(frozen=True, slots=True)
class TensorRT:
    """The libraries to load before onnxruntime's TensorRT provider, in order; or why they are not those it needs."""

    paths: tuple[str, ...]
    lacking: str = ""


def tensorrt_in(environment: Environment) -> TensorRT | None:
    """Return TensorRT as far as packages of the environment bring it, None where none does, or nothing asks for it."""
    provider = next((one for one in environment.libraries if _PROVIDER.fullmatch(one.file_name)), None)
    there = {name: one for one in environment.libraries for name in one.names if _LIBRARY.fullmatch(name)}
    if provider is None or not there:
        return None
    wanted = [name for name in provider.needed if _LIBRARY.fullmatch(name)]
    missing = [name for name in wanted if name not in there]
    if not missing:
        # libnvinfer first: the parser and the plugins need it, and their run paths are not known
        ordered = sorted(
            {one.path for one in _brought(wanted, there)}, key=lambda path: ("nvinfer." not in path, path)
        )
        return TensorRT(tuple(str(_absolute(environment, path)) for path in ordered))
    brought = ", ".join(sorted(there))
    majors = {found["major"] for name in wanted if (found := _LIBRARY.fullmatch(name))}
    hint = f"; it takes TensorRT {' or '.join(sorted(majors))}" if majors else ""
    text = f"its provider needs {' and '.join(missing)}, and the environment has {brought}{hint}"
    return TensorRT((), text)


def _brought(wanted: list[str], there: Mapping[str, SharedLibrary]) -> list[SharedLibrary]:
    majors = {found["major"] for name in wanted if (found := _LIBRARY.fullmatch(name))}
    return [one for name, one in there.items() if _LIBRARY.fullmatch(name)["major"] in majors]  # type: ignore[index] # matched above


def _absolute(environment: Environment, path: str) -> Path:
    folders = [Path(site) for site in environment.site_packages]
    return next((folder / path for folder in folders if (folder / path).is_file()), Path(path)).absolute()


def beside_tensorrt(asked: Asked, weights: Weights, found: TensorRT, journal: Journal) -> Journal:
    """Return the journal and after it whether both networks run on TensorRT; the stand-ins in place of twins."""
    if found.lacking:
        check = Check(name=NAME, ok=None, text=f"not proved: {found.lacking}")
        return replace(journal, checks=(*journal.checks, check))
    own = weights if weights.detector.is_file() and weights.pose.is_file() else None
    folder = weights.scene.parent.resolve()
    request: dict[str, Any] = {
        "detector": str((own.detector if own else folder / DETECTOR).resolve()),
        "pose": str((own.pose if own else folder / POSE).resolve()),
        "image": str(weights.scene.resolve()),
        "tensorrt": list(found.paths),
    }
    answer = asked(request)
    checks = answer.journal.checks
    if not answer.whole:
        how = answer.ended or "it wrote no complete answer"
        text = f"not proved: while it was to {answer.journal.stage}: {how}\n{answer.printed}".strip()
        checks = (*checks, Check(name=NAME, ok=None, text=text))
    return replace(journal, checks=(*journal.checks, *checks))
