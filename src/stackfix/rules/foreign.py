"""Foreign builds: installed distributions that were built for another Python or system, by the tags of their WHEEL files."""

from __future__ import annotations

from collections.abc import Iterator

from stackfix.model.environment import Distribution, Environment
from stackfix.model.machine import Platform
from stackfix.rules import tags
from stackfix.rules.scene import Scene


def foreign(environment: Environment, scene: Scene) -> Iterator[Distribution]:
    """Yield the distributions none of whose tags fits; of one without tags nothing is known."""
    python = (scene.python.version.major, scene.python.version.minor)
    for each in environment.distributions:
        if each.tags and not any(_fits(tag, python, scene.machine.platform, scene) for tag in each.tags):
            yield each


def _fits(tag: str, python: tuple[int, int], platform: Platform, scene: Scene) -> bool:
    if tag.count("-") != 2:
        return True
    return any(
        tags.rank(one, python, platform, scene.glibc or (2, 999), free_threaded=scene.python.free_threaded) is not None
        for one in tags.file_tags(f"package-1-{tag}.whl")
    )  # fmt: skip
