"""What is read meanwhile is there when it is asked for, or raises what it raised."""

from __future__ import annotations

import threading

import pytest

from stackfix.errors import QuestionError
from stackfix.probe.meanwhile import Meanwhile


def test_it_is_read_while_something_else_is_done():
    done = threading.Event()
    reading = Meanwhile(lambda: done.wait(10))
    done.set()
    assert reading.result() is True
    assert reading.result() is True


def test_what_it_raises_is_raised_where_it_is_asked_for():
    def refuse() -> str:
        raise QuestionError("no driver of that name")

    reading = Meanwhile(refuse)
    with pytest.raises(QuestionError, match="no driver of that name"):
        reading.result()
