"""Linkage, on the disk: every name that a loaded library needs leads to a library, and to the right one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from stackfix.facts.database import Database
from stackfix.judging import remedy
from stackfix.judging.on_cpu import ON_CPU
from stackfix.model.environment import Distribution, Environment
from stackfix.model.report import Finding
from stackfix.model.wheel import Wheel
from stackfix.rules.closure import Closure, Missing, closure
from stackfix.rules.installed import Held
from stackfix.rules.scene import Scene

_NUMBERED = re.compile(r"(?P<stem>lib[\w+-]+?)\.so\.(?P<number>\d+)")
_NUMBERED_DLL = re.compile(r"(?P<stem>[a-z]+)64_(?P<number>\d+)\.dll")
_DESKTOP = {
    "opencv-python": "opencv-python-headless",
    "opencv-contrib-python": "opencv-contrib-python-headless",
}
_MISSING_CODES = (
    (("libcudnn", "cudnn"), "cudnn_missing"),
    (("libnvrtc", "nvrtc"), "nvrtc_missing"),
    (("libnvinfer", "nvinfer"), "tensorrt_missing"),
)


def close(environment: Environment, facts: Database, features: Collection[str]) -> Closure:
    """Return whether every library that the environment loads is provided, for the features that are wanted."""
    plugins = facts.libraries.plugins(features)
    opened = list(_opened(environment, facts, features))
    return closure(environment, facts.libraries, plugins=plugins, opened=opened)


def _opened(
    environment: Environment, facts: Database, features: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield the names that installed releases open and cannot do without, as their rows say."""
    platforms = ("win_amd64",) if environment.windows else ("linux_x86_64", "linux_aarch64")
    for distribution in environment.distributions:
        for wheel in _rows(distribution.name, distribution.version, platforms, facts):
            for feature, sonames in wheel.opens.items():
                if feature in features or not feature:
                    for soname in sorted(sonames):
                        if facts.libraries.opened_and_required(soname, feature):
                            yield f"{distribution.name} {distribution.version}", soname


def _rows(name: str, version: str, platforms: Collection[str], facts: Database) -> Iterator[Wheel]:
    """Yield the row of an installed release for the first platform that has one."""
    for platform in platforms:
        found = [each for each in facts.listed(name, platform) if each.key == version]
        if found:
            yield from (each.wheel for each in found)
            return


_INTERPRETER = re.compile(r"python3\d*\.dll|libpython3[\d.]*\.so[\d.]*", re.IGNORECASE)


def absent(found: Closure, elsewhere: Collection[str], *, windows: bool) -> Closure:
    """Return a closure without what is found outside the environment: the system's folders, the interpreter itself.

    Of a library for Windows whose name nobody has facts about it is not said that it is missing: it may be a part of
    Windows.
    """
    missing = tuple(
        one
        for one in found.missing
        if one.soname not in elsewhere
        and not _INTERPRETER.fullmatch(one.soname)
        and (not windows or _is_cuda(one.soname) or one.soname.startswith(("cudnn", "nvrtc", "nvinfer")))
    )
    return replace(found, missing=missing)


def of_known_packages(found: Closure, environment: Environment, facts: Database) -> Closure:
    """Return a closure without what packages lack of which there are no facts: many carry parts that few ever load."""
    missing = tuple(one for one in found.missing if facts.knows(_owner(environment, one.needed_by)))
    unread = tuple(one for one in found.unread if facts.knows(_owner(environment, one.path)))
    return replace(found, missing=missing, unread=unread)


def missing_libraries(
    environment: Environment, found: Closure, held: Sequence[Held], scene: Scene
) -> Iterator[Finding]:
    """Yield a finding for each group of names that nobody brings: who needs them, and what to install."""
    present = present_numbers(environment)
    groups: dict[tuple[str, str], list[Missing]] = {}
    for one in found.missing:
        owner = _owner(environment, one.needed_by)
        groups.setdefault((owner, missing_code(one.soname, present)), []).append(one)
    for owner in dict.fromkeys(owner for owner, _ in groups):
        codes = [code for one, code in groups if one == owner]
        if owner in _DESKTOP and set(codes) == {"library_missing"}:
            yield _no_desktop(environment, owner, groups[owner, "library_missing"])
            continue
        missing = [each for code in codes for each in groups[owner, code]]
        yield _finding(environment, owner, _common(codes), missing, held, scene, present)


