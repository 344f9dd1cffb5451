"""A Griffe extension: the paragraphs that kseg's docstrings add to Google's sections are shown as paragraphs.

Griffe takes "Source: Berman et al. 2018." for an admonition with a title. Here the title becomes bold text instead.
Indented lines that go on with such a paragraph are joined to it, or Markdown would take them for code. Examples become
blocks of code, or it would take them for quotations, and lists that they print for links.
"""

import inspect
import re
from typing import Any

import griffe

SECTIONS = "Args|Returns|Raises|Yields|Attributes|Examples"
"""Google's, where their items stand below; with text behind the colon they are paragraphs as well."""
PARAGRAPH = re.compile(rf"^(?!(?:{SECTIONS}):\n)([A-Z][\w ]{{2,30}}):[ \n](.*(?:\n +\S.*)*)", re.MULTILINE)


EXAMPLE = re.compile(r"^([ ]*)>>> .*(?:\n\1(?=\S).*)*", re.MULTILINE)


class Paragraphs(griffe.Extension):
    """Rewrites every docstring once, before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = with_paragraphs(obj.docstring.value)


def with_paragraphs(text: str) -> str:
    """`Title: text` at the beginning of a line becomes a paragraph with a bold title; an example a block of code."""

    def shown(found: re.Match[str]) -> str:
        return f"\n**{found[1]}.** {' '.join(found[2].split())}\n"

    def fenced(found: re.Match[str]) -> str:
        return f"{found[1]}```pycon\n{found[0]}\n{found[1]}```"

    return EXAMPLE.sub(fenced, PARAGRAPH.sub(shown, inspect.cleandoc(text)))
