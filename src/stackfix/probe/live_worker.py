"""JSON lines of what importing an environment's GPU packages gives; imports nothing of stackfix.

Run as `python -I live_worker.py FILE PACKAGES NEEDED` by the environment's own interpreter, both with commas between:
NEEDED are the libraries that onnxruntime's CUDA provider needs. Each step is written before it is tried and after,
because a library may end the process; into FILE, because libraries print on standard output.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, TextIO

TORCH = "torch"
RUNTIME = "onnxruntime"


def main(path: str, packages: list[str], needed: list[str]) -> None:
    """Import the packages in this order, and ask each for the GPU as soon as it is there."""
    with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123 - older interpreters run this too

        def tried(name: str, action: Callable[[], tuple[bool, str]]) -> bool:
            _write(file, {"begin": name})
            try:
                ok, text = action()
            except BaseException as error:  # noqa: BLE001 - a library can raise anything, SystemExit too
                ok, text = False, "{}: {}".format(type(error).__name__, error)  # noqa: UP032 - likewise
            _write(file, {"step": name, "ok": ok, "text": str(text)[:2000]})
            return ok

        for package in packages:
            if tried("import " + package, partial(_imported, package)):
                if package == TORCH:
                    tried("torch.cuda", _torch_cuda)
                elif package == RUNTIME:
                    tried("providers", _providers)
                    if needed:
                        tried("provider library", lambda: _needed(needed))


def _imported(package: str) -> tuple[bool, str]:
    return True, str(importlib.import_module(package).__version__)


def _write(file: TextIO, line: dict[str, Any]) -> None:
    file.write(json.dumps(line) + "\n")
    file.flush()


def _torch_cuda() -> tuple[bool, str]:
    """Return whether torch has a GPU: its name, else the reason that torch gives when it is made to say one."""
    torch: Any = sys.modules[TORCH]
    if torch.cuda.is_available():
        return True, torch.cuda.get_device_name(0)
    if torch.version.cuda is None:
        return False, "this build of torch has no CUDA"
    torch.cuda.current_device()
    return False, "torch.cuda.is_available() is False, and torch gives no reason"


def _providers() -> tuple[bool, str]:
    runtime: Any = sys.modules[RUNTIME]
    return True, ", ".join(runtime.get_available_providers())


def _needed(sonames: list[str]) -> tuple[bool, str]:
    """Return whether the loader finds, in this process as it is now, all that the CUDA provider needs.

    The provider itself is not opened: its initialisers call back into a session that is not there, and crash.
    """
    missing: list[str] = []
    first = ""
    for soname in sonames:
        try:
            ctypes.CDLL(soname)
        except OSError as error:  # noqa: PERF203 - a dozen names
            first = first or str(error)
            missing.append(soname)
    if missing:
        return False, first + (" (likewise " + ", ".join(missing[1:]) + ")" if missing[1:] else "")
    return True, ", ".join(sonames)


if __name__ == "__main__":
    main(sys.argv[1], *([each for each in words.split(",") if each] for words in sys.argv[2:4]))
