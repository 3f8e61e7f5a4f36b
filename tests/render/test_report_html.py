"""The report is one file, tells each link with its cause, hides what it is told to hide, and runs nothing."""

import base64
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackfix.model.identity import Identity
from stackfix.model.link import Link, Why
from stackfix.model.report import Finding, Report
from stackfix.model.verdict import Check, Verdict
from stackfix.render.redaction import redaction
from stackfix.render.report_html import Page, verdict_html
from stackfix.render.visible import visible

PNG = b"\x89PNG..."


def page(text="fine", picture=PNG):
    finding = Finding(
        code="both_ort_packages",
        severity="error",
        text=f"two packages {text}",
        because=(f"seen {text}",),
        consequence=text,
        fix=f"mend {text}",
    )
    return Page(
        verdict=Verdict(
            state="failed", reason="because <b>&", checks=(Check(name="models", ok=False, text=text, code="x_code"),)
        ),
        chain=(
            Link(
                name="cuDNN",
                state="broken",
                text=text,
                origin=(f"nvidia-cudnn 9 {text}",),
                broken=(Why(code="cudnn_missing", text=text, fix="put it in"),),
                warnings=(Why(code="import_order_preload", text="later"),),
            ),
        ),
        report=Report(path="/home/ann/env", findings=(finding,), good=("good so far",), unknown=("who knows",), mend="fix it"),
        packages={"torch": "2.15.0"},
        machine=["driver 580.65.06 on host box"],
        facts_date="2026-11-24",
        picture=picture,
    )  # fmt: skip


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.tags, self.sources, self.policy = [], [], [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        values = dict(attrs)
        self.sources.extend(value for name, value in attrs if name in {"src", "href"})
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]
        if tag not in {"meta", "img", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(text):
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader


def test_it_tells_chain_findings_checks_facts_date_and_picture():
    text = verdict_html(page())
    for told in (
        "cuDNN: broken",
        "nvidia-cudnn 9 fine",
        "[cudnn_missing]<br>fix: put it in",
        "later [import_order_preload]",
        "cause: two packages fine [both_ort_packages]",
        "fix: mend fine",
        "good so far",
        "who knows",
        "to mend it: fix it",
        "fine [x_code]",
        "the facts of 2026-11-24",
        "@media print",
    ):
        assert told in text
    reader = read(text)
    assert reader.policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert reader.sources == ["data:image/png;base64," + base64.b64encode(PNG).decode()]
    assert not re.search(r"https?://", text)


@pytest.mark.parametrize("evil", ["<script>alert('x')</script>", "</pre><img src=//x>", "'\"><svg onload=x>"])
def test_what_came_from_outside_is_text(evil):
    reader, plain = read(verdict_html(page(evil))), read(verdict_html(page()))
    assert reader.tags == plain.tags
    assert reader.sources == plain.sources


def test_a_redacted_page_tells_neither_folder_nor_user_nor_host():
    ann = Identity(
        users=("ann",), hosts=("box",), homes=("/home/ann",), folders=(("/home/ann/env", "ENVIRONMENT"),)
    )
    text = verdict_html(page("in /home/ann/env, on a channel of ann"), redaction(ann))
    assert "in ENVIRONMENT, on a channel of USER" in text
    assert "on host HOST" in text
    assert not re.search(r"\b(ann|box)\b", text)


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\x1b", "\x00", "\u200b", "\ud800", "\x7f", "\r"])
def test_marks_that_turn_or_hide_text_are_shown(mark):
    text = verdict_html(page(f"lib{mark}fdp"))
    assert mark not in text
    assert f"lib&lt;U+{ord(mark):04X}&gt;fdp" in text
    text.encode("utf-8")


@given(st.text())
def test_what_is_visible_holds_no_control_and_can_be_written(text):
    shown = visible(text)
    assert shown.encode("utf-8").decode() == shown
    assert all(one.isprintable() or one in "\n\t" or one.isspace() for one in shown)


def test_ordinary_words_in_any_script_stay():
    assert visible("größer, 日本語, שלום\n\t1.5 €") == "größer, 日本語, שלום\n\t1.5 €"
