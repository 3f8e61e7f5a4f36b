"""The question as words, read: which machine, what is asked for, from which sources."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from stackfix.errors import QuestionError
from stackfix.facts.database import Database
from stackfix.facts.gpu_names import find_gpu, refuse_other_processor
from stackfix.facts.recipes import load_recipe, looks_like_requirement, recipe_names
from stackfix.facts.row_files import FOLDERS
from stackfix.model.evidence import Known, Unknown
from stackfix.model.machine import Gpu, Interpreter, Machine, Platform
from stackfix.model.recipe import ModelFormat, Recipe, Variant
from stackfix.model.request import MAIN, Request, Root
from stackfix.probe.describe import described as describe
from stackfix.rules.metadata import parse_wish
from stackfix.rules.shipped_together import CUDA_ITSELF
from stackfix.versions import DriverVersion, PythonVersion, canonical_name

if TYPE_CHECKING:  # named in annotations alone
    from stackfix.project import Wish

SOURCES = frozenset({MAIN})
GPU_PACKAGES = {"onnxruntime-gpu": frozenset({"cuda"})}


class MachineQuestion(Struct, frozen=True, kw_only=True):
    """The machine flags as they were typed; empty means "read this machine".

    `machine` is a file, or several: then what is asked for has to serve all of them.
    """

    driver: str = ""
    gpus: tuple[str, ...] = ()
    gpu_index: int | None = None
    python: str = ""
    platform: str = ""
    glibc: str = ""
    machine: str | tuple[str, ...] = ""

    @property
    def machine_files(self) -> tuple[str, ...]:
        """The files that describe machines, each once."""
        named = (self.machine,) if isinstance(self.machine, str) else self.machine
        return tuple(dict.fromkeys(name for name in named if name))


class Question(Struct, frozen=True, kw_only=True):
    """What is asked: targets (recipes, requirements), requirement files, machine, sources.

    `builds` are packages that may be built from source, `stand_ins` those that may stand in for others.
    """

    targets: tuple[str, ...]
    requirement_files: tuple[str, ...] = ()
    constraint_files: tuple[str, ...] = ()
    machine: MachineQuestion = MachineQuestion()
    sources: tuple[str, ...] = ()
    newest_before: str = ""
    offline: bool = False
    builds: tuple[str, ...] = ()
    stand_ins: tuple[str, ...] = ()


def machine_of(
    question: MachineQuestion, database: Database, folder: Path, *, pythons: bool = True
) -> Machine:
    """Return the machine that is asked about: read, read from a file, or described by flags.

    `pythons` says whether its Pythons matter; finding them is most of the time that reading a machine takes.
    """
    driver = DriverVersion.parse(question.driver) if question.driver else None
    gpus = _gpus(question.gpus, database)
    platform = Platform.parse(question.platform) if question.platform else None
    glibc = _glibc(question.glibc) if question.glibc else None
    python = _python(question.python) if question.python else None
    machine = _base(
        question, folder, described=driver is not None and gpus is not None, python=python, pythons=pythons
    )
    machine = describe(machine, driver=driver, gpus=gpus, platform=platform, glibc=glibc)
    refuse_other_processor(question.gpus, machine.platform, database.gpu_rows)
    if python is not None:
        others = tuple(
            one for one in machine.pythons if one.version.minor_version != python.version.minor_version
        )
        machine = describe(machine, pythons=(_on_machine(python, machine),))
        machine = replace(machine, other_pythons=others)
    if question.gpu_index is not None:
        machine = replace(machine, gpus=_one_gpu(machine, question.gpu_index))
    if pythons and not machine.pythons and platform is not None:
        raise QuestionError(
            f"a machine described by `--platform {platform.label}` has no Python", hint="add `--python 3.12`"
        )
    return machine


def _base(
    question: MachineQuestion, folder: Path, *, described: bool, python: Interpreter | None, pythons: bool
) -> Machine:
    files = question.machine_files
    if len(files) > 1:
        if not pythons:  # the question is about an environment, which has its own
            raise QuestionError("an environment stands on one machine", hint="name one with `--machine`")
        from stackfix.probe.group import grouped  # noqa: PLC0415 - few questions are about several machines

        named = {name: _from_file(name) for name in files}
        if python is not None:
            named = {name: replace(machine, pythons=(python,)) for name, machine in named.items()}
        return grouped(named)
    if files:
        return _from_file(files[0])
    if described and (not pythons or (python is not None and not python.path)):
        from stackfix.probe.host import read_platform  # noqa: PLC0415 - 20 ms less where all is described
        from stackfix.probe.libc import read_glibc  # noqa: PLC0415 - likewise

        return Machine(
            platform=read_platform(),
            glibc=read_glibc(),
            driver=Unknown(("described by flags",)),
            cuda=Unknown(("described by flags",)),
            gpus=Unknown(("described by flags",)),
            pythons=(),
            free_disk_bytes=Unknown(("not asked for",)),
        )
    if described:
        from stackfix.probe.rest import read_rest  # noqa: PLC0415 - NVML and libcuda are asked in processes: 0.1 s

        return read_rest(folder)
    from stackfix.probe.machine import read_machine  # noqa: PLC0415 - starts processes; described machines need none

    return read_machine(folder) if pythons else read_machine(folder, pythons=tuple)


def _from_file(name: str) -> Machine:
    from stackfix.probe.document import parse_document  # noqa: PLC0415 - only for described machines

    shown = "standard input" if name == "-" else name
    if name == "-" and sys.stdin is None:
        raise QuestionError("standard input is closed, and the machine was to come from it")
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise QuestionError(f"{shown}: cannot be read: {error.strerror}") from error
    return parse_document(raw, shown)


def _gpus(texts: Sequence[str], database: Database) -> tuple[Gpu, ...] | None:
    if not texts:
        return None
    if any(text.strip().lower() == "none" for text in texts):
        if len(texts) > 1:
            raise QuestionError("`--gpu none` and another GPU were given", hint="give one or the other")
        return ()
    return tuple(find_gpu(text, database.gpu_rows, index) for index, text in enumerate(texts))


def _glibc(text: str) -> tuple[int, int]:
    parts = text.strip().split(".")
    if len(parts) != 2 or not all(part.isdecimal() and len(part) < 4 for part in parts):
        raise QuestionError(f"`{text}` is not a glibc version", hint="glibc versions look like `2.35`")
    return int(parts[0]), int(parts[1])


def _python(text: str) -> Interpreter:
    if "/" in text or "\\" in text:
        from stackfix.probe.python import python_at  # noqa: PLC0415 - starts the interpreter

        return python_at(text)
    return Interpreter(version=PythonVersion.parse(text), found_via="--python")


def _on_machine(python: Interpreter, machine: Machine) -> Interpreter:
    """Return the machine's own interpreter of that version where it has one, else the described one."""
    if python.path:
        return python
    for one in machine.pythons:
        same = (one.version.major, one.version.minor) == (python.version.major, python.version.minor)
        if same and not one.free_threaded and python.version.patch in (None, one.version.patch):
            return one
    return python


