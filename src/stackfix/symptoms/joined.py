"""A text and an environment together: what the environment shows wins over what a text may mean."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from msgspec.structs import replace

from stackfix.model.cause import Cause
from stackfix.model.report import Finding

_SEEN = 0.99
_LEFT_OPEN = re.compile(r"(stackfix (?:doctor|fix) --venv) DIR\b")
_ANSWERED = {
    # what a text shows -> what an environment can show as its cause
    "dwpose_cpu_fallback": None,
    "dwpose_get_providers_none": None,
    "windows_error_126": None,
    "cuda_runtime_missing": ("cuda_major_mismatch", "import_order_preload", "shadowed_libraries"),
    "cuda_major_mismatch": ("cuda_runtime_missing", "import_order_preload", "shadowed_libraries"),
    "cudnn_missing": (
        "cudnn_major_mismatch",
        "import_order_preload",
        "shadowed_libraries",
        "torch_cpu_build",
    ),
    "cudnn_major_mismatch": (
        "cudnn_missing",
        "import_order_preload",
        "shadowed_libraries",
        "torch_cpu_build",
    ),
    "ort_cpu_only": ("both_ort_packages", "gutted_package"),
    "both_ort_packages": ("ort_cpu_only", "gutted_package"),
    "gpu_arch_not_in_build": ("cudnn_arch_dropped",),
    "driver_missing": ("container_without_gpu", "wsl2", "driver_broken_state"),
    "torch_cpu_build": ("wrong_python_environment",),
}


def joined(causes: Sequence[Cause], findings: Sequence[Finding]) -> tuple[Cause, ...]:
    """Return the causes of a text, those first that the environment shows as well, or shows as what lies under them.

    A finding of the same code, or the doctor's first finding where the text's cause can come of it, takes its place at
    the head; its words, consequence and fix are those of the environment. Other findings explain nothing of the text
    and are left to the doctor. Where the text says nothing, there is nothing to join.
    """
    if not causes:
        return ()
    shown = _shown(causes, findings)
    codes = {each.code for each in shown}
    return (*shown, *(each for each in causes if each.code not in codes))


def of_environment(causes: Sequence[Cause], path: str) -> tuple[Cause, ...]:
    """Return causes whose fixes name the environment in `path`, where they would leave its name to the reader."""
    place = shlex.quote(path)
    return tuple(
        replace(cause, fix=_LEFT_OPEN.sub(lambda found: f"{found[1]} {place}", cause.fix)) for cause in causes
    )


def _shown(causes: Sequence[Cause], findings: Sequence[Finding]) -> list[Cause]:
    """Return what the environment shows of a text's causes, in the order of the findings."""
    by_code = {cause.code: cause for cause in causes}
    shown: dict[str, Cause] = {}
    for number, finding in enumerate(findings):
        under = finding.code in by_code or (number == 0 and _explains(finding.code, causes[0].code))
        if under and finding.code not in shown:
            shown[finding.code] = _cause(finding, by_code.get(finding.code, causes[0]))
    return list(shown.values())


def _explains(found: str, told: str) -> bool:
    """Whether what an environment shows can be what lies under the first cause of a text."""
    if told not in _ANSWERED:
        return False
    answers = _ANSWERED[told]
    return answers is None or found in answers


def _cause(finding: Finding, told: Cause) -> Cause:
    environment = (f"in the environment: {finding.text}", *finding.because)
    return replace(
        told,
        code=finding.code,
        confidence=_SEEN,
        because=(*environment, *told.because),
        consequence=finding.consequence or told.consequence,
        fix=finding.fix or told.fix,
    )
