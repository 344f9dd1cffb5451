"""The report as HTML: text is escaped here and nowhere else; plots and pictures arrive ready to embed."""

from collections.abc import Collection, Mapping, Sequence
from html import escape
from typing import Any

from kseg.report.canvas import Plot
from kseg.report.pictures import Picture
from kseg.report.style import CSS, tab_rules
from kseg.tasks.base import Legend

Pairs = Sequence[tuple[str, str]]
GROUP_TITLES = {"worst": "Worst", "median": "Median", "best": "Best"}


def page(title: str, body: str) -> str:
    """The whole document; it asks for nothing from outside."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n"
        f'<link rel="icon" href="data:,">\n<style>{CSS}{tab_rules(list(GROUP_TITLES))}</style>\n'
        f"</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def heading(
    title: str, path: str, score: tuple[str, str] | None, tiles: Pairs, *, kind: str = "kseg run report"
) -> str:
    """Title, the one number, and the others beside it."""
    number = ""
    if score is not None:
        number = f'<div><div class="score">{escape(score[1])}</div><p class="soft">{escape(score[0])}</p></div>'
    facts = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in tiles)
    return (
        f'<header class="bar"><p class="eyebrow">{escape(kind)}</p><h1>{escape(title)}</h1>'
        f'<p class="soft">{escape(path)}</p><div class="hero">{number}<dl class="tiles">{facts}</dl></div></header>'
    )


def navigation(links: Pairs) -> str:
    """(anchor, text) pairs; the first is the one people come for."""
    items = "".join(
        f'<a href="#{escape(anchor)}"{" class=first" if i == 0 else ""}>{escape(text)}</a>'
        for i, (anchor, text) in enumerate(links)
    )
    return f"<nav><div>{items}</div></nav>"


def section(anchor: str, title: str, *content: str) -> str:
    return f'<section id="{escape(anchor)}"><h2>{escape(title)}</h2>{"".join(content)}</section>'


def said(sentences: Sequence[str]) -> str:
    return '<ul class="said">' + "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences) + "</ul>"


def note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>'


def plots(drawn: Sequence[Plot | None], tables: Mapping[str, str] | None = None) -> str:
    """A grid of cards, with a table in those whose title has one; what could not be drawn is left out."""
    cards = (
        f'<div class="card"><h3>{escape(plot.title)}</h3>{plot.svg}<p>{escape(plot.text)}</p>'
        f"{(tables or {}).get(plot.title, '')}</div>"
        for plot in drawn
        if plot is not None
    )
    return f'<div class="grid">{"".join(cards)}</div>'


def gallery(pictures: dict[str, list[Picture]], legend: Legend) -> str:
    """Tabs of worst, median and best images; the worst are open."""
    groups = {name: shots for name, shots in pictures.items() if shots}
    heads = "".join(
        f'<input type="radio" name="tabs" id="tab-{name}"{" checked" if i == 0 else ""}>'
        f'<label for="tab-{name}">{GROUP_TITLES[name]} {len(shots)}</label>'
        for i, (name, shots) in enumerate(groups.items())
    )
    panes = "".join(
        f'<section id="{name}"><div class="shots">{"".join(_shot(shot, name) for shot in shots)}</div></section>'
        for name, shots in groups.items()
    )
    return f'<div class="tabs">{heads}{_legend(legend)}{panes}</div>'


def _shot(picture: Picture, group: str) -> str:
    """A card with the four panels; a click makes it as wide as the page, without a script."""
    height, width = picture.size
    zoom = f"zoom-{group}-{picture.rank}"
    panels = "".join(
        f'<figure><img src="{url}" width="{width}" height="{height}" alt="{escape(f"{name} of {picture.id}")}">'
        f"<figcaption>{escape(name)}</figcaption></figure>"
        for name, url in picture.panels.items()
    )
    name, score = picture.score
    return (
        f'<article class="card shot"><header><b>{escape(name)} {score:.3f}</b>'
        f"<span>{escape(picture.id)}</span><span>{escape(picture.mistakes)}</span></header>"
        f'<input type="checkbox" class="zoom" id="{zoom}" aria-label="larger">'
        f'<label class="panels" for="{zoom}" title="click: larger, smaller">{panels}</label></article>'
    )


def _legend(legend: Legend) -> str:
    items = "".join(
        f'<span><i style="background:rgb({",".join(map(str, color))})"></i>{escape(name)}</span>'
        for name, color in legend
    )
    return f'<p class="legend">{items}</p>'


def table(header: Sequence[str], rows: Sequence[Sequence[str]], best: Collection[tuple[int, int]] = ()) -> str:
    """Words left, numbers right; the cells (row, column) in `best` are set in bold."""
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td><b>{escape(cell)}</b></td>" if (i, j) in best else f"<td>{escape(cell)}</td>"
            for j, cell in enumerate(row)
        )
        + "</tr>"
        for i, row in enumerate(rows)
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def card(title: str, *content: str, kind: str = "") -> str:
    return f'<div class="card {kind}"><h3>{escape(title)}</h3>{"".join(content)}</div>'


def pairs(values: dict[str, Any]) -> str:
    """Names and values of settings."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(_plain(value))}</dd>" for name, value in values.items())
    return f'<dl class="pairs">{rows}</dl>'


def command(text: str, why: str = "") -> str:
    """A line to paste: one click selects it; it is broken between words and not at their hyphens."""
    words = " ".join(f"<span>{escape(word)}</span>" for word in text.split(" "))
    return (f"<p>{escape(why)}</p>" if why else "") + f"<pre>{words}</pre>"


def folded(summary: str, text: str) -> str:
    return f"<details><summary>{escape(summary)}</summary><pre>{escape(text)}</pre></details>"


def footer(text: str) -> str:
    return f"<footer>{escape(text)}</footer>"


def _plain(value: Any) -> str:
    if value is None or value == [] or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
