"""Options of a session side by side, each in a child of its own: time and memory by measurement."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from stackfix.model.evidence import Known, Reading, Unknown
from stackfix.model.trial import Comparison, Trial
from stackfix.validate.child import Answer, Heard, ask
from stackfix.validate.journal import Journal
from stackfix.validate.memory import records
from stackfix.validate.scratch import scratch, sweep
from stackfix.validate.tensorrt import TensorRT
from stackfix.validate.weights import TWIN, Weights

TENSORRT = "TensorrtExecutionProvider"
# https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html, each beside the defaults
GPU_TRIALS = (
    Trial(name="defaults"),
    Trial(name="heuristic search", provider_options={"cudnn_conv_algo_search": "HEURISTIC"}),
    Trial(name="no search", provider_options={"cudnn_conv_algo_search": "DEFAULT"}),
    Trial(name="arena as asked", provider_options={"arena_extend_strategy": "kSameAsRequested"}),
    Trial(name="small workspace", provider_options={"cudnn_conv_use_max_workspace": "0"}),
    Trial(name="channels last", provider_options={"prefer_nhwc": "1"}),
    Trial(name="TF32 off", provider_options={"use_tf32": "0"}),
)
CPU_TRIALS = (
    Trial(name="defaults"),
    Trial(name="one thread", settings={"intra_op_num_threads": 1}),
    Trial(name="no arena", settings={"enable_cpu_mem_arena": 0}),
)


def compare(
    python: Path,
    *,
    device: str,
    weights: Weights,
    timeout: float = 600.0,
    repeats: int = 5,
    environment: Mapping[str, str] | None = None,
    tensorrt: TensorRT | None = None,
    heard: Heard | None = None,
) -> Comparison:
    """Return what each trial cost; one that fails or dies says so and does not end the others.

    TensorRT is a trial only where its libraries are in the environment. `heard` is told again and again what is done.
    """
    variables = dict(os.environ if environment is None else environment)
    python = python.absolute()
    done: list[Trial] = []
    free: Reading[int] = Unknown(("no GPU was asked",))
    sweep()
    with scratch() as own:
        twins = own if weights.name == TWIN else Path()
        request: dict[str, Any] = {
            "detector": str((twins / weights.detector).absolute()),
            "pose": str((twins / weights.pose).absolute()),
            "image": str(weights.scene.resolve()),
            "device": device,
            "repeats": repeats,
        }
        trials = GPU_TRIALS if device == "gpu" else CPU_TRIALS
        if device == "gpu" and tensorrt is not None and tensorrt.paths:
            trials = (*trials, Trial(name="TensorRT", provider=TENSORRT, loads=tensorrt.paths))
        rounds = (*trials, trials[0])
        for number, trial in enumerate(rounds, 1):

            def named_stage(stage: str, before: str = f"{number} of {len(rounds)}, {trial.name}") -> None:
                if heard is not None:
                    heard(f"{before}: {stage}")

            named = {
                "provider": trial.provider,
                "provider_options": dict(trial.provider_options),
                "settings": dict(trial.settings),
                "loads": list(trial.loads),
            }
            # the first child writes the twins, the others find them
            twin = str(own) if weights.name == TWIN and not (twins / weights.pose).is_file() else ""
            answer = ask(
                python,
                {**request, "trial": trial.name, **named, "twin_folder": twin},
                variables,
                timeout,
                named_stage,
            )
            done.append(_measured(trial, answer))
            if isinstance(free, Unknown):
                free = _free(answer.journal)
    *measured, again = done
    return Comparison(
        device=device,
        weights=weights.name,
        trials=tuple(measured),
        free_bytes=free,
        again=again.latency_ms,
    )


def _measured(trial: Trial, answer: Answer) -> Trial:
    journal = answer.journal
    failed = next((check.text for check in journal.checks if check.ok is False), "")
    if not answer.whole:
        how = answer.ended or "it wrote no complete answer"
        failed = failed or f"while it was to {journal.stage}: {how}\n{answer.printed}".strip()
    if failed:
        return replace(trial, failed=failed)
    return replace(
        trial,
        first_ms=_number(journal, "first_ms"),
        latency_ms=_number(journal, "latency_ms"),
        memory_bytes=_memory(journal.values.get("memory")),
    )


def _number(journal: Journal, name: str) -> Reading[float]:
    value = journal.values.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Known(float(value), "measured")
    return Unknown((f"the trial did not tell {name}",))


def _memory(value: Any) -> Reading[int]:
    if isinstance(value, Mapping) and isinstance(value.get("value"), int):
        return Known(value["value"], str(value.get("found_via", "")))
    tried = value.get("tried") if isinstance(value, Mapping) else None
    return Unknown(
        tuple(map(str, tried)) if isinstance(tried, list) else ("the trial did not tell its memory",)
    )


def _free(journal: Journal) -> Reading[int]:
    for each in records(journal.values.get("gpu state")):
        if each.get("first") is True and isinstance(each.get("free"), int):
            return Known(each["free"], "NVML, before the trial")
    return Unknown(("NVML did not tell the free memory",))
