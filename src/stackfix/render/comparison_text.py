"""Trials side by side for people, and the recommended providers as code to paste."""

from __future__ import annotations

from typing import Any

from stackfix.model.evidence import Known
from stackfix.model.trial import Comparison, Trial
from stackfix.render.units import size

# of what was free; a tenth is left to other programs and to what is no arena: context, cuDNN, cuBLAS. The limit is one
# of a session's own arena (onnxruntime makes its allocators for each provider of each session), and DWPose has two
_SHARE = 0.9 / 2
_BUSY = "this machine is too busy just now to tell options apart"


def comparison_lines(found: Comparison) -> list[str]:
    """Return what was timed, and one line a trial: median and first milliseconds, memory, or why it failed."""
    width = max(len(trial.name) for trial in found.trials)
    lines = [
        f"{_networks(found)} on the {found.device.upper()}, opened in several ways",
        f"{'options':{width}}  {'median':>10}  {'first':>10}  memory",
    ]
    for trial in found.trials:
        if trial.failed:
            lines.append(f"{trial.name:{width}}  failed: {trial.failed.splitlines()[0]}")
            continue
        times = [
            f"{each.value:.1f} ms" if isinstance(each, Known) else "?"
            for each in (trial.latency_ms, trial.first_ms)
        ]
        memory = size(trial.memory_bytes.value) if isinstance(trial.memory_bytes, Known) else "not known"
        lines.append(f"{trial.name:{width}}  {times[0]:>10}  {times[1]:>10}  {memory}")
    if not found.steady and isinstance(found.again, Known):
        lines.append(f"{'defaults again':{width}}  {found.again.value:.1f} ms: {_BUSY}")
    return lines


def provider_list(found: Comparison) -> list[Any]:
    """Return the providers that the trials recommend, as onnxruntime takes them; empty if none ran."""
    best = found.best
    if best is None:
        return []
    if found.device != "gpu":
        return ["CPUExecutionProvider"]
    options: dict[str, Any] = dict(best.provider_options)
    if isinstance(found.free_bytes, Known):
        options["gpu_mem_limit"] = int(found.free_bytes.value * _SHARE)
    if best.provider and best.provider != "CUDAExecutionProvider":
        limit = {"gpu_mem_limit": options.pop("gpu_mem_limit")} if "gpu_mem_limit" in options else {}
        before = [_with(best.provider, options)]
        return [*before, _with("CUDAExecutionProvider", limit), "CPUExecutionProvider"]
    return [_with("CUDAExecutionProvider", options), "CPUExecutionProvider"]


def _with(provider: str, options: dict[str, Any]) -> Any:
    return (provider, options) if options else provider


def provider_lines(found: Comparison) -> list[str]:
    """Return Python to paste that opens a session as the trials recommend, and why."""
    best = found.best
    if best is None:
        return ["no trial ran, so nothing can be recommended"]
    lines = [
        f"# measured here with {_networks(found)}: {_found(found, best)}",
        *_loading(best),
        "import onnxruntime",
        "",
        "options = onnxruntime.SessionOptions()",
        *(f"options.{name} = {value!r}" for name, value in _settings(best)),
        f"providers = {provider_list(found)!r}",
        'session = onnxruntime.InferenceSession("yolox_l.onnx", sess_options=options, providers=providers)',
    ]
    if not found.steady:
        lines.insert(1, f"# {_BUSY}")
    if isinstance(found.free_bytes, Known) and found.device == "gpu":
        lines.insert(
            1,
            f"# gpu_mem_limit: for each of the two sessions half of nine tenths of the {size(found.free_bytes.value)} that were free",
        )
    return lines


def _networks(found: Comparison) -> str:
    return "the full-size twins" if found.weights == "twin" else f"the networks of {found.weights}"


def _found(found: Comparison, best: Trial) -> str:
    """Return what the trials found, in one line."""
    plain = f"onnxruntime's defaults ({_measured(found.trials[0])})"
    if best is not found.trials[0]:
        return f"{best.name} ({_measured(best)}), against {plain}"
    return f"{plain}; nothing that was tried is faster by a tenth" if found.steady else plain


def _loading(trial: Trial) -> list[str]:
    """Return the lines that load what onnxruntime would look for by name alone, and not find."""
    if not trial.loads:
        return []
    paths = [f"    {path!r}," for path in trial.loads]
    return [
        "import ctypes",
        "",
        "for path in (",
        *paths,
        "):",
        "    ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)",
        "",
    ]


def _settings(trial: Trial) -> list[tuple[str, Any]]:
    return [
        (name, bool(value) if name.startswith("enable_") else value) for name, value in trial.settings.items()
    ]


def _measured(trial: Trial) -> str:
    return f"{trial.latency_ms.value:.1f} ms" if isinstance(trial.latency_ms, Known) else "not measured"


def comparison_document(found: Comparison) -> dict[str, Any]:
    """Return the trials and the recommended providers as JSON; what is not known is null."""
    return {
        "options": [
            {
                "name": trial.name,
                "provider": trial.provider or None,
                "provider_options": dict(trial.provider_options),
                "settings": dict(trial.settings),
                "failed": trial.failed or None,
                "first_ms": trial.first_ms.value if isinstance(trial.first_ms, Known) else None,
                "latency_ms": trial.latency_ms.value if isinstance(trial.latency_ms, Known) else None,
                "memory_bytes": trial.memory_bytes.value if isinstance(trial.memory_bytes, Known) else None,
            }
            for trial in found.trials
        ],
        "steady": found.steady,
        "providers": [list(each) if isinstance(each, tuple) else each for each in provider_list(found)],
    }
