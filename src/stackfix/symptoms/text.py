"""A log as it can be searched: cleaned, bounded, and with the number of every line that was kept.

A log is read as a stream of blocks. What fits into `WHOLE` bytes is kept as it is. Of a longer one the first and the
last `MARGIN` bytes are kept, and between them the places that hold a trigger word, up to `MIDDLE` bytes of those with a
telling one and as much of the others; whatever its size, a log costs one pass over its bytes and a bounded memory.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from stackfix.model.cause import Triggers
from stackfix.symptoms.long_log import BLOCK, Piece, pieces_of

WHOLE = 2 << 20

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
# What a web page puts in place of quotation marks, in errors that were copied from one.
_ENTITIES = {"&#x27;": "'", "&#39;": "'", "&quot;": '"', "&lt;": "<", "&gt;": ">", "&amp;": "&"}
# What JSON puts in place of letters, in a log of which each line is a JSON object; \\" is in no path of Windows.
_ESCAPED_QUOTE = '\\"'
_OBJECT = re.compile(r'[ \t]{0,8}\{"\w{1,40}": ?')
_ESCAPED_WORD = re.compile(r"(?:\\u[0-9a-fA-F]{4}){2}")
_ESCAPED = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/nrt]))')
_HALF = re.compile("[\ud800-\udfff]")  # of a letter that JSON writes as two
_UNESCAPED = {"n": "\r", "r": "\r", "t": " "}
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
        return _text([Piece(start, 1)], start.count(b"\n") + 1, whole=True)
    pieces, lines = pieces_of(start, stream, triggers)
    return _text(pieces, lines, whole=False)


def text_of(text: str) -> Text:
    """Return a short text, as it was pasted."""
    return _text([Piece(text.encode("utf-8", "replace"), 1)], text.count("\n") + 1, whole=True)


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


def _text(pieces: Iterable[Piece], lines: int, *, whole: bool) -> Text:
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
    """Return a line without escapes, entities and controls, spaces as one space, and wide letters drawn together."""
    if _ESCAPED_QUOTE in line or _OBJECT.match(line) or ("\\u" in line and _ESCAPED_WORD.search(line)):
        line = _ESCAPED.sub(_unescaped, line)
    line = _ESCAPES.sub("", line).translate(_CONTROLS)
    for entity, letter in _ENTITIES.items():
        line = line.replace(entity, letter)
    if line.count(" ") * 5 > len(line) * 2:
        line = _WIDE.sub(lambda letters: letters[0][::2], line)
    return _SPACES.sub(" ", line)


def _unescaped(escape: re.Match[str]) -> str:
    """Return the letter that a JSON escape stands for; of the end of a line, what parts lines here."""
    if escape[1]:
        letter = chr(int(escape[1], 16))
        return " " if _HALF.match(letter) else letter.replace("\n", "\r")
    return _UNESCAPED.get(escape[2], escape[2])


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
