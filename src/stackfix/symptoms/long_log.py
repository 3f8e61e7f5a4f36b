"""What is kept of a log that is too long to be kept whole: its ends, and between them the places with trigger words."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from stackfix.model.cause import Triggers

MARGIN = 512 << 10
MIDDLE = 512 << 10
BLOCK = 256 << 10
_BEFORE, _AFTER = 600, 1800
_HITS_PER_BLOCK = 120
_SHAPES = 1 << 16
_DIGITS = re.compile(rb"\d+")

_Forward: TypeAlias = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of the log, the number of the line in which they begin, and how many bytes stand before them."""

    data: bytes
    line: int
    offset: int = 0


def pieces_of(start: bytes, rest: Iterable[bytes], triggers: Triggers) -> tuple[list[Piece], int]:
    """Return what is kept of a long log, in its order, and the number of its lines; `start` are its first bytes."""
    words = [(word.encode(), True) for word in triggers.telling] + [
        (word.encode(), False) for word in triggers.others
    ]
    cut = start.find(b"\n", MARGIN)
    cut = cut + 1 if 0 <= cut < 2 * MARGIN else MARGIN
    pieces = [Piece(start[:cut], 1)]
    line = 1 + start.count(b"\n", 0, cut)
    offset = cut
    middle = _Middle()
    tail: deque[Piece] = deque()
    tail_size = 0

    def forward(block: bytes) -> None:
        nonlocal line, offset, tail_size
        middle.take(_with_triggers(Piece(block, line, offset), words))
        tail.append(Piece(block, line, offset))
        tail_size += len(block)
        offset += len(block)
        line += block.count(b"\n")
        while tail and tail_size - len(tail[0].data) >= MARGIN:
            tail_size -= len(tail.popleft().data)

    carried = b""
    for block in (start[at : at + BLOCK] for at in range(cut, len(start), BLOCK)):
        carried = _forward_lines(carried + block, forward)
    for block in rest:
        carried = _forward_lines(carried + block, forward)
    if carried:
        forward(carried)
    first_of_tail = tail[0].offset if tail else offset
    pieces += [piece for piece in middle.pieces() if piece.offset < first_of_tail]
    pieces += tail
    return pieces, line


def _forward_lines(data: bytes, forward: _Forward) -> bytes:
    """Hand whole lines on and return the beginning of the next; a line without an end is handed on in parts."""
    end = data.rfind(b"\n") + 1
    if end:
        forward(data[:end])
        data = data[end:]
    if len(data) > BLOCK:
        forward(data[: -2 * _AFTER])
        data = data[-2 * _AFTER :]
    return data


def _with_triggers(whole: Piece, words: Sequence[tuple[bytes, bool]]) -> Iterator[tuple[Piece, bool]]:
    """Yield the places of a block that hold a trigger word, in their order, each once; and whether it is telling."""
    block, line = whole.data, whole.line
    lower = block.lower()
    spans: list[tuple[int, bool, int]] = []
    for word, telling in words:
        at = lower.find(word)
        hits = 0
        while at >= 0 and hits < _HITS_PER_BLOCK:
            start = max(block.rfind(b"\n", max(0, at - _BEFORE), at) + 1, at - _BEFORE, 0)
            newline = block.find(b"\n", at, at + _AFTER)
            end = newline + 1 if newline >= 0 else min(len(block), at + _AFTER)
            spans.append((start, not telling, end))
            at = lower.find(word, end)
            hits += 1
    done = 0
    counted = 0
    for start, untelling, end in sorted(spans):
        begin = max(start, done)
        if begin < end:
            line += block.count(b"\n", counted, begin)
            counted = begin
            yield Piece(block[begin:end], line, whole.offset + begin), not untelling
            done = end


class _Kept:
    """The first and the last pieces of many, each up to half of what may be kept."""

    def __init__(self) -> None:
        self._first: list[Piece] = []
        self._last: deque[Piece] = deque()
        self._first_size = self._last_size = 0

    def take(self, piece: Piece) -> None:
        size = len(piece.data) + 64
        if self._first_size < MIDDLE // 2:
            self._first.append(piece)
            self._first_size += size
            return
        self._last.append(piece)
        self._last_size += size
        while self._last_size > MIDDLE // 2:
            self._last_size -= len(self._last.popleft().data) + 64

    def pieces(self) -> Iterator[Piece]:
        yield from self._first
        yield from self._last


class _Middle:
    """What is kept of a long log's middle; a line that differs from one before in numbers alone is not."""

    def __init__(self) -> None:
        self._telling = _Kept()
        self._others = _Kept()
        self._shapes: set[int] = set()

    def take(self, pieces: Iterable[tuple[Piece, bool]]) -> None:
        for piece, telling in pieces:
            shape = hash(_DIGITS.sub(b"0", piece.data))
            if shape in self._shapes:
                continue
            if len(self._shapes) < _SHAPES:
                self._shapes.add(shape)
            (self._telling if telling else self._others).take(piece)

    def pieces(self) -> list[Piece]:
        kept = (*self._telling.pieces(), *self._others.pieces())
        return sorted(kept, key=lambda piece: piece.offset)
