"""Link: one link of the chain from the driver to the model, its state, and what that rests on."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

State: TypeAlias = Literal["works", "broken", "not found", "not there", "not asked", "unknown"]


class Why(Struct, frozen=True, kw_only=True):
    """Something wrong with a link: the cause code ("" if none was made out), the sentence, what to do about it."""

    code: str
    text: str
    fix: str = ""


class Link(Struct, frozen=True, kw_only=True):
    """One link.

    `state` is "works" only where it was seen to work, "not found" where it was looked for, "not there" where the
    environment does without it, "not asked" where the proof did not come to it. `text` is what stands there, `origin`
    where that comes from, `seen` what the state rests on, `broken` and `warnings` what is wrong or may go wrong.
    """

    name: str
    state: State
    text: str
    origin: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    broken: tuple[Why, ...] = ()
    warnings: tuple[Why, ...] = ()
