"""The machine in a JSON document, or a DataError naming file and key: the document comes from anywhere."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from stackfix.errors import DataError, QuestionError
from stackfix.model.evidence import Known, Reading, Unknown
from stackfix.model.machine import Gpu, Interpreter, Machine, Platform, Trouble
from stackfix.versions import ComputeCapability, CudaVersion, DriverVersion, PythonVersion

T = TypeVar("T")
SCHEMA = "stackfix.machine/1"

_KEYS = frozenset(
    [
        "schema",
        "ok",
        "driver",
        "cuda",
        "gpus",
        "pythons",
        "platform",
        "glibc",
        "free_disk_bytes",
        "wsl",
        "container",
        "tegra",
        "notes",
        "troubles",
        "driver_breaks",
        "found",
        "unknown",
    ]
)
_GPU_KEYS = frozenset(("name", "compute_capability", "memory_bytes", "index", "uuid"))
_PYTHON_KEYS = frozenset(("version", "path", "free_threaded"))
_GLIBC = re.compile(r"(\d{1,2})\.(\d{1,3})")
# Systems that stackfix reads but installs nothing on still have a machine to show.
_FOREIGN_PLATFORM = re.compile(r"(linux|win|macos|freebsd|cygwin)_([a-z0-9_]{2,20})")
_LIMIT = 1024 * 1024
_MOST_ITEMS = 1000
_LARGEST = 2**63


def parse_document(raw: bytes, file_name: str) -> Machine:
    """Return the machine in a file's bytes; PowerShell's `>` writes UTF-16, which is read as well."""
    if len(raw) > _LIMIT:
        raise DataError(file_name, "", f"{len(raw)} bytes are too many for a machine's document")
    try:
        if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raw = raw.decode("utf-16").encode()
        data = msgspec.json.decode(raw.removeprefix(codecs.BOM_UTF8))
    except (ValueError, RecursionError) as error:
        raise DataError(
            file_name,
            "",
            f"it is not JSON: {error}",
            hint="`stackfix machine --json > machine.json` writes one",
        ) from error
    return from_document(data, file_name)


def from_document(data: object, file_name: str) -> Machine:
    """Return the machine of a decoded document; keys that are not known are ignored, and a note says so."""
    document = _Document(file_name)
    table = document.table(data, "")
    document.check_schema(table)
    document.read_evidence(table)
    platform = document.text(table, "platform", "")
    machine = Machine(
        platform=document.parsed(_platform, platform, "platform"),
        glibc=document.reading(table, "glibc", "", _glibc),
        driver=document.reading(table, "driver", "", DriverVersion.parse),
        cuda=document.reading(table, "cuda", "", CudaVersion.parse),
        gpus=document.gpus(table),
        pythons=tuple(document.pythons(table)),
        free_disk_bytes=document.count(table, "free_disk_bytes", ""),
        wsl=document.flag(table, "wsl", ""),
        container=document.flag(table, "container", ""),
        tegra=document.flag(table, "tegra", ""),
    )
    document.no_strangers(table, _KEYS, "")
    troubles = tuple(document.troubles(table))
    return replace(
        machine,
        troubles=troubles,
        driver_breaks=document.text(table, "driver_breaks", "") if "driver_breaks" in table else "",
        notes=(*document.texts(table.get("notes", []), "notes"), *document.ignored),
    )


def _platform(label: str) -> Platform:
    match = _FOREIGN_PLATFORM.fullmatch(label)
    if match is None:
        return Platform.parse(label)
    return Platform("windows" if match[1] == "win" else match[1], match[2])


def _glibc(text: str) -> tuple[int, int]:
    match = _GLIBC.fullmatch(text)
    if match is None:
        raise QuestionError(f"`{text}` is not a glibc release")
    return int(match[1]), int(match[2])


class _Document:
    """One document being read: its file's name, and the evidence that goes with each reading."""

    def __init__(self, file_name: str) -> None:
        self.file = file_name
        self.found: dict[str, str] = {}
        self.tried: dict[str, tuple[str, ...]] = {}
        self.ignored: list[str] = []

    def wrong(self, place: str, reason: str) -> DataError:
        return DataError(self.file, place, reason)

    def check_schema(self, table: Mapping[str, Any]) -> None:
        schema = table.get("schema")
        if schema != SCHEMA:
            shown = _shown(schema) if "schema" in table else "nothing"
            raise DataError(
                self.file,
                "schema",
                f"{shown} stands where `{SCHEMA}` should",
                hint="`stackfix machine --json > machine.json` writes such a document",
            )
        if table.get("ok") is False:
            raise self.wrong("ok", "it is the document of a reading that failed")

    def read_evidence(self, table: Mapping[str, Any]) -> None:
        for name, how in self.table(table.get("found", {}), "found").items():
            self.found[name] = self.as_text(how, f"found.{name}")
        for index, entry in enumerate(self.items(table.get("unknown", []), "unknown")):
            place = f"unknown[{index}]"
            row = self.table(entry, place)
            name = self.text(row, "reading", place)
            if name in self.tried:
                raise self.wrong(place, f"`{name}` is told twice")
            self.tried[name] = self.texts(row.get("tried", []), f"{place}.tried")

    def gpus(self, table: Mapping[str, Any]) -> Reading[tuple[Gpu, ...]]:
        listed = table.get("gpus")
        if listed is None:
            return self.missing("gpus")
        gpus = tuple(self.gpu(item, f"gpus[{i}]", i) for i, item in enumerate(self.items(listed, "gpus")))
        return self.known("gpus", gpus)

    def gpu(self, item: object, place: str, index: int) -> Gpu:
        row = self.table(item, place)
        self.no_strangers(row, _GPU_KEYS, place)
        return Gpu(
            name=self.text(row, "name", place),
            compute_capability=self.reading(row, "compute_capability", place, ComputeCapability.parse),
            memory_bytes=self.count(row, "memory_bytes", place),
            index=self.number(row["index"], f"{place}.index") if "index" in row else index,
            uuid=self.text(row, "uuid", place) if "uuid" in row else "",
        )

    def troubles(self, table: Mapping[str, Any]) -> Iterator[Trouble]:
        for index, item in enumerate(self.items(table.get("troubles", []), "troubles")):
            place = f"troubles[{index}]"
            row = self.table(item, place)
            yield Trouble(self.text(row, "code", place), self.text(row, "text", place))

    def pythons(self, table: Mapping[str, Any]) -> Iterator[Interpreter]:
        for index, item in enumerate(self.items(table.get("pythons", []), "pythons")):
            place = f"pythons[{index}]"
            row = self.table(item, place)
            self.no_strangers(row, _PYTHON_KEYS, place)
            yield Interpreter(
                version=self.parsed(
                    PythonVersion.parse, self.text(row, "version", place), f"{place}.version"
                ),
                path=self.text(row, "path", place) if "path" in row else "",
                free_threaded=self.flag(row, "free_threaded", place),
                found_via=self.found.get(place, ""),
            )

    def reading(self, row: Mapping[str, Any], key: str, place: str, parse: Callable[[str], T]) -> Reading[T]:
        """Return the reading under `key`, null or absent meaning that it is not known."""
        name = f"{place}.{key}" if place else key
        value = row.get(key)
        if value is None:
            return self.missing(name)
        return self.known(name, self.parsed(parse, self.as_text(value, name), name))

    def count(self, row: Mapping[str, Any], key: str, place: str) -> Reading[int]:
        """Return the number of bytes under `key`, null or absent meaning that it is not known."""
        name = f"{place}.{key}" if place else key
        value = row.get(key)
        return self.missing(name) if value is None else self.known(name, self.number(value, name))

    def known(self, name: str, value: T) -> Reading[T]:
        """Return a value with its evidence; one that was filled in by hand is known from the file."""
        return Known(value, self.found.get(name, self.file))

    def missing(self, name: str) -> Unknown:
        return Unknown(self.tried.get(name, (f"not given in {self.file}",)))

    def no_strangers(self, row: Mapping[str, Any], known: frozenset[str], place: str) -> None:
        where = f"{place}." if place else ""
        self.ignored += [
            f"{self.file}: `{where}{_cut(key)}` is not a key that this stackfix knows, and was ignored"
            for key in sorted(row.keys() - known)
        ][:20]

    def parsed(self, parse: Callable[[str], T], text: str, place: str) -> T:
        try:
            return parse(text)
        except QuestionError as error:
            raise DataError(self.file, place, _cut(error.message), hint=error.hint) from error

    def table(self, value: object, place: str) -> dict[str, Any]:
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise self.wrong(place, f"{_shown(value)} stands where an object should")
        return value

    def items(self, value: object, place: str) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise self.wrong(place, f"{_shown(value)} stands where a list should")
        if len(value) > _MOST_ITEMS:
            raise self.wrong(place, f"{len(value)} entries are too many")
        return list(value)

    def texts(self, value: object, place: str) -> tuple[str, ...]:
        return tuple(
            self.as_text(item, f"{place}[{index}]") for index, item in enumerate(self.items(value, place))
        )

    def text(self, row: Mapping[str, Any], key: str, place: str) -> str:
        name = f"{place}.{key}" if place else key
        if key not in row:
            raise self.wrong(name, "it is missing")
        return self.as_text(row[key], name)

    def as_text(self, value: object, place: str) -> str:
        if not isinstance(value, str):
            raise self.wrong(place, f"{_shown(value)} stands where text should")
        return value

    def number(self, value: object, place: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _LARGEST:
            raise self.wrong(place, f"{_shown(value)} stands where a whole number should")
        return value

    def flag(self, row: Mapping[str, Any], key: str, place: str) -> bool:
        value = row.get(key, False)
        if not isinstance(value, bool):
            name = f"{place}.{key}" if place else key
            raise self.wrong(name, f"{_shown(value)} stands where true or false should")
        return value


def _shown(value: object) -> str:
    """Return a value as JSON would write it, shortened."""
    match value:
        case None:
            return "null"
        case dict():
            return "an object"
        case list() | tuple():
            return "a list"
        case bool():
            return "true" if value else "false"
        case str():
            return f"`{_cut(value)}`"
        case _:
            return f"`{_cut(repr(value)) if not isinstance(value, int) else _digits(value)}`"


def _digits(value: int) -> str:
    return str(value) if abs(value) < 10**30 else "a number of very many digits"


def _cut(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:120]}…"