def with_other_pythons(machine: Machine, question: MachineQuestion) -> Machine:
    """Return a machine that was described with its Python, with the others that are here: what a way out may need.

    They are looked for where there is a reason to: that takes most of the time that reading a machine takes. One that
    is described by a file or as another platform is not this one.
    """
    if not question.python or question.platform or question.machine_files or machine.other_pythons:
        return machine
    from stackfix.probe.python import find_pythons  # noqa: PLC0415 - starts every Python that is new to it

    asked = {one.version.minor_version for one in machine.pythons}
    others = tuple(one for one in find_pythons() if one.version.minor_version not in asked)
    return replace(machine, other_pythons=others) if others else machine


def _one_gpu(machine: Machine, index: int) -> Known[tuple[Gpu, ...]]:
    gpus = machine.gpus.value if isinstance(machine.gpus, Known) else ()
    chosen = tuple(gpu for gpu in gpus if gpu.index == index)
    if not chosen:
        listed = ", ".join(f"{gpu.index} ({gpu.name})" for gpu in gpus) or "none"
        raise QuestionError(f"there is no GPU {index}", hint=f"GPUs here: {listed}")
    return Known(chosen, "--gpu-index")


def device_of(machine: Machine) -> str:
    """Return "gpu" where there is a GPU or at least a driver, else "cpu"."""
    if isinstance(machine.gpus, Known):
        return "gpu" if machine.gpus.value else "cpu"
    return "gpu" if isinstance(machine.driver, Known) else "cpu"


def request_of(question: Question, machine: Machine, root: Path, *, device: str = "") -> Request:
    """Return what is asked for, on a device ("gpu", "cpu"), by default the one that the machine has."""
    device = device or device_of(machine)
    _refuse_unknown_source(question.sources, root)
    roots: list[Root] = []
    newest: list[str] = []
    features: dict[str, frozenset[str]] = {}
    recipes: list[str] = []
    formats: list[ModelFormat] = []
    listed = _of_files(question)
    files = {wish.package for wish in listed if not wish.constrains}
    wished = files | {
        _package(_asked(target)) for target in question.targets if _is_requirement(target, root)
    }
    for target in question.targets:
        if _is_requirement(target, root):
            roots.append(_asked(target))
            continue
        recipe = load_recipe(root, target)
        variant = recipe.gpu if device == "gpu" else recipe.cpu
        recipes.append(recipe.name)
        other = _others(variant, frozenset(wished))
        asked = [name for name in variant.roots if name not in other]
        roots += [Root(requirement=name, asked_by=f"recipe {recipe.name}") for name in asked]
        newest += [other.get(name, name) for name in variant.newest]
        features |= variant.features
        formats += recipe.formats
    roots += [_root(wish) for wish in listed if not wish.constrains]
    if not roots:
        raise QuestionError(
            "nothing is asked for", hint="name a recipe (`dwpose`) or a requirement (`torch>=2.4`)"
        )
    _refuse_cuda_alone(roots)
    _also_asked(roots, newest, features, device)
    if "python" not in newest:
        newest.append("python")
    return Request(
        device=device,
        roots=tuple(roots),
        newest=tuple(dict.fromkeys(newest)),
        features=features,
        sources=frozenset(question.sources) or SOURCES,
        restricted=bool(question.sources),
        newest_before=_date(question.newest_before),
        recipe=recipes[0] if recipes else "",
        formats=tuple(formats),
        constraints=tuple(_root(wish) for wish in listed if wish.constrains),
        hashes={wish.package: wish.sha256 for wish in listed if wish.sha256},
        builds=frozenset(map(canonical_name, question.builds)),
    )


