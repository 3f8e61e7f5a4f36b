"""A log as it can be searched: cleaned, bounded, and with the number of every line that was kept.

A log is read as a stream of blocks. What fits into `WHOLE` bytes is kept as it is. Of a longer one the first and the
last `MARGIN` bytes are kept, and between them the places that hold a trigger word, up to `MIDDLE` bytes of those with a
telling one and as much of the others; whatever its size, a log costs one pass over its bytes and a bounded memory.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from stackfix.model.cause import Triggers

WHOLE = 2 << 20
MARGIN = 512 << 10
MIDDLE = 512 << 10
BLOCK = 256 << 10
_BEFORE, _AFTER = 600, 1800
_HITS_PER_BLOCK = 120
_SHAPES = 1 << 16
_DIGITS = re.compile(rb"\d+")

_ESCAPES = re.compile(
    r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]|\x1b\][^\x07\x1b]{0,512}(?:\x07|\x1b\\)|\x1b[@-_]|\x08"
)
# What onnxruntime writes on Windows as UTF-16 into a log of another encoding, once its zeros have become spaces.
_WIDE = re.compile(r"(?:[^\n] ){16,}")
_SPACES = re.compile(r"[ \t]{2,}")
_CONTROLS = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127, 8203, 65279)) | {
    0xA0: " ",
    0x2018: "'",
    0x2019: "'",
    0x201C: '"',
    0x201D: '"',
}
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


@dataclass(frozen=True)
class Text:
    """The kept text; `starts` and `numbers` say at which offset which line of the log begins."""

    text: str
    starts: Sequence[int]
    numbers: Sequence[int]
    lines: int
    whole: bool

    @cached_property
    def lower(self) -> str:
        """The text in lower case, letter by letter, so that offsets agree."""
        lower = self.text.lower()
        if len(lower) == len(self.text):
            return lower
        return "".join(low if len(low := letter.lower()) == 1 else letter for letter in self.text)

    def line_at(self, offset: int) -> int:
        """Return the number in the log of the line at an offset."""
        return self.numbers[max(0, bisect_right(self.starts, offset) - 1)] if self.numbers else 1


_Forward: TypeAlias = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some bytes of the log, the number of the line in which they begin, and how many bytes stand before them."""

    data: bytes
    line: int
    offset: int = 0


def read_text(blocks: Iterable[bytes], triggers: Triggers) -> Text:
    """Return a log as text; of one that is too long to keep whole, its ends and the places with a trigger word."""
    head: list[bytes] = []
    held = 0
    stream = _as_utf8(blocks)
    for block in stream:
        head.append(block)
        held += len(block)
        if held > WHOLE:
            break
    start = b"".join(head)
    if held <= WHOLE:
        return _text([_Piece(start, 1)], start.count(b"\n") + 1, whole=True)
    return _of_long_log(start, stream, triggers)


def text_of(text: str) -> Text:
    """Return a short text, as it was pasted."""
    return _text([_Piece(text.encode("utf-8", "replace"), 1)], text.count("\n") + 1, whole=True)


def _as_utf8(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the blocks, those of UTF-16 (what Windows' PowerShell writes) turned into UTF-8; never a long one."""
    decoder: codecs.IncrementalDecoder | None = None
    first = True
    for block in blocks:
        if first and block:
            name = _UTF16.get(block[:2], "") or _guessed_utf16(block)
            decoder = codecs.getincrementaldecoder(name)("replace") if name else None
            first = False
        data = decoder.decode(block).encode("utf-8", "replace") if decoder else block
        for start in range(0, len(data), BLOCK):
            yield data[start : start + BLOCK]


def _guessed_utf16(block: bytes) -> str:
    """Return which UTF-16 a text without a mark is: every other byte of its beginning is zero; or ""."""
    sample = block[:200]
    zeros = sample.count(0)
    if zeros < len(sample) * 0.4 or len(sample) < 8:
        return ""
    return "utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be"


def _of_long_log(start: bytes, rest: Iterable[bytes], triggers: Triggers) -> Text:
    words = [(word.encode(), True) for word in triggers.telling] + [
        (word.encode(), False) for word in triggers.others
    ]
    cut = start.find(b"\n", MARGIN)
    cut = cut + 1 if 0 <= cut < 2 * MARGIN else MARGIN
    pieces = [_Piece(start[:cut], 1)]
    line = 1 + start.count(b"\n", 0, cut)
    offset = cut
    middle = _Middle()
    tail: deque[_Piece] = deque()
    tail_size = 0

    def forward(block: bytes) -> None:
        nonlocal line, offset, tail_size
        middle.take(_with_triggers(_Piece(block, line, offset), words))
        tail.append(_Piece(block, line, offset))
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
    return _text(pieces, line, whole=False)


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


def _with_triggers(whole: _Piece, words: Sequence[tuple[bytes, bool]]) -> Iterator[tuple[_Piece, bool]]:
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
            yield _Piece(block[begin:end], line, whole.offset + begin), not untelling
            done = end


class _Kept:
    """The first and the last pieces of many, each up to half of what may be kept."""

    def __init__(self) -> None:
        self._first: list[_Piece] = []
        self._last: deque[_Piece] = deque()
        self._first_size = self._last_size = 0

    def take(self, piece: _Piece) -> None:
        size = len(piece.data) + 64
        if self._first_size < MIDDLE // 2:
            self._first.append(piece)
            self._first_size += size
            return
        self._last.append(piece)
        self._last_size += size
        while self._last_size > MIDDLE // 2:
            self._last_size -= len(self._last.popleft().data) + 64

    def pieces(self) -> Iterator[_Piece]:
        yield from self._first
        yield from self._last


class _Middle:
    """What is kept of a long log's middle; a line that differs from one before in numbers alone is not."""

    def __init__(self) -> None:
        self._telling = _Kept()
        self._others = _Kept()
        self._shapes: set[int] = set()

    def take(self, pieces: Iterable[tuple[_Piece, bool]]) -> None:
        for piece, telling in pieces:
            shape = hash(_DIGITS.sub(b"0", piece.data))
            if shape in self._shapes:
                continue
            if len(self._shapes) < _SHAPES:
                self._shapes.add(shape)
            (self._telling if telling else self._others).take(piece)

    def pieces(self) -> list[_Piece]:
        kept = (*self._telling.pieces(), *self._others.pieces())
        return sorted(kept, key=lambda piece: piece.offset)


def _text(pieces: Iterable[_Piece], lines: int, *, whole: bool) -> Text:
    starts: list[int] = []
    numbers: list[int] = []
    parts: list[str] = []
    offset = 0
    for piece in pieces:
        number = piece.line
        for raw in _decoded(piece.data).split("\n"):
            for part in _cleaned(raw).split("\r"):
                if part or not parts:
                    starts.append(offset)
                    numbers.append(number)
                    parts.append(part)
                    offset += len(part) + 1
            number += 1
    return Text(text="\n".join(parts), starts=starts, numbers=numbers, lines=lines, whole=whole)


def _cleaned(line: str) -> str:
    """Return a line without escapes and controls, white space as one space, and wide letters drawn together."""
    line = _ESCAPES.sub("", line).translate(_CONTROLS)
    if line.count(" ") * 5 > len(line) * 2:
        line = _WIDE.sub(lambda letters: letters[0][::2], line)
    return _SPACES.sub(" ", line)


def _decoded(data: bytes) -> str:
    """Return bytes as text: UTF-8, or what Windows consoles write in the languages whose messages are known."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return "\n".join(map(_decoded_line, data.split(b"\n")))


def _decoded_line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")
