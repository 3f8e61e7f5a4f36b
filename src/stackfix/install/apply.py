"""The exact files of a lock, installed into an environment by uv or pip; both leave the same files.

Every file goes in by its one address with its sha256, without dependencies. uv and pip then note the address
in `direct_url.json`, which makes later tools treat the package as bound to an address; it is taken out again.

What uv's cache holds damaged is installed once more, past the cache: `--reinstall` and `--refresh` take the same
damaged files again wherever a server says that the wheel is still the same.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from msgspec.structs import replace

from stackfix.errors import DiskError, HashError, InstallerError, NetworkError, StackfixError
from stackfix.install.contents import damaged
from stackfix.install.create import interpreter, no_cache, site_packages
from stackfix.install.downloads import Downloads
from stackfix.install.installer import Installer
from stackfix.install.process import Ended, inherited, run
from stackfix.install.progress import Progress
from stackfix.install.record import drop_files
from stackfix.install.settings import is_offline, pip_environment, uv_environment
from stackfix.model.lock import Lock
from stackfix.plan.lock import to_pylock

_SHOWN = 1500
_NAMED = 3
_NOTES = frozenset({"direct_url.json", "uv_cache.json", "REQUESTED"})
_PYLOCK_SINCE = (0, 7)
_RAW_SINCE = (24, 1)
_PROGRESS = re.compile(r"Progress \d+ of \d+")
_HASH = re.compile(
    r"(hash|size) mismatch|do not match the hashes|zip (file )?structure|failed to extract|badzipfile|not a zip"
    r"|has an invalid wheel|invalid package format|read from zip|is invalid\b",
    re.IGNORECASE,
)
_INSTALLED = re.compile(r"RECORD`? file is invalid|no RECORD file was found|missing RECORD", re.IGNORECASE)
_CUT = re.compile(
    r"response body|unexpected (eof|end)|end of file before|incompleteread|connection (broken|reset|closed)"
    r"|timed? ?out",
    re.IGNORECASE,
)
_SPACE = re.compile(r"no space left|os error 28|disk quota|errno 122|os error 122", re.IGNORECASE)
_NETWORK = re.compile(
    r"failed to (fetch|download)|error sending request|connection|timed? ?out|http (status|error)|dns|tls"
    r"|certificate|name resolution|unexpected eof|response body|incompleteread|content-length"
    r"|proxyerror|proxy auth|redirects|network connectivity|could not install packages due to an oserror: https?",
    re.IGNORECASE,
)

_HINT = "check the network, the proxy and the index that pip or uv is configured with"
_HINTS = (
    (
        re.compile(r"certificate (has )?expired|certificate (is )?not (yet )?valid", re.IGNORECASE),
        "is this machine's clock right? `date` tells; a server's certificate is valid between two dates",
    ),
    (
        re.compile(r"\b407\b|proxy auth", re.IGNORECASE),
        "the proxy wants a name and a password: `HTTPS_PROXY=http://name:password@host:port`",
    ),
    (
        re.compile(r"\b40[13]\b"),
        "the server wants a name and a password: in `.netrc`, in the index's address, or in a keyring",
    ),
)


def requirements(lock: Lock) -> str:
    """Return the files of a lock as requirements: `name @ address --hash=sha256:…`, one a line."""
    return "".join(
        f"{package.name} @ {package.file.url} --hash=sha256:{package.file.sha256}\n"
        for package in lock.packages
    )


def apply(
    lock: Lock,
    environment: Path,
    installer: Installer,
    *,
    scratch: Path,
    variables: Mapping[str, str],
    progress: Progress,
    python: Path | None = None,
    builds: Collection[str] = (),
) -> None:
    """Install every file of the lock; raises HashError, NetworkError, DiskError or InstallerError.

    Only what `builds` names is built from source, after its hash was checked; what it takes to build it comes from the
    index as it is today.

    `scratch` is a folder for the requirements and settings; nothing of it is needed afterwards. `python` is the
    environment's interpreter, where it is not in the usual place.
    """
    if not lock.packages:
        return
    into = _Into(installer, python or interpreter(environment), scratch, variables, progress, builds)
    packages = site_packages(environment)
    into.put(lock)
    drop_files(packages, _NOTES, lock.versions)
    wrong = damaged(packages, lock.versions) if installer.kind == "uv" else {}
    if not wrong:
        return
    again = replace(lock, packages=tuple(each for each in lock.packages if each.name in wrong))
    _say_damaged(again, wrong, variables, progress)
    with tempfile.TemporaryDirectory(
        prefix=".stackfix-uv-", dir=environment
    ) as fresh:  # links need the same disk
        into.put(again, "--reinstall", "--cache-dir", fresh)
    drop_files(packages, _NOTES, again.versions)


@dataclass(frozen=True, slots=True)
class _Into:
    """What installs, the interpreter whose environment it fills, and under which settings."""

    installer: Installer
    python: Path
    scratch: Path
    variables: Mapping[str, str]
    progress: Progress
    builds: Collection[str]

    def put(self, lock: Lock, *options: str) -> None:
        """Install the files of a lock."""
        installer, scratch, variables = self.installer, self.scratch, self.variables
        listed = _listed(lock, installer, scratch)
        built = [word for name in self.builds for word in ("--no-binary", name)]
        exact = ["--no-deps", "--require-hashes", "--only-binary", ":all:", *built, "-r", str(listed)]
        if installer.kind == "uv":
            command = [*installer.command, "pip", "install", "--python", str(self.python), *options, *exact]
            settings = uv_environment(inherited(variables), scratch)
        else:
            bar = "raw" if installer.version >= _RAW_SINCE else "off"
            quiet = ["--no-compile", "--no-warn-script-location", "--progress-bar", bar]
            command = [*installer.command, "--python", str(self.python), "install", *options, *quiet, *exact]
            settings = pip_environment(installer.command, inherited(variables), scratch)
        downloads = Downloads(lock, installer.kind, self.progress)
        try:
            ended = run(command, folder=scratch, environment=settings, watch=downloads)
        finally:
            downloads.end()
        if ended.code:
            raise _offline(installer, ended) if is_offline(variables) else failure(installer, ended)


def _say_damaged(
    lock: Lock, wrong: Mapping[str, str], variables: Mapping[str, str], progress: Progress
) -> None:
    """Say what uv's cache holds damaged, and what it takes to be rid of it; NetworkError where it can't be fetched."""
    told = [f"{each.name} {each.version} ({wrong[each.name]})" for each in lock.packages]
    more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    said = f"uv's cache holds a damaged copy of {', '.join(told[:_NAMED])}{more}"
    clean = f"uv cache clean {' '.join(sorted(wrong))}"
    if is_offline(variables) and any(not each.file.url.startswith("file:") for each in lock.packages):
        raise NetworkError(
            f"{said}, and `--offline` forbids fetching it anew",
            hint=f"run the same once with a network; `{clean}` removes the damaged copy",
        )
    progress.stage(f"{said}: it comes anew, past the cache")
    progress.stage(
        f"the cache stays as it is; `{clean}` removes the damaged copy, which other environments would get"
    )


def _listed(lock: Lock, installer: Installer, scratch: Path) -> Path:
    """Write the files to install as the installer reads them best, and return where.

    Through a pylock.toml that names the index uv shares its cache with what the user installed by name
    (measured: 1.6 GB in 0.06 s instead of 15); by bare addresses it downloads all of it again.
    """
    indexed = all(package.index for package in lock.packages)
    if installer.kind == "uv" and installer.version >= _PYLOCK_SINCE and indexed:
        listed = scratch / "pylock.toml"
        listed.write_text(to_pylock(lock), encoding="utf-8")
        return listed
    listed = scratch / "requirements.txt"
    listed.write_text(requirements(lock), encoding="utf-8")
    return listed


def _offline(installer: Installer, ended: Ended) -> StackfixError:
    """Return that a file is not in the installer's cache, where the network was forbidden and that is what is wrong."""
    error = failure(installer, ended)
    said = re.findall(r"[\w.+%-]+\.whl", ended.text)
    if not isinstance(error, NetworkError) and "network was disabled" not in ended.text.lower():
        return error
    what = unquote(said[-1]) if said else "a file of the set"
    return NetworkError(
        f"{installer.kind} does not have {what} in its cache, and `--offline` forbids fetching it",
        hint="run the same once with a network, or bring it as a bundle (`stackfix bundle`)",
    )


