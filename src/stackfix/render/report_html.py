"""A verdict as one HTML file: the chain from driver to model, the picture, checks, machine; nothing is fetched."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from stackfix.model.verdict import PROVED_ON_CPU, PROVED_ON_GPU, Check, Verdict
from stackfix.render.verdict_text import verdict_lines

_WORDS = {True: "yes", False: "no", None: "not asked"}
_STATES = {True: "good", False: "bad", None: "open"}
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2024;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}pre,td{white-space:pre-wrap;overflow-wrap:anywhere}
ol.chain{display:flex;flex-wrap:wrap;gap:.5rem;list-style:none;padding:0}
ol.chain li{flex:1 1 8rem;border:1px solid;border-radius:.5rem;padding:.5rem}
.good{color:#116329}.bad{color:#b3261e}.open{color:#5b6570}
img{max-width:100%;height:auto}table{border-collapse:collapse;width:100%}
td{border-top:1px solid #d0d7de;padding:.35rem .5rem;vertical-align:top}
@media(prefers-color-scheme:dark){body{background:#101418;color:#e6e9ec}.good{color:#7ee2a8}.bad{color:#ff9d94}
.open{color:#a3adb8}td{border-color:#39424b}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One link of the chain: whether it held (None: not asked), and what stands there."""

    name: str
    ok: bool | None
    text: str


def chain(verdict: Verdict, driver: str, packages: Mapping[str, str]) -> tuple[Link, ...]:
    """Return driver, CUDA, cuDNN, torch, onnxruntime and model, each as far as the verdict tells of it."""
    answers = {check.name: check.ok for check in verdict.checks}
    on_gpu = True if verdict.state == PROVED_ON_GPU else None
    code = verdict.code
    return (
        Link(name="driver", ok=_held(code, ("driver", "nvml"), on_gpu), text=driver or "not known"),
        Link(name="CUDA", ok=_held(code, ("cuda", "nvrtc", "gpu_arch"), on_gpu), text=_of(packages, "nvidia-cuda-runtime", "cuda-toolkit")),
        Link(name="cuDNN", ok=_held(code, ("cudnn",), on_gpu), text=_of(packages, "nvidia-cudnn")),
        Link(name="torch", ok=_held(code, ("torch",), _all(answers, "torch")), text=_of(packages, "torch")),
        Link(
            name="onnxruntime",
            ok=_held(code, ("ort", "both_ort", "dwpose_cpu", "import_order"), _all(answers, "import onnxruntime", "providers")),
            text=_of(packages, "onnxruntime"),
        ),
        Link(
            name="model",
            ok=_held(code, ("corrupt", "model", "wrong_numbers"), _all(answers, "models", "finite numbers")),
            text=verdict.weights or "none was run",
        ),
    )  # fmt: skip


def _held(code: str, prefixes: Sequence[str], otherwise: bool | None) -> bool | None:
    return False if code and code.startswith(tuple(prefixes)) else otherwise


def _all(answers: Mapping[str, bool | None], *names: str) -> bool | None:
    asked = [answers.get(name) for name in names]
    if False in asked:
        return False
    return True if all(asked) else None


def _of(packages: Mapping[str, str], *stems: str) -> str:
    found = [
        f"{name} {version}"
        for stem in stems
        for name, version in sorted(packages.items())
        if name == stem or name.startswith(f"{stem}-")
    ]
    return found[0] if found else "not in the environment"


def verdict_html(
    verdict: Verdict,
    *,
    driver: str,
    packages: Mapping[str, str],
    machine: Sequence[str],
    picture: bytes = b"",
    hidden: Mapping[str, str] | None = None,
) -> str:
    """Return the whole file; `hidden` names what is not to be told (a home folder, say) and what stands for it."""
    kind = "good" if verdict.state in {PROVED_ON_GPU, PROVED_ON_CPU} else "bad" if verdict.failed else "open"

    def shown(text: str) -> str:
        for word in sorted(hidden or {}, key=len, reverse=True):
            if word:
                text = text.replace(word, (hidden or {})[word])
        return html.escape(text)

    def parts() -> Iterator[str]:
        yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
        yield f"<title>stackfix: {shown(verdict.state)}</title><style>{_STYLE}</style></head><body>"
        yield f'<h1 class="{kind}">{shown(verdict.state)}</h1>'
        yield f"<pre>{shown(chr(10).join(_told(verdict)))}</pre>"
        yield "<h2>From the driver to the model</h2><ol class=chain>"
        for link in chain(verdict, driver, packages):
            yield (
                f'<li class="{_STATES[link.ok]}"><b>{shown(link.name)}</b>: {_WORDS[link.ok]}<br>{shown(link.text)}</li>'
            )
        yield "</ol>"
        if picture:
            data = base64.b64encode(picture).decode("ascii")
            yield '<h2>What DWPose saw</h2><img alt="the picture with the skeletons that were found" '
            yield f'src="data:image/png;base64,{data}">'
        yield f"<h2>Checks</h2><table>{''.join(map(_row(shown), verdict.checks))}</table>"
        yield f"<h2>Machine</h2><pre>{shown(chr(10).join(machine))}</pre>"
        listed = "\n".join(f"{name} {version}" for name, version in sorted(packages.items()))
        yield f"<h2>Packages</h2><pre>{shown(listed)}</pre></body></html>\n"

    return "".join(parts())


def _told(verdict: Verdict) -> list[str]:
    """Return the lines of the verdict without the checks, which follow as a table."""
    return [line for line in verdict_lines(verdict) if not line.startswith("  ")]


def _row(shown: Callable[[str], str]) -> Callable[[Check], str]:
    def row(check: Check) -> str:
        return (
            f'<tr class="{_STATES[check.ok]}"><td>{_WORDS[check.ok]}</td><td>{shown(check.name)}</td>'
            f"<td>{shown(check.text)}</td></tr>"
        )

    return row
