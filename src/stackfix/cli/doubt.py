"""`explain --why-not`: why one release is not in the set, or what it would cost to have it."""

from __future__ import annotations

from stackfix import app
from stackfix.asking import Question
from stackfix.cli import output
from stackfix.cli.ask import End
from stackfix.model.resolution import Explanation
from stackfix.render.documents import explanation_document, resolution_document
from stackfix.render.why_not_text import why_not_document, why_not_lines


def doubted(
    answer: app.Answer, question: Question, requirement: str, schema: str, end: End, *, as_json: bool
) -> None:
    """Print the answer about one release, in JSON beside the whole explanation; exit 0 where there is a set."""
    found = app.why_not(answer, question, requirement)
    result = answer.result
    if as_json:
        if isinstance(result, Explanation):
            whole = explanation_document(result, answer.facts_date)
        else:
            whole = {"conflict": [], "options": [], **resolution_document(result, answer.facts_date)}
        output.document({"schema": schema, **whole, "why_not": why_not_document(found)})
    else:
        output.answer(why_not_lines(found, result))
    end(yes=not isinstance(result, Explanation))
