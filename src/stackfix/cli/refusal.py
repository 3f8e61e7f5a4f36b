"""Refusal: that there is no set, said the same way by every verb that can say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackfix.cli import output
from stackfix.cli.ask import End
from stackfix.model.resolution import Explanation
from stackfix.render.documents import explanation_document
from stackfix.render.explanation_text import explanation_lines

_NOTHING: Mapping[str, Any] = {}


def refuse(explanation: Explanation, schema: str, facts_date: str, end: End, *, as_json: bool) -> None:
    """Print why there is no set and the ways out; end with exit 1."""
    say_no(explanation, schema, facts_date, as_json=as_json)
    end(yes=False)


def say_no(
    explanation: Explanation,
    schema: str,
    facts_date: str,
    *,
    as_json: bool,
    more: Mapping[str, Any] = _NOTHING,
) -> None:
    """Print why there is no set and the ways out; `more` is JSON."""
    if as_json:
        document = explanation_document(explanation, facts_date)
        output.document({"schema": schema, **document, **more})
    else:
        output.answer(explanation_lines(explanation))
