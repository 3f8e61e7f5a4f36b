"""Blame: which link of the chain a finding, a failed check or a verdict's cause concerns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from stackfix.model.link import Why
from stackfix.model.report import Finding, Report
from stackfix.model.verdict import Check, Verdict

DRIVER, CUDA, CUDNN, TORCH, ONNXRUNTIME, MODEL = LINKS = (
    "driver",
    "CUDA",
    "cuDNN",
    "torch",
    "onnxruntime",
    "model",
)
ORDERS = ("torch then onnxruntime", "onnxruntime then torch")
_FAMILIES = {
    DRIVER: ("driver_", "nvml_", "container_without_gpu"),
    CUDA: ("cuda_", "nvrtc_", "mixed_toolkit"),
    CUDNN: ("cudnn_",),
    TORCH: ("torch_",),
    ONNXRUNTIME: ("both_ort_packages", "ort_", "dwpose_cpu_fallback", "import_order_preload", "tensorrt_missing", "torch_onnxruntime_order"),
    MODEL: ("corrupt_model_file", "model_", "wrong_numbers", "picture_unreadable", "gpu_memory", "opencv_conflict"),
}  # fmt: skip
CHECKS = {
    TORCH: ("torch", "torchscript", "torchscript boxes", "torchscript keypoints", *ORDERS),
    ONNXRUNTIME: ("import onnxruntime", "gpu session", "gpu libraries", "gpu run", "providers", "driver", "placement", "bound outputs", "several people", "own program", "tensorrt", *ORDERS),
    MODEL: ("import numpy", "import cv2", "picture", "twins", "models", "finite numbers", "finite gpu numbers", "numbers", "bound numbers", "own numbers", "people", "batches", "boxes", "keypoints"),
}  # fmt: skip
_CUDNN_LIBRARY = re.compile(r"\b(lib)?cudnn\w*[\d_.-]*\.(so|dll)")
_CUDA_LIBRARY = re.compile(
    r"\b(lib)?(cudart|cublas|cufft|curand|cusolver|cusparse|nvrtc|nvJitLink)\w*[\d_.-]*\.(so|dll)"
)
_BY_TEXT = (
    (CUDA, _CUDA_LIBRARY),
    (CUDNN, _CUDNN_LIBRARY),
    (TORCH, re.compile(r"\btorch\b")),
    (ONNXRUNTIME, re.compile(r"\bonnxruntime\b|\bnetworks? on the GPU")),
)


def of_code(code: str) -> set[str]:
    """Return the links that a cause code names."""
    return {link for link, stems in _FAMILIES.items() if code.startswith(stems)}


def of_finding(finding: Finding) -> set[str]:
    """Return the links that a finding concerns: by its code, and (but for the driver's) by its packages."""
    links = of_code(finding.code)
    if DRIVER in links:
        return links
    for package in finding.about:
        if package == "torch":
            links.add(TORCH)
        elif package == "onnxruntime" or package.startswith("onnxruntime-"):
            links.add(ONNXRUNTIME)
        elif package.startswith("nvidia-cudnn"):
            links.add(CUDNN)
        elif package.startswith(("nvidia-", "cuda-")):
            links.add(CUDA)
    return links


def of_check(check: Check) -> set[str]:
    """Return the links that a failed check concerns: whose check it is, and those that its cause names."""
    links = {link for link, names in CHECKS.items() if check.name in names} | of_code(check.code)
    if check.name in {"libraries", "run"}:
        links |= {link for link, pattern in _BY_TEXT if pattern.search(check.text)}
    return links


def broken(link: str, verdict: Verdict, report: Report) -> tuple[Why, ...]:
    """Return what breaks a link, what the doctor found first; each thing once."""
    found = [_why(one) for one in report.findings if one.severity == "error" and link in of_finding(one)]
    found += [
        Why(code=check.code, text=f"{check.name}: {_first(check.text)}", fix=check.fix)
        for check in verdict.checks
        if check.ok is False and link in of_check(check)
    ]
    if verdict.code and link in of_code(verdict.code) and verdict.code not in {each.code for each in found}:
        found.append(Why(code=verdict.code, text=verdict.reason, fix=verdict.fix))
    return tuple(_once(found))


def warned(link: str, report: Report) -> tuple[Why, ...]:
    """Return what may go wrong with a link."""
    return tuple(
        _why(one) for one in report.findings if one.severity == "warning" and link in of_finding(one)
    )


def _why(finding: Finding) -> Why:
    return Why(code=finding.code, text=finding.text, fix=finding.fix)


def _first(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"{lines[0]} …" if len(lines) > 1 else "".join(lines)


def _once(found: Iterable[Why]) -> Iterator[Why]:
    seen = set()
    for each in found:
        if (each.code, each.text) not in seen:
            seen.add((each.code, each.text))
            yield each
