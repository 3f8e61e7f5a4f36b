"""A page is asked for once, by whoever wants it; one that could not be had is asked for again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from stackfix.errors import NetworkError
from stackfix.index.once import Once
from stackfix.index.transport import Answer


@dataclass
class Slow:
    """An index that answers when it is let."""

    asked: list[str] = field(default_factory=list)
    let: threading.Event = field(default_factory=threading.Event)
    broken: bool = False

    def page(self, address: str, accept: str) -> Answer | None:
        self.asked.append(address)
        assert self.let.wait(20)
        if self.broken:
            raise NetworkError("nobody there")
        return None if address == "nothing" else Answer(body=address.encode(), content_type=accept)

    def span(self, address: str, offset: int, length: int) -> bytes:
        return b"abc"[offset : offset + length]

    def stream(self, address: str) -> Iterator[bytes]:
        yield address.encode()


def test_who_asks_meanwhile_waits_for_the_answer():
    index = Slow()
    once = Once(index)
    with ThreadPoolExecutor() as pool:
        answers = [pool.submit(once.page, name, "json") for name in ("torch", "torch", "numpy", "torch")]
        index.let.set()
        bodies = [answer.result().body for answer in answers]
    assert bodies == [b"torch", b"torch", b"numpy", b"torch"]
    assert sorted(index.asked) == ["numpy", "torch"]


def test_that_there_is_no_page_is_an_answer_and_no_answer_is_none():
    index = Slow()
    index.let.set()
    once = Once(index)
    assert [once.page("nothing", "json"), once.page("nothing", "json")] == [None, None]
    assert index.asked == ["nothing"]
    index.broken = True
    for _ in range(2):
        with pytest.raises(NetworkError):
            once.page("torch", "json")
    assert index.asked == ["nothing", "torch", "torch"]


def test_files_are_passed_through():
    once = Once(Slow())
    assert once.span("torch", 1, 2) == b"bc"
    assert list(once.stream("torch")) == [b"torch"]
