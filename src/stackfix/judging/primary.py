"""Which finding is the cause, and which only follow from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from stackfix.judging.one_fix import is_part
from stackfix.judging.runtime import RULE as NO_RUNTIME
from stackfix.model.report import Finding

# What breaks everything after it comes first: a broken environment, packages that overwrote each other, builds that
# do not belong together, then what is only absent, then the machine's side, then what would do harm later.
_ORDER = (
    "broken_environment",
    "copied_environment",
    "wrong_python_environment",
    "both_ort_packages",
    "ort_cpu_only",
    "torch_cpu_build",
    "import_crashes",
    "import_hangs",
    "driver_missing",
    "driver_803_combination",
    "driver_forward_compat",
    "nvml_mismatch",
    "driver_broken_state",
    "container_without_gpu",
    "driver_too_old",
    "driver_too_new",
    "gpu_arch_not_in_build",
    "cudnn_arch_dropped",
    "torch_torchvision_mismatch",
    "cudnn_major_mismatch",
    "cuda_major_mismatch",
    "missing_wheel",
    "gutted_package",
    "duplicate_metadata",
    "opencv_conflict",
    "cuda_runtime_missing",
    "cudnn_missing",
    "nvrtc_missing",
    "tensorrt_missing",
    "library_missing",
    "import_fails",
    "mixed_toolkit",
    "shadowed_libraries",
    "numpy2_abi",
    "python_protobuf",
    "python_ml_dtypes",
    "corrupt_model_file",
    "model_ir_or_opset",
    "import_order_preload",
    "package_collision",
    "requirement_unmet",
)  # fmt: skip

_RULES = ("collisions", "one CUDA", "shipped together", "abi", "linkage")

# What a cause brings with it in the same packages.
_BRINGS = {
    "both_ort_packages": {"import_fails", "import_crashes", "library_missing", "both_ort_packages", "gutted_package", "ort_cpu_only", "cuda_runtime_missing", "cudnn_missing", "cuda_major_mismatch", "import_order_preload"},
    "cuda_major_mismatch": {"import_fails", "import_crashes", "cuda_runtime_missing", "cudnn_missing", "cudnn_major_mismatch", "cuda_major_mismatch", "requirement_unmet", "mixed_toolkit", "gutted_package", "nvrtc_missing", "package_collision", "torch_torchvision_mismatch"},
    "cudnn_major_mismatch": {"import_fails", "import_crashes", "cudnn_missing", "requirement_unmet", "cudnn_major_mismatch"},
    "torch_torchvision_mismatch": {"import_fails", "import_crashes", "requirement_unmet", "torch_torchvision_mismatch", "cuda_major_mismatch"},
    "gutted_package": {"import_fails", "import_crashes", "cuda_runtime_missing", "cudnn_missing", "nvrtc_missing", "library_missing", "requirement_unmet", "cudnn_major_mismatch", "mixed_toolkit"},
    "opencv_conflict": {"import_fails", "import_crashes", "opencv_conflict", "numpy2_abi", "gutted_package", "package_collision", "library_missing"},
    "cuda_runtime_missing": {"import_fails", "import_crashes", "requirement_unmet", "cuda_runtime_missing", "nvrtc_missing"},
    "cudnn_missing": {"import_fails", "import_crashes", "requirement_unmet"},
    "torch_cpu_build": {"cuda_runtime_missing", "library_missing", "cudnn_missing", "torch_torchvision_mismatch", "nvrtc_missing", "import_order_preload"},
    "numpy2_abi": {"import_fails", "import_crashes", "numpy2_abi", "requirement_unmet"},
    "mixed_toolkit": {"import_fails", "import_crashes", "mixed_toolkit", "requirement_unmet", "gutted_package"},
    "driver_too_old": {"gpu_arch_not_in_build"},
}  # fmt: skip


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings with the cause first, its consequences after it and marked so, and what stands for itself."""
    ranked = sorted(findings, key=_rank)
    if not ranked or ranked[0].severity != "error":
        return tuple(ranked)
    primary, rest = ranked[0], list(ranked[1:])
    brings = _BRINGS.get(primary.code, set())
    about, following = set(primary.about), []
    while True:  # what concerns a package that a consequence concerns is a consequence too
        more = [one for one in rest if one.code in brings and (not one.about or about & set(one.about))]
        if not more:
            break
        following += more
        rest = [one for one in rest if one not in more]
        about |= {name for one in more for name in one.about}
    marked = [replace(one, follows=primary.code) for one in sorted(following, key=_rank)]
    return (primary, *marked, *_beside_their_causes(rest))


def _beside_their_causes(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield findings, after each collision what it did to the files of its packages."""
    collisions = [one for one in findings if one.rule == "collisions" and len(one.about) > 1]
    by = {
        id(one): cause
        for cause in collisions
        for one in findings
        if one is not cause and one.code == cause.code and is_part(one, cause.about)
    }
    for one in findings:
        if id(one) not in by:
            yield one
            yield from (replace(part, follows=one.code) for part in findings if by.get(id(part)) is one)


def _rank(finding: Finding) -> tuple[bool, bool, int, int, int, str]:
    """Return the place of a finding: errors, by code, then what concerns several packages and says why at once.

    That nothing runs a model here is the cause only where nothing else is wrong.
    """
    place = _ORDER.index(finding.code) if finding.code in _ORDER else len(_ORDER)
    rule = _RULES.index(finding.rule) if finding.rule in _RULES else len(_RULES)
    return (
        finding.severity != "error",
        finding.rule == NO_RUNTIME,
        place,
        rule,
        -len(finding.about),
        finding.text,
    )
