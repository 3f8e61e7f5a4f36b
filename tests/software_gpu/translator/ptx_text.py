"""A kernel in the text of a PTX module: its parameters, and its statements one by one."""

from __future__ import annotations

import re
from typing import NamedTuple

NAME = r"[A-Za-z_$%][\w$]*"
_PARAMETER = re.compile(
    rf"\.param\s+(?:\.align (\d+) )?\.(\w+)\s+(?:\.ptr[^%\w]*(?:\.\w+ )*(?:\.align \d+ )?)?({NAME})(?:\[(\d+)\])?"
)


class UnknownPtxError(Exception):
    """Something that is not translated here: an error, and never a guess."""


class Parameter(NamedTuple):
    """A parameter of a kernel: where it lies among all of them, and its bytes."""

    name: str
    offset: int
    size: int


class Kernel(NamedTuple):
    """What of a module is one kernel."""

    parameters: tuple[Parameter, ...]
    statements: tuple[str, ...]


def width(kind: str) -> int:
    """Return the bits of a PTX type such as u32 or f64."""
    match = re.fullmatch(r"[usbf](8|16|32|64)", kind)
    if not match or kind == "f16":
        raise UnknownPtxError(f"type {kind}")
    return int(match[1])


def fields(text: str) -> list[str]:
    """Return what stands between commas that are in no bracket."""
    return [each.strip() for each in re.findall(r"(?:[^,{\[]|\{[^}]*\}|\[[^\]]*\])+", text)]


def find(text: str, name: str) -> Kernel:
    """Return a kernel of a module. Raises UnknownPtxError where there is none of that name."""
    text = re.sub(r"//[^\n]*", "", text)
    match = re.search(rf"\.entry {re.escape(name)}\s*\(([^)]*)\)([^{{]*)\{{", text)
    if not match:
        raise UnknownPtxError(f"no kernel {name}")
    parameters, offset = [], 0
    for alignment, kind, own, count in _PARAMETER.findall(match[1]):
        bytes_each = width(kind) // 8
        step = int(alignment or bytes_each)
        offset = (offset + step - 1) // step * step
        parameters.append(Parameter(own, offset, bytes_each * int(count or 1)))
        offset += parameters[-1].size
    return Kernel(tuple(parameters), tuple(_statements(text[match.end() :])))


def _statements(text: str) -> list[str]:
    """Return the statements up to the end of the body; a label stands alone and ends with its colon."""
    out: list[str] = []
    for match in re.finditer(rf"\s*(?:({NAME}:)(?!\s*\.)|(\}})|((?:[^;{{}}]|\{{[^}};]*\}})+);)", text):
        label, end, statement = match.groups()
        if end:
            return out
        out.append(label or " ".join(statement.split()))
    raise UnknownPtxError("a kernel without an end")
