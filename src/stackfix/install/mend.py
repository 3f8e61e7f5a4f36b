"""A repair, carried out on a copy of the environment that is proved before it takes the original's place.

The copy shares its files with the original by hard links (installers write new files, they never change old ones in
place), so that it costs seconds and almost no room. The journal and the switch are those of an install: whatever
happens, the environment is the old one or the mended one, and `undo` puts the old one back.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from stackfix.errors import DiskError, TargetError
from stackfix.install.apply import apply, failure
from stackfix.install.create import site_packages
from stackfix.install.hook import add_hook
from stackfix.install.installer import Choice, Installer, find_installer
from stackfix.install.journal import remove_tree
from stackfix.install.marker import Marker, read_marker, write_marker
from stackfix.install.process import inherited, run
from stackfix.install.progress import Progress
from stackfix.install.record import folders_of, mend_records, remove_files, replace_bytes, take_out_doubles
from stackfix.install.settings import uv_environment
from stackfix.install.space import amount
from stackfix.install.staging import NotProvedError, changing, staged
from stackfix.install.target import make_parent, resolved
from stackfix.model.environment import Environment
from stackfix.model.lock import Lock
from stackfix.versions import canonical_name

CONSTRAINTS = "stackfix-constraints.txt"
_FOLDERS = {"onnxruntime": "onnxruntime", "onnxruntime-gpu": "onnxruntime", "torch": "torch"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is done to an environment: what leaves it, the files that come in, and the constraints that hold it so.

    `leftovers` are import folders that go because no package owns them, `strays` files (below site-packages) that do.
    `protect` writes the constraints into the environment's own configuration of pip as well.
    """

    leaving: tuple[str, ...]
    lock: Lock
    hook: bool
    constraints: str
    leftovers: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    protect: bool = False


def mend(
    environment: Environment,
    change: Change,
    *,
    read: Callable[[Path], Environment],
    prove: Callable[[Path], object],
    progress: Progress,
    installer: Choice = "auto",
    variables: Mapping[str, str] | None = None,
) -> Environment:
    """Return the mended environment, in the place of the old one.

    `read` reads an environment from outside; `prove` gets the interpreter of the mended copy while the original is
    still in place, and answers something true if it works (NotProvedError otherwise).
    """
    settings = dict(os.environ if variables is None else variables)
    place = resolved(Path(environment.path))
    executable = Path(environment.executable)
    if not executable.exists() or not executable.is_relative_to(environment.path):
        raise TargetError(f"`{executable}` is not inside `{environment.path}`: it can't be mended as a whole")
    refuse_links(place)
    chosen = find_installer(installer, executable, settings)
    make_parent(place)
    with changing(place, progress) as beside, tempfile.TemporaryDirectory(prefix="stackfix-") as scratch:
        with staged(beside) as new:
            progress.stage(f"copying `{place.name}` (files are shared, not doubled)")
            there = _packages_of(place)
            copy_linked(place, new.folder)
            python = new.folder / executable.relative_to(environment.path)
            _alter(new.folder, place, python, change, chosen, Path(scratch), settings, progress, read)
            before = read_marker(place)
            write_marker(
                new.folder,
                Marker(
                    build=new.build,
                    installer=chosen.kind,
                    lock=before.lock if before is not None and not change.lock.packages else "",
                    added=before.added if before is not None else (),
                ),
            )
            progress.stage("proving that it works")
            _proved(prove, python, place)
            if _packages_of(place) != there:
                raise TargetError(
                    f"packages of `{place}` were changed by somebody else in the meantime; nothing was changed here",
                    hint="wait for the other installation, then try again",
                )
        progress.stage(
            f"`{place}` is mended; `stackfix undo --venv {shlex.quote(str(place))}` puts the old one back"
        )
    return read(place)


def refuse_links(place: Path) -> None:
    """Raise TargetError for a folder in an environment that is a link to elsewhere.

    A copy would share what is behind it, and an installer would change it for everybody who links there.
    """
    for folder, names, _ in os.walk(place):
        for name in names:
            path = Path(folder) / name
            if path.is_symlink() and (
                path.readlink().is_absolute() or not path.resolve().is_relative_to(place)
            ):
                raise TargetError(
                    f"`{path.relative_to(place)}` in `{place}` is a link to `{path.readlink()}`: "
                    "what is behind it may serve others too, so it is not changed",
                    hint="put the folder itself in the place of the link, or make a fresh environment",
                )


def _packages_of(place: Path) -> set[str]:
    """Return the names of the dist-info folders of an environment."""
    return {path.name for path in site_packages(place).glob("*.dist-info")}


def _proved(prove: Callable[[Path], object], python: Path, place: Path) -> None:
    if not prove(python):
        raise NotProvedError(f"the mended copy of `{place}` did not pass its proof; nothing was changed")


