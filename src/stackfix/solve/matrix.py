"""What goes with what: for each minor of torch the newest set with it, or the reasons against it.

Each row is the solver's own answer with one more requirement, and each reason is the minimal conflict that `explain`
would give: there is no second idea here of what is compatible.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct, field
from msgspec.structs import replace
from packaging.version import Version

from stackfix.model.evidence import Source
from stackfix.model.machine import Interpreter, Machine
from stackfix.model.matrix import Matrix, Refused, Row
from stackfix.model.problem import CUDA, PYTHON, Fact, Pins, Problem, Requirement
from stackfix.model.request import Request
from stackfix.rules.scene import HYPOTHETICAL_PYTHONS, Facts
from stackfix.solve import explain
from stackfix.solve.pose import Posed, Universes, pose
from stackfix.solve.prove import Refutation, any_set, search
from stackfix.versions import PythonVersion

PACKAGE = "torch"
BESIDE = {"gpu": ("torchvision", "onnxruntime-gpu"), "cpu": ("torchvision", "onnxruntime")}

_ASKED = Source(method="asked", where="what goes with it?")
_PLAINEST_FIRST = (
    "driver floor",
    "GPU and CUDA",
    "kernels",
    "device code of libraries",
    "one CUDA",
    "linkage",
    "metadata",
)


class _Board(Struct):
    """One machine and request, posed once for each Python that is looked at."""

    machine: Machine
    universes: Universes
    request: Request
    posed: dict[str, Posed] = field(default_factory=dict)

    def problem(self, python: str, names: Iterable[str], pins: Pins) -> Problem:
        """Return the problem of some packages on a Python, with some of them pinned."""
        posed = self.on(python).problem
        wanted = set(names)
        kept = [root for root in posed.roots if root.node in wanted or root.fact.rule != "request"]
        pinned = [Requirement(name, frozenset({key}), _pinned(name, key)) for name, key in pins.items()]
        return Problem(posed.universe, (*kept, *pinned), posed.order)

    def on(self, python: str) -> Posed:
        """Return the whole request as it is posed on a Python."""
        posed = self.posed.get(python)
        if posed is None:
            described = Interpreter(version=PythonVersion.parse(python), found_via="the matrix")
            interpreter = next((one for one in self.machine.pythons if _is(one, python)), described)
            posed = self.posed[python] = pose(self.machine, self.universes, self.request, interpreter)
        return posed

    def pythons(self) -> tuple[list[str], list[str]]:
        """Return the Pythons that are here and the others, newest first."""
        here = [one for one in HYPOTHETICAL_PYTHONS if any(_is(each, one) for each in self.machine.pythons)]
        return here, [one for one in HYPOTHETICAL_PYTHONS if one not in here]


def _is(python: Interpreter, minor: str) -> bool:
    return python.version.minor_version == minor and not python.free_threaded


def _pinned(name: str, key: str) -> Fact:
    return Fact(text=f"{name} {key} is the row", rule="wish", source=_ASKED, package=name, release=key)


def matrix(machine: Machine, facts: Facts, request: Request) -> Matrix:
    """Return a row for the newest release of each minor of torch, newest first."""
    board = _Board(machine, Universes(facts), request)
    beside = BESIDE[request.device]
    rows = [_row(board, release, beside) for release in _releases(board)]
    here, _ = board.pythons()
    newest = next((row for row in rows if row.python and not row.refused and (row.here or not here)), None)
    return Matrix(
        device=request.device,
        machine=machine,
        package=PACKAGE,
        beside=beside,
        rows=tuple(replace(row, newest=True) if row is newest else row for row in rows),
    )


def _releases(board: _Board) -> list[str]:
    """Return the newest release of each minor, newest first."""
    here, others = board.pythons()
    keys = board.problem((here + others)[0], (), {}).universe.keys(PACKAGE)
    minors: dict[tuple[int, int], str] = {}
    for key in keys:
        version = Version(key)
        if not version.is_prerelease:
            minors.setdefault((version.major, version.minor), key)
    return list(minors.values())


def _row(board: _Board, release: str, beside: Sequence[str]) -> Row:
    """Return the newest set with a release: with all that goes beside it, else with as much as there can be."""
    names = [PACKAGE, *beside]
    dropped: list[_None] = []
    while names:
        found = _best(board, names, {PACKAGE: release})
        if not isinstance(found, _None):
            return _filled(board, release, names, found, [_refusal(board, one, found[0]) for one in dropped])
        dropped.insert(0, found)
        names.pop()
    return Row(release=release, refused=(_refusal(board, dropped[0]),))


class _None(Struct, frozen=True, kw_only=True):
    """That no Python has a set with these packages, the last of which is the one too many; and each refutation."""

    package: str
    refuted: tuple[tuple[str, Problem, Refutation], ...]


def _best(board: _Board, names: Sequence[str], pins: Pins) -> tuple[str, Pins] | _None:
    """Return the Python and the newest set, of the Pythons that are here if any serves, else of all."""
    order = [name for name in board.request.newest if name in names]
    refuted: list[tuple[str, Problem, Refutation]] = []
    for some in board.pythons():
        found: list[tuple[str, Pins]] = []
        for python in some:
            problem = board.problem(python, names, pins)
            answer = search(problem)
            if isinstance(answer, Refutation):
                refuted.append((python, problem, answer))
            else:
                found.append((python, answer))
        if found:
            return max(found, key=lambda one: _newness(one[1], order, one[0]))
    return _None(package=names[-1], refuted=tuple(refuted))


def _newness(pins: Pins, order: Sequence[str], python: str) -> tuple[list[Version], Version]:
    return [Version(pins[name]) for name in order if name in pins], Version(python)


def _filled(
    board: _Board, release: str, names: Sequence[str], found: tuple[str, Pins], refused: Sequence[Refused]
) -> Row:
    python, pins = found
    main = {name: pins[name] for name in names}
    here, others = board.pythons()
    admitted = [
        one
        for one in (*here, *others)
        if one == python or any_set(board.problem(one, names, main)) is not None
    ]
    return Row(
        release=release,
        packages=tuple(main.items()),
        cuda=pins.get(CUDA, ""),
        cudnn=_cudnn(pins),
        python=python,
        pythons=tuple(sorted(admitted, key=Version)),
        here=python in here,
        cpu_build=board.request.device == "gpu" and _is_cpu_build(board.on(python), release),
        refused=tuple(refused),
    )


def _is_cpu_build(posed: Posed, release: str) -> bool:
    wheel, _ = posed.universe.file(PACKAGE, release)
    return not wheel.cuda and not wheel.cuda_major and not wheel.code


def _cudnn(pins: Pins) -> str:
    """Return the cuDNN of a set: its release, or the package that carries it; "" where there is none."""
    for node, key in sorted(pins.items()):
        if node.startswith(("lib:libcudnn.so.", "lib:cudnn64_")):
            package, _, version = key.rpartition(" ")
            return version if package.startswith("nvidia-cudnn") else f"in {package}"
    return next((key for node, key in sorted(pins.items()) if node.startswith("nvidia-cudnn")), "")


def _refusal(board: _Board, none: _None, python: str = "") -> Refused:
    """Return why there is no set on a Python; where none is named, on one that is not itself the reason, and is here."""
    here, _ = board.pythons()

    def place(refuted: tuple[str, Problem, Refutation]) -> tuple[bool, bool, bool]:
        on, problem, answer = refuted
        reading = {root.fact for root in problem.roots if root.node == PYTHON}
        return on != python, bool(reading & answer.facts), on not in here

    _, problem, refutation = min(none.refuted, key=place)
    conflict = explain.why_not_at_all(problem, refutation)
    return Refused(
        package=none.package,
        reason=_in_few_words(problem, none.package, conflict),
        conflict=explain.merged(conflict, problem.universe),
    )


def _in_few_words(problem: Problem, package: str, conflict: Sequence[Fact]) -> str:
    """Return what a conflict comes to: the plainest fact; where releases fail for several reasons, those."""
    told = list(_phrases(problem, package, conflict))
    if told:
        return "; ".join(told)
    short = sorted((fact for fact in conflict if fact.short), key=_plainness)
    if short:
        return short[0].short
    return next((fact.text for fact in conflict if fact.rule not in ("request", "wish")), conflict[0].text)


def _phrases(problem: Problem, package: str, conflict: Sequence[Fact]) -> Iterator[str]:
    """Yield what is said of several releases of the refused package, each once with its releases.

    That old releases have no wheel for a Python says little where there are other reasons.
    """
    told = [fact for fact in conflict if fact.package == package and fact.short]
    telling = [fact for fact in told if not fact.short.startswith("no wheel")] or told
    groups: dict[str, set[str]] = {}
    for fact in telling:
        groups.setdefault(fact.short.removeprefix(f"{package} "), set()).add(fact.release)
    if sum(map(len, groups.values())) < 2:
        return
    keys = problem.universe.keys(package)
    for short, releases in sorted(groups.items(), key=lambda one: max(map(Version, one[1])), reverse=True):
        yield f"{explain.spans(keys, releases, count=False)} {explain.plural(short)}"


def _plainness(fact: Fact) -> int:
    return _PLAINEST_FIRST.index(fact.rule) if fact.rule in _PLAINEST_FIRST else len(_PLAINEST_FIRST)
