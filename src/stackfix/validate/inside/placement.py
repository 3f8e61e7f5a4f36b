"""Where each node ran, from onnxruntime's own profile: every convolution and product on the GPU, or not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
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
    """Return the nodes of one profile: operator, provider, bytes of the answer and microseconds."""
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
                    "microseconds": float(event["dur"])
                    if isinstance(event.get("dur"), (int, float))
                    else 0.0,
                }
            )
    return nodes


def account(nodes: Iterable[dict[str, Any]], on: Sequence[str] = (CUDA,)) -> dict[str, Any]:
    """Return the share of nodes and of time on the GPU, and each operator that ran elsewhere with why it may.

    The profile has the host's clock: a call of a node on CUDA returns when its work is queued (KernelScope in
    onnxruntime/core/framework/sequential_executor.cc), so nodes on the CPU weigh more here than the GPU's own time tells.
    """
    everywhere = list(nodes)
    on_gpu = [node for node in everywhere if node["provider"] in on]
    took = sum(node.get("microseconds", 0.0) for node in everywhere)
    elsewhere: dict[str, dict[str, Any]] = {}
    for node in everywhere:
        if node["provider"] not in on:
            row = elsewhere.setdefault(
                node["operator"],
                {"nodes": 0, "microseconds": 0.0, "why": _why(node["operator"], node["bytes"])},
            )
            row["nodes"] += 1
            row["microseconds"] += node.get("microseconds", 0.0)
    return {
        "nodes": len(everywhere),
        "nodes_on_gpu": len(on_gpu) / len(everywhere) if everywhere else None,
        "time_on_gpu": sum(node.get("microseconds", 0.0) for node in on_gpu) / took if took else None,
        "elsewhere": elsewhere,
    }


def _why(operator: str, size: int) -> str:
    if operator in _SHAPE_OPERATORS and size <= _SHAPE_BYTES:
        return "arithmetic on shapes, which onnxruntime keeps on the CPU on purpose"
    return "onnxruntime placed it there: its CUDA provider has no kernel for it, or fell back"


def judge(nodes: Iterable[dict[str, Any]], on: Sequence[str] = (CUDA,)) -> Placement:
    """Return whether all heavy nodes ran on these providers, and only shape arithmetic elsewhere.

    Another provider of the GPU than CUDA fuses a part of a network into one node: that is heavy whatever its name.
    """
    nodes = list(nodes)
    heavy_there: Counter[str] = Counter()
    shapes: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for node in nodes:
        operator, provider = node["operator"], node["provider"]
        if provider in on:
            if provider != CUDA:
                heavy_there["fused parts"] += 1
            elif is_heavy(operator):
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
    return Placement(
        ok=True, text=f"on {' and '.join(on)}: {_counted(heavy_there)}{elsewhere}{_shares(nodes, on)}"
    )


def _shares(nodes: Iterable[dict[str, Any]], on: Sequence[str]) -> str:
    counted = account(nodes, on)
    if counted["nodes_on_gpu"] is None:
        return ""
    took = counted["time_on_gpu"]
    timed = "" if took is None else f" and {took:.1%} of the time spent calling them"
    return f"; {counted['nodes_on_gpu']:.1%} of {counted['nodes']} nodes{timed} on the GPU"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
