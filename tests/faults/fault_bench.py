"""A target, a command line and a server: a fault is set, the command is run, and what came of it is judged."""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fault_server import Server

from stackfix.install.marker import read_marker
from stackfix.model.lock import Lock, LockedFile, LockedPackage
from stackfix.plan.lock import to_pylock

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
DRIVER = Path(__file__).with_name("step_driver.py")
OLD, NEW, ABSENT, EMPTY = "whole old", "whole new", "absent", "empty"


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One row of the table: what went wrong, and what came of it."""

    kind: str
    what: str
    state: str
    code: int
    said: str
    next_run: str = ""


def snapshot(folder: Path) -> dict[str, bytes | str]:
    """Return everything in a folder: path to content, or to the target of a link; bytecode aside."""
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if (path.is_symlink() or path.is_file()) and "__pycache__" not in path.parts
    }


@dataclass
class Bench:
    """One target with what was there before, and the rows that its faults leave."""

    server: Server
    folder: Path
    scratch: Path
    variables: dict[str, str]
    template: Path
    points: list[Point] = field(default_factory=list)
    before: dict[str, bytes | str] = field(default_factory=dict)
    running: list[subprocess.Popen[str]] = field(default_factory=list)
    prefix: tuple[str, ...] = ()

    @property
    def target(self) -> Path:
        """Where the environment goes."""
        return self.folder / "venv"

    def old(self) -> Bench:
        """Put an environment with version 1.0 at the target, as an earlier install left it."""
        shutil.copytree(self.template, self.target, symlinks=True)
        self.before = snapshot(self.target)
        return self

    def lock(self, version: str = "2.0", *, names: tuple[str, ...] = ("app", "lib")) -> Path:
        """Return a lock of the packages in that version, each by its address on the server."""
        packages = []
        for name in names:
            file = f"{name}-{version}-py3-none-any.whl"
            data = self.server.files[file]
            packages.append(
                LockedPackage(
                    name=name,
                    version=version,
                    file=LockedFile(
                        name=file,
                        size=len(data),
                        sha256=hashlib.sha256(data).hexdigest(),
                        url=f"{self.server.address}/files/{file}",
                    ),
                    index=f"{self.server.address}/simple",
                )
            )
        path = self.scratch / f"pylock-{version}.toml"
        path.write_text(to_pylock(Lock(packages=tuple(packages), python=VERSION, platform="linux_x86_64")))
        return path

    def words(self, version: str = "2.0", installer: str = "uv") -> list[str]:
        """Return the command that installs a version at the target."""
        words = ["install", "--lock", str(self.lock(version)), "--venv", str(self.target)]
        return [*words, "--no-validate", "--installer", installer]

    def asking(self, version: str = "2.0") -> list[str]:
        """Return the command that installs a version at the target without a lock: the index is asked."""
        words = ["install", f"app=={version}", f"lib=={version}", "--venv", str(self.target), "--no-validate"]
        return [*words, "--gpu", "none", "--python", VERSION]

    def start(self, words: list[str], *driver: str, **variables: str) -> subprocess.Popen[str]:
        """Start a command; with a driver's words, something happens to it at a step."""
        head = [str(DRIVER), *driver] if driver else ["-m", "stackfix"]
        child = subprocess.Popen(
            [*self.prefix, sys.executable, *head, *words],
            env=self.variables | variables,
            cwd=self.scratch,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - a background job ignores it
        )
        self.running.append(child)
        return child

    def run(self, words: list[str], *driver: str, **variables: str) -> Done:
        """Run a command to its end."""
        return ended(self.start(words, *driver, **variables))

    def state(self) -> str:
        """Return what stands at the target, looked at file by file; "broken: …" for anything in between."""
        if not self.target.exists():
            return ABSENT
        if not any(self.target.iterdir()):
            return EMPTY
        if self.before and snapshot(self.target) == self.before:
            return OLD
        marker = read_marker(self.target)
        if marker is None:
            return "broken: an environment without a marker"
        wrong = list(_wrong(self.target))
        if wrong:
            return f"broken: {wrong}"
        version = "2.0" if 'version = "2.0"' in marker.lock else "1.0"
        for name in ("app", "lib"):
            ran = subprocess.run(
                [self.target / "bin" / f"run-{name}"], capture_output=True, text=True, check=False
            )
            if ran.stdout != f"{name} {version}\n":
                return f"broken: {ran}"
        return NEW if version == "2.0" else OLD

    def beside(self) -> list[str]:
        """Return what lies beside the target and is ours."""
        return sorted(each.name for each in self.folder.iterdir() if "stackfix" in each.name)

    def saw(self, kind: str, what: str, done: Done, *, state: str, code: int, says: str) -> None:
        """Judge what came of a fault: the target, the exit code, what was said; and keep the row."""
        said = done.err.strip()
        shown = next(
            (line for line in said.splitlines() if line.startswith("error")), said.rpartition("\n")[2]
        )
        self.points.append(Point(kind=kind, what=what, state=state, code=code, said=shown[:160]))
        assert done.code == code, done
        assert self.state() == state, done
        assert re.search(says, said), said
        assert "Traceback" not in said, said
        if code == 0:
            assert "ready" in said

    def again(self) -> None:
        """Put the old environment back, as if nothing had been run."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        self.old()

    def saw_killed(self, what: str, code: int, said: str) -> None:
        """Keep a row of a process that was killed at a moment that nobody chose: old or new, and whole."""
        state = self.state()
        last = said.strip().rpartition("\n")[2]
        self.points.append(Point(kind="kill", what=what, state=state, code=code, said=last[:160]))
        assert code in (0, -9)
        assert state in (OLD, NEW), said

    def then(self, words: list[str] | None = None, *, says: str = "", **variables: str) -> None:
        """Run again with the fault gone: it succeeds, says what it finished or undid, and leaves nothing beside."""
        self.server.faults.clear()
        done = self.run(self.words() if words is None else words, **variables)
        assert done.code == 0, done
        assert self.state() == NEW
        assert re.search(says, done.err), done.err
        assert self.beside() in ([], [".venv.stackfix-previous"])
        last = self.points.pop()
        outcome = "succeeds" if not says else f"succeeds: {says}"
        self.points.append(
            Point(
                kind=last.kind,
                what=last.what,
                state=last.state,
                code=last.code,
                said=last.said,
                next_run=outcome,
            )
        )

    def end(self) -> None:
        """Stop what is still running."""
        for child in self.running:
            if child.poll() is None:
                child.kill()
                child.communicate()


def ended(child: subprocess.Popen[str]) -> Done:
    """Wait for a command and return how it ended."""
    out, err = child.communicate(timeout=100)
    return Done(child.returncode, out, err)


def _wrong(environment: Path) -> Iterator[str]:
    """Yield the files of an environment that are not what its RECORDs say."""
    (packages,) = (environment / "lib").glob("python3.*/site-packages")
    for record in packages.glob("*.dist-info/RECORD"):
        with record.open(newline="") as handle:
            for path, digest, size in csv.reader(handle):
                file = packages / path
                if not file.is_file():
                    yield f"{path} is missing"
                    continue
                data = file.read_bytes()
                found = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
                if digest and (digest, size) != (f"sha256={found}", str(len(data))):
                    yield f"{path} has other bytes"


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a small disk in the memory; only root may."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "stackfix-faults", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def may_mount(folder: Path) -> bool:
    """Whether a small disk can be mounted here."""
    if os.geteuid() or not shutil.which("mount"):
        return False
    try:
        with small_disk(folder / "probe", "1m"):
            return True
    except subprocess.CalledProcessError:
        return False


@contextmanager
def plain(folder: Path) -> Iterator[Path]:
    """Make an ordinary folder where no small disk can be had."""
    folder.mkdir()
    yield folder
