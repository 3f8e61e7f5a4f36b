"""What libraries, loaders and tools print: each message of `catalogue.toml` is named by its code first."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackfix.facts.prepared import parse_toml

SOURCES = parse_toml((Path(__file__).parent / "catalogue.toml").read_text(encoding="utf-8"))
MESSAGES = [
    (source, code, message)
    for source, named in SOURCES.items()
    for code, messages in named.items()
    for message in messages
]


@pytest.mark.parametrize("source", SOURCES)
def test_each_message_of_a_source_is_named_by_its_code_first(source, codes):
    wrong = [
        (message, code, codes(message)[:2])
        for code, messages in SOURCES[source].items()
        for message in messages
        if codes(message)[:1] != [code]
    ]
    assert not wrong


@pytest.mark.parametrize("source", SOURCES)
def test_a_message_is_named_so_in_the_middle_of_a_program_s_output_too(source, codes):
    wrong = [
        (message, code)
        for code, messages in SOURCES[source].items()
        for message in messages
        if codes(f"Loading the model\r\n{message}\r\nPress any key to continue . . .\r\n")[:1] != [code]
    ]
    assert not wrong


def test_the_catalogue_has_messages_of_nearly_every_code(knowledge):
    assert set(knowledge.words) - {code for _, code, _ in MESSAGES} == set()
