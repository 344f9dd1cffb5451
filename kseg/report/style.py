"""The report's style sheet: one column on a phone, a grid on a desk, light or dark as the reader's system is."""

CSS = """
:root { color-scheme: light dark; --ink: #1b2733; --soft: #5b6876; --page: #f6f7f9; --card: #fff; --line: #e2e6eb;
  --accent: #1f6fb2; --wash: #eaf2fa; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ee; --soft: #9aa7b4; --page: #12171c; --card: #1a2128;
  --line: #2c3640; --accent: #6db3f2; --wash: #1d2c3a; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 3.4rem; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main, .bar, nav div { max-width: 1240px; margin: 0 auto; padding: 0 1.25rem; }
a { color: var(--accent); }
h1 { font-size: clamp(1.5rem, 4vw, 2.1rem); line-height: 1.2; margin: .15rem 0 .4rem; letter-spacing: -.015em;
  overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 2.6rem 0 .9rem; letter-spacing: -.01em; }
h3 { font-size: .95rem; margin: 0 0 .5rem; }
.eyebrow, .soft, figcaption, .card p { color: var(--soft); font-size: .87rem; margin: 0; }
.eyebrow { text-transform: uppercase; letter-spacing: .08em; font-size: .74rem; font-weight: 600; }
.bar { padding-top: 2rem; padding-bottom: 1.5rem; }
.hero { display: grid; grid-template-columns: auto 1fr; gap: 1.5rem 2.5rem; align-items: center; margin-top: 1.4rem; }
.score { font-size: clamp(3.2rem, 9vw, 4.6rem); font-weight: 650; line-height: 1; letter-spacing: -.035em;
  font-variant-numeric: tabular-nums; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: .9rem 1.4rem; margin: 0; }
.tiles div { border-left: 2px solid var(--line); padding-left: .8rem; }
.tiles dt { color: var(--soft); font-size: .8rem; }
.tiles dd { margin: 0; font-weight: 600; font-size: 1.08rem; font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere; }
nav { position: sticky; top: 0; z-index: 2; background: var(--card); border-block: 1px solid var(--line); }
nav div { display: flex; gap: 1.4rem; overflow-x: auto; }
nav a { text-decoration: none; color: var(--soft); padding: .62rem 0; font-size: .92rem; font-weight: 550;
  white-space: nowrap; }
nav a:hover { color: var(--ink); }
nav a.first { color: var(--accent); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.1rem;
  min-width: 0; }
.card svg { display: block; width: 100%; height: auto; margin-bottom: .4rem; }
.grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20.5rem), 1fr));
  align-items: start; }
.stack { columns: 20.5rem; column-gap: 1rem; }
.stack .card { break-inside: avoid; margin-bottom: 1rem; }
.said { margin: 1.4rem 0 0; padding: .9rem 1.1rem .9rem 2.2rem; background: var(--wash); border-radius: 10px; }
.said li + li { margin-top: .3rem; }
.note { background: var(--wash); border-radius: 10px; padding: .8rem 1.1rem; }
.tabs > input { position: absolute; opacity: 0; pointer-events: none; }
.tabs > label { display: inline-block; padding: .4rem .95rem; margin: 0 .35rem .9rem 0; border: 1px solid var(--line);
  border-radius: 99px; cursor: pointer; font-size: .92rem; font-weight: 550; background: var(--card); }
.tabs > input:checked + label { background: var(--accent); border-color: var(--accent); color: var(--card); }
.tabs > input:focus-visible + label { outline: 2px solid var(--accent); outline-offset: 2px; }
.tabs > section { display: none; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; font-size: .87rem; color: var(--soft);
  margin: 0 0 1rem; }
.legend i { display: inline-block; width: .8em; height: .8em; border-radius: 3px; margin-right: .4em;
  vertical-align: -.04em; }
.shots { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 35rem), 1fr)); }
.shot { margin: 0; }
.shot header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .1rem .8rem; margin-bottom: .6rem; }
.shot header b { font-size: 1.1rem; font-variant-numeric: tabular-nums; }
.shot header span { color: var(--soft); font-size: .87rem; overflow-wrap: anywhere; }
.shot:has(.zoom:checked) { grid-column: 1 / -1; }
.zoom { position: absolute; opacity: 0; pointer-events: none; }
.zoom:focus-visible + .panels { outline: 2px solid var(--accent); outline-offset: 3px; }
.panels { cursor: zoom-in; }
.zoom:checked + .panels { cursor: zoom-out; }
.panels { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: .5rem; }
.panels figure { margin: 0; }
.panels img { display: block; width: 100%; height: auto; border-radius: 5px; background: var(--line); }
.panels figcaption { font-size: .78rem; margin-top: .2rem; }
.scroll { overflow-x: auto; margin-top: .6rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .36rem .2rem .36rem 1rem; border-bottom: 1px solid var(--line);
  font-weight: 400; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
thead th { color: var(--soft); font-size: .82rem; }
tbody tr:last-child > * { border-bottom: 0; }
.pairs { display: grid; grid-template-columns: minmax(7rem, auto) 1fr; gap: .22rem 1rem; margin: 0;
  font-size: .9rem; }
.pairs dt { color: var(--soft); }
.pairs dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
pre { margin: .2rem 0 0; padding: .65rem .85rem; background: var(--wash); border-radius: 7px; overflow-x: auto;
  font: .84rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; user-select: all; white-space: pre-wrap;
  overflow-wrap: anywhere; }
pre span { display: inline-block; max-width: 100%; }
.commands p { margin: .9rem 0 0; }
.commands p:first-of-type { margin-top: 0; }
details { margin-top: 1rem; }
summary { cursor: pointer; font-size: .92rem; font-weight: 550; }
footer { color: var(--soft); font-size: .82rem; padding: 2.5rem 0 3rem; }
@media (max-width: 640px) {
  .hero { grid-template-columns: 1fr; gap: 1.2rem; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .panels { grid-template-columns: 1fr 1fr; }
  .zoom:checked + .panels { grid-template-columns: 1fr; }
  main, .bar, nav div { padding-inline: 1rem; }
  .card { padding: .85rem .9rem; }
  .pairs { grid-template-columns: 8.5rem 1fr; }
  th, td { padding-left: .5rem; }
  table { font-size: .86rem; }
}
@media print { nav { display: none; } .card, .shot { break-inside: avoid; } }
"""


def tab_rules(names: list[str]) -> str:
    """Tabs without a script: a checked radio button shows its section."""
    return "".join(f"#tab-{name}:checked ~ #{name} {{ display: block; }}\n" for name in names)
