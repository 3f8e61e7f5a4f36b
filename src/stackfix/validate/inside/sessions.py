"""DWPose's two networks as onnxruntime sessions, on the providers that are asked for and on no others."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .detect import Square

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"
DETECTOR_SHAPE = (1, 8400, 85)
FRAME = (288, 384)
KEYPOINTS = 133
_DETECTOR, _POSE = ("output",), ("simcc_x", "simcc_y")
TEXT_LIMIT = 6000
_READ = 1_000_000
HEARD = "heard"


class ModelError(Exception):
    """A network that is not DWPose's: its inputs or outputs are others."""


class Options(NamedTuple):
    """How to open sessions: providers in order, whether the CPU is forbidden, where a profile goes ("" = none).

    `settings` are attributes of onnxruntime's SessionOptions.
    """

    providers: Any
    strict: bool = False
    profile: str = ""
    settings: Any = None


class Networks:
    """The detector and the pose network; calling them checks the shapes of what comes out.

    `spent` is how many seconds `session.run` took since `clear`, copies to and from the GPU among them; inputs and
    outputs are kept while `recording`.
    """

    def __init__(self, runtime: Any, detector: str, pose: str, options: Options) -> None:
        self.recording = True
        self.square = Square()
        self.detector = _open(runtime, detector, options, "detector")
        self.pose = _open(runtime, pose, options, "pose")
        self.frame = _frame(self.pose)
        self._inputs = {"detector": _only_input(self.detector), "pose": _only_input(self.pose)}
        self._names = {"detector": _named(self.detector, _DETECTOR), "pose": _named(self.pose, _POSE)}
        self.clear()

    @property
    def sessions(self) -> tuple[Any, Any]:
        """Both sessions."""
        return self.detector, self.pose

    @property
    def names(self) -> list[str]:
        """DWPose's names of what both sessions give, in their order."""
        return [*self._names["detector"], *self._names["pose"]]

    def clear(self) -> None:
        """Forget the inputs, outputs and times of earlier runs."""
        self.spent = 0.0
        self.inputs: dict[str, list[Any]] = {"detector": [], "pose": []}
        self.outputs: dict[str, list[Any]] = {"output": [], "simcc_x": [], "simcc_y": []}

    def replay(self, inputs: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Return the outputs for the very inputs of another run, so that only the arithmetic differs."""
        self.clear()
        for tensor in inputs["detector"]:
            self.run_detector(tensor)
        for tensor in inputs["pose"]:
            self.run_pose(tensor)
        return self.outputs

    def providers(self) -> list[list[str]]:
        """Return the providers of each session as they are now: a run can change them."""
        return [list(session.get_providers()) for session in self.sessions]

    def run_detector(self, tensor: Any) -> Any:
        """Return the detector's [1,8400,85]."""
        answer = self._ran(self.detector, tensor, "detector")["output"]
        if tuple(answer.shape) != DETECTOR_SHAPE:
            raise ModelError(f"the detector gives {list(answer.shape)}, YOLOX-L gives {list(DETECTOR_SHAPE)}")
        if self.recording:
            self.outputs["output"].append(answer.copy())
        return answer

    def run_pose(self, tensor: Any) -> tuple[Any, Any]:
        """Return the pose network's [b,133,2w] and [b,133,2h] for b people and a frame of (w, h)."""
        answers = self._ran(self.pose, tensor, "pose")
        for name, side in zip(_POSE, self.frame):  # noqa: B905 - 3.8
            shape = (len(tensor), KEYPOINTS, 2 * side)
            if name not in answers:
                raise ModelError(f"the pose network has no output `{name}`, only {', '.join(answers)}")
            if tuple(answers[name].shape) != shape:
                raise ModelError(
                    f"the pose network gives {list(answers[name].shape)} as `{name}`, DWPose gives {list(shape)}"
                )
            if self.recording:
                self.outputs[name].append(answers[name].copy())
        return answers["simcc_x"], answers["simcc_y"]

    def _ran(self, session: Any, tensor: Any, name: str) -> dict[str, Any]:
        if self.recording:
            self.inputs[name].append(tensor.copy())
        feed = {self._inputs[name]: tensor}
        began = time.perf_counter()
        answers = session.run(None, feed)
        self.spent += time.perf_counter() - began
        return dict(zip(self._names[name], answers))  # noqa: B905 - 3.8

    def end_profiling(self) -> list[str]:
        """Return the profile files, which are complete only now."""
        return [str(session.end_profiling()) for session in self.sessions]


def _only_input(session: Any) -> str:
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise ModelError(f"a network with {len(inputs)} inputs is not DWPose's")
    return str(inputs[0].name)


def _named(session: Any, own: tuple[str, ...]) -> list[str]:
    """Return DWPose's names of a session's outputs; where they have others, in the order in which it takes them."""
    given = [str(each.name) for each in session.get_outputs()]
    return given if {*own} <= {*given} else [*own[: len(given)], *given[len(own) :]]


def _frame(pose: Any) -> tuple[int, int]:
    """Return the (width, height) of the crops that the pose network takes, which DWPose's own code reads there too."""
    shape = list(pose.get_inputs()[0].shape)
    known = len(shape) == 4 and all(isinstance(each, int) for each in shape[2:])
    return (shape[3], shape[2]) if known else FRAME


def _open(runtime: Any, path: str, options: Options, name: str) -> Any:
    settings = runtime.SessionOptions()
    for attribute, value in (options.settings or {}).items():
        setattr(settings, attribute, value)
    if options.strict:
        settings.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    if options.profile:
        settings.enable_profiling = True
        settings.profile_file_prefix = str(Path(options.profile) / name)
    if options.strict or options.profile:
        # neither the creation nor a run may quietly begin again on the CPU
        session = runtime.InferenceSession(
            path, sess_options=settings, providers=options.providers, enable_fallback=0
        )
        session.disable_fallback()
        return session
    return runtime.InferenceSession(path, sess_options=settings, providers=options.providers)


# Of the three ways to search only this one has a plan in 32 bits for every convolution on every GPU: for one without, as
# for a depthwise one dilated by 128 on an H100, onnxruntime quietly takes TF32 (CreateCudnnFeExecutionPlan in conv.cc).
# With NVIDIA_TF32_OVERRIDE=0, which holds for all sessions of a process, it would find no plan at all, and the run fails.
# tests/e2e/test_convolution_plans.py asks cuDNN itself.
EXACT = {"use_tf32": "0", "cudnn_conv_algo_search": "DEFAULT"}
# what onnxruntime says of every convolution because of that
_EXPECTED = "running in Fallback mode"


def exact_cuda(version: str) -> Any:
    """Return the CUDA provider with 32-bit products: TF32 keeps 10 bits, far from the CPU's answer.

    The option exists from onnxruntime 1.18; before it the variable has to do, which cuBLAS and cuDNN read when they start.
    """
    numbers = [int(part) for part in version.split(".")[:2] if part.isdigit()]
    if numbers >= [1, 18]:
        return CUDA, dict(EXACT)
    os.environ["NVIDIA_TF32_OVERRIDE"] = "0"
    return CUDA


class Heard:
    """What was printed while `listening`."""

    text = ""


@contextlib.contextmanager
def listening(folder: str) -> Iterator[Heard]:
    """Catch what is written to descriptors 1 and 2: onnxruntime tells only stderr why it has no CUDA.

    It goes to a file in `folder`, so that the last words of a process that dies here are not lost.
    """
    heard = Heard()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    kept = [(number, os.dup(number)) for number in (1, 2)]
    with Path(folder, HEARD).open("w+b") as sink:
        try:
            for number, _ in kept:
                os.dup2(sink.fileno(), number)
            yield heard
        finally:
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:
                    stream.flush()
            for number, copy in kept:
                os.dup2(copy, number)
                os.close(copy)
            sink.seek(0)
            lines = sink.read(_READ).decode("utf-8", "replace").splitlines(keepends=True)
            heard.text = "".join(line for line in lines if _EXPECTED not in line)[:TEXT_LIMIT]
            sink.truncate(0)
