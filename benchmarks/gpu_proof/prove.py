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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import parts

CHECKOUT = Path(__file__).resolve().parent.parent.parent
GPU = "proved on gpu"
_LIMIT = 900
_SHOWN = 3000


def prove(store: Path, work: Path, *, consume: bool = False) -> dict[str, Any]:
    """Return date, machine, every step's result and a verdict; a step that goes wrong does not end the others."""
    work.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {
        "schema": "stackfix.gpu_proof/1",
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": sys.version.split()[0],
        "nvidia_smi": _printed(["nvidia-smi"]),
        "steps": [],
    }
    steps = result["steps"]
    wheels = work / "wheels"
    try:
        listed = parts.join(store, wheels, consume=consume)
    except (parts.PartError, OSError) as error:
        steps.append({"name": "join the parts", "ok": False, "said": str(error)})
        return _judged(result)
    steps.append(
        {"name": "join the parts", "ok": True, "said": f"{len(listed['files'])} files, each by its sha256"}
    )
    tool = work / "tool"
    shutil.rmtree(tool, ignore_errors=True)
    venv.create(tool, with_pip=True)
    named = [str(wheels / name) for name in listed["stackfix"]]
    python = str(tool / "bin" / "python")
    pip = [python, "-m", "pip", "install", "-q", "--no-index", "--no-deps", *named]
    done = subprocess.run(pip, check=False, capture_output=True, text=True)
    steps.append(
        {"name": "install stackfix's needs", "ok": done.returncode == 0, "said": done.stderr[-_SHOWN:]}
    )
    stackfix = [python, "-m", "stackfix"]
    result["machine"] = _asked([*stackfix, "machine", "--json"]).get("answer")
    lock = work / "pylock.toml"
    lock.write_text(
        from_files((wheels / "pylock.toml").read_text(encoding="utf-8"), wheels), encoding="utf-8"
    )
    target = work / "environment"
    install = [
        *stackfix,
        "install",
        "dwpose",
        "--lock",
        str(lock),
        "--venv",
        str(target),
        "--offline",
        "--json",
    ]
    _step(steps, "install the newest set from the parts", [*install, "--replace"])
    validate = [*stackfix, "validate", "--venv", str(target), "--device", "gpu", "--json", "--timeout", "600"]
    for weights in ("standin", "twin"):
        _step(steps, f"validate with {weights}s", [*validate, "--weights", weights])
    for library in ("libcurand.so.10", "libcudnn.so.9"):
        with _without(target, library) as found:
            if found:
                _step(steps, f"without {library}", validate, expected="failed")
    return _judged(result)


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


def _step(steps: list[dict[str, Any]], name: str, command: list[str], *, expected: str = GPU) -> None:
    began = time.monotonic()
    asked = _asked(command)
    answer = asked.get("answer")
    value, reason = (answer.get(key) if isinstance(answer, dict) else None for key in ("verdict", "reason"))
    steps.append(
        {
            "name": name,
            "ok": value == expected,
            "expected": expected,
            "verdict": value,
            "said": f"{value or asked['ended']}" + (f": {reason}" if reason else ""),
            "seconds": round(time.monotonic() - began, 1),
            "answer": _short(answer),
            "stderr": asked["stderr"],
        }
    )


def _short(answer: Any) -> Any:
    """Return an answer without the 134 keypoints of each person."""
    if not isinstance(answer, dict):
        return answer
    return {
        key: [{"box": each.get("box")} for each in value] if key == "people" and value else _short(value)
        for key, value in answer.items()
    }


def _asked(command: list[str]) -> dict[str, Any]:
    """Return the JSON that stackfix answers, how it ended, and the last of its stderr."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "src")}
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


def _printed(command: list[str]) -> str:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stdout + done.stderr)[-_SHOWN:]


@contextmanager
def _without(environment: Path, library: str) -> Iterator[bool]:
    """Take a library out of an environment for a while; False if it has none."""
    found = sorted(environment.glob(f"lib/python*/site-packages/nvidia/**/{library}"))
    for path in found:
        path.rename(path.with_name(f"{path.name}.away"))
    try:
        yield bool(found)
    finally:
        for path in found:
            path.with_name(f"{path.name}.away").rename(path)
