"""Remedies: the commands that mend a finding, for the installer that the environment has."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence

from stackfix.model.environment import NO_PYTHON, Distribution, Environment
from stackfix.model.wheel import ListedWheel
from stackfix.rules.installed import Breach, Held, judge
from stackfix.rules.metadata import file_for, parse_row
from stackfix.rules.scene import Scene

OTHER_INDEX = "`stackfix facts sources` names the indexes with builds for CUDA"
_UV_PYTHON = re.compile(r"/uv/python/cpython-(\d+\.\d+(?:\.\d+)?)")
_PLAIN = re.compile(r"[\w.:/\\=~+@-]+")
_IMPORTS = {
    "onnxruntime-gpu": "onnxruntime",
    "opencv-python": "cv2",
    "opencv-python-headless": "cv2",
    "opencv-contrib-python": "cv2",
    "opencv-contrib-python-headless": "cv2",
    "pillow": "PIL",
    "protobuf": "google.protobuf",
    "pyyaml": "yaml",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
}


def import_name(package: str) -> str:
    """Return the name under which a package is imported."""
    return _IMPORTS.get(package, package.replace("-", "_"))


def without_it(package: str) -> str:
    """Return what follows where a package lacks something: nobody imports NVIDIA's, they are loaded."""
    if package.startswith("nvidia-"):
        return "its libraries do not load, nor does what needs them"
    return f"`import {import_name(package)}` fails, or what needs it does"


def install(environment: Environment, requirements: Sequence[str], *options: str) -> str:
    """Return the command that installs releases into an environment."""
    return _command(environment, "install", *options, *requirements)


def installed_by(fix: str, environment: Environment) -> tuple[str, ...]:
    """Return the requirements that a command of `install` without options names; () for whatever else a fix is."""
    before = _command(environment, "install")
    if not fix.startswith(before):
        return ()
    try:
        words = tuple(shlex.split(fix[len(before) :]))
        for word in words:
            parse_row(word)
    except ValueError:  # no closing quotation, or no requirement
        return ()
    return words


def replace(environment: Environment, remove: Sequence[str], requirements: Sequence[str]) -> str:
    """Return the commands that remove packages and install others in their place."""
    yes = ("-y",) if _has_pip(environment) else ()
    first = _command(environment, "uninstall", *yes, *remove)
    return f"{first} && {install(environment, requirements, '--no-deps')}"


def reinstall(environment: Environment, package: str, version: str, *, fresh: bool = False) -> str:
    """Return the command that installs a release again, over what is left of it; `fresh` from no cache of unpacked files."""
    return again(environment, [f"{package}=={version}"], fresh=fresh)


def again(environment: Environment, pins: Sequence[str], *, fresh: bool = False) -> str:
    """Return the command that installs releases again, which an installer holds to be there already."""
    if _has_pip(environment):
        return install(environment, pins, "--force-reinstall", "--no-deps")
    return install(environment, pins, "--reinstall", *(("--no-cache",) if fresh else ()), "--no-deps")


def shared_damage(environment: Environment, each: Distribution) -> tuple[str, ...]:
    """Return the damaged files of a package that have other names on the disk; another package's own file is no damage."""
    others = [one.files for one in environment.distributions if one.name != each.name]
    return tuple(path for path in each.linked if not any(path in files for files in others))


def mend(environment: Environment) -> str:
    """Return our own command, which works the whole change out; where it can only be planned, the plan."""
    if any(not folder.startswith(f"{environment.path}/") for folder in environment.site_packages):
        return f"stackfix fix --venv {quoted(environment.executable, environment)} --dry-run"
    planned = " --dry-run" if environment.windows else ""
    return f"stackfix fix --venv {quoted(environment.path, environment)}{planned}"


