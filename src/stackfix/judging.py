"""An installed environment judged by the rules, without importing anything from it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from packaging.utils import canonicalize_name

from stackfix.facts.database import Database
from stackfix.model.environment import Environment
from stackfix.rules.closure import Closure, closure


def close(environment: Environment, facts: Database, features: Collection[str]) -> Closure:
    """Return whether every library that the environment loads is provided, for the features that are wanted."""
    plugins = facts.libraries.plugins(features)
    opened = list(_opened(environment, facts, features))
    return closure(environment, facts.libraries, plugins=plugins, opened=opened)


def _opened(environment: Environment, facts: Database, features: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the names that installed releases open and cannot do without, as their rows say."""
    for distribution in environment.distributions:
        name = canonicalize_name(distribution.name)
        for wheel in facts.wheels(name):
            if str(wheel.version) != distribution.version:
                continue
            for feature, sonames in wheel.opens.items():
                if feature in features or not feature:
                    for soname in sorted(sonames):
                        if facts.libraries.opened_and_required(soname, feature):
                            yield f"{distribution.name} {distribution.version}", soname
