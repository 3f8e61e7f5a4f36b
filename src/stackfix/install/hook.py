"""The import hook of an environment: which libraries onnxruntime needs loaded first, written into it.

onnxruntime's CUDA provider has no run path to the nvidia wheels: without `import torch`, a preload or
LD_LIBRARY_PATH it does not find them. The hook loads them by path, in the order in which they need each
other, read from their ELF headers when the environment is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from stackfix.install.record import replace_bytes
from stackfix.model.environment import Environment, SharedLibrary

MODULE = "_stackfix_libraries.py"
PATH_FILE = "stackfix_libraries.pth"
PROVIDER = re.compile(r"(libonnxruntime_providers_cuda\.so|onnxruntime_providers_cuda\.dll)")

# Written out in the path file rather than imported from a module: 0.13 ms at each start of Python instead of 0.4.
# It waits for `onnxruntime.capi`, not `onnxruntime`: looking whether a package is there must load nothing.
_FINDER = """\
class StackfixLibraries:
 @staticmethod
 def find_spec(name, path=None, target=None):
  if name == 'onnxruntime.capi':
   try:
    import _stackfix_libraries
    _stackfix_libraries.load()
   except Exception: pass
sys.meta_path.insert(0, StackfixLibraries)
"""

# Python's site reads path files of a virtual environment twice.
_PATH_LINE = (
    "import sys; 'StackfixLibraries' in [getattr(f, '__name__', '') for f in sys.meta_path] or "
    f"exec({_FINDER!r})\n"
)

# Opened by name: cuDNN and cuFFT by the provider (1.28 and later), all of them by providers that name none in
# DT_NEEDED (up to 1.15), NVRTC by cuDNN, nvJitLink by cuFFT. cuDNN finds its own parts beside itself ($ORIGIN).
_OPENED = re.compile(
    r"lib(cudart|cublasLt|cublas|curand|cufft|cudnn|nvrtc|nvrtc-builtins|nvJitLink)\.so\.\d+(\.\d+)*"
)
_OPENED_ON_WINDOWS = re.compile(
    r"(cudart64|cublasLt64|cublas64|curand64|cufft64|cudnn64|nvrtc64|nvJitLink)_\d[\d_]*\.dll", re.IGNORECASE
)
_TOOLKIT = re.compile(r"nvidia/cu\d+/")
_OUTSIDE = re.compile(r"/.*/(site|dist)-packages/nvidia/")


def load_order(environment: Environment) -> tuple[str, ...]:
    """Return the libraries to load before onnxruntime's CUDA provider, each after those that it needs.

    Paths are relative to site-packages, and whole for what lies outside the environment. Empty where there is no
    provider, or nothing of NVIDIA's.
    """
    provider = next((each for each in environment.libraries if PROVIDER.fullmatch(each.file_name)), None)
    ours = sorted((each for each in environment.libraries if each.path.startswith("nvidia/")), key=_path)
    ours += sorted((each for each in environment.beside if _OUTSIDE.match(each.path)), key=_path)
    if provider is None:
        return ()
    if provider.file_name.endswith(".dll"):
        return tuple(each.path for each in ours if _OPENED_ON_WINDOWS.fullmatch(each.file_name))
    by_name: dict[str, SharedLibrary] = {}
    for library in ours:
        for name in library.names:
            by_name.setdefault(name, library)
    needed = [by_name[name] for name in provider.needed if name in by_name]
    ordered: dict[str, None] = {}
    for library in (*needed, *_opened(ours, needed)):
        _after_its_needs(library, by_name, ordered, ())
    return tuple(ordered)


def opened_by_name(file_name: str) -> bool:
    """Whether a library is one that onnxruntime, cuDNN or cuFFT opens by its name."""
    return bool(_OPENED.fullmatch(file_name) or _OPENED_ON_WINDOWS.fullmatch(file_name))


def hook_files(libraries: Sequence[str]) -> dict[str, str]:
    """Return the hook's files for site-packages, by name; none where nothing is to be loaded."""
    return {MODULE: hook_text(libraries), PATH_FILE: _PATH_LINE} if libraries else {}


def _path(library: SharedLibrary) -> str:
    return library.path


def _opened(ours: Sequence[SharedLibrary], needed: Sequence[SharedLibrary]) -> Iterator[SharedLibrary]:
    """Yield the libraries that are opened by name; of two releases the one of the same toolkit as `needed`."""
    toolkits = {_toolkit(each) for each in needed}
    stems: dict[str, list[SharedLibrary]] = {}
    for library in ours:
        if found := _OPENED.fullmatch(library.file_name):
            stems.setdefault(found[1], []).append(library)
    for libraries in stems.values():
        same = [each for each in libraries if _toolkit(each) in toolkits] if len(libraries) > 1 else libraries
        if len(same) == 1:
            yield same[0]


def _toolkit(library: SharedLibrary) -> str:
    """Return the folder of a whole toolkit ("nvidia/cu13/"), or "nvidia/" for wheels with one each."""
    found = _TOOLKIT.search(library.path)
    return found[0] if found else "nvidia/"


def _after_its_needs(
    library: SharedLibrary,
    by_name: Mapping[str, SharedLibrary],
    ordered: dict[str, None],
    above: tuple[str, ...],
) -> None:
    if library.path in ordered or library.path in above:
        return
    for name in library.needed:
        if name in by_name:
            _after_its_needs(by_name[name], by_name, ordered, (*above, library.path))
    ordered[library.path] = None


def hook_text(libraries: Sequence[str]) -> str:
    """Return the module that loads these libraries."""
    text = Path(__file__).with_name("injected.py").read_text(encoding="utf-8")
    folders = sorted({path.rpartition("/")[0] for path in libraries})
    for name, values in (("LIBRARIES", libraries), ("FOLDERS", folders)):
        empty = f'{name}: "tuple[str, ...]" = ()'
        text = text.replace(empty, empty.removesuffix("()") + _tuple(values))
    return text


def _tuple(values: Sequence[str]) -> str:
    return "(\n" + "".join(f"    {value!a},\n" for value in values) + ")"


def add_hook(packages: Path, environment: Environment) -> tuple[str, ...]:
    """Write the hook into a site-packages folder; return the names of its files, none where none is needed."""
    libraries = load_order(environment)
    if not libraries:
        remove_hook(packages)
        return ()
    replace_bytes(packages / MODULE, hook_text(libraries).encode())
    replace_bytes(packages / PATH_FILE, _PATH_LINE.encode())
    return (MODULE, PATH_FILE)


def remove_hook(packages: Path) -> bool:
    """Take the hook out of a site-packages folder; whether one was there."""
    there = (packages / PATH_FILE).exists() or (packages / MODULE).exists()
    (packages / PATH_FILE).unlink(missing_ok=True)
    (packages / MODULE).unlink(missing_ok=True)
    for cached in (packages / "__pycache__").glob(f"{MODULE.removesuffix('.py')}.*.pyc"):
        cached.unlink(missing_ok=True)
    return there
