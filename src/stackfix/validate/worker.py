"""Run DWPose inside the target interpreter and write what was found; started as a script, `python -I worker.py`.

The request is one JSON object on standard input; the result is a file of JSON lines, because the libraries
that are loaded here print on standard output, and may end the process.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

PACKAGE = "stackfix_inside"
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# without which a module is not the library of its name: its files are gone, or another stands in its place
ASKED_FOR = {
    "numpy": ("ndarray", "concatenate"),
    "cv2": ("imdecode", "warpAffine"),
    "onnxruntime": ("InferenceSession", "SessionOptions", "get_available_providers"),
}


def load_inside() -> Any:
    """Load the folder `inside` beside this file under a name of its own, so that nothing can shadow it."""
    folder = Path(__file__).resolve().parent / "inside"
    spec = importlib.util.spec_from_file_location(
        PACKAGE, str(folder / "__init__.py"), submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} can't be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)
    return importlib.import_module(f"{PACKAGE}.journal")


def import_library(name: str, journal: Any) -> Any:
    """Return a library of the target environment, or None after a check with the exact error."""
    journal.stage(f"import {name}")
    try:
        module = importlib.import_module(name)
        version = str(module.__version__)
    except BaseException as error:  # noqa: BLE001 - a library can raise anything, SystemExit too
        libraries = importlib.import_module(f"{PACKAGE}.libraries")
        raised = libraries.raised_in(error)
        where = f"\nraised in {raised}" if raised else ""
        journal.failed(f"import {name}", f"{type(error).__name__}: {error}{where}")
        journal.value("missing", libraries.missing_in(str(error)))
        return None
    place = getattr(module, "__file__", "nowhere")
    lacking = [f"`{each}`" for each in ASKED_FOR[name] if not hasattr(module, each)]
    if lacking:
        journal.failed(
            f"import {name}", f"{name} {version} from {place} has no {', '.join(lacking)}: it is not whole"
        )
        return None
    journal.value(f"{name} version", version)
    journal.passed(f"import {name}", f"{name} {version} from {place}")
    return module


def end_with_parent() -> None:
    """Have Linux end this process with the one that asked, which can't do it itself when it is killed."""
    if not sys.platform.startswith("linux"):
        return
    try:
        asked = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
        if os.getppid() != asked:
            os._exit(1)
    except (OSError, AttributeError):
        pass  # then it ends by itself


def main() -> None:
    """Answer the request on standard input."""
    end_with_parent()
    request = json.loads(sys.stdin.read())
    if request.get("tensorrt"):
        # TensorRT's engines are held against the CPU's numbers, and their provider has no option for it
        os.environ["NVIDIA_TF32_OVERRIDE"] = "0"
    journal = load_inside().Journal(request["result"])
    journal.value("python", sys.version.split()[0])
    if request.get("trial"):
        if request["twin_folder"]:
            journal.stage("write the twins of the networks")
            importlib.import_module(f"{PACKAGE}.twins").write(request["twin_folder"])
        importlib.import_module(f"{PACKAGE}.trial").run(request, journal)
        journal.end()
        return
    if request.get("tensorrt"):
        importlib.import_module(f"{PACKAGE}.tensorrt").prove(request, journal)
        journal.end()
        return
    if request.get("order"):
        importlib.import_module(f"{PACKAGE}.torch_proof").prove(request, journal)
        journal.end()
        return
    journal.value("torch is here", importlib.util.find_spec("torch") is not None)
    # the others are built on numpy, and some of their releases end the process where it is broken
    if import_library("numpy", journal) is not None:
        loaded = [import_library(name, journal) for name in ("cv2", "onnxruntime")]
        if all(module is not None for module in loaded):
            _prove(request, loaded[1], journal)
    journal.end()


def _prove(request: dict[str, Any], runtime: Any, journal: Any) -> None:
    picture = importlib.import_module(f"{PACKAGE}.picture")
    proof = importlib.import_module(f"{PACKAGE}.proof")
    journal.stage("read the picture")
    try:
        array = picture.read(request["image"])
    except picture.PictureError as error:
        journal.failed("picture", str(error))
        return
    if request.get("twin"):
        journal.stage("write the twins of the networks")
        twins = importlib.import_module(f"{PACKAGE}.twins")
        try:
            made = twins.write(request["scratch"])
        except OSError as error:
            journal.failed("twins", f"can't be written to {request['scratch']}: {error}")
            return
        sizes = ", ".join(
            f"{each.parameters / 1e6:.1f} million numbers in {each.bytes} bytes" for each in made
        )
        journal.passed("twins", f"made here: {sizes}")
    task = proof.Task(
        runtime,
        request["detector"],
        request["pose"],
        array,
        int(request["repeats"]),
        request["scratch"],
        request.get("save") or "",
        request.get("page") or "",
    )
    (proof.gpu_proof if request["device"] == "gpu" else proof.cpu_proof)(task, journal)


if __name__ == "__main__":
    main()
