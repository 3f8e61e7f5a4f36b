"""Why a release that somebody has in mind is not in the set; or what it would cost to have it."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from stackfix.model.problem import Fact
from stackfix.model.resolution import Option

Kind: TypeAlias = Literal["chosen", "possible", "refused", "no facts"]


class Change(Struct, frozen=True, kw_only=True):
    """What one package of the set would become: `before` or `after` is "" where it is not in a set."""

    name: str
    before: str
    after: str
    older: bool


class WhyNot(Struct, frozen=True, kw_only=True):
    """The answer to "why not torch==2.15.0?", as one sentence and what it rests on.

    "chosen": it is in the set. "possible": there is a set with it, `packages`, which differs by `changes`. "refused":
    there is none, by the minimal `conflict`, with ways out. "no facts": nothing is known of it, which is no refusal.
    """

    requirement: str
    kind: Kind
    text: str
    conflict: tuple[Fact, ...] = ()
    options: tuple[Option, ...] = ()
    packages: tuple[tuple[str, str], ...] = ()
    changes: tuple[Change, ...] = ()
    hint: str = ""
