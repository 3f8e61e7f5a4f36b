"""Breaches of the rules that judge plans, as findings: CUDA, kernels, driver, pairs, numpy, shipped together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from packaging.version import Version

from stackfix.judging import remedy
from stackfix.judging.on_cpu import ON_CPU, SLOWER
from stackfix.model.environment import Environment
from stackfix.model.problem import CUDA, DRIVER, Fact
from stackfix.model.report import Finding, Severity
from stackfix.rules import abi, device_code, kernels, linkage, machine, pairs, shipped_together
from stackfix.rules.installed import Breach
from stackfix.rules.scene import Scene
from stackfix.versions import DriverVersion

_SHOWN = 6
_CONSEQUENCES = {
    "cuda_major_mismatch": f"one process can't hold both: {ON_CPU}",
    "cudnn_major_mismatch": ON_CPU,
    "mixed_toolkit": "CUDA libraries of different toolkits load alone and fail together",
    "driver_too_old": f"its GPU code does not start on this driver: torch finds no GPU or fails, and DWPose runs on the CPU, {SLOWER}",
    "driver_too_new": "this driver does not serve the GPU any more",
    "gpu_arch_not_in_build": "every kernel fails with `no kernel image is available for execution on the device`",
    "cudnn_arch_dropped": "cuDNN loads, and the first convolution fails",
    "torch_torchvision_mismatch": "their compiled operators do not fit each other: imports fail, or operators are missing",
    "numpy2_abi": "importing it fails or crashes under this numpy",
    "model_ir_or_opset": "onnxruntime refuses the model",
    "package_collision": "the one installed last has overwritten the other",
    "requirement_unmet": "it was not made for that version",
}


# What pip itself leaves behind everywhere (nothing pins nvidia-nvjitlink) and mostly runs.
_WARNINGS = ("requirement_unmet", "mixed_toolkit")


def breach_findings(breaches: Sequence[Breach], environment: Environment, scene: Scene) -> Iterator[Finding]:
    """Yield a finding for each group of breaches that are one thing; collisions are told from the disk itself."""
    groups: dict[tuple[str, str], list[Breach]] = {}
    of_another_cuda = {
        each.package for each in breaches if each.against is not None and each.requirement.node == CUDA
    }
    for breach in breaches:
        twice = (
            breach.requirement.node.startswith("one:") and {breach.package, breach.other} & of_another_cuda
        )
        if not breach.requirement.node.startswith("owns:") and not twice:
            code = code_of(breach, scene)
            groups.setdefault((code, _together(code, breach)), []).append(breach)
    for (code, _), group in groups.items():
        yield _finding(code, sorted(group, key=lambda each: each.against is None), environment, scene)


def _together(code: str, breach: Breach) -> str:
    """Return what breaches of one code are told together by: NVIDIA's own packages all, others one by one."""
    if breach.requirement.node.startswith("one:"):
        return f"one {breach.package} {breach.other}"
    if breach.requirement.node == DRIVER:
        return "driver"
    if code == "numpy2_abi":
        return "numpy"
    if code != "mixed_toolkit" and not breach.package.startswith("nvidia-"):
        return breach.package
    # those of CUDA 11 and those of 13 beside a torch for 12 are two things
    majors = {key.partition(".")[0] for key in breach.requirement.allowed}
    return f"nvidia {sorted(majors)}" if breach.requirement.node == CUDA else "nvidia"


def code_of(breach: Breach, scene: Scene) -> str:
    """Return the cause code of a breach, by its rule and by the node it stands on."""
    node, rule = breach.requirement.node, breach.requirement.fact.rule
    if node == DRIVER:
        return "driver_too_new" if _is_above(breach, scene) else "driver_too_old"
    if rule in (kernels.NAME, machine.GPU):
        return "gpu_arch_not_in_build"
    by_rule = {
        device_code.NAME: "cudnn_arch_dropped",
        pairs.NAME: "torch_torchvision_mismatch",
        abi.NAME: "numpy2_abi",
        "model format": "model_ir_or_opset",
        shipped_together.NAME: "mixed_toolkit",
        shipped_together.ONE_CUDA: "cuda_major_mismatch",
        linkage.NAME: "cuda_major_mismatch",
    }
    if rule == shipped_together.NAME and breach.against is not None and _majors_differ(breach):
        return "cuda_major_mismatch"
    return by_rule.get(rule, "requirement_unmet")


def _is_above(breach: Breach, scene: Scene) -> bool:
    """Whether the driver is newer than all that would do."""
    keys = list(scene.driver_keys())
    allowed = [
        scene.facts.hardware.branch_of(parsed)
        for parsed in map(_driver, breach.requirement.allowed)
        if parsed
    ]
    here = _driver(keys[0])
    return bool(allowed and here and all(branch < scene.facts.hardware.branch_of(here) for branch in allowed))


def _driver(key: str) -> DriverVersion | None:
    return DriverVersion.parse(key) if key and key[0].isdigit() else None