def _seen(one: Missing) -> str:
    """Return who needs a name, and where that stands: in the library itself, or in the facts about what it opens."""
    if " " in one.needed_by:  # a release: what it gives to dlopen was measured on its wheel
        return f"{one.needed_by} opens {one.soname} when it runs [measured: its wheel]"
    windows = one.needed_by.lower().endswith((".dll", ".pyd"))
    return (
        f"{one.needed_by} needs {one.soname} [read: its {'import table' if windows else 'dynamic section'}]"
    )


def _no_desktop(environment: Environment, owner: str, missing: Sequence[Missing]) -> Finding:
    """Return the finding for an OpenCV with windows on a system without a desktop's libraries."""
    version = environment.packages[owner]
    names = [one.soname for one in missing]
    headless = _DESKTOP[owner]
    return Finding(
        code="opencv_conflict",
        severity="error",
        text=f"{owner} {version} needs {' and '.join(names)}, which are a desktop's libraries, and this system has none",
        because=tuple(map(_seen, missing[:4])),
        consequence="`import cv2` fails",
        fix=remedy.replace(environment, [owner], [f"{headless}=={version}"]),
        rule="linkage",
        about=(owner,),
    )


def without_a_desktop(findings: Iterable[Finding]) -> dict[str, str]:
    """Return package -> the build without windows, of those that lack a desktop's libraries here."""
    return {
        name: _DESKTOP[name]
        for one in findings
        for name in one.about
        if one.rule == "linkage" and one.code == "opencv_conflict" and name in _DESKTOP
    }


def _fate(name: str, each: Distribution) -> str:
    return "empty" if any(path.rpartition("/")[2] == name for path in each.emptied) else "gone"


def _common(codes: Sequence[str]) -> str:
    """Return what several codes of one package come to: the wrong major counts before what is only absent."""
    if len(codes) == 1:
        return codes[0]
    for code in ("cuda_major_mismatch", "cudnn_major_mismatch"):
        if code in codes:
            return code
    return "cuda_runtime_missing" if set(codes) - {"library_missing"} else "library_missing"


def present_numbers(environment: Environment) -> Mapping[str, set[str]]:
    """Return stem -> numbers of the CUDA libraries that are there: {"libcublas": {"12"}}."""
    found: dict[str, set[str]] = {}
    for library in (*environment.libraries, *environment.beside):
        for name in library.names:
            if named := _numbered(name):
                found.setdefault(named[0], set()).add(named[1])
    return found


def _numbered(soname: str) -> tuple[str, str] | None:
    named = _NUMBERED.fullmatch(soname) or _NUMBERED_DLL.fullmatch(soname)
    return (named["stem"], named["number"]) if named else None


def missing_code(soname: str, present: Mapping[str, set[str]]) -> str:
    """Return the cause code of a library that is missing, beside the numbers of those that are there."""
    named = _numbered(soname)
    other = bool(named and present.get(named[0], set()) - {named[1]})
    cudnn = soname.startswith(("libcudnn", "cudnn"))
    if other:
        return "cudnn_major_mismatch" if cudnn else "cuda_major_mismatch"
    for heads, code in _MISSING_CODES:
        if soname.startswith(heads):
            return code
    return "cuda_runtime_missing" if _is_cuda(soname) else "library_missing"


def _is_cuda(soname: str) -> bool:
    return (
        re.match(
            r"(lib)?(cuda|cublas|cufft|curand|cusolver|cusparse|nvjitlink|nvtx|nccl|cufile|cupti|nvshmem)",
            soname,
            re.IGNORECASE,
        )
        is not None
    )


def _owner(environment: Environment, path: str) -> str:
    """Return the distribution that owns a library, or the text itself where it is a distribution's name already."""
    for each in environment.distributions:
        if path in each.files:
            return each.name
    return path.partition(" ")[0]


