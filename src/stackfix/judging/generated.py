"""Generated code, on the disk: what a package's `_pb2.py` asks of the protobuf that is installed.

METADATA says little of it: onnx 1.10 requires any protobuf and works with none from 4 on, onnx 1.19 requires 4.25 and
works with 3.20. What protoc has written says it: the modules it imports, the release it was written by, or, before
3.19, descriptors that it makes itself, which protobuf refuses since 4. A package that ships the code in several makes
(transformers' `…_model_pb2.py` and `…_model_pb2_new.py`) takes the one that runs, and one that does not require
protobuf (sentencepiece) is imported without that code: only a part of it needs it. Source: protobuf's "Cross-Version
Runtime Guarantee", and imports of onnx 1.12 to 1.20 under protobuf 3.19 to 6.33.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress

from packaging.requirements import InvalidRequirement
from packaging.version import Version

from stackfix.judging import remedy
from stackfix.model.environment import Distribution, Environment
from stackfix.model.report import Finding
from stackfix.rules import metadata

_READ = 1 << 18
_MODULES = {
    "google/protobuf/internal/builder.py": ("from google.protobuf.internal import builder", "3.20"),
    "google/protobuf/runtime_version.py": ("from google.protobuf import runtime_version", "5.26"),
}
_WRITTEN_BY = re.compile(
    r"ValidateProtobufRuntimeVersion\(\s*\w+\.Domain\.PUBLIC,\s*(\d+),\s*(\d+),\s*(\d+),"
)
_OWN_DESCRIPTORS = re.compile(r"\b_descriptor\.(?:FileDescriptor|FieldDescriptor|EnumValueDescriptor)\(")
_COMPILED = re.compile(r"google/(_upb|protobuf/pyext)/_message\.[^/]*(so|pyd)")


def outdated_protobuf(environment: Environment) -> Iterator[Finding]:
    """Yield packages whose generated code the installed protobuf does not run; one file speaks for a package."""
    protobuf = next((each for each in environment.distributions if each.name == "protobuf"), None)
    if protobuf is None:
        return
    for each in environment.distributions:
        path = next((one for one in each.files if one.endswith("_pb2.py")), "")
        if path and each is not protobuf and path not in each.missing:
            asked = _asked(_head(environment, path), protobuf)
            if asked is not None and not _has_another_make(environment, each, path, protobuf):
                yield _finding(environment, each, protobuf, path, *asked)


def _has_another_make(
    environment: Environment, each: Distribution, path: str, protobuf: Distribution
) -> bool:
    """Whether the same code is there once more, under a longer name, as the installed protobuf runs it."""
    others = (one for one in each.files if one.startswith(path.removesuffix(".py")) and one.endswith(".py"))
    return any(_asked(_head(environment, one), protobuf) is None for one in others if one != path)


def _asked(code: str, protobuf: Distribution) -> tuple[str, str, str] | None:
    """Return (what the code does, the requirement that would serve it, what its import says); None if it is served."""
    version = Version(protobuf.version)
    for module, (line, since) in _MODULES.items():
        if line in code and module not in protobuf.files:
            name = line.rpartition(" ")[2]
            return f"has `{line}`", f"protobuf>={since}", f"cannot import name '{name}'"
    written = _WRITTEN_BY.search(code)
    if written and version.release < (by := tuple(map(int, written.groups()))):
        release = ".".join(map(str, by))
        return (
            f"was written by protoc {release}",
            f"protobuf>={release}",
            "Detected incompatible Protobuf Gencode/Runtime versions",
        )
    compiled = any(map(_COMPILED.fullmatch, protobuf.files))
    if version.major >= 4 and compiled and _OWN_DESCRIPTORS.search(code):
        return (
            "makes its descriptors itself, as protoc wrote it before 3.19",
            "protobuf>=3.20,<4",
            "Descriptors cannot be created directly",
        )
    return None


def _head(environment: Environment, path: str) -> str:
    places = (os.path.join(folder, path) for folder in environment.site_packages)  # noqa: PTH118 - as the doctor's readings
    place = next((each for each in places if os.path.isfile(each)), "")  # noqa: PTH113 - likewise
    try:
        with open(place, "rb") as handle:  # noqa: PTH123 - likewise
            return handle.read(_READ).decode("utf-8", "replace")
    except OSError:
        return ""  # a file that cannot be read is a finding already


def _required(by: Distribution) -> Iterator[str]:
    """Yield the specifiers with which its METADATA requires protobuf, "" for any release."""
    for text in by.requires_dist:
        with suppress(InvalidRequirement):
            asked = metadata.parse_row(text)
            if asked.name == "protobuf" and "extra" not in asked.marker:
                yield asked.specifier


def _finding(
    environment: Environment,
    by: Distribution,
    protobuf: Distribution,
    path: str,
    does: str,
    serves: str,
    says: str,
) -> Finding:
    whole = any(True for _ in _required(by))
    return Finding(
        code="python_protobuf",
        severity="error" if whole else "warning",
        text=f"{by.name} {by.version} does not run under protobuf {protobuf.version}: its generated code {does}",
        because=(
            f"{path} {does} [read: the file]",
            f"protobuf {protobuf.version} is installed [read: METADATA]",
        ),
        consequence=f"`import {remedy.import_name(by.name)}` fails: {says}"
        if whole
        else f"what uses that file fails: {says}; {by.name} does not require protobuf for the rest",
        fix=remedy.install(environment, [",".join((serves, *filter(None, _required(by))))]),
        rule="abi",
        about=(by.name, protobuf.name),
    )
