"""What is broken as a whole: an environment that cannot run, packages that are half there, scripts of another Python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from packaging.utils import canonicalize_name

from stackfix.judging import remedy
from stackfix.model.environment import Environment
from stackfix.model.report import Finding

_DIST_INFO = ".dist-info: "


def broken_findings(environment: Environment, missing: Sequence[Finding]) -> Iterator[Finding]:
    """Yield what makes the environment unusable, and the packages whose records are damaged.

    `missing` are the findings about libraries that nothing brings: a package without its RECORD that lacks libraries
    of its own is half installed, and that is why.
    """
    lacking = {one.about[0] for one in missing if one.code == "library_missing"}
    for reason in environment.broken:
        yield Finding(
            code="broken_environment",
            severity="error",
            text=f"the environment is broken: {reason}",
            because=(f"{environment.path} [read: its files]",),
            consequence="nothing in it can be run",
            fix=remedy.anew(environment),
            rule="environment",
        )
    for reason in environment.unreadable:
        package = canonicalize_name(reason.partition("-")[0]) if _DIST_INFO in reason else ""
        yield Finding(
            code="gutted_package",
            severity="error" if package in lacking else "warning",
            text=f"a package is broken: {reason}",
            because=(f"{environment.site_packages[0] if environment.site_packages else environment.path} [read: its files]",),
            consequence="pip and importlib.metadata skip it or stumble over it; its files may be there without it",
            fix=remedy.mend(environment),
            rule="environment",
            about=(package,) if package else (),
        )  # fmt: skip


def cut_off(environment: Environment, unmet: Sequence[Finding]) -> Iterator[Finding]:
    """Yield packages that pip had set aside when it was cut off, that are not there again, and that are missed."""
    required = {name: one.about[0] for one in unmet for name in one.about[1:]}
    for name, version in environment.cut_off:
        if (name in required or name in environment.set_aside) and name not in environment.packages:
            yield Finding(
                code="gutted_package",
                severity="error",
                text=f"{name} {version} was being replaced or removed when that was cut off, and is not there",
                because=(
                    f"pip has set it aside as {', '.join(environment.abandoned)} and put nothing in its place",
                    *((f"{required[name]} requires {name}",) if name in required else ()),
                ),
                consequence=remedy.without_it(name),
                fix=remedy.mend(environment),
                rule="environment",
                about=(name, *((required[name],) if name in required else ())),
            )


def copied(environment: Environment) -> Iterator[Finding]:
    """Yield that the scripts of an environment start another one's Python."""
    names = [name for name, _ in environment.strange_scripts]
    if not names:
        return
    elsewhere = ", ".join(dict.fromkeys(folder for _, folder in environment.strange_scripts))
    yield Finding(
        code="copied_environment",
        severity="warning",
        text=f"{len(names)} scripts of it start the Python in {elsewhere}: it was copied or moved from there",
        because=(f"the first line of {', '.join(f'bin/{name}' for name in names[:4])} [read: the files]",),
        consequence="`pip` and every other command of it works on that environment, or fails where it is gone",
        fix=f"run them as `{environment.executable} -m pip`; or make it anew where it is to stand",
        rule="environment",
    )