def _alter(
    staging: Path,
    place: Path,
    python: Path,
    change: Change,
    chosen: Installer,
    scratch: Path,
    settings: Mapping[str, str],
    progress: Progress,
    read: Callable[[Path], Environment],
) -> None:
    if change.leaving:
        progress.stage(f"removing {', '.join(change.leaving[:6])}{' …' if len(change.leaving) > 6 else ''}")
        _remove_all(change.leaving, site_packages(staging), python, chosen, scratch, settings)
    after = read(staging)
    for path in change.strays:
        for packages in after.site_packages:
            (Path(packages) / path).unlink(missing_ok=True)
    _sweep(after, [*change.leftovers, *(_FOLDERS[name] for name in change.leaving if name in _FOLDERS)])
    if change.lock.packages:
        _drop_nameless(site_packages(staging), {canonical_name(each.name) for each in change.lock.packages})
        progress.stage(f"installing {amount(change.lock.download_bytes)} with {chosen.kind}")
        apply(
            change.lock,
            staging,
            chosen,
            scratch=scratch,
            variables=settings,
            progress=progress,
            python=python,
        )
        _refuse_absent(change, read(staging), place)
    if change.hook:
        add_hook(site_packages(staging), read(staging))
    write_constraints(staging, place, change.constraints, protect=change.protect)


def _drop_nameless(packages: Path, coming: Collection[str]) -> None:
    """Remove the dist-info without METADATA of packages that come in: uv takes its folder for the installed release."""
    for each in folders_of(packages, coming):
        if not (each / "METADATA").is_file():
            remove_tree(each)


def _refuse_absent(change: Change, after: Environment, place: Path) -> None:
    """Refuse a repair after which a release that was to come in is not there, whatever its installer said."""
    for each in change.lock.packages:
        found = after.packages.get(canonical_name(each.name))
        if found is None or Version(found) != Version(str(each.version)):
            raise NotProvedError(
                f"{each.name} {each.version} is not in the mended copy of `{place}` after its installation; nothing was changed"
            )


def _remove_all(
    names: Sequence[str],
    packages: Path,
    python: Path,
    installer: Installer,
    scratch: Path,
    settings: Mapping[str, str],
) -> None:
    """Remove packages with every record of theirs: an installer takes out one of several, or stumbles over them."""
    wanted = frozenset(canonical_name(name) for name in names)
    mend_records(packages, wanted)
    left = take_out_doubles(packages, wanted)
    _remove(names, python, installer, scratch, settings)
    for each in folders_of(packages, wanted):  # its RECORD did not list itself
        remove_tree(each)
    remove_files(packages, left)


def _remove(
    names: Sequence[str], python: Path, installer: Installer, scratch: Path, settings: Mapping[str, str]
) -> None:
    if installer.kind == "uv":
        command = [*installer.command, "pip", "uninstall", "--python", str(python), *names]
        environment = uv_environment(inherited(settings), scratch)
    else:
        command = [*installer.command, "--python", str(python), "uninstall", "-y", *names]
        environment = inherited(settings)
    ended = run(command, folder=scratch, environment=environment)
    if ended.code:
        raise failure(installer, ended)


def _sweep(environment: Environment, folders: Sequence[str]) -> None:
    """Remove import folders that no package owns, and what pip left: after a removal, files that no RECORD named stay."""
    for folder in folders:
        if folder in (*environment.ownerless, *environment.abandoned):
            for packages in environment.site_packages:
                path = Path(packages) / folder
                if path.is_file() or path.is_symlink():
                    path.unlink()
                else:
                    remove_tree(path)


def write_constraints(environment: Path, final: Path, text: str, *, protect: bool) -> None:
    """Write the constraints into an environment; with `protect` also into its own configuration of pip.

    `final` is where the environment will stand.
    """
    if not text:
        return
    replace_bytes(environment / CONSTRAINTS, text.encode())
    if not protect:
        return
    config = environment / ("pip.ini" if os.name == "nt" else "pip.conf")
    before = config.read_text(encoding="utf-8") if config.is_file() else ""
    if re.search(r"^\s*constraint\s*=", before, re.MULTILINE):
        return
    line = f"constraint = {final / CONSTRAINTS}"
    section = re.search(r"^\[install\][^\n]*$", before, re.MULTILINE)
    if section is not None:
        after = f"{before[: section.end()]}\n{line}{before[section.end() :]}"
    else:
        after = f"{before.rstrip()}\n[install]\n{line}\n".lstrip()
    replace_bytes(config, after.encode())


def copy_linked(source: Path, target: Path) -> None:
    """Copy a folder by hard links; by whole files where the file system has none. DiskError says what failed."""
    linked = True

    def one(origin: str, place: str) -> str:
        nonlocal linked
        if linked:
            try:
                os.link(origin, place, follow_symlinks=False)
            except OSError:
                linked = False
            else:
                return place
        return str(shutil.copy2(origin, place, follow_symlinks=False))

    try:
        shutil.copytree(source, target, symlinks=True, copy_function=one)
    except (OSError, shutil.Error) as error:
        raise DiskError(f"`{source}` cannot be copied beside itself: {str(error)[:300]}") from error
