"""Refusal: that there is no set, said the same way by every verb that can say it."""

from __future__ import annotations

from stackfix.cli import output
from stackfix.cli.ask import End
from stackfix.model.resolution import Explanation
from stackfix.render.documents import explanation_document
from stackfix.render.resolution_text import explanation_lines


def refuse(explanation: Explanation, schema: str, facts_date: str, end: End, *, as_json: bool) -> None:
    """Print why there is no set and the ways out; end with exit 1."""
    if as_json:
        output.document({"schema": schema, **explanation_document(explanation, facts_date)})
    else:
        output.answer(explanation_lines(explanation))
    end(yes=False)
