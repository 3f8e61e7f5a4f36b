"""Where each node ran, from onnxruntime's own profile: every convolution and product on the GPU, or not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from .sessions import CUDA

_HEAVY = ("Conv", "MatMul", "Gemm", "Attention")
# what onnxruntime puts on the CPU on purpose, for its answer is a shape and is needed there
_SHAPE_OPERATORS = frozenset((
    "Shape", "Size", "Gather", "Concat", "Unsqueeze", "Squeeze", "Slice", "Cast", "Reshape",
    "Constant", "ConstantOfShape", "Range", "Add", "Sub", "Mul", "Div", "Floor", "Ceil", "Equal",
    "Where", "Expand", "Identity", "Flatten", "Split", "Transpose", "Min", "Max", "Mod", "Neg",
    "ReduceProd",
))  # fmt: skip
_SHAPE_BYTES = 4096


class Placement(NamedTuple):
    """Whether the proof holds (None: the profile says nothing), and what was counted."""

    ok: bool | None
    text: str


def is_heavy(operator: str) -> bool:
    """Whether an operator, fused or not, is a convolution or a matrix product."""
    return any(word in operator for word in _HEAVY)


def read_events(path: str) -> list[dict[str, Any]]:
    """Return the nodes of one profile: operator, provider and bytes of the answer."""
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    try:
        events = json.loads(text)
    except ValueError:
        # older releases end the list with a comma
        events = json.loads(text.rstrip("], \t\r\n") + "]")
    nodes = []
    for event in events:
        arguments = event.get("args") or {}
        if event.get("cat") == "Node" and arguments.get("provider"):
            nodes.append(
                {
                    "operator": str(arguments.get("op_name", "")),
                    "provider": str(arguments["provider"]),
                    "bytes": int(arguments["output_size"])
                    if str(arguments.get("output_size", "")).isdigit()
                    else -1,
                }
            )
    return nodes


def judge(nodes: Iterable[dict[str, Any]]) -> Placement:
    """Return whether all heavy nodes ran on the GPU, and only shape arithmetic elsewhere."""
    heavy_there: Counter[str] = Counter()
    shapes: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for node in nodes:
        operator, provider = node["operator"], node["provider"]
        if provider == CUDA:
            if is_heavy(operator):
                heavy_there[operator] += 1
        elif operator in _SHAPE_OPERATORS and node["bytes"] <= _SHAPE_BYTES:
            shapes[operator] += 1
        else:
            wrong[f"{operator} on {provider}"] += 1
    if wrong:
        return Placement(ok=False, text=f"not on the GPU: {_counted(wrong)}")
    if not heavy_there:
        return Placement(ok=None, text="the profile names no convolution and no matrix product")
    elsewhere = f"; elsewhere only shapes: {_counted(shapes)}" if shapes else "; nothing elsewhere"
    return Placement(ok=True, text=f"on {CUDA}: {_counted(heavy_there)}{elsewhere}")


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
