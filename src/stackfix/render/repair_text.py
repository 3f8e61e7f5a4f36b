"""A repair, as lines for people, as JSON, and as the constraints that keep it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stackfix.model.environment import Environment
from stackfix.model.repair import Put, Repair, TakenOut
from stackfix.render.units import size

_HELD = ("torch", "torchvision", "torchaudio", "onnxruntime-gpu", "onnxruntime", "numpy")


def repair_lines(repair: Repair) -> Iterator[str]:
    """Yield what changes and why, what stays, and what it costs."""
    if repair.conflict:
        yield "it can't stay as it is:"
        yield from (f"  {fact.text}  [{fact.source}]" for fact in repair.conflict)
    for step in repair.steps:
        yield _step(step)
    yield from (f"  remove   the folder {folder}, which no package owns" for folder in repair.leftovers)
    yield from (f"  remove   the file {path}, which no package brought" for path in repair.strays)
    if repair.hook:
        yield "  hook     the import hook that loads the CUDA libraries before onnxruntime"
    if not repair.changes:
        yield "nothing has to be changed"
    if repair.kept:
        yield f"stays    {', '.join(repair.kept)}"
    if repair.download_bytes:
        yield f"download {size(repair.download_bytes)}"
    yield from (f"note     {line}" for line in repair.strained)


def _step(step: Put | TakenOut) -> str:
    if isinstance(step, TakenOut):
        return f"  remove   {step.name} {step.version}   ({step.why})"
    pin = step.pin
    weight = f", {size(pin.file.size)}"
    reason = f"   ({step.why[0]}{weight})" if step.why else f"   ({weight.removeprefix(', ')})"
    if step.again:
        return f"  again    {pin.name} {pin.version}{reason}"
    if step.before:
        return f"  replace  {pin.name} {step.before} -> {pin.version}{reason}"
    return f"  install  {pin.name} {pin.version}{reason}"


def repair_document(repair: Repair) -> dict[str, Any]:
    """Return a repair as JSON."""
    return {
        "plan": [_step_document(step) for step in repair.steps],
        "hook": repair.hook,
        "leftovers": list(repair.leftovers),
        "strays": list(repair.strays),
        "keep": list(repair.kept),
        "bytes": repair.download_bytes,
        "conflict": [{"text": fact.text, "source": str(fact.source)} for fact in repair.conflict],
        "notes": list(repair.strained),
    }


def _step_document(step: Put | TakenOut) -> dict[str, Any]:
    if isinstance(step, TakenOut):
        return {
            "action": "remove",
            "name": step.name,
            "from": step.version,
            "to": "",
            "bytes": 0,
            "because": [step.why],
        }
    action = "reinstall" if step.again else "replace" if step.before else "install"
    return {
        "action": action,
        "name": step.pin.name,
        "from": step.before,
        "to": step.pin.version,
        "bytes": step.pin.file.size,
        "because": list(step.why),
    }  # fmt: skip


def constraint_lines(environment: Environment, repair: Repair, *, gpu: bool) -> Iterator[str]:
    """Yield constraints, one a line, that keep later installs from changing what the GPU stack is made of."""
    packages = dict(environment.packages)
    for step in repair.steps:
        if isinstance(step, TakenOut):
            packages.pop(step.name, None)
        else:
            packages[step.pin.name] = step.pin.version
    yield "# Written by `stackfix fix`: with these, an install of other packages cannot change the GPU stack."
    yield "# pip install -c THIS_FILE ..., uv pip install -c THIS_FILE ..., or PIP_CONSTRAINT=THIS_FILE"
    for name in sorted(packages):
        if name in _HELD or name.startswith(("nvidia-", "opencv-", "cuda-toolkit", "triton")):
            yield f"{name}=={packages[name].partition('+')[0]}"
    if gpu and "onnxruntime" not in packages and "onnxruntime-gpu" in packages:
        yield "# onnxruntime (the CPU build) would overwrite onnxruntime-gpu; nothing may bring it in:"
        yield "onnxruntime<0"
