"""Runtime: whether anything in an environment runs a model on a GPU at all, or another environment was meant."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stackfix.judging import remedy
from stackfix.model.environment import Environment
from stackfix.model.report import Finding
from stackfix.model.surroundings import Surroundings

RULE = "runtime"
_OURS = frozenset(("torch", "onnxruntime"))
# what an environment holds that nobody has filled: nothing is lost with it
_INSTALLERS = frozenset(("pip", "setuptools", "wheel"))
# Those that open CUDA's libraries while they run, which no dynamic section tells.
_OTHERS = (
    "onnxruntime",
    "torch",
    "ctranslate2",
    "cupy",
    "jax",
    "mxnet",
    "openvino",
    "paddlepaddle",
    "tensorflow",
    "tensorrt",
    "warp-lang",
)
_CUDA = re.compile(r"(lib)?(cuda|cudart|cublas\w*|cudnn\w*|cufft|curand|nvrtc|nvinfer|nvcuda)[-_.\d].*")


def without_runtime(environment: Environment, surroundings: Surroundings) -> Iterator[Finding]:
    """Yield that neither torch nor onnxruntime is there, nor another package that brings CUDA to a model."""
    if environment.broken:
        return
    there = {*environment.builds, *environment.ownerless, *environment.set_aside}
    there |= {name for overlay in surroundings.overlays for name in overlay.filled}
    there |= {name for name, _ in environment.cut_off}
    packages = (*environment.distributions, *environment.outside)
    if _OURS & there or any(
        each.name.startswith(_OTHERS)
        or (
            not each.name.startswith("nvidia-")
            and any(_CUDA.fullmatch(name) for library in each.libraries for name in library.needed)
        )
        for each in packages
    ):
        return
    number = len(environment.distributions)
    where = environment.site_packages[0] if environment.site_packages else environment.path
    on_record = {0: "no package is", 1: "one package is"}.get(number, f"{number} packages are")
    bare = environment.kind == "venv" and _INSTALLERS.issuperset(
        one.name for one in environment.distributions
    )
    place = f"{remedy.quoted(environment.path, environment)} --replace" if bare else "FOLDER"
    yield Finding(
        code="wrong_python_environment",
        severity="error",
        text="neither torch nor onnxruntime is installed: nothing here runs a model on a GPU",
        because=(
            f"{on_record} on record in {where}, and no folder of torch's or onnxruntime's is there [read: its files]",
        ),
        consequence="this is another environment than the one that is meant, or what was to fill it did not get there",
        fix=f"name the one that is meant with `--venv` or `--python`, or make it: stackfix install dwpose --venv {place}",
        rule=RULE,
    )
