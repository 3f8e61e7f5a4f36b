"""What the tool itself needs, pinned by hash: the lines of data/tool/requirements.txt for one Python and platform."""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement

from stackfix.errors import DataError
from stackfix.model.machine import Platform
from stackfix.rules.metadata import marker_variables

_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolPin:
    """One package that the tool needs; any file of these hashes is it."""

    name: str
    version: str
    hashes: frozenset[str]


def tool_pins(text: str, python: str, platform: Platform, file: str) -> tuple[ToolPin, ...]:
    """Return the pins that hold on a Python ("3.12") of a platform; DataError names the line that is none."""
    variables = marker_variables(platform, python, f"{python}.0")
    found: list[ToolPin] = []
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        head = line.partition("--hash=")[0].strip()
        try:
            requirement = Requirement(head)
        except InvalidRequirement as error:
            raise DataError(file, head[:80], str(error)) from error
        if requirement.marker is not None and not requirement.marker.evaluate({**variables, "extra": ""}):
            continue
        version = str(requirement.specifier).removeprefix("==")
        found.append(ToolPin(name=requirement.name, version=version, hashes=frozenset(_HASH.findall(line))))
    return tuple(found)