def _asked(requirement: str) -> Root:
    return Root(requirement=requirement, asked_by="you", relaxable=True)


def _others(variant: Variant, wished: frozenset[str]) -> dict[str, str]:
    """Return root -> what serves in its place, where that is asked for and the root itself is not."""
    return {
        name: next(one for one in others if one in wished)
        for name, others in variant.instead.items()
        if name not in wished and not wished.isdisjoint(others)
    }


def with_recipe(question: Question, root: Path) -> Question:
    """Return a question that asks for a CUDA alone as one for the first recipe with that CUDA; any other as it is."""
    targets = question.targets
    if not targets or question.requirement_files or not all(_is_cuda(target) for target in targets):
        return question
    return replace(question, targets=(recipe_names(root)[0], *targets))


def _is_cuda(target: str) -> bool:
    try:
        return canonical_name(parse_wish(target).name) == CUDA_ITSELF
    except ValueError:
        return False


def _refuse_cuda_alone(roots: Sequence[Root]) -> None:
    """Refuse what would be answered by an empty set."""
    if all(_package(root) == CUDA_ITSELF for root in roots):
        wish = roots[0].requirement
        raise QuestionError(
            f"`{wish}` says which CUDA a set is for, and asks for no package",
            hint=f'name what is to run on it as well: `dwpose "{wish}"`, or `"torch>=2.4" "{wish}"`',
        )


def _also_asked(
    roots: Sequence[Root], newest: list[str], features: dict[str, frozenset[str]], device: str
) -> None:
    """Add what the roots ask for to the order of newness, and the features that a GPU package is wanted for."""
    for one in roots:
        package = _package(one)
        if package not in {*newest, CUDA_ITSELF}:
            newest.append(package)
        if device == "gpu" and package in GPU_PACKAGES:
            features.setdefault(package, GPU_PACKAGES[package])


def _refuse_unknown_source(names: Sequence[str], root: Path) -> None:
    if set(names) <= SOURCES:
        return
    from stackfix.facts.sources import source_names  # noqa: PLC0415 - few questions name a source

    known = source_names(root)
    for name in names:
        if name not in known:
            raise QuestionError(f"there is no source `{name}`", hint=f"sources: {', '.join(sorted(known))}")


def recipe_of(request: Request, root: Path) -> Recipe | None:
    """Return the recipe of a request, None where only requirements were asked for."""
    return load_recipe(root, request.recipe) if request.recipe else None


def _is_requirement(target: str, root: Path) -> bool:
    if target in recipe_names(root):
        return False
    if looks_like_requirement(target):
        return True
    file = f"{canonical_name(target)}.jsonl"
    return any((root / "wheels" / folder / file).is_file() for folder in FOLDERS)


def _package(root: Root) -> str:
    try:
        return canonical_name(parse_wish(root.requirement).name)
    except ValueError as error:
        raise QuestionError(
            f"`{root.requirement}` is not a requirement: {str(error).splitlines()[0]}",
            hint='requirements look like `"torch>=2.4"`',
        ) from error


def _of_files(question: Question) -> list[Wish]:
    if not (question.requirement_files or question.constraint_files):
        return []
    from stackfix.project import wishes  # noqa: PLC0415 - 20 ms that most questions do not need

    listed = [wish for name in question.requirement_files for wish in wishes(name)]
    return listed + [wish for name in question.constraint_files for wish in wishes(name, constrains=True)]


def constraints_of(question: Question) -> tuple[Root, ...]:
    """Return what the question's files constrain."""
    return tuple(_root(wish) for wish in _of_files(question) if wish.constrains)


def _root(wish: Wish) -> Root:
    return Root(requirement=wish.requirement, asked_by=wish.place, relaxable=True, of_project=True)


def parted(request: Request, facts: Database) -> Request:
    """Return a request in which what a project asks for and the facts do not know stands apart."""

    def known(root: Root) -> bool:
        package = _package(root)
        return not root.of_project or package == CUDA_ITSELF or facts.knows(package)

    others = tuple(root for root in request.roots if not known(root))
    if not others or len(others) == len(request.roots):
        return request
    names = {_package(root) for root in others}
    return replace(
        request,
        roots=tuple(root for root in request.roots if known(root)),
        newest=tuple(name for name in request.newest if name not in names),
        others=others,
    )


def _date(text: str) -> str:
    parts = text.split("-")
    if text and not (len(text) == 10 and len(parts) == 3 and all(part.isdecimal() for part in parts)):
        raise QuestionError(f"`{text}` is not a date", hint="dates look like `2026-06-01`")
    return text