def _finding(
    environment: Environment,
    owner: str,
    code: str,
    missing: Sequence[Missing],
    held: Sequence[Held],
    scene: Scene,
    present: Mapping[str, set[str]],
) -> Finding:
    names = list(dict.fromkeys(one.soname for one in missing))
    version = environment.packages.get(owner, "")
    because = [_seen(one) for one in missing[:4]]
    if len(missing) > 4:
        because.append(f"and {len(missing) - 4} more")
    for name in names:
        named = _numbered(name)
        others = sorted(present.get(named[0], set()) - {named[1]}) if named else []
        if named and others:
            because.append(f"the environment has {named[0]} {' and '.join(others)}, not {named[1]}")
    losers = {
        path.rpartition("/")[2]: each
        for each in environment.distributions
        for path in each.missing
        if path.rpartition("/")[2] in names
    }
    because += [
        f"{name} is in a RECORD of the environment, and its file is {_fate(name, each)}"
        for name, each in sorted(losers.items())
    ]
    packages = remedy.providers(names, owner, held, scene)
    # of a package without facts nobody knows which of its extension modules it cannot do without
    optional = code == "library_missing" and all(each.wheel.package != owner for each in held)
    listed = " and ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    cpu = owner == "onnxruntime-gpu"
    return Finding(
        code=code,
        severity="warning" if optional else "error",
        text=f"{owner} {version} needs {listed}, which nothing in the environment brings".replace("  ", " "),
        because=tuple(because),
        consequence=ON_CPU
        if cpu
        else f"a part of {owner} does not load; if nothing uses that part, it does no harm"
        if optional
        else remedy.without_it(owner),
        fix=f"install what brings {names[0]}, if that part is used"
        if optional and not packages and not losers
        else remedy.mend(environment)  # beside the other major's they would overwrite each other
        if code.endswith("_major_mismatch")
        else _brought_back(environment, names, losers, packages),
        rule="linkage",
        about=(owner, *dict.fromkeys((*(each.name for each in losers.values()), *(name.partition("==")[0] for name in packages)))),
    )  # fmt: skip


def _brought_back(
    environment: Environment,
    names: Sequence[str],
    losers: Mapping[str, Distribution],
    packages: Sequence[str],
) -> str:
    """Return the command that brings libraries: again from who lost them, else from who has them.

    An installer does nothing for a release that is on record, whatever became of its files.
    """
    lost = {each.name: each.version for each in losers.values()}
    fresh = any(remedy.shared_damage(environment, each) for each in losers.values())
    if all(name in losers and not losers[name].name.startswith("nvidia-") for name in names) or (
        packages and {one.partition("==")[0] for one in packages} <= set(lost)
    ):
        pins = sorted(f"{name}=={version}" for name, version in lost.items())
        return remedy.again(environment, pins, fresh=fresh)
    on_record = {f"{each.name}=={each.version}" for each in environment.distributions}
    if packages and on_record.isdisjoint(packages):
        return remedy.install(environment, packages)
    if packages and set(packages) <= on_record:
        return remedy.again(environment, packages)
    return remedy.mend(environment)


def loader_order(environment: Environment, found: Closure, *, windows: bool) -> Iterator[Finding]:
    """Yield a finding where the libraries are there and nothing would load them before onnxruntime."""
    packages = environment.packages
    if "onnxruntime-gpu" not in packages or environment.hook or not found.closed or windows:
        return
    provider = next(
        (one for one in environment.libraries if one.file_name == "libonnxruntime_providers_cuda.so"), None
    )
    if provider is None or not any(_is_cuda(name) for name in provider.needed):
        return
    outside = [one for one in environment.beside if one.path.startswith("/")]
    names = {name for one in (*environment.libraries, *outside) for name in one.names}
    wanted = sorted(name for name in provider.needed if name in names and _is_cuda(name))
    of_conda = len(outside) < len(environment.beside)  # its Python's run path leads to them
    if not wanted or any("nvidia" in path for path in provider.run_path) or of_conda:
        return
    with_torch = environment.builds.get("torch")
    helped = (with_torch is not None and bool(with_torch.cuda)) or any(
        one.name == "torch" for one in environment.outside
    )
    yield Finding(
        code="import_order_preload",
        severity="warning" if helped else "error",
        text="nothing loads the CUDA libraries before onnxruntime",
        because=(
            f"{provider.path} needs {', '.join(wanted)} and has no run path to them [read: its dynamic section]",
            "stackfix's import hook is not in this environment",
        ),
        consequence=(
            "a program that makes a session before `import torch` or `onnxruntime.preload_dlls()` runs on the CPU"
            if helped
            else "a session runs on the CPU unless the program calls `onnxruntime.preload_dlls()` first"
        ),
        fix=remedy.mend(environment),
        rule="loader order",
        about=("onnxruntime-gpu",),
    )
