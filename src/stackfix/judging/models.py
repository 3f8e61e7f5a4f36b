"""Model files beside an environment: whether its onnxruntime reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.version import Version

from stackfix.errors import MeasureError
from stackfix.judging import remedy
from stackfix.measure.onnx_format import OnnxFormat, onnx_format
from stackfix.measure.reader import held as opened
from stackfix.model.environment import Environment
from stackfix.model.report import Finding
from stackfix.model.wheel import Wheel
from stackfix.rules.installed import Held, judge
from stackfix.rules.metadata import file_for
from stackfix.rules.scene import Scene

_AGAIN = "download it again, and compare its sha256: `stackfix models list` knows DWPose's"


def model_findings(
    files: Sequence[Path], held: Sequence[Held], environment: Environment, scene: Scene
) -> Iterator[Finding | str]:
    """Yield a finding for each file that is no whole model or is newer than the runtime; a sentence for a good one."""
    runtime = next((each.wheel for each in held if each.wheel.package.startswith("onnxruntime")), None)
    for file in files:
        try:
            with opened(str(file)) as reader:
                found = onnx_format(reader)
        except (MeasureError, OSError) as error:
            text = str(error) if isinstance(error, MeasureError) else f"{file}: {error.strerror or error}"
            yield Finding(
                code="corrupt_model_file",
                severity="error",
                text=text,
                because=(f"{file} [read: its first and top-level bytes]",),
                consequence="onnxruntime refuses it; DWPose hides that behind 'NoneType' object has no attribute",
                fix=_AGAIN,
                rule="model format",
            )
            continue
        newer = list(_newer(found, runtime)) if runtime is not None else []
        if newer and runtime is not None:
            fix = _reading(found, runtime, held, environment, scene)
            for word, asked, ceiling in newer:
                yield _too_new(file, word, asked, ceiling, runtime, fix)
        if not newer:
            opset = found.opsets.get("", 0)
            checked = (
                f"which {runtime.package} {runtime.key} reads"
                if runtime is not None and runtime.onnx_opset
                else "held against no runtime"
            )
            yield f"{file} is a whole model, IR {found.ir}, opset {opset}, {checked}"  # fmt: skip


def _newer(found: OnnxFormat, runtime: Wheel) -> Iterator[tuple[str, int, int]]:
    if runtime.onnx_ir and found.ir > runtime.onnx_ir:
        yield "IR version", found.ir, runtime.onnx_ir
    opset = found.opsets.get("", 0)
    if runtime.onnx_opset and opset > runtime.onnx_opset:
        yield "opset", opset, runtime.onnx_opset


def _reading(
    found: OnnxFormat, runtime: Wheel, held: Sequence[Held], environment: Environment, scene: Scene
) -> str:
    """Return the command for the newest release that reads a model and goes with the rest; without one, what else to do."""
    others = [each for each in held if each.wheel.package != runtime.package]
    before = len(judge(others, scene).breaches)
    for key, rows in scene.releases(runtime.package).items():
        reads = [row for row in rows if row.onnx_ir and not list(_newer(found, row))]
        if reads and Version(key) > Version(runtime.key):
            candidate = Held(*file_for(rows, scene))
            if len(judge([*others, candidate], scene).breaches) <= before:
                return remedy.install(environment, [f"{runtime.package}=={key}"])
    return (
        f"export the model again, for IR {runtime.onnx_ir} and opset {runtime.onnx_opset} or older: no release of "
        f"{runtime.package} that goes with the rest reads it"
    )


def _too_new(file: Path, word: str, asked: int, ceiling: int, runtime: Wheel, fix: str) -> Finding:
    name = f"{runtime.package} {runtime.key}"
    return Finding(
        code="model_ir_or_opset",
        severity="error",
        text=f"{file} is ONNX {word} {asked}, and {name} reads up to {ceiling}",
        because=(
            f"{file} is {word} {asked} [read: the file]",
            f"{name} reads {word} up to {ceiling} [{runtime.evidence}]",
        ),
        consequence="onnxruntime refuses it; DWPose hides that behind 'NoneType' object has no attribute",
        fix=fix,
        rule="model format",
        about=(runtime.package,),
    )