def failure(installer: Installer, ended: Ended) -> StackfixError:
    """Return the error that an installer's last words mean, with these words."""
    words = _last_words(ended.text)
    if (uncached := no_cache(ended.text)) is not None:
        return uncached
    if _INSTALLED.search(words):
        return InstallerError(
            f"the list of files (RECORD) of an installed package is damaged: {words}",
            hint="`stackfix doctor` names the package, `stackfix fix` installs it anew",
        )
    if _HASH.search(words) and not _CUT.search(words):
        return HashError(
            f"a downloaded file is not the one that the lock names: {words}",
            hint="a download that was cut off, or a proxy that changes files, looks like this: try again, elsewhere",
        )
    if _SPACE.search(words):
        return DiskError(f"the disk is full: {words}", hint="free some space, or name another folder")
    if _CUT.search(words) or _NETWORK.search(words):
        return NetworkError(
            f"{installer.kind} could not download a file: {words}",
            hint=next((hint for said, hint in _HINTS if said.search(words)), _HINT),
        )
    return InstallerError(f"{installer.kind} ended with {ended.code}: {words}")


def _last_words(text: str) -> str:
    """Return the error itself, from the first line that says so; of a traceback only its end."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not _PROGRESS.match(line)]
    start = next(
        (at for at, line in enumerate(lines) if re.match(r"(error|\u00d7|ERROR)", line)),
        max(0, len(lines) - 8),
    )
    said = lines[start:]
    if "Traceback (most recent call last):" in said:
        doing = [line for line in lines[:start] if re.match(r"(Collecting|Downloading) ", line)]
        ends = [line for line in said if re.match(r"[\w.]+(Error|Exception|Interrupt)\b", line)]
        said = [*doing[-1:], *(ends[-1:] or said[-1:])]
    return " / ".join(said)[-_SHOWN:]