def _majors_differ(breach: Breach) -> bool:
    against = breach.against
    if against is None:
        return False
    ours = {key.partition(".")[0] for key in breach.requirement.allowed}
    return not ours & {key.partition(".")[0] for key in against.allowed}


def said(fact: Fact) -> str:
    """Return a fact with its source, as it stands in a finding."""
    return f"{fact.text} [{fact.source}]"


def _finding(code: str, group: Sequence[Breach], environment: Environment, scene: Scene) -> Finding:
    first = group[0]
    because: list[str] = []
    for breach in group:
        because.append(said(breach.requirement.fact))
        if breach.against is not None:
            because.append(said(breach.against.fact))
        because += [f"{what} is what is here" for what in _observed(breach, scene)]
    packages = [name for breach in group for name in (breach.package, breach.other) if name]
    packages += [
        name
        for breach in group
        for name in (one.rpartition(" ")[0] for one in breach.found)
        if name in environment.packages
    ]
    severity: Severity = "warning" if code in _WARNINGS else "error"
    return Finding(
        code=code,
        severity=severity,
        text=_text(code, first, group, environment, scene),
        because=_shortened(tuple(dict.fromkeys(because))),
        consequence=_CONSEQUENCES[code],
        fix=_fix(code, group, environment),
        rule=first.requirement.fact.rule,
        about=tuple(dict.fromkeys(packages)),
    )


def _fix(code: str, group: Sequence[Breach], environment: Environment) -> str:
    """Return the command; for numpy the newest release that all who were built for it load under."""
    if code == "numpy2_abi":
        common = frozenset.intersection(*(each.requirement.allowed for each in group))
        if common:
            return remedy.install(environment, [f"numpy=={max(common, key=Version)}"])
    return remedy.mend(environment)


def _shortened(lines: tuple[str, ...]) -> tuple[str, ...]:
    if len(lines) <= _SHOWN:
        return lines
    return (*lines[: _SHOWN - 1], f"and {len(lines) - _SHOWN + 1} more facts of this kind")


def _observed(breach: Breach, scene: Scene) -> Iterator[str]:
    node = breach.requirement.node
    if node == DRIVER:
        yield f"driver {breach.found[0]}"
    elif node.startswith("machine:gpu:"):
        index = int(node.rpartition(":")[2])
        machine_gpus = getattr(scene.machine.gpus, "value", ())
        name = next((gpu.name for gpu in machine_gpus if gpu.index == index), "")
        yield f"GPU {index}, {name or 'a GPU'} of compute capability {breach.found[0]}"
    elif node.startswith("lib:"):
        yield from breach.found
    elif breach.found and breach.requirement.fact.rule != shipped_together.ONE_CUDA:
        package = node.removeprefix("if:")
        yield from (f"{package} {one}" for one in breach.found if ":" not in package)


def _plural(says: str, number: int) -> str:
    """Return what is said of one release, said of several: "is built for CUDA 12" -> "are built for CUDA 12"."""
    if number < 2:
        return says
    return re.sub(r"^(is|was)\b", lambda found: {"is": "are", "was": "were"}[found[1]], says)


def _other_toolkit(group: Sequence[Breach]) -> Iterator[str]:
    """Yield the packages that are of another toolkit: those that say so, and those that the toolkit ships otherwise."""
    for breach in group:
        node = breach.requirement.node
        yield node.removeprefix("if:") if node.startswith("if:") else breach.package


def _text(code: str, first: Breach, group: Sequence[Breach], environment: Environment, scene: Scene) -> str:
    names = dict.fromkeys(f"{each.package} {each.key}" for each in group if each.package)
    release = " and ".join(list(names)[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    if first.requirement.node.startswith("one:"):
        sonames = list(dict.fromkeys(each.requirement.node.removeprefix("one:") for each in group))
        more = f" and {len(sonames) - 1} more" if len(sonames) > 1 else ""
        both = f"{first.other} {environment.packages.get(first.other, '')} and {release}"
        return f"{both} both bring {sonames[0]}{more}, of which a process loads one"
    if code == "mixed_toolkit":
        parts = {name: environment.packages.get(name, "") for name in _other_toolkit(group)}
        listed = [f"{name} {version}" for name, version in list(parts.items())[:3]]
        more = f" and {len(parts) - 3} more" if len(parts) > 3 else ""
        verb = "is" if len(parts) == 1 else "are"
        return f"{' and '.join(listed)}{more} {verb} of another CUDA toolkit than the rest"
    if first.against is not None:
        other = f"{first.other} {environment.packages.get(first.other, '')}".strip()
        ours = _plural(first.requirement.fact.general, len(names))
        theirs = first.against.fact.general
        return f"{release} {ours}, and {other} {theirs}"
    if first.requirement.node.startswith("lib:"):
        return f"{first.requirement.fact.text}, and what is here is {' and '.join(first.found)}"
    observed = " and ".join(dict.fromkeys(one for breach in group for one in _observed(breach, scene)))
    if code == "numpy2_abi":
        return f"{release} {_plural(first.requirement.fact.general, len(names))}; this is {observed}"
    return f"{first.requirement.fact.text}; this is {observed}" if observed else first.requirement.fact.text
