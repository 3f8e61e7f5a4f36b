"""What libraries, loaders and tools print: each message of `catalogue.toml` is named by its code first."""

from __future__ import annotations

import html
import re
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


FORMS = {
    "a quotation": lambda line: f"> {line}",
    "a log of ComfyUI": lambda line: f"[2024-06-28 02:58] {line}",
    "a log of a service": lambda line: f"Jun 28 02:58:01 box python[1234]: {line}",
    "a web page": html.escape,
    "a folder that was blanked": lambda line: FOLDER.sub("<dir>/", line),
}
FOLDER = re.compile(r"(?:[A-Z]:\\|/)(?:[\w .+-]+[\\/])+")
# What only the folder tells: conda's C++ library, where Qt's plugins were looked for, whose module was built.
BLANKED = ("CXXABI_", "/usr/lib/wsl/lib/", "/opt/conda/", "/cv2/", "/dkms/")


@pytest.mark.parametrize("number", range(len(FORMS)))
def test_a_message_is_named_so_in_the_forms_in_which_people_show_it(number, codes):
    """Each message in one of the forms."""
    wrong = []
    form = list(FORMS.values())[number]
    for _, code, message in MESSAGES[number :: len(FORMS)]:
        shown = "\n".join(map(form, message.split("\n")))
        untold = "<dir>" in shown and any(each in message for each in BLANKED)
        if not untold and codes(shown)[:1] != [code]:
            wrong.append((shown, code))
    assert not wrong


RAISED = re.compile(r"(?:[\w.]{1,60}\.)?\w{2,40}(?:Error|Exception|Fail|InvalidProtobuf): ")
SHOWN = (
    "# ComfyUI Error Report\n- **Exception Type:** Error\n- **Exception Message:** {}\n\n## Stack Trace\n",
    'Error occurred when executing DWPreprocessor:\n\n{}\n\nFile "execution.py", line 151\n',
    "Cannot import C:\\ComfyUI\\custom_nodes\\x module for custom nodes: {}",
    "{}",
)
# What says nothing without the name of what was raised.
UNNAMED = ("CUDA is not found.", "Out of memory allocating")


@pytest.mark.parametrize("shown", SHOWN)
def test_a_message_is_named_so_without_the_name_of_what_was_raised(shown, codes):
    messages = [(code, RAISED.sub("", each, 1)) for _, code, each in MESSAGES if RAISED.match(each)]
    told = [(code, each) for code, each in messages if not each.startswith(UNNAMED)]
    wrong = [(code, each) for code, each in told if codes(shown.format(each))[:1] != [code]]
    assert len(told) > 100
    assert not wrong


def test_the_catalogue_has_messages_of_nearly_every_code(knowledge):
    assert set(knowledge.words) - {code for _, code, _ in MESSAGES} == set()
