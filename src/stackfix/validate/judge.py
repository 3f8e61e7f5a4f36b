"""From what the worker wrote to a verdict; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from stackfix.model.evidence import Known, Reading, Unknown
from stackfix.model.verdict import (
    FAILED,
    NOT_PROVED,
    PROVED_ON_CPU,
    PROVED_ON_GPU,
    Check,
    Person,
    Verdict,
)
from stackfix.validate import truth
from stackfix.validate.causes import REBUILD, Cause, cause_of, no_gpu_here, said_by_cuda, sonames
from stackfix.validate.journal import Journal
from stackfix.validate.memory import says_memory, whole
from stackfix.validate.torch_orders import NEEDED as TORCH_NEEDED
from stackfix.validate.weights import REAL, STANDIN, TWIN

# without each of these, asked and answered yes, nothing is proved
_NEEDED = {
    "gpu": ("models", "gpu session", "providers", "driver", "finite gpu numbers", "numbers", "people", "placement", "own program"),
    "cpu": ("models", "providers", "finite numbers"),
}  # fmt: skip
PICTURE_UNREADABLE = "picture_unreadable"
_OTHERS = (
    "take the files that DWPose names and compare their sha256 (`stackfix models fetch dwpose` does both); "
    "`--weights standin` proves the environment without them"
)
_LONGEST = 200
_PROVED = {PROVED_ON_GPU, PROVED_ON_CPU}
_NO_TRUTH = "who is in this picture is not known, so only that and where the networks ran is proved"
_TWIN_TRUTH = (
    "the twins' weights are random: they prove speed, memory and place, and nothing of what DWPose finds"
)
_TWIN_SAYS = ", with twins of the networks: their weights are random, so nothing about accuracy is proved"
_FALLBACK = Cause(
    "dwpose_cpu_fallback",
    "onnxruntime runs the networks on the CPU and gives no reason",
    "`stackfix doctor` reads what is installed",
)
_ANSWERED_FOR = (
    "something that is imported before onnxruntime, or in its place, answers for it: `stackfix doctor` reads "
    "what is installed; look into `sitecustomize.py` and the `.pth` files of the environment too"
)
_LIES = Cause(
    "dwpose_cpu_fallback",
    "onnxruntime was opened on the CPU alone and says that it runs elsewhere",
    _ANSWERED_FOR,
)
_OTHERWISE = {
    "gpu session": _FALLBACK,
    "providers": _FALLBACK,
    "driver": Cause(
        "dwpose_cpu_fallback",
        "onnxruntime says that it runs on CUDA, and the driver and the system of this machine know nothing of it",
        _ANSWERED_FOR,
    ),
    "placement": Cause("dwpose_cpu_fallback", "part of the networks does not run on the GPU"),
    "bound outputs": Cause("dwpose_cpu_fallback", "results do not lie in GPU memory"),
    "bound numbers": Cause(
        "wrong_numbers", "through inputs and outputs bound to it the GPU gives other numbers than the CPU"
    ),
    "own program": _FALLBACK,
    "own numbers": Cause(
        "wrong_numbers",
        "sessions opened in the usual way, with TF32 and cuDNN's search, give other numbers on the GPU than on the CPU",
    ),
    "picture": Cause(PICTURE_UNREADABLE, "the picture can't be read"),
    "numbers": Cause("wrong_numbers", "the GPU gives other numbers than the CPU"),
    "batches": Cause(
        "wrong_numbers", "for several people at once the pose network answers otherwise than for one"
    ),
    "torch": Cause("torch_broken", "torch does not compute as it must"),
    "torchscript": Cause("torch_broken", "torch does not run DWPose's pose network as it must"),
    "torchscript boxes": Cause(
        "wrong_numbers", "torch's pose network stands beside other people than those in the picture"
    ),
    "torchscript keypoints": Cause("wrong_numbers", "torch puts the keypoints elsewhere than they are"),
    "torch then onnxruntime": Cause(
        "torch_onnxruntime_order", "onnxruntime does not run in a process in which torch came first"
    ),
    "onnxruntime then torch": Cause(
        "torch_onnxruntime_order", "torch does not compute in a process in which onnxruntime came first"
    ),
    "people": Cause("wrong_numbers", "the GPU finds other people than the CPU"),
    "boxes": Cause("wrong_numbers", "the people that were found are not those in the picture"),
    "keypoints": Cause("wrong_numbers", "the keypoints that were found are not those in the picture"),
    "crowd": Cause("wrong_numbers", "the detector finds more people than any picture holds"),
    "finite numbers": Cause("wrong_numbers", "the networks give numbers that are none"),
    "finite gpu numbers": Cause("wrong_numbers", "on the GPU the networks give numbers that are none"),
}
# what networks of the user's own can be the cause of, and nothing else is likelier
_OF_NETWORKS = frozenset(_OTHERWISE[name].reason for name in ("finite numbers", "crowd"))
# what is wrong with these numbers no library that is missing explains
_NUMBERS = frozenset(
    (
        "boxes",
        "keypoints",
        "numbers",
        "bound numbers",
        "own numbers",
        "people",
        "batches",
        "crowd",
        "finite numbers",
        "finite gpu numbers",
    )
)


def judge(
    journal: Journal,
    device: str,
    *,
    truths: Sequence[Person] | None,
    weights: str,
    extra: Sequence[Check] = (),
) -> Verdict:
    """Return the verdict on a worker that came to its end; `truths` are the people known to be in the picture."""
    values = journal.values
    people = _people(values.get("people"))
    checks = list(extra) + list(journal.checks)
    if people and truths is not None:
        checks.extend(truth.compare(people, truths))
    elif people:
        checks.append(Check(name="truth", ok=None, text=_TWIN_TRUTH if weights == TWIN else _NO_TRUTH))
    detected = values.get("people detected")
    if detected == 0 and weights != TWIN:
        text = "no person was detected; like DWPose itself, the whole picture was posed"
        checks.append(Check(name="people in the picture", ok=None, text=text))
    state, cause = _decide(checks, values, device)
    if weights not in (STANDIN, REAL, TWIN) and cause.reason in _OF_NETWORKS:
        cause = Cause(cause.code, cause.reason, _OTHERS)
    if state == NOT_PROVED:
        # no GPU was there to ask, so what onnxruntime said of it is no answer
        checks = [replace(check, ok=None) if check.name == "gpu session" else check for check in checks]
    checks = [_with_cause(check, values) for check in checks]
    return Verdict(
        state=state,
        reason=cause.reason + (_TWIN_SAYS if weights == TWIN and state in _PROVED else ""),
        code=cause.code,
        fix=cause.fix,
        checks=tuple(checks),
        provider=str(values.get("provider") or ""),
        people=people,
        detected=detected if isinstance(detected, int) else 0,
        first_ms=_milliseconds(values.get("first_ms"), device),
        latency_ms=_milliseconds(values.get("latency_ms"), device),
        network_ms=_milliseconds(values.get("network_ms"), device),
        cpu_ms=_milliseconds(values.get("cpu_ms"), "cpu"),
        gpu_memory_bytes=_memory(values.get("gpu memory")),
        gpu_free_bytes=_bytes(
            values.get("bytes free"), "NVML, after the run", "NVML did not tell the free memory"
        ),
        person_bytes=_bytes(
            values.get("bytes for a further person"),
            "NVML, before and after several people at once",
            "the memory of several people at once was not told",
        ),
        nodes_on_gpu=_share(values.get("placement"), "nodes_on_gpu"),
        time_on_gpu=_share(values.get("placement"), "time_on_gpu"),
        weights=weights,
    )


def _decide(checks: Sequence[Check], values: Mapping[str, Any], device: str) -> tuple[str, Cause]:
    failed = [check for check in checks if check.ok is False]
    absent, way_out = no_gpu_here(values) if device == "gpu" else ("", "")
    if absent and _opens(checks, values) and all(check.name == "gpu session" for check in failed):
        reason = f"{absent}; the environment runs DWPose on the CPU, and its CUDA provider lacks nothing that shows without a driver"
        code = "driver_missing"
        return NOT_PROVED, Cause(code, reason, way_out)
    if failed:
        return FAILED, _cause(failed[0], "\n".join(check.text for check in failed), values)
    answered = {check.name for check in checks if check.ok is True}
    needed = _NEEDED[device] + (TORCH_NEEDED if values.get("torch is here") is True else ())
    open_questions = [name for name in needed if name not in answered]
    if open_questions:
        return NOT_PROVED, Cause("", f"nothing failed, but not answered: {', '.join(open_questions)}")
    if device == "gpu":
        return PROVED_ON_GPU, Cause("", "DWPose ran on the GPU, every convolution and product of it")
    return PROVED_ON_CPU, Cause("", "DWPose ran on the CPU")


def _cause(check: Check, text: str, values: Mapping[str, Any]) -> Cause:
    """Return the cause of a failed check, of which `text` is what was said."""
    if check.name in _NUMBERS and not says_memory(check.text):
        return _OTHERWISE[check.name]
    said = f"{check.name} failed: {said_by_cuda(check.text) or check.text.partition(chr(10))[0]}"
    if check.name == "providers" and "opened on the CPU alone" in check.text:
        return _LIES
    if check.name == "models":
        otherwise = Cause(
            "corrupt_model_file", f"onnxruntime can't run the networks: {_told(check)}", _OTHERS
        )
    else:
        otherwise = _OTHERWISE.get(check.name, Cause("package_broken", said, REBUILD))
    failure = said_by_cuda(text)
    if otherwise is _FALLBACK and failure:
        otherwise = Cause(
            otherwise.code, f"onnxruntime runs the networks on the CPU: {failure}", otherwise.fix
        )
    return cause_of(text, values, otherwise)


def _told(check: Check) -> str:
    """Return what is told of a network, without what onnxruntime writes before it on every one."""
    first = check.text.partition("\n")[0]
    return first.rpartition(" failed:")[2][:_LONGEST]


def _with_cause(check: Check, values: Mapping[str, Any]) -> Check:
    if check.ok is not False:
        return check
    cause = _cause(check, check.text, values)
    return replace(check, code=cause.code, fix=cause.fix)


def _opens(checks: Sequence[Check], values: Mapping[str, Any]) -> bool:
    """Whether the CUDA provider can be opened, as far as that shows without a driver."""
    if any(check.name == "gpu libraries" and check.ok is True for check in checks):
        return True
    return sonames(values) == {"libcuda.so.1"}


def _people(value: Any) -> tuple[Person, ...]:
    try:
        return truth.people_from(value or ())
    except (KeyError, TypeError, ValueError):
        return ()


def _milliseconds(value: Any, device: str) -> Reading[float]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Known(float(value), f"measured on the {device}, with onnxruntime's defaults")
    return Unknown(("the networks were not timed",))


def _share(value: Any, name: str) -> Reading[float]:
    share = value.get(name) if isinstance(value, Mapping) else None
    if isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= 1:
        return Known(float(share), "onnxruntime's profile")
    return Unknown(("no profile of a run on a GPU",))


def _bytes(value: Any, found_via: str, otherwise: str) -> Reading[int]:
    return Known(whole(value), found_via) if whole(value) else Unknown((otherwise,))


def _memory(value: Any) -> Reading[int]:
    if isinstance(value, Mapping):
        if isinstance(value.get("value"), int):
            return Known(value["value"], str(value.get("found_via", "")))
        tried = value.get("tried")
        if isinstance(tried, list):
            return Unknown(tuple(map(str, tried)))
    return Unknown(("nothing ran on a GPU",))
