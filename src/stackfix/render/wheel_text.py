"""A row of the database, as lines for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stackfix.model.wheel import Wheel
from stackfix.render.units import size
from stackfix.rules.architectures import architectures


def wheel_lines(wheel: Wheel) -> Iterator[str]:
    """Yield all that is known of one release on one platform."""
    yield f"{wheel.package} {wheel.version}  {wheel.platform}, {wheel.source}  [{wheel.evidence}]"
    for feature in sorted(wheel.needs):
        yield f"  needs{_of(feature)}: {' '.join(sorted(wheel.needs[feature]))}"
    for feature in sorted(wheel.opens):
        yield f"  opens{_of(feature)}: {' '.join(sorted(wheel.opens[feature]))}"
    if wheel.provides:
        yield f"  provides: {' '.join(sorted(wheel.provides))}"
    if wheel.cuda or wheel.cuda_major:
        yield f"  CUDA: {' '.join(str(minor) for minor in wheel.cuda) or wheel.cuda_major}"
    for code in wheel.code:
        yield f"  device code ({code.count} containers): {architectures([code])}"
    if wheel.numpy_abi:
        yield f"  numpy: {' or '.join(str(major) for major in sorted(wheel.numpy_abi))}"
    if wheel.onnx_opset or wheel.onnx_ir:
        yield f"  ONNX: opset {wheel.onnx_opset}, IR {wheel.onnx_ir}"
    yield from (f"  a document disagrees: {text}" for text in wheel.disagrees)
    yield from (f"  requires: {requirement}" for requirement in wheel.requires_dist)
    yield from (f"  file: {file.name}  {size(file.size)}  sha256 {file.sha256}" for file in wheel.files)


def _of(feature: str) -> str:
    return f" ({feature})" if feature else ""


def wheel_document(wheel: Wheel) -> dict[str, Any]:
    """Return a row as JSON."""
    return {
        "package": wheel.package,
        "version": str(wheel.version),
        "platform": wheel.platform,
        "source": wheel.source,
        "evidence": str(wheel.evidence),
        "needs": {feature: sorted(names) for feature, names in wheel.needs.items()},
        "opens": {feature: sorted(names) for feature, names in wheel.opens.items()},
        "provides": dict(wheel.provides),
        "cuda": [str(minor) for minor in wheel.cuda],
        "cuda_major": wheel.cuda_major or None,
        "cubins": sorted({name for code in wheel.code for name in code.cubins}),
        "ptx": sorted({name for code in wheel.code for name in code.ptx}),
        "device_code": [
            {
                "cubins": sorted(code.cubins),
                "ptx": {name: str(cuda) if cuda else None for name, cuda in code.ptx.items()},
                "count": code.count,
            }
            for code in wheel.code
        ],
        "owns": sorted(wheel.owns),
        "numpy_abi": sorted(wheel.numpy_abi),
        "onnx_opset": wheel.onnx_opset,
        "onnx_ir": wheel.onnx_ir,
        "disagrees": list(wheel.disagrees),
        "requires": list(wheel.requires_dist),
        "files": [
            {"name": file.name, "size": file.size, "sha256": file.sha256, "uploaded": file.uploaded}
            for file in wheel.files
        ],
    }
