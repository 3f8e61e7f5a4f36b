"""A verdict as one HTML file: the chain from driver to model, the picture, findings, checks; nothing is fetched."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from stackfix.model.link import Link, Why
from stackfix.model.report import Finding, Report
from stackfix.model.verdict import Check, Verdict
from stackfix.render.redaction import Redaction, same
from stackfix.render.verdict_text import verdict_lines
from stackfix.render.visible import visible

_WORDS = {True: "yes", False: "no", None: "not answered"}
_KINDS = {True: "good", False: "bad", None: "open"}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2024;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}h3{font-size:1rem;margin:0}
pre,p,li,td,th{white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate}p{margin:.25rem 0}ul{margin:.25rem 0}
section.link,section.finding{border:1px solid;border-radius:.5rem;padding:.5rem .75rem;margin:.5rem 0}
.good{color:#116329}.bad{color:#b3261e}.open{color:#5b6570}.more{color:#1c2024}
img{max-width:100%;height:auto}table{border-collapse:collapse;width:100%}
td{border-top:1px solid #d0d7de;padding:.35rem .5rem;vertical-align:top}
@media(prefers-color-scheme:dark){body{background:#101418;color:#e6e9ec}.more{color:#e6e9ec}.good{color:#7ee2a8}
.bad{color:#ff9d94}.open{color:#a3adb8}td{border-color:#39424b}}
@media print{body{max-width:none;margin:0;font-size:10pt;color:#000;background:#fff}.good,.bad,.open,.more{color:#000}
section,tr,img{break-inside:avoid}h2{break-after:avoid}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the report tells: all of it values, from one look at one environment."""

    verdict: Verdict
    chain: Sequence[Link]
    report: Report
    packages: Mapping[str, str]
    machine: Sequence[str]
    facts_date: str
    picture: bytes = b""


def verdict_html(page: Page, hide: Redaction = same) -> str:
    """Return the whole file; `hide` takes out of each text what is not to be told."""

    def shown(text: str) -> str:
        return html.escape(visible(hide(text)))

    return "".join(_parts(page, shown))


_Shown = Callable[[str], str]


def _parts(page: Page, shown: _Shown) -> Iterator[str]:
    verdict = page.verdict
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>stackfix: {shown(verdict.state)}</title><style>{_STYLE}</style></head><body>"
    yield f'<h1 class="{"good" if verdict.ok else "bad" if verdict.failed else "open"}">{shown(verdict.state)}</h1>'
    yield f"<pre>{shown(chr(10).join(_told(verdict)))}</pre>"
    yield "<h2>From the driver to the model</h2>"
    for link in page.chain:
        yield from _link(link, shown)
    if page.picture:
        data = base64.b64encode(page.picture).decode("ascii")
        yield '<h2>What DWPose saw</h2><img alt="the picture with the skeletons that were found" '
        yield f'src="data:image/png;base64,{data}">'
    yield f"<h2>Checks</h2><table>{''.join(_check(check, shown) for check in verdict.checks)}</table>"
    yield from _findings(page.report, shown)
    yield f"<h2>Machine</h2><pre>{shown(chr(10).join(page.machine))}</pre>"
    listed = "\n".join(f"{name} {version}" for name, version in sorted(page.packages.items()))
    yield f"<h2>Packages</h2><pre>{shown(listed)}</pre>"
    yield f"<p>Judged by the facts of {shown(page.facts_date)}.</p></body></html>\n"


def _told(verdict: Verdict) -> list[str]:
    """Return the lines of the verdict without the checks, which follow as a table."""
    return [line for line in verdict_lines(verdict) if not line.startswith("  ")]


def _link(link: Link, shown: _Shown) -> Iterator[str]:
    kind = {"works": "good", "broken": "bad"}.get(link.state, "open")
    yield f'<section class="link {kind}"><h3>{shown(link.name)}: {shown(link.state)}</h3><div class="more">'
    yield f"<p>{shown(link.text)}</p>"
    yield from _list("from", link.origin, shown)
    for word, group in (("broken", link.broken), ("warning", link.warnings)):
        yield from (_why(word, each, shown) for each in group)
    yield from _list("seen", link.seen, shown)
    yield "</div></section>"


def _why(word: str, why: Why, shown: _Shown) -> str:
    code = f" [{shown(why.code)}]" if why.code else ""
    fix = f"<br>fix: {shown(why.fix)}" if why.fix else ""
    return f"<p><b>{word}</b>: {shown(why.text)}{code}{fix}</p>"


def _findings(report: Report, shown: _Shown) -> Iterator[str]:
    yield "<h2>What the doctor found</h2>"
    for number, finding in enumerate(report.findings):
        yield from _finding(finding, shown, primary=not number and finding.severity == "error")
    if not report.findings:
        yield "<p>nothing is wrong as far as this can be seen from outside</p>"
    yield from _list("right", report.good, shown)
    yield from _list("unknown", report.unknown, shown)
    if report.mend:
        yield f"<p>to mend it: {shown(report.mend)}</p>"


def _finding(finding: Finding, shown: _Shown, *, primary: bool) -> Iterator[str]:
    word = "cause" if primary else "and so" if finding.follows else finding.severity
    kind = "bad" if finding.severity == "error" else "open"
    yield f'<section class="finding {kind}"><h3>{word}: {shown(finding.text)} [{shown(finding.code)}]</h3>'
    yield '<div class="more">'
    yield from _list("because", finding.because, shown)
    yield f"<p>so {shown(finding.consequence)}</p><p>fix: {shown(finding.fix)}</p></div></section>"


def _list(title: str, lines: Iterable[str], shown: _Shown) -> Iterator[str]:
    items = "".join(f"<li>{shown(line)}</li>" for line in lines)
    if items:
        yield f"<p>{title}:</p><ul>{items}</ul>"


def _check(check: Check, shown: _Shown) -> str:
    code = f" [{shown(check.code)}]" if check.code else ""
    return (
        f'<tr class="{_KINDS[check.ok]}"><td>{_WORDS[check.ok]}</td><td>{shown(check.name)}</td>'
        f"<td>{shown(check.text)}{code}</td></tr>"
    )
