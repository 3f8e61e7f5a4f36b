"""The chain from the driver to the model: each link's state, from what was seen and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from stackfix.judging import origins
from stackfix.judging.blame import (
    CHECKS,
    CUDA,
    CUDNN,
    DRIVER,
    MODEL,
    ONNXRUNTIME,
    ORDERS,
    TORCH,
    broken,
    warned,
)
from stackfix.model.environment import Environment
from stackfix.model.evidence import Known
from stackfix.model.link import Link, State
from stackfix.model.machine import Machine
from stackfix.model.report import Report
from stackfix.model.verdict import Check, Verdict

_PROVIDER = "CUDAExecutionProvider"
_TORCH_RAN = re.compile(r" on (?P<gpu>[^,]+), CUDA (?P<CUDA>[\d.]+), cuDNN (?P<cuDNN>\d+)")
_NOTHING_RAN = "nothing ran on a GPU"
# what the driver is called where it is only absent, and not broken
_ABSENT = {"driver_missing"}


class Evidence(Struct, frozen=True, kw_only=True):
    """All that was seen of one environment on one machine."""

    verdict: Verdict
    report: Report
    machine: Machine
    environment: Environment

    @property
    def checks(self) -> Mapping[str, Check]:
        """The checks by their names; of several of one name the worst."""
        order = {False: 2, None: 1, True: 0}
        return {each.name: each for each in sorted(self.verdict.checks, key=lambda check: order[check.ok])}

    @property
    def on_gpu(self) -> bool:
        """Whether onnxruntime was seen to run the networks on the GPU."""
        return self.verdict.provider == _PROVIDER and self.says("gpu session") is True

    @property
    def torch_on_gpu(self) -> re.Match[str] | None:
        """What torch said of the GPU on which it computed right."""
        return _TORCH_RAN.search(self.checks["torch"].text) if self.says("torch") is True else None

    @property
    def mapped(self) -> tuple[str, ...]:
        """The CUDA libraries that the process of the proof had mapped."""
        check = self.checks.get("mapped libraries")
        return tuple(each for each in check.text.split(", ") if "/" in each) if check and check.ok else ()

    def says(self, name: str) -> bool | None:
        """Return what a check says; None where it was not asked, or could not be."""
        check = self.checks.get(name)
        return check.ok if check else None

    def told(self, *names: str) -> tuple[str, ...]:
        """Return what these checks say, as far as they were asked and did not fail."""
        asked = (self.checks.get(name) for name in names)
        return tuple(f"{each.name}: {_short(each.text)}" for each in asked if each and each.ok is not False)


def chain(evidence: Evidence) -> tuple[Link, ...]:
    """Return driver, CUDA, cuDNN, torch, onnxruntime and model, each as far as something was seen of it."""
    return (
        _driver(evidence),
        _library(evidence, CUDA, ("nvidia-cuda-runtime", "cuda-toolkit"), ("cudart",)),
        _library(evidence, CUDNN, ("nvidia-cudnn",), ("cudnn",)),
        _torch(evidence),
        _onnxruntime(evidence),
        _model(evidence),
    )


def _driver(evidence: Evidence) -> Link:
    machine, wrong = evidence.machine, broken(DRIVER, evidence.verdict, evidence.report)
    library = origins.mapped(evidence.environment, evidence.mapped, "cuda")
    ran = evidence.on_gpu or evidence.torch_on_gpu is not None
    gpus = tuple(gpu.name for gpu in machine.gpus.value) if isinstance(machine.gpus, Known) else ()
    seen = (f"programs ran through it on {', '.join(gpus) or 'a GPU'}",) if ran else ()
    state: State
    if isinstance(machine.driver, Known):
        text = f"{machine.driver.value} ({machine.driver.found_via})"
        state = "broken" if wrong else "works" if ran else "unknown"
        seen = seen or (f"it answers, and {_NOTHING_RAN}",)
    else:
        text = "its release is not known" if library else "not found"
        state = "works" if ran and library else "unknown" if ran else "not found"
        seen = (*seen, *(f"tried {one}" for one in machine.driver.tried))
        if {each.code for each in wrong} - _ABSENT:
            state = "broken"
    return _made(evidence, DRIVER, state, text, library, seen)


def _library(evidence: Evidence, name: str, stems: Sequence[str], libraries: Sequence[str]) -> Link:
    environment = evidence.environment
    packages = [
        f"{package} {version}"
        for package, version in environment.packages.items()
        if any(package == stem or package.startswith(f"{stem}-") for stem in stems)
    ]
    loaded = tuple(each for stem in libraries for each in origins.mapped(environment, evidence.mapped, stem))
    there = origins.installed(environment, *libraries)
    ran = evidence.torch_on_gpu
    seen = (
        *(("the process in which the networks ran on the GPU had it mapped",) if evidence.on_gpu and loaded else ()),
        *((f"torch computed right with {name} {ran[name]} on {ran['gpu']}",) if ran else ()),
    )  # fmt: skip
    if broken(name, evidence.verdict, evidence.report):
        state: State = "broken"
    elif seen:
        state = "works"
    elif not packages and not there and not loaded and not _wants_gpu(environment):
        state, seen = "not there", ("nothing in this environment is built with CUDA",)
    else:
        state = "unknown"
        seen = (_NOTHING_RAN, *(("it can be loaded",) if loaded else ()), *evidence.told("libraries"))
    text = " and ".join(packages) or ("of no package" if loaded or there else "not in the environment")
    return _made(evidence, name, state, text, loaded or there, seen)


def _torch(evidence: Evidence) -> Link:
    environment = evidence.environment
    there = origins.fillers(environment, "torch")
    made = environment.builds.get("torch")
    state = _asked(evidence, TORCH, ("torch", *ORDERS), there)
    seen = evidence.told(*CHECKS[TORCH]) or _not_come_to(evidence, state)
    if state == "works" and made is not None and made.cuda and evidence.torch_on_gpu is None:
        state, seen = "unknown", (f"it is right on the CPU; {_NOTHING_RAN}", *seen)
    return _made(evidence, TORCH, state, _listed(there), origins.build(environment, "torch"), seen)


def _onnxruntime(evidence: Evidence) -> Link:
    environment = evidence.environment
    there = origins.fillers(environment, "onnxruntime")
    needed = ("import onnxruntime", "providers", *(("gpu session",) if evidence.on_gpu else ()))
    state = _asked(evidence, ONNXRUNTIME, needed, there)
    seen = evidence.told(*CHECKS[ONNXRUNTIME]) or _not_come_to(evidence, state)
    gpu = any(each.startswith("onnxruntime-gpu ") for each in there)
    if state == "works" and gpu and not evidence.on_gpu:
        state, seen = "unknown", (f"it runs the networks on the CPU; {_NOTHING_RAN}", *seen)
    return _made(
        evidence, ONNXRUNTIME, state, _listed(there), origins.build(environment, "onnxruntime"), seen
    )


def _model(evidence: Evidence) -> Link:
    verdict = evidence.verdict
    needed = ("models", "finite numbers", *(("finite gpu numbers", "numbers") if evidence.on_gpu else ()))
    state = _asked(evidence, MODEL, needed, ("the networks",))
    ran = evidence.says("models") is not None
    text = f"{verdict.weights} networks" if ran and verdict.weights else "no network was run"
    note = (verdict.weights_note,) if ran and verdict.weights_note else ()
    seen = evidence.told(*CHECKS[MODEL]) or _not_come_to(evidence, state)
    return _made(evidence, MODEL, state, text, note, seen)


def _asked(evidence: Evidence, name: str, needed: Sequence[str], there: Sequence[str]) -> State:
    """Return the state of a link with checks of its own."""
    if broken(name, evidence.verdict, evidence.report):
        return "broken"
    if not there:
        return "not there"
    if all(evidence.says(each) is True for each in needed):
        return "works"
    return "unknown" if any(each in evidence.checks for each in needed) else "not asked"


def _not_come_to(evidence: Evidence, state: State) -> tuple[str, ...]:
    return (f"the proof ended before it: {evidence.verdict.reason}",) if state == "not asked" else ()


def _made(
    evidence: Evidence, name: str, state: State, text: str, origin: Sequence[str], seen: Sequence[str]
) -> Link:
    return Link(
        name=name,
        state=state,
        text=text,
        origin=tuple(origin),
        seen=tuple(dict.fromkeys(seen)),
        broken=broken(name, evidence.verdict, evidence.report),
        warnings=warned(name, evidence.report),
    )


def _wants_gpu(environment: Environment) -> bool:
    return "onnxruntime-gpu" in environment.packages or any(each.cuda for each in environment.builds.values())


def _listed(there: Sequence[str]) -> str:
    return " and ".join(there) or "not in the environment"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:300]} …"
