"""The formats by name: what renders each, what its file is called, for which systems it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from stackfix.plan.lock import to_pylock
from stackfix.render.export.bootstrap_ps1 import bootstrap_ps1
from stackfix.render.export.bootstrap_sh import bootstrap_sh
from stackfix.render.export.cloud_init import cloud_init
from stackfix.render.export.conda import conda
from stackfix.render.export.dockerfile import dockerfile
from stackfix.render.export.pyproject import pyproject
from stackfix.render.export.requirements import requirements
from stackfix.render.export.subject import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format: `addresses` is whether it names where files lie, `system` is "" where any system will do."""

    render: Callable[[Subject], str]
    file: str
    system: Literal["", "linux", "windows"] = ""
    addresses: bool = False
    executable: bool = False

    def serves(self, subject: Subject) -> bool:
        """Whether a set for this platform can be written in this format."""
        return not self.system or (self.system == "windows") == subject.windows


FORMATS = {
    "requirements": Format(render=requirements, file="requirements.txt"),
    "pylock": Format(render=lambda subject: to_pylock(subject.lock), file="pylock.toml", addresses=True),
    "pyproject": Format(render=pyproject, file="pyproject.toml"),
    "dockerfile": Format(render=dockerfile, file="Dockerfile", system="linux"),
    "conda": Format(render=conda, file="environment.yml"),
    "cloud-init": Format(render=cloud_init, file="cloud-init.yaml", system="linux"),
    "bootstrap-sh": Format(render=bootstrap_sh, file="bootstrap.sh", system="linux", executable=True),
    "bootstrap-ps1": Format(render=bootstrap_ps1, file="bootstrap.ps1", system="windows"),
}