def by_hand(
    environment: Environment, leaving: Sequence[str], pins: Sequence[str], paths: Sequence[str]
) -> Iterator[str]:
    """Yield the commands, one after the other, of a repair that can only be planned.

    `leaving` are removed, then what lies at `paths` below site-packages, then `pins` are installed.
    """
    if leaving:
        yes = ("-y",) if _has_pip(environment) else ()
        yield _command(environment, "uninstall", *yes, *leaving)
    for path in paths:
        yield _delete(environment, f"{environment.site_packages[0]}/{path}")
    if pins:
        yield install(environment, pins, "--no-deps")


def _delete(environment: Environment, path: str) -> str:
    if not environment.windows:
        return f"rm -r {quoted(path, environment)}"
    own = path.replace("/", "\\") if path[1:2] == ":" else path  # read from Linux it is a path of Linux
    return f"{'del' if path.lower().endswith('.dll') else 'rmdir /s /q'} {quoted(own, environment)}"


def quoted(word: str, environment: Environment) -> str:
    """Return a word as the shell of the environment's system takes it: cmd and PowerShell know double quotes alone."""
    if not environment.windows:
        return shlex.quote(word)
    return word if _PLAIN.fullmatch(word) else f'"{word}"'


def anew(environment: Environment) -> str:
    """Return what to do about an environment that is broken as a whole; a folder that is none is left to its owner."""
    place = quoted(environment.path, environment)
    if NO_PYTHON in environment.broken:
        return "make one that stands alone, in a folder of its own: stackfix install dwpose --venv FOLDER"
    managed = next((found[1] for one in environment.broken if (found := _UV_PYTHON.search(one))), "")
    back = f"bring its Python back: `uv python install {managed}`; or " if managed else ""
    return f"{back}make it anew: stackfix install dwpose --venv {place} --replace"


def _has_pip(environment: Environment) -> bool:
    return "pip" in environment.packages


def _command(environment: Environment, verb: str, *words: str) -> str:
    python = quoted(environment.executable, environment)
    rest = " ".join(quoted(word, environment) for word in words)
    if _has_pip(environment):
        return f"{python} -m pip {verb} {rest}"
    return f"uv pip {verb} --python {python} {rest}"


def providers(sonames: Iterable[str], owner: str, held: Sequence[Held], scene: Scene) -> list[str]:
    """Return the fewest releases to install so that these libraries are there, as `name==version`.

    Of each library the newest release is taken that breaks no rule beside what is installed; [] where none is known.
    """
    major = next((each.wheel.cuda_major for each in held if each.wheel.package == owner), 0)
    chosen: list[Held] = []
    for soname in sonames:
        if any(soname in each.wheel.provides for each in chosen):
            continue
        fitting = next(_fitting(soname, major, [*held, *chosen], scene), None)
        if fitting is None:
            return []
        chosen.append(fitting)
    return [f"{each.wheel.package}=={each.wheel.key}" for each in chosen]


def _fitting(soname: str, major: int, held: Sequence[Held], scene: Scene) -> Iterator[Held]:
    before: dict[str, set[str]] = {}
    majors = [major] if major else _majors(held)
    for each in (listed for one in majors for listed in scene.providers(soname, one)):
        beside = [other for other in held if other.wheel.package != each.package]
        if each.package not in before:
            before[each.package] = {_said(one) for one in judge(beside, scene, metadata_too=True).breaches}
        candidate = _held(each, scene)
        after = judge([*beside, candidate], scene, metadata_too=True).breaches
        if {_said(one) for one in after} <= before[each.package]:
            yield candidate


def _said(breach: Breach) -> str:
    return f"{breach.requirement.node} {breach.requirement.fact.text}"


def _majors(held: Sequence[Held]) -> list[int]:
    return list(dict.fromkeys(each.wheel.cuda_major for each in held if each.wheel.cuda_major)) or [0]


def _held(listed: ListedWheel, scene: Scene) -> Held:
    rows = scene.releases(listed.package)[listed.key]
    return Held(*file_for(rows, scene))
