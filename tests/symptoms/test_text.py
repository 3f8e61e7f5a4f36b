"""A log becomes text: cleaned, of bounded size whatever its size, each kept line with its number."""

from __future__ import annotations

import random

import pytest

from stackfix.symptoms.circumstances import NoBuilds
from stackfix.symptoms.long_log import MARGIN, MIDDLE
from stackfix.symptoms.name import causes_of
from stackfix.symptoms.text import WHOLE, read_text, text_of

ERROR = b"ImportError: libcufft.so.11: cannot open shared object file: No such file or directory"
MOST = WHOLE + 2 * MARGIN + 2 * MIDDLE + (1 << 20)


def in_blocks(data, size=100_000):
    return (data[at : at + size] for at in range(0, len(data), size))


def plain_lines(count, width=90):
    return b"".join(b"step %d: %s\n" % (number, b"." * width) for number in range(count))


def found(blocks, knowledge):
    text = read_text(blocks, knowledge.triggers)
    assert len(text.text) <= MOST
    return causes_of(text, knowledge, NoBuilds())


def test_escapes_controls_and_carriage_returns_are_taken_out():
    text = text_of("\x1b[1;31m10%\r50%\r100%\x1b[0m\x00 done\x07\nnext\r\n\x1b]0;title\x07last")
    assert text.text == "10%\n50%\n100% done\nnext\nlast"
    assert [text.line_at(text.text.index(word)) for word in ("10%", "50%", "100%", "next", "last")] == [
        1,
        1,
        1,
        2,
        3,
    ]


def test_typographic_quotes_are_read_as_plain_ones():
    assert text_of("\u2018NoneType\u2019 object, \u201cx\u201d").text == "'NoneType' object, \"x\""


def test_an_error_copied_from_a_web_page_is_read_as_it_was_shown():
    assert text_of("it wasn&#x27;t &quot;loaded&quot;, isn&#39;t").text == "it wasn't \"loaded\", isn't"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_what_powershell_writes_is_read(encoding, knowledge):
    data = ("first line\n" + ERROR.decode() + "\n").encode(encoding)
    (cause, *_) = found([data], knowledge)
    assert cause.because[0].startswith("line 2:")


def test_text_that_is_no_utf8_is_read_line_by_line(knowledge):
    data = "Datei nicht geöffnet\n".encode("cp1252") + ERROR
    assert found([data], knowledge)[0].because[0].startswith("line 2:")


@pytest.mark.parametrize("place", [0, 1_000, 30_000, 59_999])
def test_an_error_anywhere_in_a_long_log_is_found_with_its_line(place, knowledge):
    lines = plain_lines(60_000).splitlines(keepends=True)
    lines[place] = ERROR + b"\n"
    cause = found(in_blocks(b"".join(lines)), knowledge)[0]
    assert cause.because[0].startswith(f"line {place + 1}:")


def test_the_number_of_lines_is_told_of_a_long_log_too(knowledge):
    text = read_text(in_blocks(plain_lines(60_000)), knowledge.triggers)
    assert text.lines == 60_001
    assert not text.whole
    assert len(text.text) < 3 * MARGIN


def test_an_error_inside_one_endless_line_is_found(knowledge):
    data = b"x" * 3_000_000 + ERROR + b"x" * 3_000_000
    assert found(in_blocks(data), knowledge)[0].because[0].startswith("line 1:")


def test_an_error_across_two_blocks_is_found(knowledge):
    data = plain_lines(40_000)
    middle = len(data) // 2
    middle = data.rfind(b"\n", 0, middle) + 1
    data = data[:middle] + ERROR + b"\n" + data[middle:]
    blocks = [data[: middle + 20], data[middle + 20 : middle + 40], data[middle + 40 :]]
    assert found(blocks, knowledge)


HOSTILE = {
    "binary": lambda: random.Random(1).randbytes(8 << 20),
    "newlines": lambda: b"\n" * (8 << 20),
    "zeros": lambda: bytes(8 << 20),
    "one line": lambda: b"a" * (8 << 20),
    "spaces after a word": lambda: (b"Failed to load" + b" " * 4000) * 2000,
    "a trigger on every line": lambda: b"error: cuda cudnn onnx\n" * 400_000,
    "only triggers": lambda: b".dll.so cannot open libcublas " * 250_000,
    "escapes": lambda: b"\x1b[" * (4 << 20),
    "bait": lambda: b"libcu" + b".so.1" * 1_500_000,
    "unclosed": lambda: b"Unable to load any of {" * 300_000,
    "half letters": lambda: b"\xe2\x80" * (4 << 20),
    "letters that grow in lower case": lambda: "İ".encode() * (2 << 20),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_log_gives_an_answer_from_a_bounded_text(kind, knowledge):
    text = read_text(in_blocks(HOSTILE[kind]()), knowledge.triggers)
    assert len(text.text) <= MOST
    assert len(text.lower) == len(text.text)
    causes_of(text, knowledge, NoBuilds())


@pytest.mark.parametrize("data", [b"", b"\n", b"\x00", b"\xff\xfe", b"\xff", b"\x1b"])
def test_nothing_is_known_of_nothing(data, knowledge):
    assert found([data], knowledge) == ()
    assert found([], knowledge) == ()


def test_letters_that_stand_apart_are_drawn_together(codes):
    """As onnxruntime's UTF-16 looks in a log of another encoding: with zeros or with spaces between the letters."""
    error = 'LoadLibrary failed with error 126 "" when trying to load "C:\\onnxruntime_providers_cuda.dll"'
    assert text_of("start " + " ".join(error) + " ").text.endswith(error)
    assert codes("\0".join(error))[0] == "windows_error_126"
    assert codes(" ".join(error))[0] == "windows_error_126"
    assert text_of("a b c and a text").text == "a b c and a text"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (
            r'{"level": "error", "msg": "Error loading \"C:\\a\\b.dll\"\nnext"}',
            'Error loading "C:\\a\\b.dll"\nnext',
        ),
        (r'{"msg": "d\u2019objecte \u627e\u4e0d\u5230"}', "d'objecte 找不到"),
        (r"Exception('\u627e\u4e0d\u5230')", "找不到"),
        ('{"msg": "a\\u0007b\\u000ac"}', "ab\nc"),
        (r'{"msg": "\u001b[31mError: \ud83d\ude00 no\u001b[0m"}', '"Error: no"'),
        ("numpy&gt;=1.17,&lt;2", "numpy>=1.17,<2"),
    ],
)
def test_letters_that_json_or_a_web_page_has_escaped_are_read(line, text):
    assert text in text_of(line).text


@pytest.mark.parametrize("line", [r"C:\new\table\u1234\x.dll", r"D:\nvidia\runtime: not found"])
def test_a_path_of_windows_is_no_escape(line):
    assert text_of(line).text == line
