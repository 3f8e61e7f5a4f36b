"""Install from the parts alone and run every check that a GPU is needed for; what was found as one value."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import parts

CHECKOUT = Path(__file__).resolve().parent.parent.parent
GPU = "proved on gpu"
# makes a step of its name
Made = Callable[[str], dict[str, Any]]
_LIMIT = 500
_SHOWN = 3000


def prove(
    store: Path,
    work: Path,
    *,
    consume: bool = False,
    tell: Callable[[dict[str, Any]], None] = lambda _: None,
    earlier: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return date, machine, every step's result and a verdict; a step that goes wrong does not end the others.

    `tell` hears the result so far after each step: what runs here may be ended at any moment. Of an `earlier` result of
    the same parts what went well is kept, as long as the environment is there in which it did.
    """
    work.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {
        "schema": "stackfix.gpu_proof/1",
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": sys.version.split()[0],
        "nvidia_smi": _printed(["nvidia-smi"]),
        "library_path": os.environ.get("LD_LIBRARY_PATH", ""),
        "steps": [],
        "ok": False,
        "verdict": "not proved",
    }
    for step in _steps(store, work, result, consume=consume, earlier=earlier or {}):
        result["steps"].append(step)
        _judged(result)
        tell(result)
    return result


def _steps(
    store: Path, work: Path, result: dict[str, Any], *, consume: bool, earlier: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    wheels = work / "wheels"
    try:
        listed = parts.joined(store, wheels) or parts.join(store, wheels, consume=consume)
    except (parts.PartError, OSError) as error:
        yield {"name": "join the parts", "ok": False, "said": str(error)}
        return
    count = f"{len(listed['files'])} files, each by its sha256"
    yield {"name": "join the parts", "ok": True, "said": count}
    result["parts"] = parts.sha256_of(store / parts.LIST)
    target = work / "environment"
    kept = {}
    if earlier.get("parts") == result["parts"] and target.is_dir():
        kept = {step["name"]: step for step in earlier.get("steps") or () if step.get("ok") is True}
        _put_back(target)

    def once(name: str, make: Made) -> dict[str, Any]:
        return {**kept[name], "kept": True} if name in kept else make(name)

    tool = work / "tool"

    def needs(name: str) -> dict[str, Any]:
        said = installed(tool, wheels, listed["stackfix"])
        return {"name": name, "ok": not said, "said": said}

    yield (step := once("install stackfix's needs", needs))
    if not step["ok"]:
        return
    stackfix = [str(tool / "bin" / "python"), "-m", "stackfix"]
    result["machine"] = _asked([*stackfix, "machine", "--json"]).get("answer")
    if listed.get("beside"):
        made = partial(_beside, stackfix, target, wheels, listed["beside"])
        yield (step := once("an environment beside this machine's own packages", made))
        if not step["ok"]:
            return
    else:
        yield once("install the newest set from the parts", partial(_installed, stackfix, work))
    yield from _checks(stackfix, target, result, once)


def _checks(
    stackfix: Sequence[str], target: Path, result: dict[str, Any], once: Callable[[str, Made], dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Yield what is proved in the environment that was made, and what must not be."""
    validate = [*stackfix, "validate", "--venv", str(target), "--device", "gpu", "--json", "--timeout", "240"]
    for weights in ("standin", "twin"):
        command = [*validate, "--weights", weights]
        yield once(f"validate with {weights}s", partial(_step, command=command))
    standin = [*validate, "--weights", "standin"]
    # where only this variable leads to the driver, nothing runs on a GPU without it, whatever is installed
    result["driver_without_library_path"] = _opens("libcuda.so.1", LD_LIBRARY_PATH="")
    if result["library_path"] and result["driver_without_library_path"]:
        named = "validate without LD_LIBRARY_PATH"
        yield once(named, partial(_step, command=standin, LD_LIBRARY_PATH=""))
    yield once("options side by side", partial(_compared, command=[*standin, "--compare"]))
    for library in ("libcurand.so.10", "libcudnn.so.9"):
        if any(_found(target, library)):
            yield once(f"without {library}", partial(_failing, standin, target, library))
    hidden = {"CUDA_VISIBLE_DEVICES": "-1"}
    missing = partial(_step, command=standin, expected="not proved", **hidden)
    yield once("with the GPU hidden", missing)
    yield once("with the GPU's memory held", partial(_crowded, [*validate, "--weights", "twin"], target))


def _installed(stackfix: Sequence[str], work: Path, name: str) -> dict[str, Any]:
    """Return what became of the set, installed from the files alone."""
    lock, wheels = work / "pylock.toml", work / "wheels"
    text = (wheels / "pylock.toml").read_text(encoding="utf-8")
    lock.write_text(from_files(text, wheels), encoding="utf-8")
    target = work / "environment"
    words = [
        "install",
        "dwpose",
        "--lock",
        str(lock),
        "--venv",
        str(target),
        "--offline",
        "--json",
        "--replace",
    ]
    step = _step(name, [*stackfix, *words])
    if not target.is_dir():
        # what is not proved is not left there: without a proof, so that the other checks say what they see
        step["without a proof"] = _asked([*stackfix, *words, "--no-validate"])["ended"]
    return step


def _beside(
    stackfix: Sequence[str], target: Path, wheels: Path, wanted: Sequence[str], name: str
) -> dict[str, Any]:
    """Return what became of an environment in which the wheels that came stand before what this Python has."""
    said = installed(target, wheels, wanted)
    if said:
        return {"name": name, "ok": False, "said": said}
    (site,) = target.glob("lib/python*/site-packages")
    own = [each for each in sys.path if each.endswith("-packages")]
    (site / "machine.pth").write_text("".join(f"{each}\n" for each in own), encoding="utf-8")
    words = ["fix", "--venv", str(target), "--offline", "--json", "--no-validate"]
    asked = _asked([*stackfix, *words])
    said = f"{', '.join(wanted)} before {', '.join(own)}; `stackfix fix`: {asked['ended']}"
    return {"name": name, "ok": asked["ended"] == "exit 0", "said": said, "answer": _short(asked["answer"])}


def _failing(command: list[str], target: Path, library: str, name: str) -> dict[str, Any]:
    """Return whether a proof fails while a library is away."""
    with _without(target, library):
        return _step(name, command, expected="failed")


def _crowded(command: list[str], target: Path, name: str) -> dict[str, Any]:
    """Return whether a proof fails for want of memory while almost all of it is held."""
    with _filled(target) as said:
        if said:
            return {"name": name, "ok": False, "said": f"it could not be held: {said}"}
        return _step(name, command, expected="failed", code="gpu_memory")


def installed(tool: Path, wheels: Path, needs: Sequence[str]) -> str:
    """Make an environment with stackfix's needs, and return what went wrong, "" if nothing did.

    By the pip of the set, run from its wheel: systems take `ensurepip` out of their Pythons.
    """
    shutil.rmtree(tool, ignore_errors=True)
    pips = sorted(wheels.glob("pip-*.whl"))
    try:
        venv.create(tool, with_pip=not pips)
    except (OSError, subprocess.CalledProcessError) as error:
        return str(error)
    pip = [str(pips[-1] / "pip")] if pips else ["-m", "pip"]
    command = [str(tool / "bin" / "python"), *pip, "install", "-q", "--no-index", "--no-deps"]
    command += ["--disable-pip-version-check", "--find-links", str(wheels), *needs]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return (done.stderr or f"pip ended with {done.returncode}")[-_SHOWN:] if done.returncode else ""


def from_files(lock: str, folder: Path) -> str:
    """Return a lock whose files are those of a folder, and whose packages name no index."""
    without = re.sub(r"(?m)^index = .*\n", "", lock)
    base = folder.resolve().as_uri()
    return re.sub(r'url = "[^"]*/([^"/]+)"', lambda found: f'url = "{base}/{found[1]}"', without)


def _judged(result: dict[str, Any]) -> dict[str, Any]:
    result["ok"] = all(step["ok"] for step in result["steps"]) and any(
        step.get("verdict") == GPU for step in result["steps"]
    )
    result["verdict"] = GPU if result["ok"] else "not proved"
    return result


def _step(
    name: str, command: list[str], *, expected: str = GPU, code: str = "", **variables: str
) -> dict[str, Any]:
    began = time.monotonic()
    asked = _asked(command, **variables)
    answer = asked.get("answer")
    value, reason, found = (
        answer.get(key) if isinstance(answer, dict) else None for key in ("verdict", "reason", "code")
    )
    refused = answer.get("error") if isinstance(answer, dict) else None
    reason = reason or (refused or {}).get("message")
    return {
        "name": name,
        "ok": value == expected and (not code or found == code),
        "expected": f"{expected} by {code}" if code else expected,
        "verdict": value,
        "said": f"{value or asked['ended']}" + (f": {reason}" if reason else ""),
        "seconds": round(time.monotonic() - began, 1),
        "answer": _short(answer),
        "stderr": asked["stderr"],
    }


def _compared(name: str, command: list[str]) -> dict[str, Any]:
    """Return a proof, and the options of a session side by side, timed on the GPU with full-size twins."""
    step = _step(name, command)
    answer = step["answer"]
    options = answer.get("options") if isinstance(answer, dict) else None
    timed = sum(each["latency_ms"] is not None for each in options or ())
    said = f"{timed} of {len(options or ())} ways to open a session were timed"
    return {**step, "ok": step["ok"] and timed > 0, "said": f"{step['said']}; {said}"}


def _short(answer: Any) -> Any:
    """Return an answer without the 134 keypoints of each person."""
    if not isinstance(answer, dict):
        return answer
    return {
        key: [{"box": each.get("box")} for each in value] if key == "people" and value else _short(value)
        for key, value in answer.items()
    }


def _asked(command: list[str], **variables: str) -> dict[str, Any]:
    """Return the JSON that stackfix answers, how it ended, and the last of its stderr."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "src"), **variables}
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, env=environment, timeout=_LIMIT
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"answer": None, "ended": str(error), "stderr": ""}
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = None
    return {"answer": answer, "ended": f"exit {done.returncode}", "stderr": done.stderr[-_SHOWN:]}


def _opens(library: str, **variables: str) -> bool:
    """Return whether a program with these variables finds a library by its name alone."""
    command = [sys.executable, "-c", "import ctypes, sys; ctypes.CDLL(sys.argv[1])", library]
    environment = {**os.environ, **variables}
    return subprocess.run(command, check=False, capture_output=True, env=environment).returncode == 0


def _printed(command: list[str]) -> str:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stdout + done.stderr)[-_SHOWN:]


def _found(environment: Path, library: str) -> Iterator[Path]:
    return environment.glob(f"lib/python*/site-packages/nvidia/**/{library}")


def _put_back(environment: Path) -> None:
    """Put back what was away when an earlier run was ended."""
    for path in sorted(_found(environment, "*.away")):
        path.rename(path.with_suffix(""))


@contextmanager
def _without(environment: Path, library: str) -> Iterator[bool]:
    """Take a library out of an environment for a while; False if it has none."""
    found = sorted(_found(environment, library))
    for path in found:
        path.rename(path.with_name(f"{path.name}.away"))
    try:
        yield bool(found)
    finally:
        for path in found:
            path.with_name(f"{path.name}.away").rename(path)


# all but so much is taken, in pieces, so that nothing is rounded up beyond what is free
_HOLD = """
import sys, torch
held = []
piece = 1 << 30
while piece >= 1 << 24:
    if torch.cuda.mem_get_info()[0] < piece + (96 << 20):
        piece //= 2
        continue
    held.append(torch.empty(piece, dtype=torch.uint8, device="cuda"))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def _filled(environment: Path) -> Iterator[str]:
    """Hold almost all of the GPU's memory for a while, by the environment's own torch; or say why it can't be."""
    command = [str(environment / "bin" / "python"), "-c", _HOLD]
    try:
        holder = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    except OSError as error:
        yield str(error)
        return
    with holder:
        try:
            said = holder.stdout.readlines(1) if holder.stdout else []
            if said != ["held\n"]:
                # the last line of a traceback is what went wrong
                lines = "".join([*said, *(holder.stdout or ())]).strip().splitlines()
                yield lines[-1] if lines else "torch said nothing"
            else:
                yield ""
        finally:
            holder.kill()
