"""Loads the CUDA libraries of this environment when onnxruntime is imported, so that it finds them.

STACKFIX_HOOK=off switches it off; STACKFIX_HOOK=verbose says on stderr what was loaded. It never breaks an
import: what cannot be loaded is left to onnxruntime, which then says so itself. Remove this file and
`stackfix_libraries.pth`, which calls it, to be rid of it. Runs on Python 3.8 and later.
"""

import os
import sys

# Relative to this folder, each after the libraries that it needs.
LIBRARIES: "tuple[str, ...]" = ()
FOLDERS: "tuple[str, ...]" = ()

loaded: "list[object]" = []
done: "list[bool]" = []


def load() -> None:
    """Load each library into this process, the first time it is called; never raises."""
    if done:
        return
    done.append(True)
    try:
        _load()
    except Exception as error:  # noqa: BLE001 - an import must never fail because of this
        say("nothing more is loaded: " + repr(error))


def _load() -> None:
    if os.environ.get("STACKFIX_HOOK", "").lower() in ("off", "0", "no"):
        return
    import ctypes  # noqa: PLC0415 - milliseconds that only an import of onnxruntime pays

    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib costs 4 ms
    windows = sys.platform == "win32"
    try:
        ctypes.CDLL("nvcuda.dll" if windows else "libcuda.so.1")
    except (
        OSError
    ) as error:  # with all libraries but the driver's, onnxruntime 1.22's provider crashes the process
        say("nothing is loaded, there is no NVIDIA driver: " + str(error))
        return
    for folder in FOLDERS if windows else ():
        path = os.path.join(here, *folder.split("/"))  # noqa: PTH118 - likewise
        if os.path.isdir(path):  # noqa: PTH112 - likewise
            loaded.append(os.add_dll_directory(path))  # type: ignore[attr-defined, unused-ignore] # Windows
            os.environ["PATH"] = path + os.pathsep + os.environ.get("PATH", "")
    for library in LIBRARIES:
        path = library if library[:1] == "/" else os.path.join(here, *library.split("/"))  # noqa: PTH118 - likewise
        try:
            loaded.append(ctypes.CDLL(path, mode=0 if windows else ctypes.RTLD_GLOBAL))
        except OSError as error:
            say("not loaded: " + str(error))
        else:
            say("loaded " + path)


def say(text: str) -> None:
    """Write one line to stderr if STACKFIX_HOOK=verbose."""
    if os.environ.get("STACKFIX_HOOK", "").lower() == "verbose" and sys.stderr is not None:
        sys.stderr.write("stackfix: " + text + "\n")
