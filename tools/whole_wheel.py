"""A wheel read whole by other means than the measuring code's: zipfile, pyelftools, pefile, packaging, cuobjdump.

Nothing under `stackfix.measure` is used, so that what both say was found twice. Every library of the wheel is looked
into, whatever its size; what a row says of some of them is worked out from that.
"""

from __future__ import annotations

import ast
import mmap
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

import pefile  # type: ignore[import-untyped,unused-ignore]
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from packaging.metadata import RawMetadata, parse_email

pefile.MAX_IMPORT_SYMBOLS = 1 << 20  # torch_python.dll has more than the 8192 after which it stops
OF_WINDOWS = (".dll", ".pyd")
OF_PYTHON = re.compile(r"python3\d*t?\.dll")
OF_TORCH = re.compile(r"(lib)?(torch|c10|shm)[^/]*\.(so|dll)")
PROVIDER = re.compile(r"onnxruntime/capi/(lib)?onnxruntime_providers_(cuda|tensorrt)\.(so|dll)")
MODULE = re.compile(r"onnxruntime/capi/onnxruntime_pybind11_state\.[^/]*(so|pyd)")
OPENED = re.compile(
    rb"(?:lib)?(?:cudnn|cufft|cublas|curand|cusolver|cusparse|nvrtc|nccl|nvinfer|nvjitlink)", re.IGNORECASE
)
IN_QUOTES = re.compile(r"""['"](lib[^'"/]+\.so[.\d]*)['"]""")
MAJOR = re.compile(
    r"lib(?:cublas|cublasLt|cudart|nvrtc|nvJitLink)\.so\.(?P<linux>\d+)(?:\.0)?"
    r"|(?:cublas|cublaslt|cudart|nvrtc|nvjitlink)(?:64)?_(?P<windows>\d\d)\d?(?:_0)?\.dll"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """What one library says of itself: its soname, what loading it needs, what its first use loads."""

    soname: str
    needs: frozenset[str]
    later: frozenset[str] = frozenset()


class WholeWheel:
    """One wheel on the disk."""

    def __init__(self, path: Path | IO[bytes], scratch: Path) -> None:
        """Open a wheel on the disk or elsewhere; libraries are unpacked into `scratch` one at a time."""
        self.archive = zipfile.ZipFile(path)
        self.members = {
            re.sub(r"^[^/]+\.data/(purelib|platlib)/", "", name): name
            for name in self.archive.namelist()
            if not name.endswith("/")
        }
        self.names = list(self.members)
        self.scratch = scratch

    def read(self, name: str) -> bytes:
        """Return a member, by the name that it has when it is installed."""
        return self.archive.read(self.members[name])

    @contextmanager
    def unpacked(self, name: str) -> Iterator[Path]:
        """Give a member as a file that is gone afterwards."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            path = Path(folder) / name.rpartition("/")[2]
            with self.archive.open(self.members[name]) as member, path.open("wb") as out:
                shutil.copyfileobj(member, out, 1 << 20)
            yield path

    @property
    def own(self) -> set[str]:
        """The names by which its own files can be loaded."""
        return {_name(name) for name in self.names}

    @cached_property
    def metadata(self) -> RawMetadata:
        """METADATA as packaging reads it."""
        return parse_email(self.read(self._dist_info("METADATA")))[0]

    @cached_property
    def tags(self) -> set[str]:
        """The tags that WHEEL lists."""
        text = self.read(self._dist_info("WHEEL")).decode()
        return {line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("Tag:")}

    def _dist_info(self, name: str) -> str:
        (found,) = [each for each in self.names if re.fullmatch(rf"[^/]+\.dist-info/{name}", each)]
        return found

    def value(self, path: str, name: str) -> str:
        """Return the text that a Python file of the wheel assigns to a name, "" where it assigns none."""
        if path not in self.names:
            return ""
        for statement in ast.parse(self.read(path)).body:
            targets = (
                statement.targets
                if isinstance(statement, ast.Assign)
                else [statement.target]
                if isinstance(statement, ast.AnnAssign)
                else []
            )
            for target in targets:
                if isinstance(target, ast.Name) and target.id == name:
                    value = getattr(statement, "value", None)
                    if isinstance(value, ast.Constant) and isinstance(value.value, str):
                        return value.value
        return ""

    @cached_property
    def libraries(self) -> dict[str, Library]:
        """Path -> every library in the wheel that is no stub to link with."""
        found: dict[str, Library] = {}
        for name in self.names:
            base = name.rpartition("/")[2]
            if "/stubs/" in name or not re.search(r"\.so(\.[\w.]+)?$|\.dll$|\.pyd$", base.lower()):
                continue
            with self.unpacked(name) as path:
                read = _pe(path) if base.lower().endswith(OF_WINDOWS) else _elf(path)
            if read is not None:
                found[name] = read
        return found

    def foreign(self, paths: Iterable[str]) -> set[str]:
        """Return what libraries of the wheel need that the wheel itself does not hold."""
        names = {each for path in paths for each in self.libraries[path].needs}
        return {each for each in names - self.own if not OF_PYTHON.fullmatch(each)}

    def loaded_with(self, first: Iterable[str]) -> set[str]:
        """Return the wheel's libraries that are loaded with some of them."""
        by_name = {_name(path): path for path in self.libraries}
        reached, waiting = set[str](), list(first)
        while waiting:
            path = waiting.pop()
            if path not in reached:
                reached.add(path)
                waiting += [by_name[each] for each in self.libraries[path].needs if each in by_name]
        return reached


def _name(path: str) -> str:
    base = path.rpartition("/")[2]
    return base.lower() if base.lower().endswith(OF_WINDOWS) else base


def _elf(path: Path) -> Library | None:
    with path.open("rb") as handle:
        if handle.read(4) != b"\x7fELF":
            return None
        handle.seek(0)
        elf = ELFFile(handle)
        dynamic = next((each for each in elf.iter_sections() if isinstance(each, DynamicSection)), None)
        if dynamic is None:
            return Library(soname="", needs=frozenset())
        needs = {str(vars(tag)["needed"]) for tag in dynamic.iter_tags("DT_NEEDED")}
        for section in elf.iter_sections():
            if isinstance(section, GNUVerNeedSection):
                needs |= {str(version.name) for version, _ in section.iter_versions()}
        sonames = [str(vars(tag)["soname"]) for tag in dynamic.iter_tags("DT_SONAME")]
        return Library(soname=sonames[0] if sonames else "", needs=frozenset(needs))


def _pe(path: Path) -> Library:
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
        library = pefile.PE(data=data, fast_load=True)
        wanted = ("IMAGE_DIRECTORY_ENTRY_IMPORT", "IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT")
        library.parse_data_directories([pefile.DIRECTORY_ENTRY[each] for each in wanted])
        needs, later = (
            {entry.dll.decode().lower() for entry in getattr(library, f"DIRECTORY_ENTRY_{each}", [])}
            for each in ("IMPORT", "DELAY_IMPORT")
        )
        library.close()
    sets = [each for each in needs if not each.startswith(("api-ms-win-", "ext-ms-"))]
    return Library(soname=_name(path.name), needs=frozenset(sets), later=frozenset(later - needs))


def cuda_majors(names: Iterable[str]) -> set[int]:
    """Return the CUDA majors that the names of libraries tell."""
    told = [match for name in names if (match := MAJOR.fullmatch(name))]
    return {int(match["linux"] or match["windows"]) for match in told}


def constants(path: Path) -> tuple[bytes, bytes]:
    """Return a library's constants and its code."""
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if path.name.lower().endswith(OF_WINDOWS):
            library = pefile.PE(data=data, fast_load=True)
            places = {
                each.Name.rstrip(b"\0").decode(): (each.PointerToRawData, each.SizeOfRawData)
                for each in library.sections
            }
            library.close()
        else:
            places = {
                each.name: (each["sh_offset"], each["sh_size"]) for each in ELFFile(handle).iter_sections()
            }

        def part(*names: str) -> bytes:
            return b"".join(bytes(data[places[n][0] : sum(places[n])]) for n in names if n in places)

        return part(".rodata", ".rdata"), part(".text")


def opened_names(path: Path) -> tuple[set[str], set[str]]:
    """Return the CUDA libraries named in a library's constants, and how names begin that its code puts together."""
    data, code = constants(path)
    if path.name.lower().endswith(OF_WINDOWS):
        narrow = re.findall(rb"\w{3,40}\.dll", data, re.IGNORECASE)
        narrow += [each[::2] for each in re.findall(rb"(?:\w\0){3,40}\.\0d\0l\0l\0", data, re.IGNORECASE)]
        names = {each.decode().lower() for each in narrow}
    else:
        names = {
            each.decode() for each in data.split(b"\0") if re.fullmatch(rb"lib[\w+.-]*\.so\.\d[\d.]*", each)
        }
    begun = {each.decode() for each in re.findall(rb"\x48\xb8(lib(?:cu|nv)[a-zA-Z]{3})", code)}
    return {each for each in names if OPENED.match(each.encode())}, begun


def images(tool: Path, library: Path) -> tuple[Counter[str], Counter[str]]:
    """Return how many cubins and PTX of each architecture cuobjdump lists; LookupError where it refuses the file.

    Of a DLL, which it does not read, it is given the section with the device code.
    """
    if library.name.lower().endswith(OF_WINDOWS):
        with library.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
            opened = pefile.PE(data=data, fast_load=True)
            found = [each for each in opened.sections if each.Name.startswith(b".nv_fatb")]
            code = b"".join(each.get_data()[: each.Misc_VirtualSize] for each in found)
            opened.close()
        if not code:
            return Counter(), Counter()
        library = library.with_suffix(".fatbin")
        library.write_bytes(code)
    told: list[Counter[str]] = []
    for option, ending in (("--list-elf", "cubin"), ("--list-ptx", "ptx")):
        done = subprocess.run([tool, option, library], capture_output=True, text=True, check=False)
        told.append(Counter(re.findall(rf"\.sm_(\d+[af]?)\.{ending}", done.stdout)))
        text = done.stdout + done.stderr
        if done.returncode and not re.search(r"does not contain|No PTX file found|No ELF file found", text):
            raise LookupError(f"cuobjdump {option} ended with {done.returncode}: {done.stderr.strip()[:200]}")
    return told[0], told[1]
