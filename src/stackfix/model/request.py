"""Request: what is asked for, by one word or by requirements, in the order in which newness counts."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct, field

from stackfix.model.recipe import ModelFormat

MAIN = "pypi"  # the main index, whose rows ship


class Root(Struct, frozen=True, kw_only=True):
    """One requirement that the set must hold: `torch>=2.4`, and who asks ("recipe dwpose", "you").

    `of_project` is whether it stands in a project's file, which may ask for what the facts do not know. `instead_of` is
    what was asked for, where another package stands in for it.
    """

    requirement: str
    asked_by: str
    relaxable: bool = False
    of_project: bool = False
    instead_of: str = ""

    @property
    def said(self) -> str:
        """What was asked for, and what stands in for it."""
        if not self.instead_of:
            return self.requirement
        package = re.split(r"[^A-Za-z0-9._-]", self.requirement, maxsplit=1)[0]
        return f"{self.instead_of}, for which {package} stands in"


class StandIn(Struct, frozen=True, kw_only=True):
    """A package that the user lets stand in for others: release -> of which packages' same release it has everything.

    `measured` says by release what that was told by.
    """

    package: str
    covers: Mapping[str, tuple[str, ...]]
    measured: Mapping[str, str]


class Request(Struct, frozen=True, kw_only=True):
    """What is asked for, on "gpu" or "cpu".

    `newest` are package names in the order in which newness counts ("python" among them says where the Python comes).
    `formats` are those of the models that must be read. `features` are the optional parts that must work:
    "onnxruntime-gpu" -> {"cuda"}. `constraints` hold for what is in the set, and bring nothing into it; `others` are
    asked for and unknown to the facts: an installer resolves them under the set's pins. `hashes` are the sha256 that
    a file must have, by package. `builds` are those that the user lets be built from source. `restricted` says that
    the user named the `sources`: then no other index is asked, for nothing. `stand_ins` take the place of other
    packages.
    """

    device: str
    roots: tuple[Root, ...]
    newest: tuple[str, ...]
    features: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sources: frozenset[str] = frozenset({MAIN})
    newest_before: str = ""
    recipe: str = ""
    formats: tuple[ModelFormat, ...] = ()
    constraints: tuple[Root, ...] = ()
    others: tuple[Root, ...] = ()
    hashes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    restricted: bool = False
    builds: frozenset[str] = frozenset()
    stand_ins: tuple[StandIn, ...] = ()
