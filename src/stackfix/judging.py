"""An installed environment judged by the rules, without importing anything from it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from stackfix.facts.database import Database
from stackfix.model.environment import Environment
from stackfix.model.report import Finding, Report
from stackfix.model.wheel import Wheel
from stackfix.rules.closure import Closure, closure
from stackfix.versions import canonical_name


def close(environment: Environment, facts: Database, features: Collection[str]) -> Closure:
    """Return whether every library that the environment loads is provided, for the features that are wanted."""
    plugins = facts.libraries.plugins(features)
    opened = list(_opened(environment, facts, features))
    return closure(environment, facts.libraries, plugins=plugins, opened=opened)


def _opened(
    environment: Environment, facts: Database, features: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield the names that installed releases open and cannot do without, as their rows say."""
    for distribution in environment.distributions:
        name = canonical_name(distribution.name)
        for wheel in facts.wheels(name):
            if str(wheel.version) != distribution.version or not _serves(wheel, environment):
                continue
            for feature, sonames in wheel.opens.items():
                if feature in features or not feature:
                    for soname in sorted(sonames):
                        if facts.libraries.opened_and_required(soname, feature):
                            yield f"{distribution.name} {distribution.version}", soname


def _serves(wheel: Wheel, environment: Environment) -> bool:
    """Whether a row is for the system that an environment was made for; its executable tells Windows from Linux."""
    windows = environment.executable.endswith(".exe")
    return wheel.platform == "any" or wheel.platform.startswith("win") == windows


def examine(environment: Environment, facts: Database) -> Report:
    """Return what is wrong with an environment and what is right, by the rules that judge plans too."""
    installed: dict[str, str] = {
        canonical_name(each.name): each.version for each in environment.distributions
    }
    features = ("cuda",) if "onnxruntime-gpu" in installed else ()
    found = close(environment, facts, features)
    findings = [*_collisions(installed, facts), *_missing(found, facts), *_gutted(environment)]
    good: list[str] = []
    if found.closed and found.followed:
        upto = f", up to the driver's {' and '.join(found.from_driver)}" if found.from_driver else ""
        good.append(f"{found.followed} libraries that a process loads find all they need{upto}")
    if environment.hook:
        good.append(
            "stackfix's import hook is installed (stackfix_libraries.pth): it loads the CUDA libraries before "
            "onnxruntime; `STACKFIX_HOOK=off` switches it off"
        )
    return Report(
        path=environment.path,
        findings=tuple(findings),
        good=tuple(good),
        unknown=(*environment.unreadable, *(() if found.followed else ("it holds no library to judge",))),
    )


def _collisions(installed: dict[str, str], facts: Database) -> Iterator[Finding]:
    owners: dict[str, list[str]] = {}
    for name in installed:
        for folder in sorted({folder for wheel in facts.wheels(name) for folder in wheel.owns}):
            if len(facts.owners(folder)) > 1:
                owners.setdefault(folder, []).append(name)
    for folder, names in owners.items():
        if len(names) > 1:
            keep = next((name for name in names if name.endswith("-gpu")), names[0])
            yield Finding(
                code="both_ort_packages" if folder == "onnxruntime" else "package_collision",
                severity="error",
                text=f"{' and '.join(names)} both fill the folder `{folder}`",
                because=tuple(f"{name} {installed[name]} is installed" for name in names),
                consequence="the later one has overwritten the earlier, and removing one guts the other",
                fix=f"pip uninstall -y {' '.join(names)} && pip install --no-deps {keep}=={installed[keep]}",
            )


def _missing(found: Closure, facts: Database) -> Iterator[Finding]:
    for one in found.missing:
        packages = facts.providers(one.soname)
        code = "cudnn_missing" if one.soname.startswith("libcudnn") else "cuda_runtime_missing"
        if one.soname.startswith("libnvrtc"):
            code = "nvrtc_missing"
        yield Finding(
            code=code if packages else "library_missing",
            severity="error",
            text=f"{one.soname} is not in the environment",
            because=(f"{one.needed_by} needs it", *(f"{name} provides it" for name in packages)),
            consequence="what needs it does not load; onnxruntime then runs on the CPU and says so only on stderr",
            fix=f"pip install {packages[0]}"
            if len(packages) == 1
            else "make a fresh environment: `stackfix install`",
        )


def _gutted(environment: Environment) -> Iterator[Finding]:
    for each in environment.distributions:
        code = [path for path in each.missing if path.endswith((".py", ".so")) or ".so." in path]
        if code:
            yield Finding(
                code="gutted_package",
                severity="error",
                text=f"{each.name} {each.version} has lost {len(code)} of its files",
                because=tuple(f"RECORD lists {path}" for path in code[:3]),
                consequence="another package's removal or installation took them; imports fail or behave oddly",
                fix=f"pip install --force-reinstall --no-deps {each.name}=={each.version}",
            )
