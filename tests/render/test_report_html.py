"""The report is one file, tells each link of the chain, and hides what it is told to hide."""

import base64
import re
from html.parser import HTMLParser

from stackfix.model.verdict import Check, Verdict
from stackfix.render.report_html import chain, verdict_html

PACKAGES = {
    "torch": "2.15.0",
    "onnxruntime-gpu": "1.31.1",
    "nvidia-cudnn-cu13": "9.13",
    "nvidia-cuda-runtime": "13.2",
}


def verdict(state="proved on gpu", code="", checks=()):
    return Verdict(state=state, reason="because <b>&", code=code, checks=checks, weights="standin")


def ok(name, *, answer=True, text="fine"):
    return Check(name=name, ok=answer, text=text)


PNG = b"\x89PNG..."
GOOD = tuple(map(ok, ("torch", "import onnxruntime", "providers", "models", "finite numbers")))


def states(found):
    return {link.name: link.ok for link in chain(found, "580.65.06", PACKAGES)}


def test_on_a_proved_gpu_every_link_holds():
    assert set(states(verdict(checks=GOOD)).values()) == {True}
    texts = {link.name: link.text for link in chain(verdict(), "580.65.06", PACKAGES)}
    assert texts["cuDNN"] == "nvidia-cudnn-cu13 9.13"
    assert texts["driver"] == "580.65.06"


def test_on_the_cpu_nothing_is_said_of_driver_cuda_and_cudnn():
    found = states(verdict("proved on cpu", checks=GOOD))
    assert found["driver"] is found["CUDA"] is found["cuDNN"] is None
    assert found["torch"] is found["model"] is True


def test_the_link_that_broke_is_the_one_that_the_code_names():
    for code, link in (
        ("cudnn_missing", "cuDNN"),
        ("cuda_runtime_missing", "CUDA"),
        ("driver_too_old", "driver"),
        ("torch_cpu_build", "torch"),
        ("dwpose_cpu_fallback", "onnxruntime"),
        ("wrong_numbers", "model"),
    ):
        broken = [name for name, held in states(verdict("failed", code, GOOD)).items() if held is False]
        assert broken == [link]


def test_without_torch_nothing_is_said_of_it():
    assert {each.name: each.text for each in chain(verdict(), "", {})}["torch"] == "not in the environment"
    assert states(verdict(checks=GOOD[1:]))["torch"] is None


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.sources = [], []

    def handle_starttag(self, tag, attrs):
        self.sources.extend(value for name, value in attrs if name in {"src", "href"})
        if tag not in {"meta", "img", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_file_is_whole_fetches_nothing_and_escapes_what_came_from_outside():
    evil = ok("models", answer=False, text="<script>alert('x')</script> in /home/ann/env")
    text = verdict_html(
        verdict("failed", checks=(evil,)),
        driver="580.65.06",
        packages=PACKAGES,
        machine=["driver 580.65.06 on host box"],
        picture=PNG,
        hidden={"/home/ann": "HOME", "box": "HOST", "/home/ann/env": "ENVIRONMENT"},
    )
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    assert reader.sources == ["data:image/png;base64," + base64.b64encode(PNG).decode()]
    assert "<script" not in text
    assert "ann" not in text
    assert "in ENVIRONMENT" in text
    assert "host HOST" in text
    assert not re.search(r"https?://", text)
    assert "because &lt;b&gt;&amp;" in text
