"""What is installed, preferred: the universe of a repair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stackfix.model.problem import is_package
from stackfix.solve.view import View


class Preferring(View, frozen=True):
    """A universe in which the installed release of a package is its most wanted candidate."""

    installed: Mapping[str, str]

    def keys(self, node: str) -> Sequence[str]:
        """Candidate keys of a node, most wanted first."""
        keys = self.universe.keys(node)
        here = self.installed.get(node.partition("[")[0]) if is_package(node) else None
        return keys if here is None or here not in keys else (here, *(key for key in keys if key != here))
