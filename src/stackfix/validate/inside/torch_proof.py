"""Whether torch computes right on a device, alone and in one process with onnxruntime, whichever comes first."""

from __future__ import annotations

import importlib
import importlib.util
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import libraries
from .journal import Journal, numbers
from .reckoning import reckon

# numpy and OpenCV are imported where networks are run: without them torch itself can still be asked
if TYPE_CHECKING:
    from .sessions import Options

# Of n products in 32 bits a sum is off by about n^0.5 * 2^-24 of the typical size: 2e-6 for n = 768, and some ten
# times that where a convolution is done by Winograd's transforms. TF32 rounds each factor to 11 bits: 3e-4.
RELATIVE = 5e-5
TORCH_FIRST, ONNXRUNTIME_FIRST = "torch then onnxruntime", "onnxruntime then torch"


class Unanswered(Exception):  # noqa: N818 - not an error: the question can't be asked here
    """There is no GPU to ask torch about, or a package is missing without which no network can be run."""


def prove(request: dict[str, Any], journal: Journal) -> None:
    """Write what torch and onnxruntime do in one process, in the order that the request names."""
    order, device = request["order"], request["device"]
    name = "torch"
    try:
        if order == TORCH_FIRST:
            journal.stage("import torch and compute with it")
            torch = importlib.import_module("torch")
            journal.passed("torch", products(torch, device))
            name = order
            journal.stage("import onnxruntime after torch and run a network")
            said = _session(request, device)
            journal.passed(order, f"{said}, in the process in which torch computed before")
            name = "torchscript"
            journal.stage("run the pose network as TorchScript")
            _torchscript(torch, request, device, journal)
        else:
            name = order
            journal.stage("import onnxruntime and run a network")
            said = _session(request, device)
            journal.stage("import torch after onnxruntime and compute with it")
            torch = importlib.import_module("torch")
            journal.passed(order, f"{said}, then torch: {products(torch, device)}")
    except Unanswered as error:
        journal.not_asked(name, str(error))
    except Exception as error:  # noqa: BLE001 - whatever the libraries raise is the answer
        text = f"{type(error).__name__}: {error}"
        journal.value("missing", libraries.missing_in(text))
        journal.failed(name, text)
    paths = libraries.mapped()
    if paths is not None:
        journal.value("mapped", paths)


def products(torch: Any, device: str) -> str:
    """Return what was found in one sentence; raises where torch gives other numbers, or has no such device."""
    where = "cuda" if device == "gpu" else "cpu"
    if where == "cuda":
        _reach_gpu(torch)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(7)
    first, second = torch.randn(512, 768), torch.randn(768, 384)
    picture, kernel = torch.randn(2, 64, 48, 48), torch.randn(128, 64, 3, 3)
    convolved = torch.nn.functional.conv2d
    worst = []
    with torch.no_grad():
        for name, made, truth in (
            ("matmul", first.to(where) @ second.to(where), first.double() @ second.double()),
            (
                "convolution",
                convolved(picture.to(where), kernel.to(where), padding=1),
                convolved(picture.double(), kernel.double(), padding=1),
            ),
            # in closed form: 64 channels, nine ones each, of which an edge has six and a corner four
            ("ones", convolved(torch.ones(1, 64, 6, 6).to(where), torch.ones(1, 64, 3, 3).to(where), padding=1),
             _counted(torch)),
        ):  # fmt: skip
            if made.device.type != where:
                raise RuntimeError(f"the {name} lies on {made.device}, not on {where}")
            difference = float((made.cpu().double() - truth).abs().max() / truth.abs().max())
            if not difference <= RELATIVE:
                raise ArithmeticError(f"{name} on {where} is off by {difference:.1e}, {RELATIVE} is allowed")
            worst.append(f"{name} {difference:.0e}")
    how = f"torch {torch.__version__}"
    if where == "cuda":
        _seen_by_driver()
        how += f" on {torch.cuda.get_device_name(0)}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"
    return f"{how}: {', '.join(worst)} of the largest number beside 64-bit products on the CPU ({RELATIVE} allowed)"


def _seen_by_driver() -> None:
    """Raise where the driver knows nothing of what torch says to have computed on a GPU."""
    driver = libraries.driver()
    if not driver["found"]:
        raise RuntimeError(f"torch names a GPU, but no driver answers: {driver['text']}")
    if driver["used"] == []:
        raise RuntimeError("torch names a GPU, but the driver has no context of this process on any")
    for index in (driver["used"] or ())[:1]:
        computed = reckon(index)
        if computed.ok is False:
            raise RuntimeError(f"torch names a GPU, but {computed.text}")


