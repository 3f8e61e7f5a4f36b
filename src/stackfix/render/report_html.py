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
from stackfix.render.report_style import STYLE
from stackfix.render.verdict_text import verdict_figures
from stackfix.render.visible import visible

_WORDS = {True: "yes", False: "no", None: "not answered"}
_KINDS = {True: "good", False: "bad", None: "open"}
_MARKS = {"good": "\N{CHECK MARK}", "bad": "\N{MULTIPLICATION X}", "open": "?"}
_ABSENT = {"not there", "not found"}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


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
    yield f"<title>stackfix: {shown(verdict.state)}</title><style>{STYLE}</style></head><body>"
    yield from _head(verdict, shown)
    yield "<h2>From the driver to the model</h2>"
    yield f'<ol class="chain">{"".join(_station(link, shown) for link in page.chain)}</ol>'
    if page.picture:
        data = base64.b64encode(page.picture).decode("ascii")
        yield '<h2>What DWPose saw</h2><img alt="the picture with the skeletons that were found" '
        yield f'src="data:image/png;base64,{data}">'
    yield "<h2>Each link, and what was seen of it</h2>"
    for link in page.chain:
        yield from _link(link, shown)
    yield f"<h2>Checks</h2><table>{''.join(_check(check, shown) for check in verdict.checks)}</table>"
    yield from _findings(page.report, shown)
    yield f"<h2>Machine</h2><pre>{shown(chr(10).join(page.machine))}</pre>"
    listed = "".join(
        f"<li>{shown(name)} <span>{shown(version)}</span></li>"
        for name, version in sorted(page.packages.items())
    )
    yield f'<h2>Packages</h2><ul class="packages">{listed}</ul>'
    yield f"<footer>Judged by the facts of {shown(page.facts_date)}.</footer></body></html>\n"


def _head(verdict: Verdict, shown: _Shown) -> Iterator[str]:
    """Yield the verdict with its reason and fix, and what was measured as a row of figures."""
    kind = "good" if verdict.ok else "bad" if verdict.failed else "open"
    yield f'<header class="{kind}"><h1><b>{_MARKS[kind]}</b> {shown(verdict.state)}</h1>'
    code = f" <code>{shown(verdict.code)}</code>" if verdict.code else ""
    yield f"<p>{shown(verdict.reason)}{code}</p>"
    if verdict.fix:
        yield f'<p class="fix">fix: {shown(verdict.fix)}</p>'
    yield "</header>"
    figures = "".join(
        f"<div><dt>{shown(name)}</dt><dd>{shown(value)}</dd></div>"
        for name, value in verdict_figures(verdict)
    )
    if figures:
        yield f"<dl>{figures}</dl>"


def _kind(link: Link) -> str:
    return {"works": "good", "broken": "bad"}.get(link.state, "absent" if link.state in _ABSENT else "open")


def _station(link: Link, shown: _Shown) -> str:
    kind = _kind(link)
    mark = _MARKS.get(kind, "\N{EN DASH}")
    text = "" if link.text == link.state else f"<span>{shown(link.text)}</span>"
    return (
        f'<li class="{kind}"><b>{mark}</b><strong>{shown(link.name)}</strong>'
        f"<em>{shown(link.state)}</em>{text}</li>"
    )


def _link(link: Link, shown: _Shown) -> Iterator[str]:
    yield f'<section class="link {_kind(link)}"><h3>{shown(link.name)}: {shown(link.state)}</h3><div class="more">'
    if link.text != link.state:
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
    kind = _KINDS[check.ok]
    return (
        f'<tr class="{kind}"><td title="{_WORDS[check.ok]}">{_MARKS[kind]}</td><th>{shown(check.name)}</th>'
        f"<td>{shown(check.text)}{code}</td></tr>"
    )
