"""What a child process of an environment's own interpreter saw when it imported its GPU packages."""

from __future__ import annotations

from msgspec import Struct


class LiveStep(Struct, frozen=True):
    """One thing that was tried ("import torch"): whether it went well, and what was said."""

    name: str
    ok: bool
    text: str


class LiveRun(Struct, frozen=True, kw_only=True):
    """One child: the packages in the order of their imports, and its steps.

    `broken` is how it ended where it did not end by itself ("crashed with SIGSEGV"), and `during` the step in which.
    `printed` is what was written to standard error: numpy says there, and not in the exception, who was built for it.
    `left_out` are sentences on variables of the user's that the child did not get.
    """

    order: tuple[str, ...]
    steps: tuple[LiveStep, ...]
    broken: str = ""
    during: str = ""
    printed: str = ""
    left_out: tuple[str, ...] = ()

    def step(self, name: str) -> LiveStep | None:
        """Return a step by its name, None where it was not come to."""
        return next((each for each in self.steps if each.name == name), None)
