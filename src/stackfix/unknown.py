"""What is asked for and has no row: measured where the index may be asked, else named as what is not known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from stackfix.errors import AnswerError, NetworkError
from stackfix.facts.database import Database
from stackfix.fresh import Growth
from stackfix.model.growth import Measured, NotMeasured
from stackfix.model.machine import Machine
from stackfix.model.request import MAIN, Request
from stackfix.model.resolution import Explanation, Option
from stackfix.solve.gaps import Gap, supposed, supposing
from stackfix.solve.resolve import resolve

Outcomes = tuple[Measured | NotMeasured, ...]


class Filling(Struct, frozen=True, kw_only=True):
    """One request with wishes that no row answers; `measures` is whether the index may be asked for them.

    `growth` returns what measures releases of a source, `say` is told what is done.
    """

    machine: Machine
    facts: Database
    request: Request
    growth: Callable[[str], Growth]
    say: Callable[[str], None]
    measures: bool
    offline: bool

    def filled(self, gaps: Sequence[Gap]) -> tuple[Explanation | None, Outcomes]:
        """Return why there is no set whatever the releases require, or None; and what was measured of them.

        Raises AnswerError that names each release that stays unknown; whether one newer than all on record is there at
        all comes before why no set could have it.
        """
        beside = supposed(self.facts, gaps)
        found = resolve(self.machine, beside, supposing(self.request, gaps), reasons="none")
        if isinstance(found, Explanation):
            beyond = [gap for gap in gaps if gap.is_beyond and (not gap.constrains or _is_in(gap, found))]
            if beyond:
                return None, self._known(beyond)
            return replace(found, options=tuple(_doubtful(one, gaps) for one in found.options)), ()
        packages = found.packages
        missing = [gap for gap in gaps if not gap.constrains or gap.package in packages]
        if not missing:
            return None, ()
        return None, self._known(missing)

    def _known(self, missing: Sequence[Gap]) -> Outcomes:
        if not self.measures:
            raise self._unknown(missing)
        return self._measured(missing)

    def _measured(self, missing: Sequence[Gap]) -> Outcomes:
        wishes = ", ".join(gap.wish for gap in missing)
        self.say(f"asked for and without facts, so measured on the index: {wishes}")
        source = MAIN if MAIN in self.request.sources else min(self.request.sources)
        growth = self.growth(source)
        outcomes: list[Measured | NotMeasured] = []
        absent: list[str] = []
        for gap in missing:
            found, why_not = _asked(growth, gap)
            outcomes += found
            absent += why_not
        if absent:
            raise AnswerError("; ".join(absent), hint="ask for releases that the index has")
        return tuple(outcomes)

    def _unknown(self, missing: Sequence[Gap]) -> AnswerError:
        first, *others = missing
        listed = "".join(f"; nor `{gap.wish}` {_beside(gap)}" for gap in others)
        commands = " ".join(
            f'"{gap.wish}"' if ("<" in gap.wish or ">" in gap.wish) else gap.wish for gap in missing
        )
        hint = f"`stackfix facts measure {commands}` reads their wheels' facts where the index has them, a few KB each"
        if not self.offline:
            hint = (
                "where the index has them, `--measure` reads their wheels' facts, a few KB each; "
                f"so does `stackfix facts measure {commands}`"
            )
        return AnswerError(
            f"there is no release `{first.wish}` on record {_beside(first)}{listed}", hint=hint
        )


def _beside(gap: Gap) -> str:
    return f"(newest known: {gap.newest}), which {gap.root.asked_by} asked for"


def _is_in(gap: Gap, found: Explanation) -> bool:
    """Whether a wish takes part in why there is no set."""
    asked = (gap.root.asked_by, gap.root.instead_of or gap.root.requirement)
    return any((fact.source.where, fact.general) == asked for fact in found.conflict)


def _asked(growth: Growth, gap: Gap) -> tuple[Outcomes, tuple[str, ...]]:
    """Return what was measured for a wish, and why it could not be; NetworkError where the index does not answer."""
    try:
        return growth.asked(gap.wish), ()
    except NetworkError:
        raise
    except AnswerError as error:
        hint = f" ({error.hint})" if error.hint else ""
        return (), (f"{error.message}{hint}, and {gap.root.asked_by} asked for it",)


def _doubtful(option: Option, gaps: Sequence[Gap]) -> Option:
    """Return a way out, which says what of its set has no facts."""
    exact = {(gap.package, gap.version) for gap in gaps if gap.version}
    without = [f"{name} {version}" for name, version in option.packages if (name, version) in exact]
    if not without:
        return option
    note = f"without facts, and taken to fit: {', '.join(without)}"
    return replace(option, verified=False, hint=f"{option.hint}; {note}" if option.hint else note)
