"""The look of a report: light, dark and on paper, without anything that would have to be fetched."""

STYLE = """
:root{--ink:#1c2024;--soft:#5b6570;--line:#d9dee3;--page:#fff;--panel:#f6f8fa;
--good:#116329;--goodbox:#e6f4ea;--bad:#b3261e;--badbox:#fdecea;--open:#7a5a00;--openbox:#fff5db}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#a3adb8;--line:#323a43;--page:#101418;--panel:#181e24;
--good:#7ee2a8;--goodbox:#12291c;--bad:#ff9d94;--badbox:#36191a;--open:#f0c674;--openbox:#2e2613}}
body{font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif;
max-width:64rem;margin:2rem auto;padding:0 1.25rem;color:var(--ink);background:var(--page)}
h1{font-size:1.7rem;margin:0;line-height:1.2}h2{font-size:1.1rem;margin:2.2rem 0 .7rem}h3{font-size:1rem;margin:0}
p,li,dd,td,th,pre,span,strong{overflow-wrap:anywhere;unicode-bidi:isolate}p{margin:.35rem 0;white-space:pre-wrap}
ul{margin:.2rem 0 .5rem;padding-left:1.2rem}li{white-space:pre-wrap}
pre,code,.fix{font-family:ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;font-size:.87em}
.good{--kind:var(--good);--kindbox:var(--goodbox)}.bad{--kind:var(--bad);--kindbox:var(--badbox)}
.open{--kind:var(--open);--kindbox:var(--openbox)}.absent{--kind:var(--soft);--kindbox:var(--panel)}
header{background:var(--kindbox);border-left:.35rem solid var(--kind);border-radius:.5rem;padding:1rem 1.25rem}
header h1{color:var(--kind)}header p{margin:.5rem 0 0}
.fix{background:var(--page);border:1px solid var(--line);border-radius:.4rem;padding:.45rem .7rem}
code{color:var(--soft)}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(10.5rem,1fr));gap:.6rem;margin:.8rem 0 0}
dl div{background:var(--panel);border:1px solid var(--line);border-radius:.5rem;padding:.55rem .8rem}
dt{color:var(--soft);font-size:.85em}dd{margin:0;font-weight:600;font-size:.95em;line-height:1.4}
.chain{list-style:none;display:grid;grid-template-columns:repeat(6,1fr);gap:1.1rem;padding:0;margin:0}
.chain li{position:relative;background:var(--kindbox);border:1px solid var(--kind);border-radius:.6rem;
padding:.6rem .5rem;text-align:center;display:flex;flex-direction:column;align-items:center;white-space:normal}
.chain li+li::before{content:"\\2192";position:absolute;left:-1rem;top:50%;transform:translateY(-50%);color:var(--soft)}
.chain b{color:var(--kind);font-size:1.25rem;line-height:1.2}.chain em{color:var(--kind);font-style:normal;font-size:.85em}
.chain span{color:var(--soft);font-size:.78em;line-height:1.35;margin-top:.25rem}
section{border:1px solid var(--line);border-left:.3rem solid var(--kind);border-radius:.4rem;padding:.55rem .9rem;margin:.5rem 0}
section h3{color:var(--kind)}.more>p:first-child{margin-top:.15rem}
img{display:block;max-width:100%;height:auto;border-radius:.5rem;border:1px solid var(--line)}
table{border-collapse:collapse;width:100%}td,th{border-top:1px solid var(--line);padding:.35rem .6rem;vertical-align:top;
text-align:left;white-space:pre-wrap}td:first-child{color:var(--kind);font-weight:700;width:2rem;text-align:center}
th{font-weight:600;width:13rem}tr.bad td:last-child{color:var(--bad)}
pre{background:var(--panel);border:1px solid var(--line);border-radius:.5rem;padding:.8rem 1rem;margin:0;white-space:pre-wrap}
.packages{list-style:none;padding:0;columns:16rem;column-gap:2rem}.packages span{color:var(--soft)}
footer{color:var(--soft);margin:2rem 0;font-size:.9em}
@media(max-width:44rem){.chain{grid-template-columns:1fr}.chain li+li::before{content:"\\2193";left:50%;top:-1.25rem;transform:none}
th{width:8rem}}
@media print{:root{--ink:#000;--soft:#444;--line:#bbb;--page:#fff;--panel:#fff;--good:#0b4d1e;--goodbox:#fff;--bad:#8c1d18;
--badbox:#fff;--open:#5c4400;--openbox:#fff}body{max-width:none;margin:0;padding:0;font-size:10pt}
header,section,tr,img,li,dl div,pre{break-inside:avoid}h2,h3{break-after:avoid}img{max-height:12cm}}
"""