def _counted(torch: Any) -> Any:
    side = torch.tensor([2.0, 3, 3, 3, 3, 2]).double()
    return 64 * (side[:, None] * side[None, :])[None, None]


def _reach_gpu(torch: Any) -> None:
    if torch.version.cuda is None:
        raise RuntimeError(f"torch {torch.__version__} is the build without CUDA")
    try:
        torch.zeros(1, device="cuda")
    except Exception as error:
        driver = libraries.driver()
        if not driver["found"] or driver["result"] == 100 or driver["devices"] == 0:
            raise Unanswered("there is no GPU here to ask torch about") from error
        raise


def _session(request: dict[str, Any], device: str) -> str:
    """Return that onnxruntime ran the stand-in networks on the device, or raise."""
    for needed in ("numpy", "cv2"):
        if importlib.util.find_spec(needed) is None:
            raise Unanswered(f"no network can be run without `{needed}`, which is not in this environment")
    from .picture import read  # noqa: PLC0415 - needs OpenCV
    from .pipeline import find_people  # noqa: PLC0415 - likewise
    from .sessions import CPU, CUDA, Networks, Options, listening  # noqa: PLC0415 - needs numpy

    runtime = importlib.import_module("onnxruntime")
    gpu = device == "gpu"
    if gpu:
        driver = libraries.driver()
        if not driver["found"] or driver["result"] == 100 or driver["devices"] == 0:
            raise Unanswered("there is no GPU here to ask onnxruntime about")
    wanted = CUDA if gpu else CPU
    ways = _gpu_ways(str(runtime.__version__)) if gpu else [Options([CPU])]
    said = ""
    for options in ways:
        with listening(request["scratch"]) as heard:
            try:
                networks = Networks(runtime, request["detector"], request["pose"], options)
                find_people(
                    read(request["image"]), networks.run_detector, networks.run_pose, frame=networks.frame
                )
                first = [each[0] for each in networks.providers()]
                raised = "" if first == [wanted, wanted] else f"the sessions run on {first}"
            except Exception as error:  # noqa: BLE001 - whatever onnxruntime raises is the answer
                raised = str(error)
        if not raised:
            return f"onnxruntime {runtime.__version__} ran both stand-ins on {wanted}"
        said = f"{said}\n{raised}\n{heard.text}".strip()
    raise RuntimeError(said)


def _gpu_ways(version: str) -> list[Options]:
    """Return the GPU with the CPU forbidden, and then, for shapes that onnxruntime keeps there, allowed."""
    from .sessions import CPU, Options, exact_cuda  # noqa: PLC0415 - needs numpy

    cuda = exact_cuda(version)
    return [Options([cuda], strict=True), Options([cuda, CPU])]


def _torchscript(torch: Any, request: dict[str, Any], device: str, journal: Journal) -> None:
    """Find people with the ONNX detector on the CPU and the TorchScript pose network on the device."""
    from . import torch_standin  # noqa: PLC0415 - needs OpenCV
    from .agreement import compare_people  # noqa: PLC0415 - likewise
    from .picture import read  # noqa: PLC0415 - likewise
    from .pipeline import find_people  # noqa: PLC0415 - likewise
    from .sessions import CPU, Networks, Options  # noqa: PLC0415 - likewise

    where = "cuda" if device == "gpu" else "cpu"
    runtime = importlib.import_module("onnxruntime")
    path = request.get("torchscript") or ""
    real = bool(path)
    if not real:
        if not hasattr(torch.jit, "trace"):
            journal.not_asked("torchscript", f"torch {torch.__version__} makes no TorchScript any more")
            return
        path = str(Path(request["scratch"]) / torch_standin.NAME)
        torch_standin.write(torch, request["truth"], path)
    script = torch_standin.Script(torch, path, where)
    picture = read(request["image"])
    beside = ("real_detector", "real_pose") if real else ("detector", "pose")
    networks = Networks(runtime, request[beside[0]], request[beside[1]], Options([CPU]))
    people = find_people(picture, networks.run_detector, script.run_pose, torch_standin.BATCH)
    said = f"{len(people.boxes)} people posed by TorchScript on {where}, five at a time"
    if real:
        same = compare_people(
            people, find_people(picture, networks.run_detector, networks.run_pose, frame=networks.frame)
        )
        journal.check("torchscript", same.ok, f"{said}; beside the ONNX pose network: {same.text}")
        return
    good = all(math.isfinite(score) for scores in people.scores for score in scores)
    journal.check("torchscript", good, said if good else "TorchScript gives numbers that are none")
    journal.value(
        "torchscript people",
        [
            {"box": numbers(box), "keypoints": numbers(points), "scores": numbers(scores)}
            for box, points, scores in zip(people.boxes, people.keypoints, people.scores)  # noqa: B905 - 3.8
        ],
    )
