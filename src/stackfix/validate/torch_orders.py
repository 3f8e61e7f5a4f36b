"""The checks of torch beside onnxruntime: two more children, one for each order of imports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stackfix.model.verdict import Check
from stackfix.validate import truth
from stackfix.validate.child import Answer
from stackfix.validate.journal import Journal
from stackfix.validate.weights import DETECTOR, POSE, STANDIN, TWIN, Weights

TORCHSCRIPT = "dw-ll_ucoco_384_bs5.torchscript.pt"
ORDERS = ("torch then onnxruntime", "onnxruntime then torch")
NEEDED = ("torch", *ORDERS)
Asked = Callable[[Mapping[str, Any]], Answer]


def beside_torch(asked: Asked, weights: Weights, device: str, journal: Journal) -> Journal:
    """Return the journal and after it what torch does alone, with onnxruntime in both orders, and as TorchScript.

    The networks are the stand-ins, whose answer is known; a TorchScript file beside the user's ONNX files is
    run too, and held against the ONNX one.
    """
    folder = weights.scene.parent.resolve()
    script = _script(weights)
    request: dict[str, Any] = {
        "detector": str(folder / DETECTOR),
        "pose": str(folder / POSE),
        "image": str(weights.scene.resolve()),
        "truth": str(folder / "truth.json"),
        "device": device,
    }
    if script is not None:
        real = {"real_detector": str(weights.detector.resolve()), "real_pose": str(weights.pose.resolve())}
        request.update(real, torchscript=str(script))
    checks: list[Check] = []
    missing: list[Any] = []
    for order in ORDERS:
        answer = asked({**request, "order": order})
        checks.extend(answer.journal.checks)
        missing.extend(answer.journal.values.get("missing") or ())
        if not answer.whole:
            how = answer.ended or "it wrote no complete answer"
            text = f"while it was to {answer.journal.stage}: {how}\n{answer.printed}".strip()
            checks.append(Check(name=order, ok=False, text=text))
            continue
        people = answer.journal.values.get("torchscript people")
        if people:
            checks.extend(_true(people, weights))
    values = {**journal.values, "missing": journal.values.get("missing") or missing}
    return replace(journal, checks=(*journal.checks, *checks), values=values)


def told_before(earlier: Sequence[Check], weights: Weights) -> tuple[Check, ...]:
    """Return what an earlier run told of torch, if these networks would have the very same asked; else nothing.

    Torch is asked with the stand-ins, but for a TorchScript file of the user's.
    """
    if _script(weights) is not None or not {*NEEDED} <= {check.name for check in earlier if check.ok is True}:
        return ()
    return tuple(check for check in earlier if check.name in NEEDED or check.name.startswith("torchscript"))


def _script(weights: Weights) -> Path | None:
    """Return the TorchScript file that lies beside the user's ONNX files, if there is one."""
    script = weights.pose.resolve().parent / TORCHSCRIPT
    return script if weights.name not in {STANDIN, TWIN} and script.is_file() else None


def _true(people: Any, weights: Weights) -> list[Check]:
    try:
        found = truth.people_from(people)
    except (KeyError, TypeError, ValueError):
        return [Check(name="torchscript", ok=False, text="what the worker wrote is no list of people")]
    truths = truth.read(weights.scene.parent / "truth.json")
    return [
        Check(name=f"torchscript {check.name}", ok=check.ok, text=check.text)
        for check in truth.compare(found, truths)
    ]
